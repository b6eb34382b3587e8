/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include "health/agent.h"

static void a_backend_that_says_nothing_has_its_configured_weight(void **state)
{
	struct agent_words result = { .word = PROBE_WORD_NONE };
	struct agent_wish wish = agent_read(&result, 100);

	assert_int_equal(wish.share, FACTOR_ONE);
	assert_false(wish.rests);
	assert_false(wish.is_off);
}

static void a_weight_is_a_share_of_the_configured_one_and_never_more(void **state)
{
	static const struct {
		uint32_t asked;
		uint16_t configured;
		uint32_t share;
	} cases[] = {
		{ 50, 100, FACTOR_ONE / 2 },
		{ 100, 100, FACTOR_ONE },
		{ 1000, 100, FACTOR_ONE },
		{ 1, 65535, 1 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct agent_words result = { .has_weight = true, .weight = cases[i].asked };

		assert_int_equal(agent_read(&result, cases[i].configured).share, cases[i].share);
		assert_false(agent_read(&result, cases[i].configured).rests);
	}
}

static void a_weight_of_zero_and_drain_ask_for_rest(void **state)
{
	struct agent_words zero = { .has_weight = true };
	struct agent_words none = { .has_weight_percent = true };
	struct agent_words drain = { .word = PROBE_WORD_DRAIN };

	assert_true(agent_read(&zero, 100).rests);
	assert_true(agent_read(&none, 100).rests);
	assert_true(agent_read(&drain, 100).rests);
	assert_int_equal(agent_read(&zero, 100).share, FACTOR_ONE);
}

static void words_go_together_with_a_percentage(void **state)
{
	struct agent_words result = {
		.word = PROBE_WORD_READY, .has_weight_percent = true, .weight_percent = 25
	};

	assert_int_equal(agent_read(&result, 100).share, FACTOR_ONE / 4);
	result.word = PROBE_WORD_MAINT;
	assert_true(agent_read(&result, 100).is_off);
}

static void a_backend_rests_at_once_and_until_it_has_long_not_asked_for_it(void **state)
{
	const struct agent_wish drain = { .share = FACTOR_ONE, .rests = true };
	const struct agent_wish none = { .share = FACTOR_ONE };
	struct agent_rest rest = { 0 };

	assert_false(agent_rest_follow(&rest, &none, 5000));
	assert_true(agent_rest_follow(&rest, &drain, 6000));
	assert_true(rest.rests);
	assert_false(rest.is_off);
	assert_false(agent_rest_follow(&rest, &none, 7000));
	assert_false(agent_rest_follow(&rest, &none, 7000 + AGENT_WINDOW_MS - 1));
	assert_true(rest.rests);
	assert_true(agent_rest_follow(&rest, &none, 7000 + AGENT_WINDOW_MS));
	assert_false(rest.rests);
}

static void a_backend_that_asks_for_another_thing_each_time_stays_at_rest(void **state)
{
	static const struct agent_wish wishes[] = {
		{ .share = FACTOR_ONE, .rests = true },
		{ .share = FACTOR_ONE },
		{ .share = FACTOR_ONE / 2, .is_off = true },
	};
	struct agent_rest rest = { 0 };
	unsigned int changes = 0;

	for (unsigned int i = 0; i < 100; i++)
		changes += agent_rest_follow(
			&rest, &wishes[i % COUNT_OF(wishes)], 5000 + i * AGENT_WINDOW_MS / 4);
	assert_int_equal(changes, 2); /* to rest, and to be off */
	assert_true(rest.rests);
	assert_true(rest.is_off);
}

static void all_backends_together_shift_no_more_than_the_budget(void **state)
{
	struct agent_budget budget = { 0 };
	uint64_t now_ms = 5000;
	unsigned int taken = 0;

	for (unsigned int i = 0; i < 100; i++)
		taken += agent_budget_take(&budget, 10000, 20, now_ms);
	assert_int_equal(taken, 20);
	assert_false(agent_budget_take(&budget, 10000, 20, now_ms + AGENT_WINDOW_MS / 40 - 100));
	assert_true(agent_budget_take(&budget, 10000, 20, now_ms + AGENT_WINDOW_MS / 10));
	assert_true(agent_budget_take(&budget, 190000, 20, now_ms + 2 * AGENT_WINDOW_MS));
}

static void a_wish_beyond_the_whole_budget_is_granted_in_a_quiet_time_alone(void **state)
{
	struct agent_budget budget = { 0 };

	assert_true(agent_budget_take(&budget, 500000, 20, 5000));
	assert_false(agent_budget_take(&budget, 500000, 20, 5000 + 2 * AGENT_WINDOW_MS));
	assert_true(agent_budget_take(&budget, 500000, 20, 5000 + 3 * AGENT_WINDOW_MS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_backend_that_says_nothing_has_its_configured_weight),
		cmocka_unit_test(a_weight_is_a_share_of_the_configured_one_and_never_more),
		cmocka_unit_test(a_weight_of_zero_and_drain_ask_for_rest),
		cmocka_unit_test(words_go_together_with_a_percentage),
		cmocka_unit_test(a_backend_rests_at_once_and_until_it_has_long_not_asked_for_it),
		cmocka_unit_test(a_backend_that_asks_for_another_thing_each_time_stays_at_rest),
		cmocka_unit_test(all_backends_together_shift_no_more_than_the_budget),
		cmocka_unit_test(a_wish_beyond_the_whole_budget_is_granted_in_a_quiet_time_alone),
	};

	return cmocka_run_group_tests_name("agent", tests, NULL, NULL);
}
