/* SPDX-License-Identifier: BSD-3-Clause */
#include "health/check_state.h"

static bool is_calm(const struct check_state *state, uint64_t now_ms)
{
	return state->returned_ms == 0 || now_ms - state->returned_ms >= CHECK_STATE_CALM_MS;
}

uint32_t check_state_rise(
	const struct check_state *state, const struct check_rules *rules, uint64_t now_ms)
{
	uint32_t times = 1;

	if (is_calm(state, now_ms))
		return rules->rise;
	for (uint32_t i = 0; i < state->returns && times < CHECK_STATE_RISE_MOST; i++)
		times *= 2;
	return rules->rise * times;
}

static void note_return(struct check_state *state, uint64_t now_ms)
{
	state->returns = is_calm(state, now_ms) ? 1 : state->returns + 1;
	state->returned_ms = now_ms;
}

static bool rises(const struct check_state *state, const struct check_rules *rules, uint64_t now_ms)
{
	switch (state->status) {
	case HEALTH_INITIAL: return true;
	case HEALTH_DOWN: return state->passed >= check_state_rise(state, rules, now_ms);
	default: return false;
	}
}

bool check_state_follow(
	struct check_state *state, const struct check_rules *rules, bool passed, uint64_t now_ms)
{
	state->passed = passed ? state->passed + 1 : 0;
	state->failed = passed ? 0 : state->failed + 1;
	if (passed && rises(state, rules, now_ms)) {
		if (state->status == HEALTH_DOWN)
			note_return(state, now_ms);
		state->status = HEALTH_UP;
		return true;
	}
	if (!passed && state->status != HEALTH_DOWN && state->failed >= rules->fall) {
		state->status = HEALTH_DOWN;
		return true;
	}
	return false;
}

bool check_state_is_confirming(const struct check_state *state)
{
	switch (state->status) {
	case HEALTH_UP: return state->failed > 0;
	case HEALTH_DOWN: return state->passed > 0;
	default: return true;
	}
}
