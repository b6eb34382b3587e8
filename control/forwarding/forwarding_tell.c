/* SPDX-License-Identifier: BSD-3-Clause */
/* How news of backends are taken in. Their tables follow by forwarding_build.c. */
#include <errno.h>
#include <stdlib.h>

#include "forwarding/forwarding_advance.h"
#include "forwarding/forwarding_build.h"
#include "forwarding/forwarding_losses.h"

static void take_in(
	struct live_backend *backend, const struct forwarding_news *news, uint64_t now_ms)
{
	if (news->has_health && backend->facts.healthy != news->healthy) {
		backend->facts.healthy = news->healthy;
		backend->facts.health_s = now_ms / 1000;
	}
	if (news->ends && live_backend_is_removed(backend))
		backend->facts.wish = MEMBERSHIP_REMOVED;
	if (news->has_instance)
		backend->facts.instance = news->instance;
	if (news->has_share)
		backend->asked_share = news->share;
}

/* How it will be once the last change of its dynamic weight is long enough ago. */
static void settle_share(struct live_backend *backend, uint64_t now_ms)
{
	backend->dynamic.changed_ms = now_ms - FACTOR_DYNAMIC_INTERVAL_MS;
	backend->dynamic = factor_follow(backend->dynamic, backend->asked_share, now_ms);
}

static struct forwarding_share describe_share(
	const struct live_backend *before, const struct live_backend *next, uint64_t now_ms)
{
	uint64_t since_ms = now_ms - before->dynamic.changed_ms;
	struct live_backend settled = *next;
	struct forwarding_share share = { .before = before->dynamic.factor };

	settle_share(&settled, now_ms);
	share.after = settled.dynamic.factor;
	if (share.after != share.before && since_ms < FACTOR_DYNAMIC_INTERVAL_MS)
		share.in_ms = FACTOR_DYNAMIC_INTERVAL_MS - since_ms;
	return share;
}

/* A report that is under way: what is in `told` so far, and who wants it. */
struct telling {
	struct forwarding_told told;
	forwarding_report_t *report;
	void *context;
};

/* As forwarding_report_t: adds the plans. */
static void tell_plans(void *context, const struct forwarding_told *plans)
{
	struct telling *telling = context;

	telling->told.before = plans->before;
	telling->told.after = plans->after;
	telling->report(telling->context, &telling->told);
}

static void report_nothing(const struct forwarding *forwarding, size_t pool, uint32_t pending_ms,
	struct telling *telling)
{
	const struct plan_pool *plan = &forwarding->plan->pools[pool];
	const struct forwarding_told told = { .before = plan, .after = plan };

	telling->told.pending_ms = pending_ms;
	if (telling->report != NULL)
		tell_plans(telling, &told);
}

/* What the pool's table would be. */
static int foresee(const struct forwarding *forwarding, size_t pool, size_t backend,
	const struct live_backend *next, uint64_t now_ms, struct telling *telling)
{
	const struct plan_pool *plan = &forwarding->plan->pools[pool];
	struct plan_share *shares = forwarding_list_shares(forwarding, pool, next, backend, now_ms);
	struct forwarding_told told = { .before = plan };
	struct plan_pool foreseen;
	int code = -ENOMEM;

	if (shares != NULL)
		code = plan_pool_follow(forwarding->planner, plan, shares, &foreseen);
	free(shares);
	if (code != 0)
		return code;
	told.after = &foreseen;
	if (telling->report != NULL)
		tell_plans(telling, &told);
	plan_pool_destroy(&foreseen);
	return 0;
}

static int tell_of(struct forwarding *forwarding, size_t pool, size_t backend,
	const struct live_backend *next, uint64_t now_ms, struct telling *telling)
{
	bool differs = forwarding_share_differs(forwarding, pool, backend, next, now_ms);
	forwarding_report_t *report = telling->report == NULL ? NULL : tell_plans;
	struct live_pool *live = forwarding->pools[pool].live;

	forwarding_install_backend(forwarding, pool, backend, next);
	if (!differs) {
		report_nothing(forwarding, pool, 0, telling);
		return 0;
	}
	if (!build_queue_is_busy(live, now_ms)) {
		/* no slot is promoted by this whose flows may have gone unrecorded until now */
		tracking_tick(forwarding->tracking, now_ms, forwarding->with_udp);
		if (forwarding_follow_shares(forwarding, pool, now_ms, report, telling) == 0)
			return 0;
	}
	report_nothing(forwarding, pool, build_queue_add(forwarding->queue, live, now_ms), telling);
	return 0;
}

static int only_say(const struct forwarding *forwarding, size_t pool, size_t backend,
	struct live_backend *next, uint64_t now_ms, struct telling *telling)
{
	settle_share(next, now_ms);
	/* without a table yet, nothing can be foreseen */
	if (forwarding->plan->pools[pool].table != NULL &&
		forwarding_share_differs(forwarding, pool, backend, next, now_ms))
		return foresee(forwarding, pool, backend, next, now_ms, telling);
	report_nothing(forwarding, pool, 0, telling);
	return 0;
}

int forwarding_tell(struct forwarding *forwarding, const struct forwarding_handle *handle,
	const struct forwarding_news *news, bool dry_run, forwarding_report_t *report,
	void *context)
{
	uint64_t now_ms = forwarding->clock();
	struct telling telling = { .report = report, .context = context };
	const struct live_backend *before;
	struct live_backend next;
	size_t pool, backend;
	struct impact *lost;
	int code;

	if (forwarding_locate(forwarding, handle, &pool, &backend) != 0)
		return -ENOENT;
	before = &forwarding->pools[pool].backends[backend];
	next = *before;
	take_in(&next, news, now_ms);
	telling.told.share = describe_share(before, &next, now_ms);
	telling.told.weight = before->weight;
	live_backend_go_on(&next, &forwarding->config->pools[pool], now_ms);
	lost = forwarding_find_loss(forwarding, pool, backend, &next, now_ms / 1000);
	telling.told.impact = lost;
	code = dry_run ? only_say(forwarding, pool, backend, &next, now_ms, &telling)
		       : tell_of(forwarding, pool, backend, &next, now_ms, &telling);
	impact_destroy(lost);
	return code;
}
