/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include <stdbool.h>

#include "maglev/factor.h"

#define PERCENT(number) (FACTOR_ONE * (number) / 100)
#define STEPS(number)   (FACTOR_ONE / 16 * (number))

static void slow_start_goes_in_steps_and_is_whole_at_its_end(void **state)
{
	static const struct {
		uint64_t elapsed_ms, duration_ms;
		uint32_t steps, factor;
	} cases[] = {
		{ 0, 60000, 10, PERCENT(10) },
		{ 6666, 60000, 10, PERCENT(10) },
		{ 6667, 60000, 10, PERCENT(20) },
		{ 30000, 60000, 10, PERCENT(50) },
		{ 59999, 60000, 10, PERCENT(90) },
		{ 60000, 60000, 10, FACTOR_ONE },
		{ UINT64_MAX, 60000, 10, FACTOR_ONE },
		{ 0, 60000, 1, FACTOR_ONE },
		{ 0, 0, 10, FACTOR_ONE },
		{ 0, 1000, FACTOR_ONE, 1 },
		{ 999, 1000, 2, FACTOR_ONE / 2 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		assert_int_equal(factor_of_slow_start(
					 cases[i].elapsed_ms, cases[i].duration_ms, cases[i].steps),
			cases[i].factor);
}

static void two_reasons_multiply_and_never_stop_a_backend(void **state)
{
	assert_int_equal(factor_multiply(FACTOR_ONE, FACTOR_ONE), FACTOR_ONE);
	assert_int_equal(factor_multiply(FACTOR_ONE / 2, FACTOR_ONE / 4), FACTOR_ONE / 8);
	assert_int_equal(factor_multiply(FACTOR_ONE, 1), 1);
	assert_int_equal(factor_multiply(1, 1), 1);
	assert_int_equal(factor_multiply(0, FACTOR_ONE), 0);
	assert_int_equal(factor_multiply(FACTOR_ONE, 0), 0);
}

static void dynamic_weight_is_a_multiple_of_a_sixteenth_and_never_zero(void **state)
{
	static const uint32_t wishes[] = { 0, 1, PERCENT(3), PERCENT(33), PERCENT(50), PERCENT(77),
		PERCENT(99), FACTOR_ONE, 2 * FACTOR_ONE, UINT32_MAX };
	static const uint32_t applied[] = { STEPS(1), STEPS(1), STEPS(1), STEPS(5), STEPS(8),
		STEPS(12), STEPS(16), STEPS(16), STEPS(16), STEPS(16) };

	for (size_t i = 0; i < COUNT_OF(wishes); i++) {
		uint32_t far = applied[i] > FACTOR_ONE / 2 ? STEPS(1) : FACTOR_ONE;
		struct factor_dynamic dynamic = { .factor = far, .changed_ms = 1000 };

		dynamic = factor_follow(dynamic, wishes[i], 11000);
		assert_int_equal(dynamic.factor, applied[i]);
		assert_int_equal(dynamic.changed_ms, 11000);
	}
}

static void dynamic_weight_waits_ten_seconds_between_changes(void **state)
{
	struct factor_dynamic dynamic = { .factor = FACTOR_ONE, .changed_ms = 5000 };

	dynamic = factor_follow(dynamic, PERCENT(50), 14999);
	assert_int_equal(dynamic.factor, FACTOR_ONE);
	assert_int_equal(dynamic.changed_ms, 5000);
	dynamic = factor_follow(dynamic, PERCENT(50), 15000);
	assert_int_equal(dynamic.factor, STEPS(8));
	dynamic = factor_follow(dynamic, PERCENT(80), 24999);
	assert_int_equal(dynamic.factor, STEPS(8));
	dynamic = factor_follow(dynamic, PERCENT(80), 25000);
	assert_int_equal(dynamic.factor, STEPS(13));
}

/* Nodes that were told different things before agree on what they were told last. */
static void the_last_wish_alone_decides_once_ten_seconds_are_over(void **state)
{
	for (uint32_t percent = 1; percent <= 100; percent++) {
		uint32_t steps = (16 * percent + 50) / 100;
		uint32_t expected = STEPS(steps == 0 ? 1 : steps);

		for (uint32_t before = 1; before <= 16; before++) {
			struct factor_dynamic dynamic = { STEPS(before), 1000 };

			dynamic = factor_follow(dynamic, PERCENT(percent), 11000);
			assert_int_equal(dynamic.factor, expected);
		}
	}
}

static void a_wish_within_a_step_changes_nothing(void **state)
{
	for (uint32_t step = 1; step < 16; step++) {
		const struct factor_dynamic before = { STEPS(step), 0 };
		struct factor_dynamic low, high;

		low = factor_follow(before, STEPS(step) - STEPS(1) / 2, 10000);
		high = factor_follow(before, STEPS(step) + STEPS(1) / 2 - 1, 10000);
		assert_int_equal(low.factor, STEPS(step));
		assert_int_equal(high.factor, STEPS(step));
		assert_int_equal(low.changed_ms, 0);
		assert_int_equal(high.changed_ms, 0);
	}
}

/* A wish that jumps about every 100 ms between 80 and 100 %, as a report of load may. */
static void jitter_changes_the_weight_at_most_every_ten_seconds(void **state)
{
	struct factor_dynamic dynamic = { .factor = FACTOR_ONE, .changed_ms = 0 };
	uint32_t random = 1;
	uint64_t last_ms = 0;

	for (uint64_t now_ms = 100; now_ms <= 900000; now_ms += 100) {
		struct factor_dynamic next;

		random = random * 1664525 + 1013904223;
		next = factor_follow(dynamic, PERCENT(80) + (random >> 16) % PERCENT(20), now_ms);
		assert_in_range(next.factor, STEPS(12), FACTOR_ONE);
		if (next.factor != dynamic.factor) {
			assert_true(now_ms - last_ms >= 10000);
			last_ms = now_ms;
		}
		dynamic = next;
	}
	assert_true(last_ms > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slow_start_goes_in_steps_and_is_whole_at_its_end),
		cmocka_unit_test(two_reasons_multiply_and_never_stop_a_backend),
		cmocka_unit_test(dynamic_weight_is_a_multiple_of_a_sixteenth_and_never_zero),
		cmocka_unit_test(dynamic_weight_waits_ten_seconds_between_changes),
		cmocka_unit_test(the_last_wish_alone_decides_once_ten_seconds_are_over),
		cmocka_unit_test(a_wish_within_a_step_changes_nothing),
		cmocka_unit_test(jitter_changes_the_weight_at_most_every_ten_seconds),
	};

	return cmocka_run_group_tests_name("factor", tests, NULL, NULL);
}
