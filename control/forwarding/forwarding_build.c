/* SPDX-License-Identifier: BSD-3-Clause */
#include "forwarding/forwarding_build.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/events.h"
#include "impact/plan_compare.h"
#include "base/plural.h"

#define NAMED_MAX 2 /* in an event */

struct plan_share *forwarding_list_shares(const struct forwarding *forwarding, size_t number,
	const struct live_backend *other, size_t index, uint64_t now_ms)
{
	const struct pool_state *pool = &forwarding->pools[number];
	struct plan_share *shares = calloc(pool->configured_count + 1, sizeof(*shares));

	for (size_t i = 0; shares != NULL && i < pool->configured_count; i++)
		shares[i] =
			live_backend_share(other != NULL && i == index ? other : &pool->backends[i],
				config_options_of(forwarding->config, number, i), now_ms);
	return shares;
}

static bool seat_differs(const struct plan_seat *seat, const struct plan_share *share)
{
	return seat->share != share->share || seat->joining != share->joining;
}

bool forwarding_share_differs(const struct forwarding *forwarding, size_t number, size_t index,
	const struct live_backend *backend, uint64_t now_ms)
{
	const struct plan_pool *plan = &forwarding->plan->pools[number];
	struct plan_share share;

	if (index >= plan->backend_count)
		return false; /* it is configured no more and has no seat */
	share = live_backend_share(
		backend, config_options_of(forwarding->config, number, index), now_ms);
	return seat_differs(&plan->seats[index], &share);
}

static bool shares_differ(const struct plan_pool *plan, const struct plan_share *shares)
{
	for (size_t i = 0; i < plan->backend_count; i++)
		if (seat_differs(&plan->seats[i], &shares[i]))
			return true;
	return false;
}

/* Reports of a plan are to be true of it, also where no slot moves. */
static void note_holds(struct plan_pool *plan, const struct plan_share *shares)
{
	for (size_t i = 0; i < plan->backend_count; i++)
		plan->seats[i].holds = shares[i].holds;
}

static int describe_seat(
	const struct plan_seat *before, const struct plan_seat *after, char *text, size_t size)
{
	if (after->share == 0)
		return snprintf(text, size, "%s has none", after->name);
	if (before->share == 0)
		return snprintf(text, size, "%s gets slots", after->name);
	return snprintf(
		text, size, "%s at %.0f %%", after->name, 100.0 * after->share / FACTOR_ONE);
}

/* "w3 has none, w4 gets slots and 12 others": a backend may be well and have none. */
static void describe(
	const struct plan_pool *before, const struct plan_pool *after, char *text, size_t size)
{
	size_t used = 0, count = 0;

	text[0] = '\0';
	for (size_t i = 0; i < after->backend_count; i++) {
		if (before->seats[i].share == after->seats[i].share || count++ >= NAMED_MAX)
			continue;
		if (count > 1)
			used += snprintf(text + used, size - used, ", ");
		used += describe_seat(
			&before->seats[i], &after->seats[i], text + used, size - used);
	}
	if (count > NAMED_MAX)
		snprintf(text + used, size - used, " and %zu other%s", count - NAMED_MAX,
			count == NAMED_MAX + 1 ? "" : "s");
}

/* Each move of slots has an event, whatever caused it. */
static void publish_move(const struct plan_pool *before, const struct plan_pool *after)
{
	char why[NAMED_MAX * (CONFIG_MEMBER_SIZE + 16) + 32];
	uint32_t moved = plan_slots_moved(before, after);

	if (moved == 0)
		return;
	describe(before, after, why, sizeof(why));
	events_publish(EVENT(PUBLISH, INFO, POOL, after->name, .cause = why,
			       .move = { moved, after->slots, after->digest }),
		"pool %s: moved %u of %u slots: %s", after->name, moved, after->slots, why);
}

static void report_plans(const struct plan_pool *before, const struct plan_pool *after,
	forwarding_report_t *report, void *context)
{
	const struct forwarding_effect effect = { .before = before, .after = after };

	if (report != NULL)
		report(context, &effect);
	else if (before != after)
		publish_move(before, after);
}

/* The first table of a pool that goes on from another process. 0 or -errno. */
static int build_first(
	struct forwarding *forwarding, size_t number, const struct plan_share *shares)
{
	struct plan_pool *plan = &forwarding->plan->pools[number];
	int code;

	plan_pool_set_shares(plan, shares);
	code = plan_pool_build(forwarding->planner, plan);
	plan_sum_digests(forwarding->plan);
	return code;
}

/* Makes the plan of a pool one for those shares. 0 or -errno. */
static int follow(struct forwarding *forwarding, size_t number, const struct plan_share *shares,
	uint64_t now_ms, forwarding_report_t *report, void *context)
{
	struct plan_pool *plan = &forwarding->plan->pools[number];
	struct plan_pool next;
	int code;

	if (plan->table == NULL) {
		code = build_first(forwarding, number, shares);
		if (code == 0) /* an event says what moves: there was no previous table */
			report_plans(plan, plan, report, context);
		return code;
	}
	note_holds(plan, shares);
	if (!shares_differ(plan, shares)) {
		report_plans(plan, plan, report, context);
		return 0;
	}
	code = plan_pool_follow(forwarding->planner, plan, shares, &next);
	if (code != 0)
		return code;
	report_plans(plan, &next, report, context);
	plan_replace_pool(forwarding->plan, number, &next);
	forwarding->pools[number].live->built_ms = now_ms;
	return 0;
}

/* What has changed since the restart is in no report, so an event says it. */
static void store_first(
	struct forwarding *forwarding, const struct live_slots *slots, const struct plan_pool *plan)
{
	uint32_t moved = live_slots_store(
		slots, plan->table, forwarding->tracking, forwarding_now_s(forwarding));
	size_t pools, left = forwarding_unbuilt(forwarding, &pools);

	if (moved != 0)
		events_publish(EVENT(PUBLISH, INFO, POOL, plan->name, .cause = "restart",
				       .move = { moved, plan->slots, plan->digest }),
			"pool %s: moved %u of %u slots: it has changed since the restart",
			plan->name, moved, plan->slots);
	if (left == 0)
		events_publish(EVENT(NODE, INFO, NODE, NULL, .cause = "restart"),
			"the tables of %zu pool%s are rebuilt: table digest %016lx", pools,
			plural(pools), (unsigned long)forwarding->plan->digest);
}

int forwarding_follow_shares(struct forwarding *forwarding, size_t number, uint64_t now_ms,
	forwarding_report_t *report, void *context)
{
	const struct plan_pool *plan = &forwarding->plan->pools[number];
	const struct live_slots slots = forwarding_slots(forwarding, number);
	struct plan_share *shares = forwarding_list_shares(forwarding, number, NULL, 0, now_ms);
	uint32_t now_s = forwarding_now_s(forwarding);
	bool is_first = plan->table == NULL;
	int code = -ENOMEM;

	if (shares != NULL)
		code = follow(forwarding, number, shares, now_ms, report, context);
	free(shares);
	if (code == 0)
		build_queue_remove(forwarding->queue, slots.pool);
	if (code == 0 && is_first)
		store_first(forwarding, &slots, plan);
	else if (code == 0 && slots.pool->table_number != plan->table->number)
		live_slots_store(&slots, plan->table, forwarding->tracking, now_s);
	else if (!live_pool_is_quiet(slots.pool))
		live_slots_advance(&slots, forwarding->tracking, now_s);
	return code;
}

size_t forwarding_unbuilt(const struct forwarding *forwarding, size_t *pools)
{
	size_t count = 0;

	*pools = forwarding->plan == NULL ? 0 : forwarding->plan->pool_count;
	for (size_t i = 0; i < *pools; i++)
		count += forwarding->plan->pools[i].table == NULL;
	return count;
}

#define NO_POOL SIZE_MAX

/* The queued pool whose last table is the oldest; its number, or NO_POOL. */
static size_t find_oldest(const struct forwarding *forwarding)
{
	size_t oldest = NO_POOL;

	if (build_queue_is_empty(forwarding->queue))
		return NO_POOL;
	for (size_t i = 0; i < forwarding->pool_count; i++) {
		const struct live_pool *live = forwarding->pools[i].live;

		if (live->is_dirty &&
			(oldest == NO_POOL ||
				live->built_ms < forwarding->pools[oldest].live->built_ms))
			oldest = i;
	}
	return oldest;
}

static uint32_t next_due(const struct forwarding *forwarding, uint64_t now_ms)
{
	size_t oldest = find_oldest(forwarding);

	return oldest == NO_POOL ? FORWARDING_IDLE
				 : build_queue_wait_ms(forwarding->pools[oldest].live, now_ms);
}

uint32_t forwarding_build_due(struct forwarding *forwarding)
{
	uint64_t now_ms = forwarding->clock();
	size_t oldest = find_oldest(forwarding);

	if (oldest == NO_POOL || build_queue_wait_ms(forwarding->pools[oldest].live, now_ms) != 0)
		return next_due(forwarding, now_ms);
	tracking_tick(forwarding->tracking, now_ms, forwarding->with_udp);
	if (forwarding_follow_shares(forwarding, oldest, now_ms, NULL, NULL) != 0)
		forwarding->pools[oldest].live->built_ms = now_ms; /* another try, but later */
	return next_due(forwarding, now_ms);
}
