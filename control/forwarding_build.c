/* SPDX-License-Identifier: BSD-3-Clause */
/* How the table of a pool follows the shares of its backends, with the configuration as it is. */
#include <stdlib.h>

#include "forwarding_live.h"

struct plan_share *forwarding_list_shares(const struct forwarding *forwarding, size_t number,
	const struct live_backend *other, size_t place, uint64_t now_ms)
{
	const struct member_pool *pool = &forwarding->pools[number];
	struct plan_share *shares = calloc(pool->configured_count + 1, sizeof(*shares));

	for (size_t i = 0; shares != NULL && i < pool->configured_count; i++)
		shares[i] =
			live_backend_share(other != NULL && i == place ? other : &pool->backends[i],
				&forwarding->config->pools[number], now_ms);
	return shares;
}

bool forwarding_shares_differ(const struct plan_pool *plan, const struct plan_share *shares)
{
	for (size_t i = 0; i < plan->backend_count; i++)
		if (plan->seats[i].share != shares[i].share ||
			plan->seats[i].joining != shares[i].joining)
			return true;
	return false;
}

void forwarding_install_table(
	struct forwarding *forwarding, size_t number, const struct plan_pool *next)
{
	plan_replace_pool(forwarding->plan, number, next);
	forwarding_store_table(
		forwarding, &forwarding->pools[number], &forwarding->plan->pools[number]);
}

/* What tells of a plan is to be true of it, also where that moves nothing. */
static void note_holds(struct plan_pool *plan, const struct plan_share *shares)
{
	for (size_t i = 0; i < plan->backend_count; i++)
		plan->seats[i].holds = shares[i].holds;
}

/* Makes the plan of a pool one for those shares. 0 or -ENOMEM. */
static int follow(struct forwarding *forwarding, size_t number, const struct plan_share *shares)
{
	struct plan_pool *plan = &forwarding->plan->pools[number];
	struct plan_pool next;
	int code;

	note_holds(plan, shares);
	if (!forwarding_shares_differ(plan, shares))
		return 0;
	code = plan_pool_follow(forwarding->planner, plan, shares, &next);
	if (code == 0)
		plan_replace_pool(forwarding->plan, number, &next);
	return code;
}

void forwarding_follow_shares(struct forwarding *forwarding, size_t number, uint64_t now_ms)
{
	struct member_pool *pool = &forwarding->pools[number];
	const struct plan_pool *plan = &forwarding->plan->pools[number];
	struct plan_share *shares = forwarding_list_shares(forwarding, number, NULL, 0, now_ms);

	if (shares != NULL && follow(forwarding, number, shares) == 0 &&
		pool->live->table_number != plan->table->number)
		forwarding_store_table(forwarding, pool, plan);
	else if (!live_pool_is_quiet(pool->live))
		forwarding_advance_slots(forwarding, pool);
	free(shares);
}
