/* SPDX-License-Identifier: BSD-3-Clause */
/* How a backend is updated. The table of its pool follows by forwarding_build.c. */
#include <errno.h>
#include <stdlib.h>

#include "forwarding/forwarding_advance.h"
#include "forwarding/forwarding_build.h"
#include "forwarding/forwarding_losses.h"

static void apply(
	struct live_backend *backend, const struct forwarding_update *update, uint64_t now_ms)
{
	if (update->has_health && backend->facts.healthy != update->healthy) {
		backend->facts.healthy = update->healthy;
		backend->facts.health_s = now_ms / 1000;
	}
	if (update->has_rest)
		backend->facts.rests = update->rests;
	if (update->ends && live_backend_is_removed(backend))
		backend->facts.wish = MEMBERSHIP_REMOVED;
	if (update->has_instance)
		backend->facts.instance = update->instance;
	if (update->has_share)
		backend->asked_share = update->share;
}

/* How it will be once the last change of its dynamic weight is long enough ago. */
static void reach_share(struct live_backend *backend, uint64_t now_ms)
{
	backend->dynamic.changed_ms = now_ms - FACTOR_DYNAMIC_INTERVAL_MS;
	backend->dynamic = factor_follow(backend->dynamic, backend->asked_share, now_ms);
}

static struct forwarding_share describe_share(
	const struct live_backend *before, const struct live_backend *next, uint64_t now_ms)
{
	uint64_t since_ms = now_ms - before->dynamic.changed_ms;
	struct live_backend reached = *next;
	struct forwarding_share share = { .before = before->dynamic.factor };

	reach_share(&reached, now_ms);
	share.after = reached.dynamic.factor;
	if (share.after != share.before && since_ms < FACTOR_DYNAMIC_INTERVAL_MS)
		share.in_ms = FACTOR_DYNAMIC_INTERVAL_MS - since_ms;
	return share;
}

/* A report that is under way: the effect so far, and the function that it is for. */
struct reporting {
	struct forwarding_effect effect;
	forwarding_report_t *report;
	void *context;
};

/* As forwarding_report_t: adds the plans. */
static void report_plans(void *context, const struct forwarding_effect *plans)
{
	struct reporting *reporting = context;

	reporting->effect.before = plans->before;
	reporting->effect.after = plans->after;
	reporting->report(reporting->context, &reporting->effect);
}

static void report_nothing(const struct forwarding *forwarding, size_t pool, uint32_t pending_ms,
	struct reporting *reporting)
{
	const struct plan_pool *plan = &forwarding->plan->pools[pool];
	const struct forwarding_effect effect = { .before = plan, .after = plan };

	reporting->effect.pending_ms = pending_ms;
	if (reporting->report != NULL)
		report_plans(reporting, &effect);
}

/* What the pool's table would be. */
static int preview_table(const struct forwarding *forwarding, size_t pool, size_t backend,
	const struct live_backend *next, uint64_t now_ms, struct reporting *reporting)
{
	const struct plan_pool *plan = &forwarding->plan->pools[pool];
	struct plan_share *shares = forwarding_list_shares(forwarding, pool, next, backend, now_ms);
	struct forwarding_effect effect = { .before = plan };
	struct plan_pool next_plan;
	int code = -ENOMEM;

	if (shares != NULL)
		code = plan_pool_follow(forwarding->planner, plan, shares, &next_plan);
	free(shares);
	if (code != 0)
		return code;
	effect.after = &next_plan;
	if (reporting->report != NULL)
		report_plans(reporting, &effect);
	plan_pool_destroy(&next_plan);
	return 0;
}

static int update_backend(struct forwarding *forwarding, size_t pool, size_t backend,
	const struct forwarding_update *update, const struct live_backend *next, uint64_t now_ms,
	struct reporting *reporting)
{
	bool differs = forwarding_share_differs(forwarding, pool, backend, next, now_ms);
	forwarding_report_t *report = reporting->report == NULL ? NULL : report_plans;
	struct live_pool *live = forwarding->pools[pool].live;

	forwarding_install_backend(forwarding, pool, backend, next);
	if (!differs) {
		report_nothing(forwarding, pool, 0, reporting);
		return 0;
	}
	if (!update->gathers && !build_queue_is_busy(live, now_ms)) {
		/* no slot is promoted by this whose flows may have gone unobserved until now */
		tracking_tick(forwarding->tracking, now_ms, forwarding->with_udp);
		if (forwarding_follow_shares(forwarding, pool, now_ms, report, reporting) == 0)
			return 0;
	}
	report_nothing(
		forwarding, pool, build_queue_add(forwarding->queue, live, now_ms), reporting);
	return 0;
}

static int preview_update(const struct forwarding *forwarding, size_t pool, size_t backend,
	struct live_backend *next, uint64_t now_ms, struct reporting *reporting)
{
	reach_share(next, now_ms);
	/* without a table yet, there is nothing to compare with */
	if (forwarding->plan->pools[pool].table != NULL &&
		forwarding_share_differs(forwarding, pool, backend, next, now_ms))
		return preview_table(forwarding, pool, backend, next, now_ms, reporting);
	report_nothing(forwarding, pool, 0, reporting);
	return 0;
}

/* What an update is, for all the places that a backend has. */
struct updating {
	const struct forwarding_update *update;
	bool dry_run;
	forwarding_report_t *report;
	void *context;
	uint64_t now_ms;
};

static int update_place(
	struct forwarding *forwarding, const struct updating *updating, size_t pool, size_t backend)
{
	const struct forwarding_update *update = updating->update;
	uint64_t now_ms = updating->now_ms;
	struct reporting reporting = { .report = updating->report, .context = updating->context };
	const struct live_backend *before = &forwarding->pools[pool].backends[backend];
	struct live_backend next;
	struct impact *lost = NULL;
	int code;

	reporting.effect.pool = pool;
	next = *before;
	apply(&next, update, now_ms);
	reporting.effect.share = describe_share(before, &next, now_ms);
	reporting.effect.weight = before->weight;
	live_backend_go_on(&next, config_options_of(forwarding->config, pool, backend), now_ms);
	if (updating->report != NULL) /* it looks at all slots of the pool */
		lost = forwarding_find_loss(forwarding, pool, backend, &next, now_ms / 1000);
	reporting.effect.impact = lost;
	code = updating->dry_run
		       ? preview_update(forwarding, pool, backend, &next, now_ms, &reporting)
		       : update_backend(
				 forwarding, pool, backend, update, &next, now_ms, &reporting);
	impact_destroy(lost);
	return code;
}

int forwarding_update(struct forwarding *forwarding, const struct forwarding_handle *handle,
	const struct forwarding_update *update, bool dry_run, forwarding_report_t *report,
	void *context)
{
	const struct updating updating = { update, dry_run, report, context, forwarding->clock() };
	size_t pool, backend, count;
	int code;

	if (forwarding_locate(forwarding, handle, &pool, &backend) != 0)
		return -ENOENT;
	code = update_place(forwarding, &updating, pool, backend);
	count = update->alone ? 0 : forwarding_count_uses(forwarding, pool);
	for (size_t i = 0; code == 0 && i < count; i++) {
		struct forwarding_place place;

		if (forwarding_find_use(forwarding, pool, backend, i, &place) == 0)
			code = update_place(forwarding, &updating, place.pool, place.backend);
	}
	return code;
}
