/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include "health/check_state.h"

static const struct check_rules rules = { .rise = 2, .fall = 3 };

/* Follows results, one a second: '+' passed, '-' failed. Returns the status as a letter. */
static char follow(struct check_state *state, uint64_t *now_ms, const char *results)
{
	static const char letters[] = {
		[HEALTH_INITIAL] = 'i', [HEALTH_UP] = 'u', [HEALTH_DOWN] = 'd'
	};

	for (; *results != '\0'; results++) {
		enum health_status before = state->status;
		bool changed = check_state_follow(state, &rules, *results == '+', *now_ms += 1000);

		assert_int_equal(changed, state->status != before);
	}
	return letters[state->status];
}

static char outcome(enum health_status status, const char *results)
{
	struct check_state state = { .status = status };
	uint64_t now_ms = 1000000;

	return follow(&state, &now_ms, results);
}

static void the_first_success_makes_a_new_backend_up(void **state)
{
	assert_int_equal(outcome(HEALTH_INITIAL, ""), 'i');
	assert_int_equal(outcome(HEALTH_INITIAL, "+"), 'u');
	assert_int_equal(outcome(HEALTH_INITIAL, "--+"), 'u');
}

static void a_new_backend_is_not_down_before_fall_failures(void **state)
{
	assert_int_equal(outcome(HEALTH_INITIAL, "--"), 'i');
	assert_int_equal(outcome(HEALTH_INITIAL, "---"), 'd');
}

static void failures_count_in_a_row(void **state)
{
	assert_int_equal(outcome(HEALTH_UP, "--+--+--"), 'u');
	assert_int_equal(outcome(HEALTH_UP, "--+---"), 'd');
}

static void successes_count_in_a_row(void **state)
{
	assert_int_equal(outcome(HEALTH_DOWN, "+-+-+-+"), 'd');
	assert_int_equal(outcome(HEALTH_DOWN, "+-++"), 'u');
}

static void probes_are_fast_while_a_change_may_come(void **state)
{
	struct check_state up = { .status = HEALTH_UP }, down = { .status = HEALTH_DOWN };
	struct check_state initial = { 0 };
	uint64_t now_ms = 1000;

	assert_true(check_state_is_confirming(&initial));
	assert_false(check_state_is_confirming(&up));
	follow(&up, &now_ms, "-");
	assert_true(check_state_is_confirming(&up));
	follow(&up, &now_ms, "+");
	assert_false(check_state_is_confirming(&up));
	follow(&down, &now_ms, "+");
	assert_true(check_state_is_confirming(&down));
	follow(&down, &now_ms, "-");
	assert_false(check_state_is_confirming(&down));
}

static void a_backend_that_flaps_takes_ever_longer_to_come_back(void **state)
{
	struct check_state flapping = { .status = HEALTH_UP };
	uint64_t now_ms = 1000000;
	uint32_t expected[] = { 2, 4, 8, 16, 32, 32 };

	for (size_t i = 0; i < COUNT_OF(expected); i++) {
		assert_int_equal(follow(&flapping, &now_ms, "---"), 'd');
		assert_int_equal(check_state_rise(&flapping, &rules, now_ms), expected[i]);
		for (uint32_t passed = 1; passed < expected[i]; passed++)
			assert_int_equal(follow(&flapping, &now_ms, "+"), 'd');
		assert_int_equal(follow(&flapping, &now_ms, "+"), 'u');
	}
}

static void a_backend_that_was_calm_comes_back_as_any(void **state)
{
	struct check_state backend = { .status = HEALTH_UP };
	uint64_t now_ms = 1000000;

	follow(&backend, &now_ms, "---++---++++---");
	assert_int_equal(check_state_rise(&backend, &rules, now_ms), 8);
	now_ms += CHECK_STATE_CALM_MS;
	assert_int_equal(check_state_rise(&backend, &rules, now_ms), 2);
	assert_int_equal(follow(&backend, &now_ms, "++"), 'u');
	assert_int_equal(follow(&backend, &now_ms, "---"), 'd');
	assert_int_equal(check_state_rise(&backend, &rules, now_ms), 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_success_makes_a_new_backend_up),
		cmocka_unit_test(a_new_backend_is_not_down_before_fall_failures),
		cmocka_unit_test(failures_count_in_a_row),
		cmocka_unit_test(successes_count_in_a_row),
		cmocka_unit_test(probes_are_fast_while_a_change_may_come),
		cmocka_unit_test(a_backend_that_flaps_takes_ever_longer_to_come_back),
		cmocka_unit_test(a_backend_that_was_calm_comes_back_as_any),
	};

	return cmocka_run_group_tests_name("check_state", tests, NULL, NULL);
}
