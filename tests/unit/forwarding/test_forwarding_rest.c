/* SPDX-License-Identifier: BSD-3-Clause */
/* Backends that take no new flows for now: they rest, or have not passed a check yet. */
#include "unit.h"

#include "life_fixture.h"
#include "affinity/slots.h"

static void tell_rest(struct node *node, size_t backend, bool rests)
{
	const struct forwarding_update update = { .has_rest = true, .rests = rests };

	life_tell(node, backend, &update);
}

static void a_backend_that_rests_keeps_its_flows_and_gets_its_slots_back(void **state)
{
	struct node *node = *state;
	struct life_share before;

	life_apply(node, W1 ", " W2);
	before = life_share(node, "w2");
	tell_rest(node, 1, true);
	assert_int_equal(life_of(node, "w2"), MEMBER_DRAIN);
	assert_string_equal(live_backend_life_name(life_find(node, "w2")), "rests");
	assert_int_equal(life_share(node, "w2").cur, 0);
	assert_int_equal(life_share(node, "w2").home, before.home);
	tell_rest(node, 1, false);
	assert_int_equal(life_of(node, "w2"), MEMBER_UP);
	assert_int_equal(life_share(node, "w2").cur, before.cur);
	node_wait(node, 12);
	assert_int_equal(life_share(node, "w2").tracked, 0);
}

static void a_rest_has_no_end_of_its_own(void **state)
{
	struct node *node = *state;

	life_apply(node, W1 ", " W2);
	tell_rest(node, 1, true);
	node_wait(node, 700); /* the pool's drains end after 600 s */
	assert_int_equal(life_of(node, "w2"), MEMBER_DRAIN);
	assert_true(life_share(node, "w2").home > 0);
}

static void a_backend_that_fails_while_it_rests_rests_on_when_it_is_well_again(void **state)
{
	struct node *node = *state;

	life_apply(node, W1 ", " W2);
	tell_rest(node, 1, true);
	life_fail(node, 1);
	assert_int_equal(life_of(node, "w2"), MEMBER_SUSPECT);
	node_wait(node, 10);
	assert_int_equal(life_of(node, "w2"), MEMBER_ABSENT);
	life_pass(node, 1);
	assert_int_equal(life_of(node, "w2"), MEMBER_DRAIN);
	assert_int_equal(life_share(node, "w2").cur, 0);
}

static void a_rest_survives_changes_and_restarts(void **state)
{
	struct node *node = *state;
	char said[NODE_SAID_SIZE];

	life_apply(node, W1 ", " W2);
	tell_rest(node, 1, true);
	life_apply(node, W3 ", " W2 ", " W1);
	assert_int_equal(life_of(node, "w2"), MEMBER_DRAIN);
	node_restart(node, life_config("", W3 ", " W2 ", " W1), said);
	assert_string_equal(said, "");
	assert_true(life_find(node, "w2")->facts.rests);
	assert_int_equal(life_of(node, "w2"), MEMBER_DRAIN);
	assert_int_equal(life_share(node, "w2").cur, 0);
}

static void a_rest_told_while_a_change_is_prepared_is_not_lost(void **state)
{
	struct node *node = *state;
	const struct forwarding_update rest = { .has_rest = true, .rests = true };
	struct config *config = life_config("", W1 ", " W2 ", " W3);
	struct forwarding_handle handle;
	struct forwarding_change *change;
	struct error error = { "" };

	life_apply(node, W1 ", " W2);
	handle = life_handle(node, 1);
	change = node_prepare(node, config, &error);
	assert_non_null(change);
	assert_int_equal(forwarding_update(node->forwarding, &handle, &rest, false, NULL, NULL), 0);
	forwarding_commit(node->forwarding, change);
	config_destroy(node->config);
	node->config = config;
	assert_int_equal(life_of(node, "w2"), MEMBER_DRAIN);
	assert_int_equal(life_share(node, "w2").cur, 0);
}

static void a_drain_ends_at_its_deadline_although_the_backend_rests(void **state)
{
	struct node *node = *state;
	const struct live_terms soon = { .deadline_s = 30 };

	life_apply(node, W1 ", " W2);
	tell_rest(node, 1, true);
	node_apply_by(node, life_config("", W1 ", " W2_DRAIN), &soon);
	assert_string_equal(live_backend_life_name(life_find(node, "w2")), "drain");
	node_wait(node, 30);
	assert_int_equal(life_of(node, "w2"), MEMBER_DEAD);
}

/* It was never whole: the slow start that a rest has put off is made up for. */
static void a_backend_that_joins_and_rests_at_once_starts_slowly_after_its_rest(void **state)
{
	static const char options[] = "'slow_start': {'duration_s': 100, 'steps': 10},";
	struct node *node = *state;

	node_apply(node, life_config(options, W1 ", " W2));
	node_apply(node, life_config(options, W1 ", " W2 ", " W3));
	tell_rest(node, 2, true);
	node_wait(node, 200);
	assert_int_equal(life_share(node, "w3").cur, 0);
	tell_rest(node, 2, false);
	node_wait(node, 1);
	assert_in_range(life_share(node, "w3").cur, 1, LIFE_SLOTS / 10);
	node_wait(node, 100);
	assert_in_range(life_share(node, "w3").cur, LIFE_SLOTS / 4, LIFE_SLOTS / 2);
}

/* A whole zone goes by one table, not by a table for each of its backends. */
static void updates_that_gather_are_built_together(void **state)
{
	const struct forwarding_update rest = { .has_rest = true, .rests = true, .gathers = true };
	struct node *node = *state;
	struct forwarding_handle handle;
	uint64_t number;

	life_apply(node, W1 ", " W2 ", " W3);
	number = forwarding_plan(node->forwarding)->pools[0].table->number;
	for (size_t i = 1; i <= 2; i++) {
		handle = life_handle(node, i);
		assert_int_equal(
			forwarding_update(node->forwarding, &handle, &rest, false, NULL, NULL), 0);
	}
	assert_int_equal(forwarding_plan(node->forwarding)->pools[0].table->number, number);
	assert_int_equal(life_of(node, "w3"), MEMBER_DRAIN); /* workers know */
	node_build(node);
	assert_int_equal(forwarding_plan(node->forwarding)->pools[0].table->number, number + 1);
	assert_int_equal(life_share(node, "w1").cur, LIFE_SLOTS);
}

static void note_plans(void *context, const struct forwarding_effect *effect)
{
	uint32_t *owned = context;

	owned[0] = effect->before->seats[1].owned;
	owned[1] = effect->after->seats[1].owned;
}

static void a_rest_that_is_only_asked_about_changes_nothing(void **state)
{
	const struct forwarding_update rest = { .has_rest = true, .rests = true };
	struct node *node = *state;
	struct forwarding_handle handle;
	uint32_t owned[2] = { 0 };

	life_apply(node, W1 ", " W2);
	handle = life_handle(node, 1);
	assert_int_equal(
		forwarding_update(node->forwarding, &handle, &rest, true, note_plans, owned), 0);
	assert_true(owned[0] > 0);
	assert_int_equal(owned[1], 0);
	assert_int_equal(life_of(node, "w2"), MEMBER_UP);
	assert_int_equal(life_share(node, "w2").cur, owned[0]);
}

#define CHECKS "'health': {'type': 'tcp', 'via': 'direct'},"

static void apply_checked(struct node *node, const char *backends)
{
	node_apply(node, life_config(CHECKS, backends));
}

static void the_backends_of_a_new_pool_take_flows_at_once(void **state)
{
	struct node *node = *state;

	apply_checked(node, W1 ", " W2);
	assert_int_equal(life_of(node, "w1"), MEMBER_UP);
	assert_int_equal(life_of(node, "w2"), MEMBER_UP);
}

static void a_backend_that_joins_takes_no_flow_before_it_has_passed_a_check(void **state)
{
	struct node *node = *state;
	struct life_share before;

	apply_checked(node, W1 ", " W2);
	before = life_share(node, "w1");
	apply_checked(node, W1 ", " W2 ", " W3);
	assert_int_equal(life_of(node, "w1"), MEMBER_UP);
	assert_int_equal(life_of(node, "w3"), MEMBER_SUSPECT);
	assert_int_equal(life_share(node, "w3").cur, 0);
	assert_int_equal(life_share(node, "w3").home, 0);
	assert_in_range(life_share(node, "w1").cur, before.cur - 2, before.cur + 2);
	life_pass(node, 2);
	assert_int_equal(life_of(node, "w3"), MEMBER_UP);
	assert_true(life_share(node, "w3").cur > 60);
}

static void its_slow_start_begins_when_it_has_passed(void **state)
{
	static const char options[] = CHECKS "'slow_start': {'duration_s': 100, 'steps': 10},";
	struct node *node = *state;

	node_apply(node, life_config(options, W1 ", " W2));
	node_apply(node, life_config(options, W1 ", " W2 ", " W3));
	node_wait(node, 5);
	life_pass(node, 2);
	node_wait(node, 1);
	assert_in_range(life_share(node, "w3").cur, 1, LIFE_SLOTS / 10);
}

/* Else a pool of which all backends are replaced at once would be without any. */
static void backends_that_join_where_no_other_serves_take_flows_at_once(void **state)
{
	struct node *node = *state;

	apply_checked(node, W1 ", " W2);
	life_fail(node, 0);
	apply_checked(node, W1 ", " W3);
	assert_int_equal(life_of(node, "w3"), MEMBER_UP);
	assert_int_equal(life_share(node, "w3").cur, LIFE_SLOTS);
}

static void a_backend_that_joins_a_pool_without_checks_takes_flows_at_once(void **state)
{
	struct node *node = *state;

	life_apply(node, W1 ", " W2);
	life_apply(node, W1 ", " W2 ", " W3);
	assert_int_equal(life_of(node, "w3"), MEMBER_UP);
}

/* As long as the node was away, nobody has checked it. */
static void a_backend_that_joined_between_two_processes_waits_for_its_check(void **state)
{
	struct node *node = *state;
	char said[NODE_SAID_SIZE];

	apply_checked(node, W1 ", " W2);
	node_restart(node, life_config(CHECKS, W1 ", " W2 ", " W3), said);
	assert_string_equal(said, "");
	assert_int_equal(life_of(node, "w1"), MEMBER_UP);
	assert_int_equal(life_of(node, "w3"), MEMBER_SUSPECT);
	assert_int_equal(life_share(node, "w3").cur, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, life_open, life_close)
	const struct CMUnitTest tests[] = {
		TEST(a_backend_that_rests_keeps_its_flows_and_gets_its_slots_back),
		TEST(a_rest_has_no_end_of_its_own),
		TEST(a_backend_that_fails_while_it_rests_rests_on_when_it_is_well_again),
		TEST(a_rest_survives_changes_and_restarts),
		TEST(a_rest_told_while_a_change_is_prepared_is_not_lost),
		TEST(a_drain_ends_at_its_deadline_although_the_backend_rests),
		TEST(a_backend_that_joins_and_rests_at_once_starts_slowly_after_its_rest),
		TEST(updates_that_gather_are_built_together),
		TEST(a_rest_that_is_only_asked_about_changes_nothing),
		TEST(the_backends_of_a_new_pool_take_flows_at_once),
		TEST(a_backend_that_joins_takes_no_flow_before_it_has_passed_a_check),
		TEST(its_slow_start_begins_when_it_has_passed),
		TEST(backends_that_join_where_no_other_serves_take_flows_at_once),
		TEST(a_backend_that_joins_a_pool_without_checks_takes_flows_at_once),
		TEST(a_backend_that_joined_between_two_processes_waits_for_its_check),
	};

	return cmocka_run_group_tests_name(
		"forwarding_rest", tests, node_host_start, node_host_stop);
}
