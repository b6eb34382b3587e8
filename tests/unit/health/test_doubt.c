/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include "health/doubt.h"
#include "health/witness_stands.h"

#define SINCE_MS 20000 /* the first backend fell */
#define WELL_MS  15000
#define RAISE_MS 20010

static const struct doubt_pace quick = { .timeout_ms = 500, .recovery_ms = 2000 };
static const struct doubt_pace slow = { .timeout_ms = 500, .recovery_ms = 3600000 };
static struct doubt *doubt;

static void say(enum probe_reason reason, enum health_status status, uint64_t now_ms)
{
	struct checker_change change = gateway_says(reason, status);

	assert_true(doubt_follow(doubt, &change, now_ms));
}

/* A gateway that answers, and a spare port without a link. */
static int begin(void **state)
{
	stand_up();
	doubt = doubt_create(NULL, ports, PORT_COUNT);
	if (doubt == NULL)
		return -1;
	doubt_look(doubt, 0, 1000);
	say(PROBE_PASSED, HEALTH_UP, 1100);
	return 0;
}

static int end(void **state)
{
	doubt_destroy(doubt);
	return 0;
}

static bool covers(uint64_t fell_ms, uint64_t now_ms)
{
	return doubt_covers(doubt, &quick, fell_ms, now_ms);
}

/* Doubts, as the gateway does not answer. */
static void fall_silent(void)
{
	doubt_raise(doubt, SINCE_MS, WELL_MS, RAISE_MS);
	assert_true(doubt_is_asking(doubt));
	say(PROBE_TIMEOUT, HEALTH_INITIAL, 20310);
	assert_true(doubt_is_asking(doubt));
	say(PROBE_TIMEOUT, HEALTH_DOWN, 20610);
	assert_false(doubt_is_asking(doubt));
}

static void while_a_gateway_answers_there_is_no_doubt(void **state)
{
	uint32_t turns = doubt_turns(doubt);

	doubt_raise(doubt, SINCE_MS, WELL_MS, RAISE_MS);
	say(PROBE_PASSED, HEALTH_UP, 20020);
	assert_false(doubt_is_asking(doubt));
	assert_false(doubt_holds(doubt, &quick, 20020));
	assert_string_equal(doubt_sentence(doubt), "");
	assert_int_not_equal(doubt_turns(doubt), turns);
}

static void a_silent_gateway_makes_what_fell_since_not_count(void **state)
{
	fall_silent();
	assert_string_equal(
		doubt_sentence(doubt), "the gateway 10.0.0.1 of port edge does not answer");
	assert_true(covers(SINCE_MS, 20610));
	assert_true(covers(25000, 25000));
	assert_false(covers(SINCE_MS - 1, 20610));
}

static void a_link_that_has_just_ended_needs_no_question(void **state)
{
	edge.is_up = false;
	doubt_raise(doubt, SINCE_MS, WELL_MS, RAISE_MS);
	assert_false(doubt_is_asking(doubt));
	assert_true(covers(SINCE_MS, RAISE_MS));
}

static void asking_ends_even_if_nothing_comes(void **state)
{
	doubt_raise(doubt, SINCE_MS, WELL_MS, RAISE_MS);
	assert_int_equal(doubt_wait_ms(doubt, RAISE_MS), DOUBT_ASKING_MS);
	doubt_look(doubt, 0, RAISE_MS + DOUBT_ASKING_MS - 1);
	assert_true(doubt_is_asking(doubt));
	assert_int_equal(doubt_wait_ms(doubt, RAISE_MS + DOUBT_ASKING_MS - 1), 1);
	doubt_look(doubt, 0, RAISE_MS + DOUBT_ASKING_MS);
	assert_false(doubt_is_asking(doubt));
	assert_int_equal(doubt_wait_ms(doubt, RAISE_MS + DOUBT_ASKING_MS), 0);
	assert_true(covers(SINCE_MS, RAISE_MS + DOUBT_ASKING_MS));
}

static void each_pool_recovers_at_its_own_pace(void **state)
{
	fall_silent();
	say(PROBE_PASSED, HEALTH_UP, 30000);
	assert_true(covers(SINCE_MS, 30500));
	doubt_look(doubt, slow.recovery_ms, 31000);
	assert_true(covers(SINCE_MS, 32999));
	assert_false(covers(SINCE_MS, 33000));
	assert_true(doubt_covers(doubt, &slow, SINCE_MS, 33000));
	assert_true(doubt_covers(doubt, &slow, SINCE_MS, 31000 + DOUBT_RECOVERY_MS - 1));
	assert_false(doubt_covers(doubt, &slow, SINCE_MS, 31000 + DOUBT_RECOVERY_MS));
	doubt_look(doubt, slow.recovery_ms, 31000 + DOUBT_RECOVERY_MS);
	assert_string_equal(doubt_sentence(doubt), "");
}

static void what_falls_when_all_is_well_again_counts(void **state)
{
	fall_silent();
	say(PROBE_PASSED, HEALTH_UP, 30000);
	doubt_look(doubt, quick.recovery_ms, 31000);
	assert_true(covers(31500, 31600)); /* its probe began before */
	assert_false(covers(31501, 31600));
}

static void a_gateway_that_is_silent_again_is_doubted_again(void **state)
{
	fall_silent();
	say(PROBE_PASSED, HEALTH_UP, 30000);
	doubt_look(doubt, quick.recovery_ms, 31000);
	say(PROBE_TIMEOUT, HEALTH_DOWN, 31500);
	doubt_look(doubt, quick.recovery_ms, 32000);
	assert_true(covers(31900, 40000));
}

static void it_does_not_last_for_ever(void **state)
{
	fall_silent();
	doubt_look(doubt, 0, 20610 + DOUBT_MOST_MS - 1);
	assert_true(covers(SINCE_MS, 20610 + DOUBT_MOST_MS - 1));
	doubt_look(doubt, 0, 20610 + DOUBT_MOST_MS);
	assert_false(covers(SINCE_MS, 20610 + DOUBT_MOST_MS));
	assert_string_equal(doubt_sentence(doubt), "");

	/* and what has been silent for so long is no witness of the next failure */
	doubt_raise(doubt, 400000, 395000, 400010);
	assert_false(doubt_is_asking(doubt));
	assert_false(covers(400000, 400010));
}

static void a_lost_default_route_testifies(void **state)
{
	gateway_result = -ENOENT;
	doubt_look(doubt, 0, 18000);
	doubt_raise(doubt, SINCE_MS, WELL_MS, RAISE_MS);
	assert_true(covers(SINCE_MS, RAISE_MS));
	doubt_look(doubt, quick.recovery_ms, 18000 + WITNESS_VANISHED_MS + 1);
	assert_true(covers(SINCE_MS, 18000 + WITNESS_VANISHED_MS + 1));
	assert_false(covers(SINCE_MS, 18000 + WITNESS_VANISHED_MS + 1 + quick.recovery_ms));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(while_a_gateway_answers_there_is_no_doubt),
		TEST(a_silent_gateway_makes_what_fell_since_not_count),
		TEST(a_link_that_has_just_ended_needs_no_question),
		TEST(asking_ends_even_if_nothing_comes),
		TEST(each_pool_recovers_at_its_own_pace),
		TEST(what_falls_when_all_is_well_again_counts),
		TEST(a_gateway_that_is_silent_again_is_doubted_again),
		TEST(it_does_not_last_for_ever),
		TEST(a_lost_default_route_testifies),
	};

	return cmocka_run_group_tests_name("doubt", tests, NULL, NULL);
}
