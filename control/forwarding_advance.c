/* SPDX-License-Identifier: BSD-3-Clause */
/* How time and checks change what is live, with the configuration as it is. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "forwarding_live.h"
#include "log.h"

#define RATE_MS 900 /* of the timer's second */

void forwarding_install_backend(
	struct forwarding *forwarding, size_t number, size_t place, const struct live_backend *next)
{
	struct member_pool *pool = &forwarding->pools[number];
	struct live_backend *backend = &pool->backends[place];

	if (next->life.state != backend->life.state)
		log_info("backend %s/%s is %s, was %s", pool->name, next->name,
			member_state_name(next->life.state),
			member_state_name(backend->life.state));
	if (!live_backend_lives_alike(backend, next)) {
		*backend = *next;
		forwarding_write_backend(forwarding, pool->live, backend);
	}
	tracking_store(forwarding->tracking, backend->gid, &backend->life);
}

static void measure_rate(
	struct forwarding *forwarding, struct live_backend *backend, uint64_t elapsed_ms)
{
	struct counter sum;

	if (!live_backend_drains(backend)) {
		backend->packets_seen = backend->packet_rate = 0;
		return;
	}
	forwarding_sum(forwarding, forwarding_backend_place(forwarding, backend->gid), &sum);
	if (backend->packets_seen != 0)
		backend->packet_rate = (sum.packets - backend->packets_seen) * 1000 / elapsed_ms;
	backend->packets_seen = sum.packets;
}

/* Of those that drain: an operator waits for them to fall silent. */
static void measure_rates(struct forwarding *forwarding, struct member_pool *pool, uint64_t now_ms)
{
	uint64_t elapsed_ms = now_ms - pool->live->rated_ms;

	if (elapsed_ms < RATE_MS)
		return;
	pool->live->rated_ms = now_ms;
	for (size_t i = 0; i < pool->backend_count; i++)
		measure_rate(forwarding, &pool->backends[i], elapsed_ms);
}

void forwarding_advance_pool(struct forwarding *forwarding, size_t number, uint64_t now_ms)
{
	struct member_pool *pool = &forwarding->pools[number];

	for (size_t i = 0; i < pool->backend_count; i++) {
		struct live_backend next = pool->backends[i];

		live_backend_go_on(&next, &forwarding->config->pools[number], now_ms);
		forwarding_install_backend(forwarding, number, i, &next);
	}
	forwarding_follow_shares(forwarding, number, now_ms, NULL, NULL);
	measure_rates(forwarding, pool, now_ms);
}

/* Whether nothing but its row speaks of the backend any more. */
static bool has_gone(const struct live_backend *backend, const bool *named)
{
	return live_backend_is_removed(backend) && backend->life.state == MEMBER_DEAD &&
	       !named[backend->index];
}

void forwarding_release_gone(struct forwarding *forwarding, size_t number)
{
	struct member_pool *pool = &forwarding->pools[number];
	bool named[SLOT_NO_BACKEND + 1] = { false };
	size_t kept = pool->configured_count;

	if (forwarding->changing || pool->backend_count == pool->configured_count)
		return;
	live_pool_find_named(pool->live, named);
	for (size_t i = pool->configured_count; i < pool->backend_count; i++) {
		if (has_gone(&pool->backends[i], named))
			forwarding_retire_backend(forwarding, pool->live, &pool->backends[i]);
		else
			pool->backends[kept++] = pool->backends[i];
	}
	pool->backend_count = kept;
	forwarding_place_backends(forwarding, number);
}
