/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What becomes of old flows and of backends over time, with the words that workers would read. All
 * clocks stand still unless a test lets them go on.
 */
#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "life_fixture.h"
#include "affinity/slots.h"

static void a_new_pool_is_quiet(void **state)
{
	struct node *node = *state;

	life_apply(node, W1 ", " W2);
	assert_int_equal(life_share(node, "w1").tracked, 0);
	assert_int_equal(life_of(node, "w1"), MEMBER_UP);
}

static void a_draining_backend_keeps_its_flows_and_takes_no_new_ones(void **state)
{
	struct node *node = *state;
	struct life_share before, after;

	life_apply(node, W1 ", " W2);
	before = life_share(node, "w2");
	life_apply(node, W1 ", " W2_DRAIN);
	after = life_share(node, "w2");
	assert_int_equal(life_of(node, "w2"), MEMBER_DRAIN);
	assert_int_equal(after.cur, 0);
	assert_int_equal(after.home, before.home);
	assert_int_equal(after.tracked, before.home);
}

static void a_drain_ends_at_its_deadline(void **state)
{
	struct node *node = *state;
	const struct live_terms soon = { .deadline_s = 30 };

	life_apply(node, W1 ", " W2);
	node_apply_by(node, life_config("", W1 ", " W2_DRAIN), &soon);
	node_wait(node, 29);
	assert_int_equal(life_of(node, "w2"), MEMBER_DRAIN);
	node_wait(node, 1);
	assert_int_equal(life_of(node, "w2"), MEMBER_DEAD);
	assert_int_equal(life_share(node, "w2").home, 0);
}

static void a_drain_that_goes_on_keeps_its_deadline(void **state)
{
	struct node *node = *state;

	life_apply(node, W1 ", " W2);
	life_apply(node, W1 ", " W2_DRAIN); /* 600 s, as the pool has it */
	node_wait(node, 500);
	life_apply(node, W1 ", " W2_DRAIN ", " W3);
	node_wait(node, 99);
	assert_int_equal(life_of(node, "w2"), MEMBER_DRAIN);
	node_wait(node, 1);
	assert_int_equal(life_of(node, "w2"), MEMBER_DEAD);
}

static void a_drain_that_is_asked_for_by_name_gets_its_end_anew(void **state)
{
	struct node *node = *state;
	const struct live_terms soon = { .deadline_s = 30, .pool = "web", .name = "w2" };
	const struct live_terms again = { .again = true, .pool = "web", .name = "w2" };
	const struct live_terms other = { .again = true, .pool = "web", .name = "w3" };

	life_apply(node, W1 ", " W2);
	node_apply_by(node, life_config("", W1 ", " W2_DRAIN), &soon);
	node_wait(node, 20);
	node_apply_by(node, life_config("", W1 ", " W2_DRAIN), &again); /* 600 s from now */
	node_wait(node, 500);
	assert_int_equal(life_of(node, "w2"), MEMBER_DRAIN);
	node_apply_by(node, life_config("", W1 ", " W2_DRAIN ", " W3_DRAIN), &other);
	node_wait(node, 99);
	assert_int_equal(life_of(node, "w2"), MEMBER_DRAIN);
	node_wait(node, 1);
	assert_int_equal(life_of(node, "w2"), MEMBER_DEAD);
	assert_int_equal(life_of(node, "w3"), MEMBER_DRAIN);
}

/* The deadline is for the backend that is named: the others have one already. */
static void a_deadline_for_one_backend_leaves_the_drains_of_others_alone(void **state)
{
	struct node *node = *state;
	const struct live_terms soon = { .deadline_s = 30, .pool = "web", .name = "w3" };

	life_apply(node, W1 ", " W2 ", " W3);
	life_apply(node, W1 ", " W2_DRAIN ", " W3); /* 600 s, as the pool has it */
	node_apply_by(node, life_config("", W1 ", " W2_DRAIN ", " W3_DRAIN), &soon);
	node_wait(node, 30);
	assert_int_equal(life_of(node, "w3"), MEMBER_DEAD);
	assert_int_equal(life_of(node, "w2"), MEMBER_DRAIN);
	node_wait(node, 570);
	assert_int_equal(life_of(node, "w2"), MEMBER_DEAD);
}

static void cutting_one_backend_off_leaves_others_that_were_removed_draining(void **state)
{
	struct node *node = *state;
	const struct live_terms now = { .now = true, .pool = "web", .name = "w3" };

	life_apply(node, W1 ", " W2 ", " W3);
	life_apply(node, W1 ", " W3);
	assert_int_equal(life_of(node, "w2"), MEMBER_DRAIN);
	node_apply_by(node, life_config("", W1), &now);
	assert_int_equal(life_of(node, "w3"), MEMBER_DEAD);
	assert_int_equal(life_of(node, "w2"), MEMBER_DRAIN);
}

static void a_removed_backend_drains_and_then_goes(void **state)
{
	struct node *node = *state;
	struct life_share before;

	life_apply(node, W1 ", " W2);
	before = life_share(node, "w2");
	life_apply(node, W1);
	assert_int_equal(life_of(node, "w2"), MEMBER_DRAIN);
	assert_int_equal(life_share(node, "w2").home, before.home);
	node_wait(node, 590);
	assert_int_equal(life_of(node, "w2"), MEMBER_DRAIN);
	node_wait(node, 20);
	assert_int_equal(life_of(node, "w2"), MEMBER_NONE);
}

static void a_removed_backend_is_cut_off_where_that_is_asked_for(void **state)
{
	struct node *node = *state;
	const struct live_terms now = { .now = true };

	life_apply(node, W1 ", " W2);
	node_apply_by(node, life_config("", W1), &now);
	assert_int_equal(life_of(node, "w2"), MEMBER_DEAD);
	assert_int_equal(life_share(node, "w2").home, 0);
}

static void a_removed_backend_that_is_added_again_has_its_flows(void **state)
{
	struct node *node = *state;
	struct life_share before;
	uint16_t index;

	life_apply(node, W1 ", " W2);
	before = life_share(node, "w2");
	index = life_find(node, "w2")->index;
	life_apply(node, W1);
	life_apply(node, W1 ", " W2);
	assert_int_equal(life_of(node, "w2"), MEMBER_UP);
	assert_int_equal(life_find(node, "w2")->index, index);
	assert_int_equal(life_share(node, "w2").cur, before.cur);
	assert_int_equal(life_share(node, "w2").home, before.home);
}

/* Old flows are observed, then the slots get another home, and in the end all is quiet again. */
static void slots_of_a_new_backend_come_to_rest(void **state)
{
	struct node *node = *state;
	struct life_share share;

	life_apply(node, W1 ", " W2);
	life_apply(node, W1 ", " W2 ", " W3);
	share = life_share(node, "w3");
	assert_true(share.cur > 60);
	assert_int_equal(share.home, 0);
	assert_int_equal(forwarding_summary(node->forwarding, 0)->slots[TRANSITIONS_SETTLING],
		share.tracked);
	node_wait(node, 10);
	assert_int_equal(forwarding_summary(node->forwarding, 0)->slots[TRANSITIONS_OBSERVING],
		share.tracked);
	node_wait(node, 90);
	assert_int_equal(life_share(node, "w3").home, share.cur);
	node_wait(node, 20);
	assert_int_equal(life_share(node, "w3").tracked, 0);
}

static void a_failed_check_takes_new_flows_away_and_a_return_brings_them_back(void **state)
{
	struct node *node = *state;
	struct life_share before;

	life_apply(node, W1 ", " W2);
	before = life_share(node, "w2");
	life_fail(node, 1);
	assert_int_equal(life_of(node, "w2"), MEMBER_SUSPECT);
	assert_int_equal(life_share(node, "w2").cur, 0);
	assert_int_equal(life_share(node, "w2").home, before.home);
	node_wait(node, 10);
	assert_int_equal(life_of(node, "w2"), MEMBER_ABSENT);
	assert_int_equal(life_share(node, "w2").home, before.home);
	life_pass(node, 1);
	assert_int_equal(life_of(node, "w2"), MEMBER_UP);
	assert_int_equal(life_share(node, "w2").cur, before.cur);
	node_wait(node, 12);
	assert_int_equal(life_share(node, "w2").tracked, 0);
}

#define MOVES_ALL "'unhealthy_flows': 'move',"
#define MOVES_UDP "'unhealthy_flows': {'udp': 'move'},"

static const struct member *member_of(const struct node *node, const char *name)
{
	const struct affinity *affinity = forwarding_tables(node->forwarding)->affinity;

	return &affinity->members[life_find(node, name)->gid];
}

static void flows_that_are_to_move_do_not_wait_for_a_failed_backend(void **state)
{
	struct node *node = *state;
	struct life_share before;

	node_apply(node, life_config(MOVES_ALL, W1 ", " W2));
	before = life_share(node, "w2");
	life_fail(node, 1);
	assert_int_equal(life_of(node, "w2"), MEMBER_ABSENT);
	assert_int_equal(life_share(node, "w2").cur, 0);
	life_pass(node, 1);
	assert_int_equal(life_share(node, "w2").cur, before.cur);
	assert_int_equal(life_share(node, "w2").home, before.home);
}

/* The pool may be told otherwise while the backend is suspect. */
static void workers_know_whose_flows_are_to_move(void **state)
{
	struct node *node = *state;

	node_apply(node, life_config(MOVES_UDP, W1 ", " W2));
	life_fail(node, 1);
	assert_int_equal(life_of(node, "w2"), MEMBER_SUSPECT);
	assert_int_equal(
		member_state_seen_by(member_of(node, "w2"), MEMBER_MOVES_UDP), MEMBER_ABSENT);
	assert_int_equal(
		member_state_seen_by(member_of(node, "w2"), MEMBER_MOVES_TCP), MEMBER_SUSPECT);
	life_apply(node, W1 ", " W2);
	assert_int_equal(
		member_state_seen_by(member_of(node, "w2"), MEMBER_MOVES_UDP), MEMBER_SUSPECT);
}

static void a_check_that_fails_for_long_is_a_death(void **state)
{
	struct node *node = *state;

	life_apply(node, W1 ", " W2);
	life_fail(node, 1);
	node_wait(node, 60);
	assert_int_equal(life_of(node, "w2"), MEMBER_DEAD);
	assert_int_equal(life_share(node, "w2").home, 0);
	node_wait(node, 12);
	assert_int_equal(life_share(node, "w2").tracked, 0);
}

/* Nobody needs to wait for the end of a drain whose backend has died. */
static void a_removed_backend_that_dies_while_it_drains_is_gone(void **state)
{
	struct node *node = *state;
	size_t count;

	life_apply(node, W1 ", " W2);
	life_apply(node, W1);
	assert_int_equal(life_of(node, "w2"), MEMBER_DRAIN);
	forwarding_backends(node->forwarding, 0, &count);
	life_fail(node, count - 1);
	assert_int_equal(life_of(node, "w2"), MEMBER_SUSPECT);
	node_wait(node, 20);
	assert_int_equal(life_of(node, "w2"), MEMBER_NONE);
	assert_int_equal(life_share(node, "w1").home, LIFE_SLOTS);
}

static void news_that_is_only_asked_about_changes_nothing(void **state)
{
	struct node *node = *state;
	const struct forwarding_update update = { .has_health = true, .healthy = false };
	struct life_share before;
	struct forwarding_handle handle;
	unsigned int calls = 0;

	life_apply(node, W1 ", " W2);
	before = life_share(node, "w2");
	handle = life_handle(node, 1);
	assert_int_equal(forwarding_update(node->forwarding, &handle, &update, true,
				 life_count_report, &calls),
		0);
	assert_int_equal(calls, 1);
	assert_int_equal(life_of(node, "w2"), MEMBER_UP);
	assert_int_equal(life_share(node, "w2").cur, before.cur);
}

static void assert_same_plan(void *context, const struct forwarding_effect *effect)
{
	unsigned int *calls = context;

	assert_ptr_equal(effect->before, effect->after);
	assert_int_equal(effect->pending_ms, 0);
	(*calls)++;
}

/* Ten thousand checks may say so every second: a table is not worked out for each. */
static void news_of_nothing_new_works_no_table_out(void **state)
{
	struct node *node = *state;
	const struct forwarding_update well = { .has_health = true, .healthy = true };
	struct forwarding_handle handle;
	unsigned int calls = 0;

	life_apply(node, W1 ", " W2 ", " W3);
	life_fail(node, 1);
	handle = life_handle(node, 0);
	for (int dry_run = 0; dry_run < 2; dry_run++)
		assert_int_equal(forwarding_update(node->forwarding, &handle, &well, dry_run,
					 assert_same_plan, &calls),
			0);
	assert_int_equal(calls, 2);
}

static uint64_t table_number(const struct node *node)
{
	return forwarding_plan(node->forwarding)->pools[0].table->number;
}

/* Keeps the last effect. */
static void note_effect(void *context, const struct forwarding_effect *effect)
{
	*(struct forwarding_effect *)context = *effect;
}

static struct forwarding_effect update_health(struct node *node, size_t backend, bool healthy)
{
	const struct forwarding_update update = { .has_health = true, .healthy = healthy };
	struct forwarding_handle handle = life_handle(node, backend);
	struct forwarding_effect effect = { 0 };

	assert_int_equal(
		forwarding_update(node->forwarding, &handle, &update, false, note_effect, &effect),
		0);
	return effect;
}

/* The first table is built at once, all that follows within its time by a single one. */
static void news_that_come_thick_and_fast_are_built_together(void **state)
{
	struct node *node = *state;
	struct forwarding_effect effect;
	uint64_t number;

	life_apply(node, W1 ", " W2 ", " W3);
	number = table_number(node);
	effect = update_health(node, 0, false);
	assert_ptr_not_equal(effect.before, effect.after);
	assert_int_equal(effect.pending_ms, 0);
	assert_int_equal(table_number(node), number + 1);

	effect = update_health(node, 1, false);
	assert_ptr_equal(effect.before, effect.after);
	assert_int_equal(effect.pending_ms, FORWARDING_BUILD_MS);
	assert_int_equal(life_of(node, "w2"), MEMBER_SUSPECT); /* workers know */
	update_health(node, 0, true);
	node_clock_ms += 40;
	assert_int_equal(update_health(node, 2, false).pending_ms, FORWARDING_BUILD_MS - 40);
	assert_int_equal(forwarding_build_due(node->forwarding), FORWARDING_BUILD_MS - 40);
	assert_int_equal(table_number(node), number + 1);
	assert_int_not_equal(life_share(node, "w2").cur, 0);

	node_clock_ms += FORWARDING_BUILD_MS - 40;
	assert_int_equal(forwarding_build_due(node->forwarding), FORWARDING_IDLE);
	assert_int_equal(table_number(node), number + 2);
	assert_int_equal(life_share(node, "w1").cur, LIFE_SLOTS);
	assert_int_equal(forwarding_build_due(node->forwarding), FORWARDING_IDLE);
	assert_int_equal(table_number(node), number + 2);
}

static void news_that_is_taken_back_while_it_waits_builds_nothing(void **state)
{
	struct node *node = *state;
	uint64_t number;

	life_apply(node, W1 ", " W2 ", " W3);
	update_health(node, 0, false);
	number = table_number(node);
	update_health(node, 1, false);
	update_health(node, 1, true);
	node_build(node);
	assert_int_equal(table_number(node), number);
}

static void a_change_in_between_takes_in_what_news_have_put_off(void **state)
{
	struct node *node = *state;

	life_apply(node, W1 ", " W2 ", " W3);
	update_health(node, 0, false);
	update_health(node, 1, false);
	life_apply(node, W2 ", " W3);
	assert_int_equal(life_share(node, "w3").cur, LIFE_SLOTS);
	assert_int_equal(forwarding_build_due(node->forwarding), FORWARDING_IDLE);
}

static void a_pool_that_goes_leaves_nothing_to_be_built(void **state)
{
	struct node *node = *state;

	life_apply(node, W1 ", " W2 ", " W3);
	update_health(node, 0, false);
	update_health(node, 1, false);
	node_apply(node, small_config_read("[]", "[]"));
	assert_int_equal(forwarding_build_due(node->forwarding), FORWARDING_IDLE);
}

static void a_handle_names_its_backend_until_that_has_gone(void **state)
{
	struct node *node = *state;
	const struct forwarding_update down = { .has_health = true };
	struct forwarding_handle handle, other;
	size_t pool, backend;

	life_apply(node, W1 ", " W2);
	assert_int_equal(forwarding_find(node->forwarding, "web", "w2", &handle), 0);
	assert_int_equal(forwarding_find(node->forwarding, "web", "w3", &other), -ENOENT);
	assert_int_equal(forwarding_find(node->forwarding, "other", "w2", &other), -ENOENT);
	life_apply(node, W3 ", " W2 ", " W1);
	assert_int_equal(forwarding_locate(node->forwarding, &handle, &pool, &backend), 0);
	assert_int_equal(backend, 1);
	life_apply(node, W1 ", " W3); /* it drains */
	assert_int_equal(forwarding_locate(node->forwarding, &handle, &pool, &backend), 0);
	assert_int_equal(backend, 2);
	assert_int_equal(forwarding_update(node->forwarding, &handle, &down, false, NULL, NULL), 0);
	node_wait(node, 30);
	life_apply(node, W1 ", " W3 ", {'name': 'w4', 'address': '10.2.0.4'}");
	node_wait(node, 30);
	assert_null(life_find(node, "w2"));
	life_apply(node, W1 ", " W2 ", " W3); /* as another one, perhaps by the same number */
	assert_int_equal(
		forwarding_update(node->forwarding, &handle, &down, false, NULL, NULL), -ENOENT);
	assert_int_equal(life_of(node, "w2"), MEMBER_UP);
}

/* A drain takes no new flows anyway, but its state is another. */
static void a_check_that_fails_during_a_drain_is_told_at_once(void **state)
{
	struct node *node = *state;

	life_apply(node, W1 ", " W2_DRAIN);
	life_fail(node, 1);
	assert_int_equal(life_of(node, "w2"), MEMBER_SUSPECT);
	life_pass(node, 1);
	assert_int_equal(life_of(node, "w2"), MEMBER_DRAIN);
}

/* A third is what a weight of 50 beside one of 100 comes to. */
static void a_dynamic_weight_moves_slots_and_no_flow(void **state)
{
	struct node *node = *state;
	const struct forwarding_update half = { .has_share = true, .share = FACTOR_ONE / 2 };
	struct life_share before;

	life_apply(node, W1 ", " W2);
	before = life_share(node, "w2");
	node_wait(node, 10); /* it may change no sooner */
	life_tell(node, 1, &half);
	assert_in_range(life_share(node, "w2").cur, 78, 90);
	assert_int_equal(life_share(node, "w2").home, before.home);
}

#define SLOWLY "'slow_start': {'duration_s': 40, 'steps': 4},"

static void a_backend_that_comes_to_a_running_pool_starts_slowly(void **state)
{
	struct node *node = *state;
	unsigned int last = 0;

	node_apply(node, life_config(SLOWLY, W1 ", " W2));
	assert_true(life_share(node, "w2").cur > 100); /* a pool that is new has no time for it */
	node_apply(node, life_config(SLOWLY, W1 ", " W2 ", " W3));
	for (int step = 0; step < 3; step++) {
		unsigned int cur = life_share(node, "w3").cur;

		assert_in_range(cur, last + 1, 84);
		last = cur;
		node_wait(node, step == 2 ? 20 : 14);
	}
	assert_true(life_share(node, "w3").cur > last);
	assert_in_range(life_share(node, "w3").cur, 80, 88);
	assert_false(life_find(node, "w3")->joining);
}

/* W2's check fails and seconds go by, with a sweep, while `config` has been prepared. */
static void apply_with_news_in_between(struct node *node, struct config *config)
{
	struct error error = { "" };
	struct forwarding_change *change = node_prepare(node, config, &error);

	assert_non_null(change);
	life_fail(node, 1);
	node_wait(node, 6);
	forwarding_commit(node->forwarding, change);
	config_destroy(node->config);
	node->config = config;
}

static void news_between_prepare_and_commit_is_not_lost(void **state)
{
	struct node *node = *state;

	life_apply(node, W1 ", " W2);
	apply_with_news_in_between(node, life_config("", W2 ", " W1 ", " W3));
	assert_int_equal(life_of(node, "w2"), MEMBER_SUSPECT);
	assert_int_equal(life_share(node, "w2").cur, 0);
}

static void news_is_not_lost_either_where_the_change_leaves_the_pool_alone(void **state)
{
	struct node *node = *state;

	life_apply(node, W1 ", " W2);
	apply_with_news_in_between(node, life_config("", W1 ", " W2));
	assert_int_equal(life_of(node, "w2"), MEMBER_SUSPECT);
	assert_int_equal(life_share(node, "w2").cur, 0);
	life_pass(node, 1);
	assert_int_equal(life_of(node, "w2"), MEMBER_UP);
	assert_int_not_equal(life_share(node, "w2").cur, 0);
}

static void *plan_change(void *change)
{
	forwarding_plan_change(change);
	return NULL;
}

/* W3 joins slowly, so that both threads need what the base remembers of those who have settled. */
static void news_while_another_thread_plans_a_change_is_not_lost(void **state)
{
	struct node *node = *state;
	static const struct live_terms terms = { .force = false };
	struct config *config = life_config(SLOWLY, W1 ", " W2_DRAIN ", " W3);
	struct forwarding_change *change;
	struct error error = { "" };
	pthread_t planner;

	node_apply(node, life_config(SLOWLY, W1 ", " W2));
	node_apply(node, life_config(SLOWLY, W1 ", " W2 ", " W3));
	node_wait(node, 14);
	change = forwarding_begin(node->forwarding, config, &terms, &error);
	assert_non_null(change);
	while (forwarding_take_room(node->forwarding, change, &error) == 1)
		;
	assert_int_equal(pthread_create(&planner, NULL, plan_change, change), 0);
	life_fail(node, 0);
	life_pass(node, 0);
	life_fail(node, 0);
	node_wait(node, 1);
	assert_int_equal(pthread_join(planner, NULL), 0);
	assert_int_equal(forwarding_end_plan(change, &error), 0);
	forwarding_commit(node->forwarding, change);
	config_destroy(node->config);
	node->config = config;
	assert_int_equal(life_of(node, "w2"), MEMBER_DRAIN);
	assert_int_equal(life_of(node, "w1"), MEMBER_SUSPECT);
	assert_int_equal(life_share(node, "w3").cur, LIFE_SLOTS);
}

static void copy_words(const struct node *node, uint32_t words[static LIFE_SLOTS])
{
	for (uint32_t slot = 0; slot < LIFE_SLOTS; slot++)
		words[slot] = slot_load(&life_service(node)->slots[slot]);
}

/* A slot that was given back for a moment, and taken away again, would begin to rest anew. */
static void a_commit_stores_no_table_that_news_has_overtaken(void **state)
{
	struct node *node = *state;
	const struct forwarding_update half = { .has_share = true, .share = FACTOR_ONE / 2 };
	struct config *config = life_config("", W1 ", " W2 ", " W3);
	uint32_t before[LIFE_SLOTS], after[LIFE_SLOTS];
	struct forwarding_change *change;
	struct error error = { "" };
	unsigned int kept = 0;

	life_apply(node, W1 ", " W2);
	node_wait(node, 10); /* its weight may change no sooner */
	change = node_prepare(node, config, &error);
	assert_non_null(change);
	life_tell(node, 1, &half);
	node_wait(node, 10);
	copy_words(node, before);
	forwarding_commit(node->forwarding, change);
	config_destroy(node->config);
	node->config = config;
	copy_words(node, after);
	for (uint32_t slot = 0; slot < LIFE_SLOTS; slot++) {
		if (slot_cur(before[slot]) == slot_home(before[slot]) ||
			slot_cur(before[slot]) != slot_cur(after[slot]))
			continue;
		assert_int_equal(after[slot], before[slot]);
		assert_true((after[slot] & SLOT_OBSERVE) != 0);
		kept++;
	}
	assert_true(kept > 0);
}

static void a_pool_lives_on_after_a_change_that_would_have_left_it_alone(void **state)
{
	struct node *node = *state;
	struct config *config = life_config("", W1 ", " W2);
	struct error error = { "" };
	struct forwarding_change *change;

	life_apply(node, W1 ", " W2);
	change = node_prepare(node, config, &error);
	assert_non_null(change);
	forwarding_abort(node->forwarding, change);
	config_destroy(config);
	life_fail(node, 1);
	assert_int_equal(life_of(node, "w2"), MEMBER_SUSPECT);
	life_apply(node, W1);
	assert_int_equal(life_of(node, "w2"), MEMBER_SUSPECT);
}

static struct tracking_report report_of(const struct node *node)
{
	struct tracking_report report;

	tracking_report(forwarding_tracking(node->forwarding), &report);
	return report;
}

static void nothing_is_swept_while_all_is_quiet_and_nothing_was_left(void **state)
{
	struct node *node = *state;
	struct affinity_counters counters = { 0 };
	uint64_t sweeps;

	life_apply(node, W1 ", " W2);
	node_wait(node, 6);
	sweeps = report_of(node).sweeps;
	assert_int_not_equal(sweeps, 0);
	node_wait(node, 20);
	assert_int_equal(report_of(node).sweeps, sweeps);
	life_apply(node, W1 ", " W2_DRAIN);
	life_begin_flows(node, &counters);
	life_apply(node, W1 ", " W2);
	node_wait(node, 40); /* the pins are forgotten, the slots are quiet again */
	assert_int_equal(life_share(node, "w1").tracked, 0);
	assert_int_equal(report_of(node).found[PIN_EMPTY], report_of(node).capacity);
	assert_in_range(report_of(node).sweeps, sweeps + 4, sweeps + 8);
	sweeps = report_of(node).sweeps;
	node_wait(node, 20);
	assert_in_range(report_of(node).sweeps, sweeps, sweeps + 1);
}

static void a_large_table_of_pins_is_swept_in_slices(void **state)
{
	struct node *small = *state;
	struct state_layout layout = node_layout;
	unsigned int slices = 0;
	struct node *node;

	layout.pin_buckets = 1 << 18;
	node = node_create(small->host, &layout, 1);
	life_apply(node, W1 ", " W2);
	node_clock_ms += 10000;
	forwarding_advance(node->forwarding);
	while (forwarding_go_on(node->forwarding) != FORWARDING_IDLE)
		slices += report_of(node).sweeps == 0;
	assert_int_equal(report_of(node).sweeps, 1);
	assert_true(slices > 0); /* one that is not the last */
	node_destroy(node);
}

static void the_number_of_pins_grows_and_no_flow_is_lost(void **state)
{
	struct node *node = *state;
	struct affinity_counters counters = { 0 };
	struct config *config;
	struct error error;
	uint64_t pins;

	life_apply(node, W1 ", " W2 ", " W3);
	life_apply(node, W1 ", " W2_DRAIN ", " W3);
	life_begin_flows(node, &counters);
	pins = counters.puts[PINS_PUT_PLACED];
	assert_true(pins > 60);
	config = life_config("", W1 ", " W2_DRAIN ", " W3);
	config->dataplane.pins += 60;
	node_apply(node, config);
	node_wait(node, 12);
	assert_true(report_of(node).capacity >= 4 * (config->dataplane.pins / 3));
	assert_int_equal(report_of(node).older_used, pins);
	config = life_config("", W1 ", " W2_DRAIN ", " W3);
	config->dataplane.pins += 600;
	assert_non_null(strstr(node_refusal(node, config, &error), "still under way"));
	memset(&counters, 0, sizeof(counters));
	life_begin_flows(node, &counters); /* for the second time: each finds its pin */
	assert_int_equal(counters.reasons[AFFINITY_PIN], pins);
	assert_int_equal(counters.puts[PINS_PUT_PLACED], 0);
	node_wait(node, 8); /* and their probation is not over */
	assert_int_equal(report_of(node).older_capacity, 0);
	assert_int_equal(report_of(node).capacity - report_of(node).found[PIN_EMPTY], pins);
	memset(&counters, 0, sizeof(counters));
	life_begin_flows(node, &counters);
	assert_int_equal(counters.reasons[AFFINITY_PIN], pins);
}

/* ---- a table of pins that is large: what the event loop does of it is short -------------------
 */

#define MANY_PINS (UINT64_C(1) << 21)

static uint64_t state_bytes(const struct node *node)
{
	char path[64];
	struct stat status;

	assert_int_equal(stat(node_state_path(node, path), &status), 0);
	return status.st_blocks * UINT64_C(512);
}

/* But for what the file system notes of its own. */
static bool has_given_back(const struct node *node, uint64_t before)
{
	return state_bytes(node) < before + MANY_PINS;
}

/* Up to where its table of pins gets its space; `config` is borrowed. */
static struct forwarding_change *begin_to_grow(struct node *node, struct config *config)
{
	static const struct live_terms terms = { .force = false };
	struct forwarding_change *change;
	struct error error = { "" };

	config->dataplane.pins += MANY_PINS;
	change = forwarding_begin(node->forwarding, config, &terms, &error);
	assert_non_null(change);
	while (forwarding_take_room(node->forwarding, change, &error) == 1)
		;
	return change;
}

/* In another thread, while the event loop has its turns. */
static void plan_beside_turns(struct node *node, struct forwarding_change *change)
{
	pthread_t planner;

	assert_int_equal(pthread_create(&planner, NULL, plan_change, change), 0);
	for (int i = 0; i < 20; i++) {
		forwarding_advance(node->forwarding);
		while (forwarding_go_on(node->forwarding) != FORWARDING_IDLE)
			;
	}
	assert_int_equal(pthread_join(planner, NULL), 0);
}

/* Turns of the loop until nothing is left to be done. */
static unsigned int count_turns(struct node *node)
{
	unsigned int turns = 1;

	while (forwarding_go_on(node->forwarding) != FORWARDING_IDLE)
		turns++;
	return turns;
}

static void a_large_table_of_pins_gets_its_space_beside_the_loop(void **state)
{
	struct node *node = *state;
	struct config *config = life_config("", W1 ", " W2);
	uint64_t bytes = MANY_PINS * sizeof(uint64_t), before;
	struct forwarding_change *change;
	struct error error = { "" };

	life_apply(node, W1 ", " W2);
	before = state_bytes(node);
	change = begin_to_grow(node, config);
	assert_true(has_given_back(node, before)); /* it has not begun */
	plan_beside_turns(node, change);
	assert_int_equal(forwarding_end_plan(change, &error), 0);
	assert_true(state_bytes(node) >= before + bytes);
	forwarding_abort(node->forwarding, change);
	assert_true(state_bytes(node) >= before + bytes); /* given back by turns */
	assert_true(count_turns(node) > 1);
	assert_true(has_given_back(node, before));
	config->dataplane.pins -= MANY_PINS;
	change = begin_to_grow(node, config);
	plan_beside_turns(node, change);
	assert_int_equal(forwarding_end_plan(change, &error), 0);
	forwarding_commit(node->forwarding, change);
	config_destroy(node->config);
	node->config = config;
	node_wait(node, 12); /* and the table of before goes, too */
	assert_true(report_of(node).capacity >= MANY_PINS);
	assert_int_equal(report_of(node).older_capacity, 0);
}

static void a_table_of_pins_that_finds_no_room_is_refused(void **state)
{
	struct node *node = *state;
	struct config *config = life_config("", W1 ", " W2);
	struct rlimit before, limit;
	struct forwarding_change *change;
	struct error error = { "" };
	uint64_t bytes;
	char path[64];
	struct stat status;

	life_apply(node, W1 ", " W2);
	bytes = state_bytes(node);
	change = begin_to_grow(node, config);
	assert_int_equal(stat(node_state_path(node, path), &status), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = before;
	limit.rlim_cur = status.st_size + MANY_PINS * sizeof(uint64_t) / 2;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	plan_beside_turns(node, change);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	signal(SIGXFSZ, SIG_DFL);
	assert_int_equal(forwarding_end_plan(change, &error), -EFBIG);
	assert_non_null(strstr(error.message, "dataplane.pins: there is no room for another"));
	forwarding_abort(node->forwarding, change);
	assert_true(has_given_back(node, bytes));
	config_destroy(config);
}

static void a_table_of_pins_is_given_up_when_the_process_ends(void **state)
{
	struct node *node = *state;
	struct config *config = life_config("", W1 ", " W2);
	struct forwarding_change *change;
	struct error error = { "" };
	uint64_t bytes;

	life_apply(node, W1 ", " W2);
	bytes = state_bytes(node);
	change = begin_to_grow(node, config);
	forwarding_end_filling(node->forwarding);
	plan_beside_turns(node, change);
	assert_int_equal(forwarding_end_plan(change, &error), -ECANCELED);
	assert_string_equal(error.message, "sluiced is stopping");
	forwarding_abort(node->forwarding, change);
	assert_true(has_given_back(node, bytes));
	config_destroy(config);
}

static void a_pin_goes_with_its_backend(void **state)
{
	struct node *node = *state;
	struct affinity_counters counters = { 0 };
	struct tracking_report report;
	const struct live_terms now = { .now = true };

	life_apply(node, W1 ", " W2);
	life_apply(node, W1 ", " W2_DRAIN);
	life_begin_flows(node, &counters);
	assert_int_equal(counters.puts[PINS_PUT_PLACED], life_share(node, "w2").home);
	node_wait(node, 6);
	tracking_report(forwarding_tracking(node->forwarding), &report);
	assert_int_equal(report.found[PIN_PROBATION], life_share(node, "w2").home);
	node_apply_by(node, life_config("", W2), &now); /* where the pins are is gone */
	node_wait(node, 6);
	tracking_report(forwarding_tracking(node->forwarding), &report);
	assert_int_equal(report.found[PIN_EMPTY], report.capacity);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, life_open, life_close)
	const struct CMUnitTest tests[] = {
		TEST(a_new_pool_is_quiet),
		TEST(a_draining_backend_keeps_its_flows_and_takes_no_new_ones),
		TEST(a_drain_ends_at_its_deadline),
		TEST(a_drain_that_goes_on_keeps_its_deadline),
		TEST(a_drain_that_is_asked_for_by_name_gets_its_end_anew),
		TEST(a_deadline_for_one_backend_leaves_the_drains_of_others_alone),
		TEST(cutting_one_backend_off_leaves_others_that_were_removed_draining),
		TEST(a_removed_backend_drains_and_then_goes),
		TEST(a_removed_backend_is_cut_off_where_that_is_asked_for),
		TEST(a_removed_backend_that_is_added_again_has_its_flows),
		TEST(slots_of_a_new_backend_come_to_rest),
		TEST(a_failed_check_takes_new_flows_away_and_a_return_brings_them_back),
		TEST(flows_that_are_to_move_do_not_wait_for_a_failed_backend),
		TEST(workers_know_whose_flows_are_to_move),
		TEST(a_check_that_fails_for_long_is_a_death),
		TEST(a_removed_backend_that_dies_while_it_drains_is_gone),
		TEST(news_that_is_only_asked_about_changes_nothing),
		TEST(news_of_nothing_new_works_no_table_out),
		TEST(news_that_come_thick_and_fast_are_built_together),
		TEST(news_that_is_taken_back_while_it_waits_builds_nothing),
		TEST(a_change_in_between_takes_in_what_news_have_put_off),
		TEST(a_pool_that_goes_leaves_nothing_to_be_built),
		TEST(a_handle_names_its_backend_until_that_has_gone),
		TEST(a_check_that_fails_during_a_drain_is_told_at_once),
		TEST(a_dynamic_weight_moves_slots_and_no_flow),
		TEST(a_backend_that_comes_to_a_running_pool_starts_slowly),
		TEST(news_between_prepare_and_commit_is_not_lost),
		TEST(news_while_another_thread_plans_a_change_is_not_lost),
		TEST(news_is_not_lost_either_where_the_change_leaves_the_pool_alone),
		TEST(a_commit_stores_no_table_that_news_has_overtaken),
		TEST(a_pool_lives_on_after_a_change_that_would_have_left_it_alone),
		TEST(nothing_is_swept_while_all_is_quiet_and_nothing_was_left),
		TEST(a_large_table_of_pins_is_swept_in_slices),
		TEST(the_number_of_pins_grows_and_no_flow_is_lost),
		TEST(a_large_table_of_pins_gets_its_space_beside_the_loop),
		TEST(a_table_of_pins_that_finds_no_room_is_refused),
		TEST(a_table_of_pins_is_given_up_when_the_process_ends),
		TEST(a_pin_goes_with_its_backend),
	};

	return cmocka_run_group_tests_name(
		"forwarding_life", tests, node_host_start, node_host_stop);
}
