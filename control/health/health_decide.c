/* SPDX-License-Identifier: BSD-3-Clause */
#include "health/health_known.h"

#include <event2/event.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/events.h"
#include "config/config_health.h"

#define BACKENDS_PER_MS 100 /* that decisions may look at, on average */

struct checked_backend *health_find_backend(
	const struct health *health, size_t pool, size_t backend)
{
	struct forwarding_handle handle;

	handle = forwarding_handle_of(health->context.forwarding, pool, backend);
	return health->backends[handle.gid];
}

static enum health_status overridden(enum health_override override, enum health_status status)
{
	if (override == HEALTH_OVERRIDE_NONE)
		return status;
	return override == HEALTH_OVERRIDE_UP ? HEALTH_UP : HEALTH_DOWN;
}

/* In a pool with checks. */
static enum health_status checked_status(
	const struct health *health, const struct checked_backend *backend)
{
	if (health_is_doubted(health, backend))
		return HEALTH_UP;
	if (backend->state.status == HEALTH_UP && backend->rest.is_off)
		return HEALTH_DOWN;
	/* takes new flows only where no other can */
	if (backend->state.status == HEALTH_UP && backend->rest.rests)
		return HEALTH_INITIAL;
	return backend->state.status;
}

/* By its check, unless an operator has said otherwise. */
enum health_status health_status_of(
	const struct health *health, const struct checked_backend *backend)
{
	bool is_checked = health->pools[backend->pool].is_checked;

	return overridden(
		backend->override, is_checked ? checked_status(health, backend) : HEALTH_UP);
}

/* The part of a derived pool that a backend is of. */
const struct config_pool_part *health_find_part(const struct config_pool *config, size_t index)
{
	const struct config_pool_part *part = config->parts;

	while (index - part->first_backend >= part->backend_count)
		part++;
	return part;
}

/* Turns of a service, without those that no pool has. */
static uint8_t group_of(const struct config_pool *config, uint16_t turn)
{
	bool has[SERVING_GROUPS_MAX] = { false };
	uint8_t group = 0;

	for (size_t i = 0; i < config->part_count; i++)
		has[config->parts[i].part.backup] = true;
	for (uint16_t i = 0; i < turn; i++)
		group += has[i];
	return group;
}

/* As in its own pool, with its turn; a pool without a weight takes no part. */
static struct serving_backend describe_place(const struct health *health, size_t pool, size_t index)
{
	const struct config_pool *config = &health->config->pools[pool];
	const struct config_pool_part *part = health_find_part(config, index);
	struct serving_backend serving =
		health_serving_backend(health, part->part.pool, index - part->first_backend);

	serving.active = serving.active && part->part.weight != 0;
	serving.group = group_of(config, part->part.backup);
	return serving;
}

struct serving_backend health_serving_backend(
	const struct health *health, size_t pool, size_t index)
{
	const struct config_backend *config = &health->config->pools[pool].backends[index];
	const struct checked_backend *backend = health_find_backend(health, pool, index);
	struct serving_backend serving = {
		.active = config->state == CONFIG_BACKEND_ACTIVE && config->weight != 0,
		.status = HEALTH_UP,
		.zone = ZONES_NONE,
		.weight = config->weight,
	};

	if (backend == NULL)
		return serving;
	serving.status = health_status_of(health, backend);
	serving.zone = backend->zone;
	return serving;
}

/* Forwarding builds the pool's table once, after the last of these. */
static void apply_verdict(struct health *health, size_t pool, size_t index,
	const struct live_backend *live, enum serving_verdict verdict, bool alone)
{
	const struct forwarding_update update = {
		.has_health = true,
		.healthy = verdict != SERVING_FAILED,
		.has_rest = true,
		.rests = verdict == SERVING_RESTS,
		.gathers = true,
		.alone = alone,
	};
	struct forwarding_handle handle;

	if (live->facts.healthy == update.healthy && live->facts.rests == update.rests)
		return;
	handle = forwarding_handle_of(health->context.forwarding, pool, index);
	forwarding_update(health->context.forwarding, &handle, &update, false, NULL, NULL);
}

static void apply_verdicts(
	struct health *health, size_t pool, const enum serving_verdict *verdicts, size_t count)
{
	size_t live_count;

	for (size_t i = 0; i < count; i++) {
		const struct live_backend *live =
			forwarding_backends(health->context.forwarding, pool, &live_count);

		apply_verdict(health, pool, i, &live[i], verdicts[i], true);
	}
}

/* What is removed and still has flows: its check decides how long they stay there. */
static void settle_going(struct health *health, size_t pool, size_t configured)
{
	size_t count;

	forwarding_backends(health->context.forwarding, pool, &count);
	for (size_t i = configured; i < count; i++) {
		const struct live_backend *live =
			forwarding_backends(health->context.forwarding, pool, &count);
		const struct checked_backend *backend = health_find_backend(health, pool, i);
		bool is_down = backend != NULL && health_status_of(health, backend) == HEALTH_DOWN;

		apply_verdict(health, pool, i, &live[i], is_down ? SERVING_FAILED : SERVING_SERVES,
			false);
	}
}

static bool is_as_usual(enum serving_mode mode)
{
	return mode == SERVING_MODE_NORMAL || mode == SERVING_MODE_EMPTY;
}

/* The mode of a pool that is only a part of derived pools decides nothing: theirs do. */
static bool is_used_by_itself(const struct config *config, size_t pool)
{
	for (size_t i = 0; i < config->service_count; i++) {
		const struct config_service *service = &config->services[i];

		if (service->pool == pool)
			return true;
		for (size_t k = 0; k < service->split_count; k++)
			if (service->splits[k].pool == pool)
				return true;
	}
	return false;
}

static void publish_mode(
	const struct health *health, size_t pool, enum event_level level, const char *sentence)
{
	const char *name = health->config->pools[pool].name;

	if (!is_used_by_itself(health->config, pool))
		return;
	events_publish(&(const struct event_about){ .kind = EVENT_KIND_HEALTH,
			       .level = level,
			       .object = EVENT_OBJECT_POOL,
			       .name = name },
		"pool %s: %s", name, sentence);
}

static void note_mode(struct health *health, size_t pool, const struct serving_policy *policy,
	const struct serving_outcome *outcome)
{
	struct checked_pool *checked = &health->pools[pool];
	char sentence[SERVING_SENTENCE_SIZE];

	serving_describe(policy, outcome, sentence);
	if (!checked->is_decided || checked->outcome.mode != outcome->mode ||
		checked->outcome.group != outcome->group)
		checked->mode_since_ms =
			checked->is_decided || !is_as_usual(outcome->mode) ? clock_wall_ms() : 0;
	checked->is_decided = true;
	if (checked->outcome.mode == outcome->mode && checked->outcome.group == outcome->group)
		; /* nothing new */
	else if (!is_as_usual(outcome->mode))
		publish_mode(health, pool, EVENT_LEVEL_WARNING, sentence);
	else if (!is_as_usual(checked->outcome.mode))
		publish_mode(health, pool, EVENT_LEVEL_INFO, sentence);
	checked->outcome = *outcome;
}

/* A backup says when it steps in; of several with one turn the first does. */
static void order_groups(const struct config_pool *config, struct serving_policy *policy,
	struct config_threshold group_below[static SERVING_GROUPS_MAX])
{
	for (size_t i = config->part_count; i-- > 0;) {
		const struct config_service_pool *part = &config->parts[i].part;
		uint8_t group = group_of(config, part->backup);

		if (group != 0)
			group_below[group - 1] = part->below;
		if (group >= policy->group_count)
			policy->group_count = group + 1;
	}
	policy->group_below = group_below;
}

/* To be freed by the caller; NULL: no memory. */
struct health_decision *health_decide(const struct health *health, size_t pool)
{
	const struct config_pool *config = &health->config->pools[pool];
	size_t count = config->backend_count;
	struct health_decision *decision =
		calloc(1, sizeof(*decision) + count * sizeof(decision->verdicts[0]));
	struct serving_backend *backends = calloc(count + 1, sizeof(*backends));

	if (decision == NULL || backends == NULL) {
		free(decision);
		free(backends);
		return NULL;
	}
	for (size_t i = 0; i < count; i++) {
		backends[i] = health_is_derived(health, pool)
				      ? describe_place(health, pool, i)
				      : health_serving_backend(health, pool, i);
		decision->by_status[backends[i].status] += backends[i].active;
	}
	decision->policy = serving_policy_of(config, health->zones);
	order_groups(config, &decision->policy, decision->group_below);
	decision->count = count;
	decision->outcome = serving_decide(&decision->policy, backends, count, decision->verdicts);
	free(backends);
	return decision;
}

static void count_backends(
	struct health *health, size_t pool, const struct health_decision *decision)
{
	struct checked_pool *checked = &health->pools[pool];

	memcpy(checked->by_status, decision->by_status, sizeof(checked->by_status));
	checked->overridden = checked->senseless = 0;
	for (size_t i = 0; i < decision->count; i++) {
		const struct checked_backend *backend = health_find_backend(health, pool, i);

		if (backend == NULL)
			continue;
		checked->overridden += backend->override != HEALTH_OVERRIDE_NONE;
		checked->senseless += backend->is_senseless;
	}
}

static void follow_decision(struct health *health, size_t pool)
{
	struct health_decision *decision = health_decide(health, pool);

	if (decision == NULL)
		return; /* another try in a second */
	apply_verdicts(health, pool, decision->verdicts, decision->count);
	if (!health_is_derived(health, pool)) /* in all their places */
		settle_going(health, pool, decision->count);
	note_mode(health, pool, &decision->policy, &decision->outcome);
	count_backends(health, pool, decision);
	health->pools[pool].is_dirty = false;
	health->pools[pool].decided_ms = clock_ms();
	free(decision);
}

/* Whether the backends of a pool that began together have not all been probed once. */
static bool is_in_first_round(struct health *health, size_t pool, uint64_t now_ms)
{
	const struct config_pool *config = &health->config->pools[pool];
	struct checked_pool *checked = &health->pools[pool];

	for (size_t i = 0; i < config->part_count; i++)
		if (is_in_first_round(health, config->parts[i].part.pool, now_ms))
			return true;
	if (checked->first_until_ms == 0)
		return false;
	for (size_t i = 0; i < config->backend_count && now_ms < checked->first_until_ms; i++) {
		const struct checked_backend *backend = health_find_backend(health, pool, i);

		if (backend != NULL && backend->is_put && !backend->has_result)
			return true;
	}
	checked->first_until_ms = 0;
	return false;
}

/*
 * A decision looks at all backends of its pool, so that one of many backends is decided about once
 * in a while, however many of them change: 10,000 backends once in 100 ms.
 */
static uint64_t wait_ms(const struct health *health, size_t pool, uint64_t now_ms)
{
	uint64_t apart_ms = health->config->pools[pool].backend_count / BACKENDS_PER_MS;
	uint64_t since_ms = now_ms - health->pools[pool].decided_ms;

	return since_ms >= apart_ms ? 0 : apart_ms - since_ms;
}

static void come_back(struct health *health, uint64_t in_ms)
{
	const struct timeval delay = { (time_t)(in_ms / 1000), (suseconds_t)(in_ms % 1000 * 1000) };

	event_add(health->decide_timer, &delay);
}

void health_follow_decisions(struct health *health)
{
	uint64_t now_ms = clock_ms(), soonest_ms = UINT64_MAX;

	if (health->doubt != NULL && doubt_is_asking(health->doubt)) {
		come_back(health, doubt_wait_ms(health->doubt, now_ms));
		return;
	}
	for (size_t i = 0; i < health->pool_count; i++) {
		uint64_t in_ms;

		if (!health->pools[i].is_dirty || is_in_first_round(health, i, now_ms))
			continue;
		in_ms = wait_ms(health, i, now_ms);
		if (in_ms == 0)
			follow_decision(health, i);
		else if (in_ms < soonest_ms)
			soonest_ms = in_ms;
	}
	if (soonest_ms != UINT64_MAX)
		come_back(health, soonest_ms);
}

/* What an earlier process knew, with what the backend asked for. */
static enum health_status kept_status(const struct state_health *row)
{
	if (row->status == HEALTH_UP && (row->asked & HEALTH_ASKED_OFF) != 0)
		return HEALTH_DOWN;
	if (row->status == HEALTH_UP && (row->asked & HEALTH_ASKED_REST) != 0)
		return HEALTH_INITIAL;
	return row->status;
}

/*
 * Of a backend that may come into force in another zone or state, or with other checks: as far as
 * it is known to this process or was to the one before it.
 */
static enum health_status foresee_status(const struct health *health,
	const struct config_pool *config, const struct live_backend *live)
{
	const struct state_health *row = state_health_row(health->context.state, live->gid);
	const struct checked_backend *known = health->backends[live->gid];
	bool is_checked = config_health_checks(config->health);

	if (live->before == NULL)
		return is_checked ? HEALTH_INITIAL : HEALTH_UP;
	if (known == NULL)
		return overridden(row->override, is_checked ? kept_status(row) : HEALTH_UP);
	return overridden(known->override, is_checked ? checked_status(health, known) : HEALTH_UP);
}

/* Whether what is found in the pool is not applied yet. */
static bool is_undecided(struct health *health, const struct forwarding_foreseen *pool)
{
	size_t count = pool->config->pools[pool->pool].backend_count;

	if (doubt_is_asking(health->doubt))
		return true;
	for (size_t i = 0; i < count; i++) {
		const struct live_backend *live = &pool->backends[i];

		if (live->before != NULL && health->backends[live->gid] != NULL)
			return is_in_first_round(
				health, health->backends[live->gid]->pool, clock_ms());
	}
	return false;
}

/* The same of a place in a derived pool: what is known of the backend in its own pool. */
static enum health_status foresee_place_status(
	const struct health *health, const struct config_pool *written, size_t index)
{
	bool is_checked = config_health_checks(written->health);
	const struct checked_backend *known = NULL;
	struct forwarding_handle handle;

	if (forwarding_find(health->context.forwarding, written->name,
		    written->backends[index].name, &handle) == 0)
		known = health->backends[handle.gid];
	if (known == NULL)
		return is_checked ? HEALTH_INITIAL : HEALTH_UP;
	return overridden(known->override, is_checked ? checked_status(health, known) : HEALTH_UP);
}

static struct serving_backend foresee_backend(
	const struct health *health, const struct forwarding_foreseen *pool, size_t index)
{
	const struct config_pool *config = &pool->config->pools[pool->pool];
	const struct config_backend *backend = &config->backends[index];
	struct serving_backend serving = {
		.active = backend->state == CONFIG_BACKEND_ACTIVE && backend->weight != 0,
		.zone = zones_find(pool->zones, backend->zone),
		.weight = backend->weight,
	};
	const struct config_pool_part *part;

	if (config->part_count == 0) {
		serving.status = foresee_status(health, config, &pool->backends[index]);
		return serving;
	}
	part = health_find_part(config, index);
	serving.status = foresee_place_status(
		health, &pool->config->pools[part->part.pool], index - part->first_backend);
	serving.active = serving.active && part->part.weight != 0;
	serving.group = group_of(config, part->part.backup);
	return serving;
}

/* As forwarding_foresee_t. */
bool health_foresee(
	void *context, const struct forwarding_foreseen *pool, enum serving_verdict *verdicts)
{
	const struct config_pool *config = &pool->config->pools[pool->pool];
	struct serving_policy policy = serving_policy_of(config, pool->zones);
	struct config_threshold group_below[SERVING_GROUPS_MAX] = { 0 };
	struct serving_backend *backends;
	struct health *health = context;

	if (is_undecided(health, pool))
		return false;
	backends = calloc(config->backend_count + 1, sizeof(*backends));
	if (backends == NULL)
		return false;
	for (size_t i = 0; i < config->backend_count; i++)
		backends[i] = foresee_backend(health, pool, i);
	order_groups(config, &policy, group_below);
	serving_decide(&policy, backends, config->backend_count, verdicts);
	free(backends);
	return true;
}

void health_mark_dirty(struct health *health, size_t pool)
{
	const struct config_pool *config = &health->config->pools[pool];

	health->pools[pool].is_dirty = true;
	for (size_t i = 0; i < config->use_count; i++)
		health->pools[config->uses[i].pool].is_dirty = true;
}
