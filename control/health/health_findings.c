/* SPDX-License-Identifier: BSD-3-Clause */
#include "health/health_known.h"

#include <string.h>

#include "common/clock.h"
#include "common/events.h"
#include "config/config_health.h"

#define EVENTS_MOST 200 /* of backends in a second */

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

/*
 * When a rack fails, each backend of it would have a line, and push all else out of the events that
 * are kept: from EVENTS_MOST in a second on they are counted (health_publish_rest()).
 */
static bool may_publish(struct health *health, const struct checker_change *change)
{
	if (health->published++ < EVENTS_MOST)
		return true;
	health->unpublished[change->state.status]++;
	return false;
}

void health_publish_rest(struct health *health)
{
	const uint32_t *count = health->unpublished;

	if (count[HEALTH_UP] + count[HEALTH_DOWN] + count[HEALTH_INITIAL] != 0)
		events_publish(EVENT(HEALTH, WARNING, NODE, NULL, .cause = "check"),
			"and %u further backends came to be down, %u to be up, in a second: "
			"sluicectl health says which",
			count[HEALTH_DOWN], count[HEALTH_UP]);
	memset(health->unpublished, 0, sizeof(health->unpublished));
	health->published = 0;
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

static void note_status(struct health *health, struct checked_backend *backend,
	const struct checker_change *change, uint64_t now_ms)
{
	struct checked_pool *pool = &health->pools[backend->pool];
	uint32_t up = pool->up;
	int moved = (change->state.status == HEALTH_UP) - (change->before == HEALTH_UP);

	pool->up += moved;
	health->up += moved;
	backend->silent_ms = 0;
	if (change->before == HEALTH_UP && change->state.status == HEALTH_DOWN)
		health_note_fall(health, backend, change, up, now_ms);
}

bool health_asks(const struct config_pool *pool)
{
	return config_health_checks(pool->health) &&
	       (pool->health->agent || pool->health->weight_header);
}

/* Of the weight of its pool, in millionths; never for nothing. */
static uint64_t part_of(
	const struct health *health, const struct checked_backend *backend, uint64_t share)
{
	uint64_t whole = health->pools[backend->pool].weight;

	return share * backend->weight * 1000000 / FACTOR_ONE / (whole == 0 ? 1 : whole) + 1;
}

static bool take(struct health *health, const struct checked_backend *backend, uint64_t share,
	uint64_t now_ms)
{
	const struct config_pool *config = &health->config->pools[backend->pool];

	return agent_budget_take(&health->pools[backend->pool].budget,
		part_of(health, backend, share), config->max_disruption_percent, now_ms);
}

static void follow_share(
	struct health *health, uint32_t gid, struct checked_backend *backend, uint64_t now_ms)
{
	const struct forwarding_handle handle = { gid, backend->generation };
	const struct forwarding_update update = {
		.has_share = true,
		.share = backend->wish.share,
		.gathers = true,
	};
	uint64_t moved = update.share > backend->share ? update.share - backend->share
						       : backend->share - update.share;

	if (moved == 0 || !take(health, backend, moved, now_ms))
		return;
	if (forwarding_update(health->context.forwarding, &handle, &update, false, NULL, NULL) == 0)
		backend->share = update.share;
}

static void keep_rest(struct health *health, uint32_t gid, const struct agent_rest *rest)
{
	struct state_health *row = state_health_row(health->context.state, gid);

	state_rows_begin(health->context.state);
	row->asked = (rest->rests ? HEALTH_ASKED_REST : 0) | (rest->is_off ? HEALTH_ASKED_OFF : 0);
	state_rows_end(health->context.state);
}

void health_follow_wish(struct health *health, uint32_t gid, uint64_t now_ms)
{
	struct checked_backend *backend = health->backends[gid];

	if (!health_asks(&health->config->pools[backend->pool]))
		return;
	if (agent_rest_follow(&backend->rest, &backend->wish, now_ms)) {
		keep_rest(health, gid, &backend->rest);
		health_mark_dirty(health, backend->pool);
	}
	follow_share(health, gid, backend, now_ms);
}

void health_forget_wish(struct health *health, uint32_t gid)
{
	struct checked_backend *backend = health->backends[gid];
	const struct forwarding_handle handle = { gid, backend->generation };
	const struct forwarding_update update = {
		.has_share = true,
		.share = FACTOR_ONE,
		.gathers = true,
	};

	if (!backend->is_asked)
		return;
	backend->is_asked = backend->has_said = backend->is_senseless = false;
	backend->said = (struct agent_words){ .word = PROBE_WORD_NONE };
	backend->wish = (struct agent_wish){ .share = FACTOR_ONE };
	backend->rest = (struct agent_rest){ .rests = false };
	keep_rest(health, gid, &backend->rest);
	if (backend->share != FACTOR_ONE)
		forwarding_update(health->context.forwarding, &handle, &update, false, NULL, NULL);
	backend->share = FACTOR_ONE;
}

static void note_words(struct health *health, struct checked_backend *backend,
	const struct checker_change *change, uint64_t now_ms)
{
	if (!change->result.passed || !health_asks(&health->config->pools[backend->pool]))
		return;
	backend->is_asked = backend->has_said = true;
	backend->said = agent_words_of(&change->result);
	backend->wish = agent_read(&backend->said, backend->weight);
	backend->is_senseless = change->result.is_senseless;
	health_follow_wish(health, change->number, now_ms);
}

/* It failed, and in another way than by silence. */
static bool has_answered_ill(const struct checker_change *change)
{
	return !change->result.passed && change->result.reason != PROBE_LOCAL &&
	       !probe_reason_is_silence(change->result.reason);
}

static void follow_change(
	struct health *health, const struct checker_change *change, uint64_t now_ms)
{
	struct checked_backend *backend;

	if (doubt_follow(health->doubt, change, now_ms))
		return;
	backend = health->backends[change->number];
	if (backend == NULL || backend->generation != change->generation)
		return;           /* it has gone meanwhile */
	if (!backend->has_result) /* the first round of the pool may be over by that */
		health_mark_dirty(health, backend->pool);
	backend->has_result = true;
	backend->state = change->state;
	if (backend->silent_ms != 0 && has_answered_ill(change)) {
		backend->silent_ms = 0; /* it can be reached, and counts as it is */
		health_mark_dirty(health, backend->pool);
	}
	if (change->before != change->state.status) {
		note_status(health, backend, change, now_ms);
		keep_change(health, change);
		if (may_publish(health, change))
			publish_change(health, backend, change);
		health_mark_dirty(health, backend->pool);
	}
	note_words(health, backend, change, now_ms);
}

/* From the event loop. */
void health_on_change(void *context)
{
	struct health *health = context;
	struct checker_change change;
	uint64_t now_ms = clock_ms();

	while (checker_take(health->checker, &change))
		follow_change(health, &change, now_ms);
	health_follow_doubt(health, now_ms);
	health_follow_decisions(health);
}
