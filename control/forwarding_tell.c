/* SPDX-License-Identifier: BSD-3-Clause */
/* How news of backends are taken in. Their tables follow by forwarding_build.c. */
#include <errno.h>
#include <stdlib.h>

#include "forwarding_live.h"

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

static void report_nothing(const struct forwarding *forwarding, size_t pool, uint32_t pending_ms,
	forwarding_report_t *report, void *context)
{
	const struct plan_pool *plan = &forwarding->plan->pools[pool];
	const struct forwarding_told told = { plan, plan, pending_ms };

	if (report != NULL)
		report(context, &told);
}

/* What the pool's table would be. */
static int foresee(const struct forwarding *forwarding, size_t pool, size_t backend,
	const struct live_backend *next, uint64_t now_ms, forwarding_report_t *report,
	void *context)
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
	if (report != NULL)
		report(context, &told);
	plan_pool_destroy(&foreseen);
	return 0;
}

int forwarding_tell(struct forwarding *forwarding, const struct forwarding_handle *handle,
	const struct forwarding_news *news, bool dry_run, forwarding_report_t *report,
	void *context)
{
	uint64_t now_ms = forwarding->clock();
	struct live_backend next;
	size_t pool, backend;
	uint32_t pending_ms;
	bool differs;

	if (forwarding_locate(forwarding, handle, &pool, &backend) != 0)
		return -ENOENT;
	next = forwarding->pools[pool].backends[backend];
	take_in(&next, news, now_ms);
	live_backend_go_on(&next, &forwarding->config->pools[pool], now_ms);
	differs = forwarding_share_differs(forwarding, pool, backend, &next, now_ms);
	if (dry_run && differs)
		return foresee(forwarding, pool, backend, &next, now_ms, report, context);
	if (!dry_run)
		forwarding_install_backend(forwarding, pool, backend, &next);
	if (!differs) {
		report_nothing(forwarding, pool, 0, report, context);
		return 0;
	}
	if (!forwarding_is_busy(forwarding, pool, now_ms)) {
		/* no slot is promoted by this whose flows may have gone unrecorded until now */
		tracking_tick(forwarding->tracking, now_ms, forwarding->with_udp);
		if (forwarding_follow_shares(forwarding, pool, now_ms, report, context) == 0)
			return 0;
	}
	pending_ms = forwarding_make_dirty(forwarding, pool, now_ms);
	report_nothing(forwarding, pool, pending_ms, report, context);
	return 0;
}
