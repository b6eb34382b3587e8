/* SPDX-License-Identifier: BSD-3-Clause */
#include "maglev/factor.h"

#define STEP (FACTOR_ONE / FACTOR_DYNAMIC_STEPS)

uint32_t factor_multiply(uint32_t a, uint32_t b)
{
	uint32_t product = (uint64_t)a * b / FACTOR_ONE;

	return product == 0 && a != 0 && b != 0 ? 1 : product;
}

uint32_t factor_of_slow_start(uint64_t elapsed_ms, uint64_t duration_ms, uint32_t steps)
{
	uint64_t step;

	if (elapsed_ms >= duration_ms)
		return FACTOR_ONE;
	step = 1 + elapsed_ms * (steps - 1) / duration_ms;
	return step * FACTOR_ONE / steps;
}

static uint32_t nearest_step(uint32_t wanted)
{
	uint32_t steps = (wanted + STEP / 2) / STEP;

	return (steps == 0 ? 1 : steps) * STEP;
}

struct factor_dynamic factor_follow(struct factor_dynamic applied, uint32_t wanted, uint64_t now_ms)
{
	uint32_t wish = wanted < FACTOR_ONE ? wanted : FACTOR_ONE;
	uint32_t factor = nearest_step(wish);

	if (now_ms - applied.changed_ms < FACTOR_DYNAMIC_INTERVAL_MS)
		return applied;
	if (factor == applied.factor)
		return applied;
	return (struct factor_dynamic){ .factor = factor, .changed_ms = now_ms };
}
