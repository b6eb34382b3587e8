/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include "health/witness_stands.h"

#define WELL_MS 10000 /* all was well then */

static struct witness *witness;
static char sentence[WITNESS_SIZE];

static int begin(void **state)
{
	stand_up();
	witness = witness_create(NULL, ports, PORT_COUNT);
	if (witness == NULL)
		return -1;
	witness_look(witness, 1000);
	return 0;
}

static int end(void **state)
{
	witness_destroy(witness);
	return 0;
}

static void say(enum probe_reason reason, enum health_status status, uint64_t now_ms)
{
	struct checker_change change = gateway_says(reason, status);

	assert_true(witness_follow(witness, &change, now_ms));
}

static bool accuses(uint64_t now_ms)
{
	return witness_accuses(witness, WELL_MS, now_ms, sentence);
}

static void a_link_that_was_down_before_says_nothing(void **state)
{
	assert_false(accuses(10500));
	spare.is_up = true;
	witness_look(witness, 2000);
	spare.is_up = false;
	witness_look(witness, 9999);
	assert_false(accuses(10500));
}

static void a_link_that_went_down_since_accuses(void **state)
{
	witness_look(witness, 9000);
	edge.is_up = false;
	assert_true(accuses(10500)); /* found now, and was up at the last look */
	assert_string_equal(sentence, "port edge has no link");
	witness_look(witness, 11000);
	assert_true(accuses(11500));
	edge.is_up = true;
	assert_false(accuses(11600));
}

static void a_gateway_that_never_answered_or_was_silent_before_says_nothing(void **state)
{
	say(PROBE_TIMEOUT, HEALTH_DOWN, 10100);
	assert_false(accuses(10500));
	say(PROBE_PASSED, HEALTH_UP, 2000);
	say(PROBE_TIMEOUT, HEALTH_DOWN, 9999);
	assert_false(accuses(10500));
	assert_true(witness_is_done(witness));
	witness_ask(witness);
	assert_true(witness_is_done(witness)); /* it is not asked either */
}

static void two_missing_answers_accuse_and_one_answer_clears(void **state)
{
	say(PROBE_PASSED, HEALTH_UP, 2000);
	witness_ask(witness);
	assert_int_equal(put_count, 2);
	say(PROBE_TIMEOUT, HEALTH_INITIAL, 10300);
	assert_false(witness_is_done(witness));
	assert_false(accuses(10300));
	say(PROBE_TIMEOUT, HEALTH_DOWN, 10600);
	assert_true(witness_is_done(witness));
	assert_true(accuses(10600));
	assert_string_equal(sentence, "the gateway 10.0.0.1 of port edge does not answer");
	say(PROBE_PASSED, HEALTH_UP, 10900);
	assert_false(accuses(10900));
}

static void one_missing_answer_and_then_one_is_no_silence(void **state)
{
	say(PROBE_PASSED, HEALTH_UP, 2000);
	witness_ask(witness);
	say(PROBE_TIMEOUT, HEALTH_INITIAL, 10300);
	say(PROBE_PASSED, HEALTH_UP, 10400);
	assert_true(witness_is_done(witness));
	assert_false(accuses(10400));
}

static void what_the_node_could_not_ask_is_no_silence(void **state)
{
	say(PROBE_PASSED, HEALTH_UP, 2000);
	witness_ask(witness);
	say(PROBE_LOCAL, HEALTH_INITIAL, 10300);
	assert_false(witness_is_done(witness));
	witness_give_up(witness, 11800);
	assert_true(witness_is_done(witness));
	assert_false(accuses(11800));
}

static void when_nothing_came_by_the_end_it_is_silent(void **state)
{
	say(PROBE_PASSED, HEALTH_UP, 2000);
	witness_ask(witness);
	assert_false(accuses(11700));
	witness_give_up(witness, 11800);
	assert_true(accuses(11800));
}

static void an_answer_to_an_earlier_question_says_nothing(void **state)
{
	struct checker_change late;

	say(PROBE_PASSED, HEALTH_UP, 2000);
	late = gateway_says(PROBE_PASSED, HEALTH_UP);
	witness_ask(witness);
	assert_true(witness_follow(witness, &late, 10100));
	assert_false(witness_is_done(witness));
	late.number = WITNESS_NUMBER - 1;
	assert_false(witness_follow(witness, &late, 10100));
}

static void a_gateway_that_vanishes_with_its_route_accuses_for_a_while(void **state)
{
	say(PROBE_PASSED, HEALTH_UP, 2000);
	gateway_result = -ENOENT;
	witness_look(witness, 10100);
	assert_int_equal(remove_count, 1);
	assert_true(accuses(10200));
	assert_string_equal(sentence, "the gateway 10.0.0.1 of port edge has gone with its route");
	witness_look(witness, 10100 + WITNESS_VANISHED_MS);
	assert_true(accuses(10100 + WITNESS_VANISHED_MS));
	witness_look(witness, 10101 + WITNESS_VANISHED_MS);
	assert_false(accuses(10101 + WITNESS_VANISHED_MS));
}

static void one_that_comes_back_accuses_until_it_answers(void **state)
{
	say(PROBE_PASSED, HEALTH_UP, 2000);
	gateway_result = -ENOENT;
	witness_look(witness, 10100);
	gateway_result = 0;
	witness_look(witness, 11100);
	assert_int_equal(put_count, 2);
	assert_true(accuses(11200));
	say(PROBE_PASSED, HEALTH_UP, 11300);
	assert_false(accuses(11300));
}

static void another_gateway_has_to_answer_first(void **state)
{
	say(PROBE_PASSED, HEALTH_UP, 2000);
	gateway_last = 2;
	witness_look(witness, 10100);
	say(PROBE_TIMEOUT, HEALTH_DOWN, 10700);
	assert_false(accuses(10700));
}

static void a_question_to_the_kernel_that_fails_changes_nothing(void **state)
{
	say(PROBE_PASSED, HEALTH_UP, 2000);
	gateway_result = -ENOMEM;
	witness_look(witness, 10100);
	assert_int_equal(remove_count, 0);
	assert_false(accuses(10100));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_link_that_was_down_before_says_nothing),
		TEST(a_link_that_went_down_since_accuses),
		TEST(a_gateway_that_never_answered_or_was_silent_before_says_nothing),
		TEST(two_missing_answers_accuse_and_one_answer_clears),
		TEST(one_missing_answer_and_then_one_is_no_silence),
		TEST(what_the_node_could_not_ask_is_no_silence),
		TEST(when_nothing_came_by_the_end_it_is_silent),
		TEST(an_answer_to_an_earlier_question_says_nothing),
		TEST(a_gateway_that_vanishes_with_its_route_accuses_for_a_while),
		TEST(one_that_comes_back_accuses_until_it_answers),
		TEST(another_gateway_has_to_answer_first),
		TEST(a_question_to_the_kernel_that_fails_changes_nothing),
	};

	return cmocka_run_group_tests_name("witness", tests, NULL, NULL);
}
