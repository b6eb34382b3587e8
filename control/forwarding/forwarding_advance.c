/* SPDX-License-Identifier: BSD-3-Clause */
#include "forwarding/forwarding_advance.h"

#include <inttypes.h>

#include "base/plural.h"
#include "common/events.h"
#include "forwarding/forwarding_build.h"
#include "pool/live_rows.h"

static enum event_kind classify_life(
	const struct live_backend *before, const struct live_backend *next)
{
	enum member_state from = before->life.state, to = next->life.state;

	if (!next->facts.healthy || from == MEMBER_SUSPECT || from == MEMBER_ABSENT)
		return EVENT_KIND_HEALTH;
	return from == MEMBER_DRAIN || to == MEMBER_DRAIN ? EVENT_KIND_DRAIN : EVENT_KIND_BACKEND;
}

/* NULL where the state does not say. */
static const char *cause_of_life(const struct live_backend *before, const struct live_backend *next)
{
	enum member_state from = before->life.state, to = next->life.state;

	switch (classify_life(before, next)) {
	case EVENT_KIND_HEALTH: return to == MEMBER_ABSENT || to == MEMBER_DEAD ? "time" : "check";
	case EVENT_KIND_DRAIN: return from == MEMBER_DRAIN && to == MEMBER_DEAD ? "deadline" : NULL;
	default: return NULL;
	}
}

/* By what it does to new flows: it may be up and take none, or be down and take them. */
static bool is_told_by_flows(const struct live_backend *backend)
{
	return backend->life.state == MEMBER_UP || live_backend_rests(backend);
}

static const char *describe_life(const struct live_backend *backend)
{
	if (backend->life.state == MEMBER_UP)
		return "new flows";
	if (live_backend_rests(backend))
		return "no new flows";
	return live_backend_drains(backend) ? "draining" : live_backend_life_name(backend);
}

bool forwarding_publish_life(const struct pool_state *pool, const struct live_backend *before,
	const struct live_backend *next)
{
	if (next->life.state == before->life.state)
		return false;
	events_publish(
		&(struct event_about){
			.kind = classify_life(before, next),
			.object = EVENT_OBJECT_BACKEND,
			.name = pool->name,
			.backend = next->name,
			.cause = cause_of_life(before, next),
		},
		"backend %s/%s %s %s, %s %s before", pool->name, next->name,
		is_told_by_flows(next) ? "takes" : "is", describe_life(next),
		is_told_by_flows(before) ? "took" : "was", describe_life(before));
	return true;
}

/* The flows that a drain has not seen out are lost at its end, and an operator is to know. */
static void publish_cut(const struct forwarding *forwarding, const struct pool_state *pool,
	const struct live_backend *before, const struct live_backend *next)
{
	uint64_t flows;

	if (!live_backend_drains(before) || !member_state_is_final(next->life.state) ||
		!tracking_flows_left(forwarding->tracking, before->gid, &flows) || flows == 0)
		return;
	events_publish(EVENT(DRAIN, WARNING, BACKEND, pool->name, .backend = next->name,
			       .cause = "deadline"),
		"backend %s/%s: its drain has ended and cut off about %" PRIu64 " flow%s",
		pool->name, next->name, flows, plural(flows));
}

void forwarding_install_backend(
	struct forwarding *forwarding, size_t number, size_t index, const struct live_backend *next)
{
	struct pool_state *pool = &forwarding->pools[number];
	struct live_backend *backend = &pool->backends[index];

	if (forwarding_publish_life(pool, backend, next))
		publish_cut(forwarding, pool, backend, next);
	if (!live_backend_lives_alike(backend, next)) {
		*backend = *next;
		live_rows_write_backend(pool->live, backend,
			counter_baselines_of_backend(forwarding->baselines, backend->gid));
	}
	tracking_store(forwarding->tracking, backend->gid, &backend->life);
}

void forwarding_advance_pool(struct forwarding *forwarding, size_t number, uint64_t now_ms)
{
	struct pool_state *pool = &forwarding->pools[number];

	for (size_t i = 0; i < pool->backend_count; i++) {
		struct live_backend next = pool->backends[i];

		live_backend_go_on(&next, config_options_of(forwarding->config, number, i), now_ms);
		forwarding_install_backend(forwarding, number, i, &next);
	}
	/* the first table since a restart has its turn (turns.c): it takes milliseconds */
	if (forwarding->plan->pools[number].table == NULL)
		build_queue_add(forwarding->queue, pool->live, now_ms);
	else
		forwarding_follow_shares(forwarding, number, now_ms, NULL, NULL);
}

void forwarding_retire_backend(
	struct forwarding *forwarding, struct live_pool *live, const struct live_backend *backend)
{
	gid_table_leave(forwarding->gids, backend->gid);
	live_numbers_retire_backend(forwarding->numbers, live, backend);
}

/* Whether nothing but its row speaks of the backend any more. */
static bool has_gone(const struct live_backend *backend, const bool *named)
{
	return live_backend_is_removed(backend) && backend->life.state == MEMBER_DEAD &&
	       !named[backend->index];
}

void forwarding_release_gone(struct forwarding *forwarding, size_t number)
{
	struct pool_state *pool = &forwarding->pools[number];
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
	forwarding_index_backends(forwarding, number);
}
