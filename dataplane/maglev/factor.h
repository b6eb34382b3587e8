/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * factor: the share of its base weight that a backend has now: 0 while it does not serve, a part
 * during slow start or while its dynamic weight is below the configured one.
 *
 * Pure functions of what they are given, and of a clock in milliseconds that never runs backwards:
 * any thread.
 */
#pragma once

#include <stdint.h>

#define FACTOR_ONE 65536 /* the whole weight; factors are 0 ... FACTOR_ONE */

#define FACTOR_DYNAMIC_STEPS       16    /* a dynamic weight is a multiple of 1/16 */
#define FACTOR_DYNAMIC_INTERVAL_MS 10000 /* between two changes of it */

/* Combines two factors. 0 only if one of them is 0. */
uint32_t factor_multiply(uint32_t a, uint32_t b);

/*
 * Slow start in `steps` (1 ... FACTOR_ONE) equal steps: 1/steps at once, the last one, which makes
 * it whole, `duration_ms` after the start. A single step is whole at once.
 */
uint32_t factor_of_slow_start(uint64_t elapsed_ms, uint64_t duration_ms, uint32_t steps);

/* An applied dynamic weight. Starts as { FACTOR_ONE, now }. */
struct factor_dynamic {
	uint32_t factor;     /* a multiple of 1/16, never 0 */
	uint64_t changed_ms; /* when it became that */
};

/*
 * What to apply now that `wanted` (1 ... FACTOR_ONE; others count as the nearest of these) is asked
 * for: the nearest multiple of 1/16, or for 10 s after a change what it became then. So a load that
 * trembles moves slots once in 10 s at most, and nodes whose last update was the same agree 10 s
 * later, whatever their earlier updates were.
 */
struct factor_dynamic factor_follow(
	struct factor_dynamic applied, uint32_t wanted, uint64_t now_ms);
