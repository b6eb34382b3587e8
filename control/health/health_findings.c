/* SPDX-License-Identifier: BSD-3-Clause */
#include "health/health_known.h"

#include <string.h>

#include "common/clock.h"
#include "common/events.h"
#include "config/config_health.h"

static void keep_change(struct health *health, const struct checker_change *change)
{
	const struct health_change kept = {
		.time_ms = change->time_ms,
		.duration_us = change->result.duration_us,
		.detail = change->result.detail,
		.reason = change->result.reason,
		.status = change->state.status,
	};

	state_rows_begin(health->context.state);
	health_row_add(state_health_row(health->context.state, change->number), &kept);
	state_rows_end(health->context.state);
}

static void publish_change(const struct health *health, const struct checked_backend *backend,
	const struct checker_change *change)
{
	const char *pool = health->config->pools[backend->pool].name;
	const char *name = backend->target.name + strlen(pool) + 1;
	const char *before = health_status_name(change->before);
	const char *status = health_status_name(change->state.status);

	if (change->state.status == HEALTH_DOWN)
		events_publish(
			EVENT(HEALTH, WARNING, BACKEND, pool, .backend = name, .cause = "check"),
			"backend %s is %s, was %s: %s", backend->target.name, status, before,
			change->result.sentence);
	else
		events_publish(
			EVENT(HEALTH, INFO, BACKEND, pool, .backend = name, .cause = "check"),
			"backend %s is %s, was %s: %s", backend->target.name, status, before,
			change->result.sentence);
}

/* Where more than half of the pool has failed at once, the node suspects itself first. */
static void note_status(struct health *health, struct checked_backend *backend,
	const struct checker_change *change, uint64_t now_ms)
{
	struct checked_pool *pool = &health->pools[backend->pool];
	const struct config_health *settings = health->config->pools[backend->pool].health;
	uint32_t up = pool->up;

	backend->changed_ms = now_ms;
	pool->up += (change->state.status == HEALTH_UP) - (change->before == HEALTH_UP);
	if (change->before == HEALTH_UP && change->state.status == HEALTH_DOWN &&
		settings != NULL &&
		suspicion_arises(
			&pool->suspicion, up, settings->interval_ms + settings->timeout_ms, now_ms))
		doubt_raise(health->doubt, pool->suspicion.since_ms, now_ms);
}

/* Applies the share that it asks for, if what all of the pool may shift allows it now. */
static void follow_share(struct health *health, uint32_t gid, uint64_t now_ms)
{
	struct checked_backend *backend = health->backends[gid];
	struct checked_pool *pool = &health->pools[backend->pool];
	const struct config_pool *config = &health->config->pools[backend->pool];
	const struct forwarding_handle handle = { gid, backend->generation };
	const struct forwarding_update update = {
		.has_share = true,
		.share = backend->wish.share,
		.gathers = true,
	};
	uint64_t moved = backend->wish.share > backend->share
				 ? backend->wish.share - backend->share
				 : backend->share - backend->wish.share;
	uint64_t part = moved * backend->weight * 1000000 / FACTOR_ONE /
			(pool->weight == 0 ? 1 : pool->weight);

	if (moved == 0 ||
		!agent_budget_take(&pool->budget, part, config->max_disruption_percent, now_ms))
		return;
	if (forwarding_update(health->context.forwarding, &handle, &update, false, NULL, NULL) == 0)
		backend->share = backend->wish.share;
}

void health_follow_wish(struct health *health, uint32_t gid, uint64_t now_ms)
{
	struct checked_backend *backend = health->backends[gid];

	if (agent_rest_follow(&backend->rest, &backend->wish, now_ms))
		health_mark_dirty(health, backend->pool);
	follow_share(health, gid, now_ms);
}

/* Only those pools whose checks ask for it have anything of it in their results. */
static void note_wish(struct checked_backend *backend, const struct checker_change *change)
{
	if (change->result.passed) {
		backend->wish = agent_read(&change->result, backend->weight);
		backend->is_senseless = change->result.is_senseless;
	}
}

static void follow_change(
	struct health *health, const struct checker_change *change, uint64_t now_ms)
{
	struct checked_backend *backend;

	if (doubt_follow(health->doubt, change, now_ms))
		return;
	backend = health->backends[change->number];
	if (backend == NULL || backend->generation != change->generation)
		return; /* it has gone meanwhile */
	backend->has_result = true;
	backend->state = change->state;
	if (change->before != change->state.status) {
		note_status(health, backend, change, now_ms);
		keep_change(health, change);
		publish_change(health, backend, change);
	}
	note_wish(backend, change);
	health_follow_wish(health, change->number, now_ms);
	health_mark_dirty(health, backend->pool);
}

/* From the event loop. */
void health_on_change(void *context)
{
	struct health *health = context;
	struct checker_change change;
	uint64_t now_ms = clock_ms(), doubted_ms = doubt_since(health->doubt);

	while (checker_take(health->checker, &change))
		follow_change(health, &change, now_ms);
	if (doubt_since(health->doubt) != doubted_ms)
		health_mark_all_dirty(health);
	health_follow_decisions(health);
}
