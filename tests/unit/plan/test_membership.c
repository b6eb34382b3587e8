/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include "plan/membership.h"

#define NEVER   MEMBERSHIP_NO_DEADLINE
#define BORN_S  1000
#define GRACE_S 30
#define HOLD_S  300

static const struct membership_limits limits = { .fail_grace_s = GRACE_S, .hold_s = HOLD_S };

static const struct membership_facts well = {
	.weight = 100,
	.deadline_s = NEVER,
	.healthy = true,
	.health_s = BORN_S,
};

/* The table of the header, its edges, and what goes before what. */
struct row {
	const char *name;
	enum membership_wish wish;
	uint32_t weight;
	uint32_t deadline_s;
	uint32_t failed_s; /* for how long the check has failed; NEVER: it has not */
	enum member_state state;
};

static const struct row rows[] = {
	{ "active", MEMBERSHIP_ACTIVE, 100, NEVER, NEVER, MEMBER_UP },
	{ "active, just failed", MEMBERSHIP_ACTIVE, 100, NEVER, 0, MEMBER_SUSPECT },
	{ "active, last of grace", MEMBERSHIP_ACTIVE, 100, NEVER, GRACE_S - 1, MEMBER_SUSPECT },
	{ "active, grace over", MEMBERSHIP_ACTIVE, 100, NEVER, GRACE_S, MEMBER_ABSENT },
	{ "active, last of hold", MEMBERSHIP_ACTIVE, 100, NEVER, HOLD_S - 1, MEMBER_ABSENT },
	{ "active, hold over", MEMBERSHIP_ACTIVE, 100, NEVER, HOLD_S, MEMBER_DEAD },
	{ "active, old deadline", MEMBERSHIP_ACTIVE, 100, 1, NEVER, MEMBER_UP },
	{ "weight 0", MEMBERSHIP_ACTIVE, 0, NEVER, NEVER, MEMBER_DRAIN },
	{ "weight 0 has no deadline", MEMBERSHIP_ACTIVE, 0, 1, NEVER, MEMBER_DRAIN },
	{ "weight 0, failed", MEMBERSHIP_ACTIVE, 0, NEVER, GRACE_S, MEMBER_ABSENT },
	{ "drain", MEMBERSHIP_DRAIN, 100, NEVER, NEVER, MEMBER_DRAIN },
	{ "drain before deadline", MEMBERSHIP_DRAIN, 100, BORN_S + 401, NEVER, MEMBER_DRAIN },
	{ "drain at deadline", MEMBERSHIP_DRAIN, 100, BORN_S + 400, NEVER, MEMBER_DEAD },
	{ "drain, just failed", MEMBERSHIP_DRAIN, 100, NEVER, 1, MEMBER_SUSPECT },
	{ "drain, failed", MEMBERSHIP_DRAIN, 100, NEVER, GRACE_S, MEMBER_ABSENT },
	{ "drain, long failed", MEMBERSHIP_DRAIN, 100, NEVER, HOLD_S, MEMBER_DEAD },
	{ "drain at deadline, failed", MEMBERSHIP_DRAIN, 100, BORN_S + 400, 1, MEMBER_DEAD },
	{ "disabled", MEMBERSHIP_DISABLED, 100, NEVER, NEVER, MEMBER_DEAD },
	{ "disabled, failed", MEMBERSHIP_DISABLED, 100, NEVER, 1, MEMBER_DEAD },
	{ "removed", MEMBERSHIP_REMOVED, 100, NEVER, NEVER, MEMBER_DEAD },
	{ "removed with drain", MEMBERSHIP_REMOVED_DRAIN, 100, NEVER, NEVER, MEMBER_DRAIN },
	{ "removed with drain, just failed", MEMBERSHIP_REMOVED_DRAIN, 100, NEVER, GRACE_S - 1,
		MEMBER_SUSPECT },
	{ "removed with drain, failed", MEMBERSHIP_REMOVED_DRAIN, 100, NEVER, GRACE_S,
		MEMBER_DEAD },
	{ "removed with drain, at deadline", MEMBERSHIP_REMOVED_DRAIN, 100, BORN_S + 400, NEVER,
		MEMBER_DEAD },
};

/* The same of a backend that rests: nothing but "up" becomes another state. */
static const struct row rows_of_rests[] = {
	{ "rests", MEMBERSHIP_ACTIVE, 100, NEVER, NEVER, MEMBER_DRAIN },
	{ "rests without a deadline", MEMBERSHIP_ACTIVE, 100, 1, NEVER, MEMBER_DRAIN },
	{ "rests, just failed", MEMBERSHIP_ACTIVE, 100, NEVER, 0, MEMBER_SUSPECT },
	{ "rests, failed", MEMBERSHIP_ACTIVE, 100, NEVER, GRACE_S, MEMBER_ABSENT },
	{ "rests, long failed", MEMBERSHIP_ACTIVE, 100, NEVER, HOLD_S, MEMBER_DEAD },
	{ "rests and drains", MEMBERSHIP_DRAIN, 100, BORN_S + 400, NEVER, MEMBER_DEAD },
	{ "rests, disabled", MEMBERSHIP_DISABLED, 100, NEVER, NEVER, MEMBER_DEAD },
	{ "rests, removed", MEMBERSHIP_REMOVED, 100, NEVER, NEVER, MEMBER_DEAD },
};

static void check(const struct row *row, bool rests)
{
	const uint32_t now_s = BORN_S + 400;
	struct membership_life life = membership_begin(&well, &limits, BORN_S);
	struct membership_facts facts = well;

	facts.wish = row->wish;
	facts.weight = row->weight;
	facts.deadline_s = row->deadline_s;
	facts.healthy = row->failed_s == NEVER;
	facts.rests = rests;
	if (!facts.healthy)
		facts.health_s = now_s - row->failed_s;
	life = membership_continue(&life, &facts, &limits, now_s);
	if (life.state != row->state)
		fail_msg("%s: %s instead of %s", row->name, member_state_name(life.state),
			member_state_name(row->state));
	assert_int_equal(life.changed_s, life.state == MEMBER_UP ? BORN_S : now_s);
	assert_int_equal(life.instance_s, 0);
}

static void each_wish_and_health_has_its_state(void **state)
{
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		check(&rows[i], false);
	for (size_t i = 0; i < COUNT_OF(rows_of_rests); i++)
		check(&rows_of_rests[i], true);
}

static void new_backend_whose_check_fails_takes_no_flows(void **state)
{
	struct membership_facts facts = well;

	facts.healthy = false;
	assert_int_equal(membership_begin(&facts, &limits, BORN_S).state, MEMBER_SUSPECT);
}

static void a_rest_is_no_death_and_ends_no_flow(void **state)
{
	struct membership_life life = membership_begin(&well, &limits, BORN_S);
	struct membership_facts facts = well;

	facts.rests = true;
	life = membership_continue(&life, &facts, &limits, 2000);
	life = membership_continue(&life, &facts, &limits, 2000000);
	assert_int_equal(life.state, MEMBER_DRAIN);
	assert_int_equal(life.changed_s, 2000);
	life = membership_continue(&life, &well, &limits, 2000001);
	assert_int_equal(life.state, MEMBER_UP);
	assert_int_equal(life.instance_s, 0);
}

static void without_a_grace_for_any_protocol_there_is_no_suspect(void **state)
{
	static const struct membership_limits moving = {
		.fail_grace_s = GRACE_S,
		.hold_s = HOLD_S,
		.moves = MEMBER_MOVES_ALL,
	};
	struct membership_life life = membership_begin(&well, &moving, BORN_S);
	struct membership_facts facts = well;

	facts.healthy = false;
	facts.health_s = 2000;
	life = membership_continue(&life, &facts, &moving, 2000);
	assert_int_equal(life.state, MEMBER_ABSENT);
	life = membership_continue(&life, &facts, &moving, 2000 + HOLD_S);
	assert_int_equal(life.state, MEMBER_DEAD);
}

static void without_a_grace_for_one_protocol_workers_tell_it_apart(void **state)
{
	static const struct membership_limits moving = {
		.fail_grace_s = GRACE_S,
		.hold_s = HOLD_S,
		.moves = MEMBER_MOVES_UDP,
	};
	struct membership_life life = membership_begin(&well, &limits, BORN_S);
	struct membership_facts facts = well;
	struct member member = { .index = 5 };

	facts.healthy = false;
	facts.health_s = 2000;
	life = membership_continue(&life, &facts, &moving, 2000);
	membership_store(&life, &member);
	assert_int_equal(member_state(&member), MEMBER_SUSPECT);
	assert_int_equal(member_state_seen_by(&member, MEMBER_MOVES_TCP), MEMBER_SUSPECT);
	assert_int_equal(member_state_seen_by(&member, MEMBER_MOVES_UDP), MEMBER_ABSENT);
	life = membership_continue(&life, &well, &moving, 2001);
	membership_store(&life, &member);
	assert_int_equal(member_state_seen_by(&member, MEMBER_MOVES_UDP), MEMBER_UP);
}

static void return_within_hold_keeps_flows(void **state)
{
	struct membership_life life = membership_begin(&well, &limits, BORN_S);
	struct membership_facts facts = well;

	facts.healthy = false;
	facts.health_s = 2000;
	life = membership_continue(&life, &facts, &limits, 2000 + HOLD_S - 1);
	assert_int_equal(life.state, MEMBER_ABSENT);
	life = membership_continue(&life, &well, &limits, 2000 + HOLD_S);
	assert_int_equal(life.state, MEMBER_UP);
	assert_int_equal(life.changed_s, 2000 + HOLD_S);
	assert_int_equal(life.instance_s, 0);
}

static void return_from_death_begins_without_flows(void **state)
{
	struct membership_life life = membership_begin(&well, &limits, BORN_S);
	struct membership_facts facts = well;

	facts.wish = MEMBERSHIP_DISABLED;
	life = membership_continue(&life, &facts, &limits, 2000);
	assert_int_equal(life.state, MEMBER_DEAD);
	assert_int_equal(life.instance_s, 0);
	life = membership_continue(&life, &well, &limits, 3000);
	assert_int_equal(life.state, MEMBER_UP);
	assert_int_equal(life.instance_s, 3000);
}

static void removed_backend_that_died_stays_dead_until_configured_again(void **state)
{
	struct membership_life life = membership_begin(&well, &limits, BORN_S);
	struct membership_facts facts = well;

	facts.wish = MEMBERSHIP_REMOVED_DRAIN;
	facts.healthy = false;
	facts.health_s = 2000;
	life = membership_continue(&life, &facts, &limits, 2000 + GRACE_S);
	assert_int_equal(life.state, MEMBER_DEAD);
	facts.healthy = true;
	life = membership_continue(&life, &facts, &limits, 2100);
	assert_int_equal(life.state, MEMBER_DEAD);
	assert_int_equal(life.changed_s, 2000 + GRACE_S);
	life = membership_continue(&life, &well, &limits, 2200);
	assert_int_equal(life.state, MEMBER_UP);
	assert_int_equal(life.instance_s, 2200);
}

static void other_instance_ends_flows_and_the_same_does_not(void **state)
{
	struct membership_facts facts = well;
	struct membership_life life;

	facts.instance = 7;
	life = membership_begin(&facts, &limits, BORN_S);
	life = membership_continue(&life, &facts, &limits, 2000);
	assert_int_equal(life.instance_s, 0);
	facts.instance = MEMBERSHIP_NO_INSTANCE; /* a check that failed tells none */
	life = membership_continue(&life, &facts, &limits, 2100);
	assert_int_equal(life.instance_s, 0);
	facts.instance = 7;
	life = membership_continue(&life, &facts, &limits, 2200);
	assert_int_equal(life.instance_s, 0);
	facts.instance = 8;
	life = membership_continue(&life, &facts, &limits, 2300);
	assert_int_equal(life.instance_s, 2300);
	assert_int_equal(life.changed_s, BORN_S);
	life = membership_continue(&life, &facts, &limits, 2400);
	assert_int_equal(life.instance_s, 2300);
}

static void first_instance_that_is_told_ends_nothing(void **state)
{
	struct membership_life life = membership_begin(&well, &limits, BORN_S);
	struct membership_facts facts = well;

	facts.instance = 7;
	life = membership_continue(&life, &facts, &limits, 2000);
	assert_int_equal(life.instance_s, 0);
	assert_int_equal(life.instance, 7);
}

static void workers_are_told_all_they_need(void **state)
{
	struct membership_life life = membership_begin(&well, &limits, BORN_S);
	struct member member = { .index = 5, .pool = 6 };

	life.instance_s = 99;
	membership_store(&life, &member);
	assert_int_equal(member.state, MEMBER_UP);
	assert_int_equal(member.changed_s, BORN_S);
	assert_int_equal(member.instance_s, 99);
	assert_int_equal(member.index, 5);
	assert_int_equal(member.pool, 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_wish_and_health_has_its_state),
		cmocka_unit_test(new_backend_whose_check_fails_takes_no_flows),
		cmocka_unit_test(a_rest_is_no_death_and_ends_no_flow),
		cmocka_unit_test(without_a_grace_for_any_protocol_there_is_no_suspect),
		cmocka_unit_test(without_a_grace_for_one_protocol_workers_tell_it_apart),
		cmocka_unit_test(return_within_hold_keeps_flows),
		cmocka_unit_test(return_from_death_begins_without_flows),
		cmocka_unit_test(removed_backend_that_died_stays_dead_until_configured_again),
		cmocka_unit_test(other_instance_ends_flows_and_the_same_does_not),
		cmocka_unit_test(first_instance_that_is_told_ends_nothing),
		cmocka_unit_test(workers_are_told_all_they_need),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
