/* SPDX-License-Identifier: BSD-3-Clause */
#include "health/health.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/events.h"
#include "config/config_health.h"
#include "health/agent.h"
#include "health/doubt.h"
#include "health/suspicion.h"
#include "health/target.h"
#include "health/ways.h"
#include "json/lookup.h"
#include "plan/serving.h"
#include "plan/zones.h"

#define FIRST_ROUND_MS 250 /* that a first probe may take beyond its timeout */

/* A backend for as long as it has its gid. */
struct checked_backend {
	uint32_t generation;
	size_t pool; /* its number in the configuration in force */
	uint16_t weight;
	bool is_seen;
	bool is_put;                  /* to the checker */
	struct checker_target target; /* as it was put; without a reference of its own */
	bool has_result;              /* of this process */
	struct check_state state;
	uint64_t changed_ms; /* when that came to its status; 0: before this process */
	enum health_override override;
	struct agent_wish wish; /* what it asks for */
	bool is_senseless;      /* or what nobody can read */
	uint32_t share;         /* that forwarding has been told of */
};

struct checked_pool {
	bool is_checked;
	bool has_detour, said_detour; /* probes go directly, because they cannot go to the VIP */
	bool is_dirty;                /* who serves is to be decided again */
	/*
	 * Its backends all began together, so that what is found is applied together, or the first
	 * to answer would get all flows: once all have a result, or at this time. 0: it is over.
	 */
	uint64_t first_until_ms;
	struct serving_outcome outcome; /* of the last decision */
	bool is_decided;                /* there was one */
	int64_t mode_since_ms;          /* CLOCK_REALTIME, of its mode; 0: there was no other */
	uint32_t by_status[HEALTH_STATUS_COUNT]; /* active backends at the last decision */
	uint32_t overridden, senseless;          /* backends, likewise */
	uint32_t up;                             /* of its backends, by their checks */
	uint64_t weight;                         /* of all of them */
	struct suspicion suspicion;
	struct agent_budget budget;
};

struct health {
	struct health_context context;
	struct checker *checker;
	struct doubt *doubt;
	struct ways *ways;
	int ways_code;         /* of the last ways_look() */
	struct config *config; /* in force; a reference */
	size_t *services;      /* of it: config_health_services() */
	struct zones *zones;   /* of it */
	struct checked_pool *pools;
	size_t pool_count;
	struct checked_backend *backends[CHECKER_BACKENDS_MAX]; /* by gid */
};

static void on_change(void *context);
static bool foresee(
	void *context, const struct forwarding_foreseen *pool, enum serving_verdict *verdicts);

static int64_t wall_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct health *health_create(const struct health_context *context, struct error *error)
{
	struct health *health = calloc(1, sizeof(*health));

	if (health == NULL) {
		error_set(error, -ENOMEM, "out of memory");
		return NULL;
	}
	health->context = *context;
	if (!context->checks)
		return health;
	health->ways = ways_create(context->ports, context->port_count);
	if (health->ways == NULL)
		error_set(error, -ENOMEM, "out of memory");
	else
		health->checker = checker_create(context->base, on_change, health, error);
	if (health->checker != NULL)
		health->doubt = doubt_create(health->checker, context->ports, context->port_count);
	if (health->doubt != NULL) {
		forwarding_set_foresee(context->forwarding, foresee, health);
		return health;
	}
	if (health->checker != NULL)
		error_set(error, -ENOMEM, "out of memory");
	health_destroy(health);
	return NULL;
}

void health_destroy(struct health *health)
{
	if (health == NULL)
		return;
	forwarding_set_foresee(health->context.forwarding, NULL, NULL);
	checker_destroy(health->checker);
	doubt_destroy(health->doubt);
	ways_destroy(health->ways);
	for (size_t i = 0; i < CHECKER_BACKENDS_MAX; i++)
		free(health->backends[i]);
	free(health->pools);
	free(health->services);
	zones_destroy(health->zones);
	config_destroy(health->config);
	free(health);
}

/* which backends there are */

/* What the state file says of it, which may be from an earlier process. */
static struct checked_backend *create_backend(
	struct health *health, const struct forwarding_handle *handle)
{
	const struct state_health *row = state_health_row(health->context.state, handle->gid);
	struct checked_backend *backend = calloc(1, sizeof(*backend));

	if (backend == NULL)
		return NULL;
	backend->generation = handle->generation;
	backend->state.status = row->status;
	backend->override = row->override;
	backend->wish.share = backend->share = FACTOR_ONE;
	return backend;
}

static void remove_backend(struct health *health, uint32_t gid)
{
	if (health->backends[gid]->is_put)
		checker_remove(health->checker, gid);
	if (health->ways != NULL)
		ways_remove(health->ways, gid);
	free(health->backends[gid]);
	health->backends[gid] = NULL;
}

/* NULL: no memory. */
static struct checked_backend *take_backend(
	struct health *health, const struct forwarding_handle *handle)
{
	struct checked_backend *backend = health->backends[handle->gid];

	if (backend != NULL && backend->generation == handle->generation)
		return backend;
	if (backend != NULL)
		remove_backend(health, handle->gid);
	backend = create_backend(health, handle);
	health->backends[handle->gid] = backend;
	return backend;
}

static void stop_checking(struct health *health, uint32_t gid, struct checked_backend *backend)
{
	if (backend->is_put && checker_remove(health->checker, gid) == 0)
		backend->is_put = false;
}

/* Said once, until no backend of the pool takes a detour any more. */
static void say_detour(struct health *health, size_t pool, const struct error *detour)
{
	const char *name = health->config->pools[pool].name;
	struct checked_pool *checked = &health->pools[pool];

	if (detour->message[0] == '\0')
		return;
	checked->has_detour = true;
	if (checked->said_detour)
		return;
	checked->said_detour = true;
	events_publish(EVENT(HEALTH, WARNING, POOL, name),
		"pool %s is probed directly and not by its VIP: %s", name, detour->message);
}

static void end_detours(struct health *health)
{
	for (size_t i = 0; i < health->pool_count; i++) {
		health->pools[i].said_detour = health->pools[i].has_detour;
		health->pools[i].has_detour = false;
	}
}

/* `index` is that of a backend which is configured. */
static void check(struct health *health, const struct forwarding_handle *handle, size_t index,
	struct checked_backend *backend)
{
	const struct target_source source = { health->config, health->services,
		health->context.forwarding, health->context.state, health->ways };
	struct checker_target target = {
		.number = handle->gid,
		.generation = handle->generation,
		.state = backend->state,
		.is_due = backend->state.status == HEALTH_INITIAL,
	};
	struct error detour;

	if (health->checker == NULL ||
		!target_find(&source, backend->pool, index, &target, &detour)) {
		stop_checking(health, handle->gid, backend);
		return;
	}
	say_detour(health, backend->pool, &detour);
	if (backend->is_put && target_is_same(&backend->target, &target))
		return;
	if (checker_put(health->checker, &target) != 0)
		return; /* the next look tries again */
	backend->target = target;
	backend->is_put = true;
}

/* What is removed but still has flows is checked on as before. */
static void follow_backend(struct health *health, size_t pool, size_t index)
{
	const struct config_pool *config = &health->config->pools[pool];
	struct checked_backend *backend;
	struct forwarding_handle handle;

	handle = forwarding_handle_of(health->context.forwarding, pool, index);
	backend = take_backend(health, &handle);
	if (backend == NULL)
		return;
	backend->pool = pool;
	backend->is_seen = true;
	if (index < config->backend_count) {
		backend->weight = config->backends[index].weight;
		health->pools[pool].weight += backend->weight;
	}
	health->pools[pool].up += backend->state.status == HEALTH_UP;
	if (!config_health_checks(config->health))
		stop_checking(health, handle.gid, backend);
	else if (index < config->backend_count)
		check(health, &handle, index, backend);
}

static void follow_pool(struct health *health, size_t pool)
{
	const struct config_health *settings = health->config->pools[pool].health;
	struct checked_pool *checked = &health->pools[pool];
	size_t count;

	forwarding_backends(health->context.forwarding, pool, &count);
	for (size_t i = 0; i < count; i++)
		follow_backend(health, pool, i);
	checked->is_checked = config_health_checks(settings);
	checked->is_dirty = true;
}

/* The checks of a derived pool are those of its parts; who serves in it is decided by itself. */
static bool is_derived(const struct health *health, size_t pool)
{
	return health->config->pools[pool].part_count != 0;
}

static void forget_unseen(struct health *health)
{
	for (uint32_t gid = 0; gid < CHECKER_BACKENDS_MAX; gid++) {
		if (health->backends[gid] == NULL)
			continue;
		if (!health->backends[gid]->is_seen)
			remove_backend(health, gid);
		else
			health->backends[gid]->is_seen = false;
	}
}

/* The pools by their names; NULL: no memory. */
static struct lookup *list_pools(const struct config *config)
{
	struct lookup *names = lookup_create();
	size_t earlier;

	for (size_t i = 0; names != NULL && config != NULL && i < config->pool_count; i++) {
		if (lookup_add(names, config->pools[i].name, i, &earlier) == 0)
			continue;
		lookup_destroy(names);
		names = NULL;
	}
	return names;
}

/* What a pool has been through stays with its name. */
static void go_on(struct checked_pool *pool, const struct checked_pool *was)
{
	pool->said_detour = was->said_detour;
	pool->first_until_ms = was->first_until_ms;
	pool->outcome = was->outcome;
	pool->is_decided = was->is_decided;
	pool->mode_since_ms = was->mode_since_ms;
	memcpy(pool->by_status, was->by_status, sizeof(pool->by_status));
	pool->overridden = was->overridden;
	pool->senseless = was->senseless;
	pool->suspicion = was->suspicion;
	pool->budget = was->budget;
}

/* what follows from it */

static struct checked_backend *find_backend(
	const struct health *health, size_t pool, size_t backend)
{
	struct forwarding_handle handle;

	handle = forwarding_handle_of(health->context.forwarding, pool, backend);
	return health->backends[handle.gid];
}

/* Whether it failed while the node was at fault itself. */
static bool is_doubted(const struct health *health, const struct checked_backend *backend)
{
	uint64_t since_ms = health->doubt == NULL ? 0 : doubt_since(health->doubt);

	return since_ms != 0 && backend->state.status == HEALTH_DOWN &&
	       backend->changed_ms >= since_ms;
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
	if (is_doubted(health, backend))
		return HEALTH_UP;
	if (backend->state.status == HEALTH_UP && backend->wish.is_off)
		return HEALTH_DOWN;
	/* takes new flows only where no other can */
	if (backend->state.status == HEALTH_UP && backend->wish.rests)
		return HEALTH_INITIAL;
	return backend->state.status;
}

/* By its check, unless an operator has said otherwise. */
static enum health_status status_of(
	const struct health *health, const struct checked_backend *backend)
{
	bool is_checked = health->pools[backend->pool].is_checked;

	return overridden(
		backend->override, is_checked ? checked_status(health, backend) : HEALTH_UP);
}

/* The part of a derived pool that a backend is of. */
static const struct config_pool_part *find_part(const struct config_pool *config, size_t index)
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

static struct serving_backend describe_backend(
	const struct health *health, size_t pool, size_t index);

/* As in its own pool, with its turn; a pool without a weight takes no part. */
static struct serving_backend describe_place(const struct health *health, size_t pool, size_t index)
{
	const struct config_pool *config = &health->config->pools[pool];
	const struct config_pool_part *part = find_part(config, index);
	struct serving_backend serving =
		describe_backend(health, part->part.pool, index - part->first_backend);

	serving.active = serving.active && part->part.weight != 0;
	serving.group = group_of(config, part->part.backup);
	return serving;
}

static struct serving_backend describe_backend(
	const struct health *health, size_t pool, size_t index)
{
	const struct config_backend *config = &health->config->pools[pool].backends[index];
	const struct checked_backend *backend = find_backend(health, pool, index);
	struct serving_backend serving = {
		.active = config->state == CONFIG_BACKEND_ACTIVE && config->weight != 0,
		.status = HEALTH_UP,
		.zone = zones_find(health->zones, config->zone),
		.weight = config->weight,
	};

	if (backend != NULL)
		serving.status = status_of(health, backend);
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
		const struct checked_backend *backend = find_backend(health, pool, i);
		bool is_down = backend != NULL && status_of(health, backend) == HEALTH_DOWN;

		apply_verdict(health, pool, i, &live[i], is_down ? SERVING_FAILED : SERVING_SERVES,
			false);
	}
}

static bool is_as_usual(enum serving_mode mode)
{
	return mode == SERVING_MODE_NORMAL || mode == SERVING_MODE_EMPTY;
}

static void note_mode(struct health *health, size_t pool, const struct serving_policy *policy,
	const struct serving_outcome *outcome)
{
	const char *name = health->config->pools[pool].name;
	struct checked_pool *checked = &health->pools[pool];
	char sentence[SERVING_SENTENCE_SIZE];

	serving_describe(policy, outcome, sentence);
	if (!checked->is_decided || checked->outcome.mode != outcome->mode ||
		checked->outcome.group != outcome->group)
		checked->mode_since_ms =
			checked->is_decided || !is_as_usual(outcome->mode) ? wall_ms() : 0;
	checked->is_decided = true;
	if (checked->outcome.mode == outcome->mode && checked->outcome.group == outcome->group)
		; /* nothing new */
	else if (!is_as_usual(outcome->mode))
		events_publish(EVENT(HEALTH, WARNING, POOL, name), "pool %s: %s", name, sentence);
	else if (!is_as_usual(checked->outcome.mode))
		events_publish(EVENT(HEALTH, INFO, POOL, name), "pool %s: %s", name, sentence);
	checked->outcome = *outcome;
}

/* Who serves of a pool. */
struct decision {
	struct serving_policy policy;
	struct serving_outcome outcome;
	size_t count;
	uint32_t by_status[HEALTH_STATUS_COUNT];                 /* of those that are active */
	struct config_threshold group_below[SERVING_GROUPS_MAX]; /* of a derived pool */
	enum serving_verdict verdicts[];
};

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
static struct decision *decide(const struct health *health, size_t pool)
{
	const struct config_pool *config = &health->config->pools[pool];
	size_t count = config->backend_count;
	struct decision *decision =
		calloc(1, sizeof(*decision) + count * sizeof(decision->verdicts[0]));
	struct serving_backend *backends = calloc(count + 1, sizeof(*backends));

	if (decision == NULL || backends == NULL) {
		free(decision);
		free(backends);
		return NULL;
	}
	for (size_t i = 0; i < count; i++) {
		backends[i] = is_derived(health, pool) ? describe_place(health, pool, i)
						       : describe_backend(health, pool, i);
		decision->by_status[backends[i].status] += backends[i].active;
	}
	decision->policy = serving_policy_of(config, health->zones);
	order_groups(config, &decision->policy, decision->group_below);
	decision->count = count;
	decision->outcome = serving_decide(&decision->policy, backends, count, decision->verdicts);
	free(backends);
	return decision;
}

static void count_backends(struct health *health, size_t pool, const struct decision *decision)
{
	struct checked_pool *checked = &health->pools[pool];

	memcpy(checked->by_status, decision->by_status, sizeof(checked->by_status));
	checked->overridden = checked->senseless = 0;
	for (size_t i = 0; i < decision->count; i++) {
		const struct checked_backend *backend = find_backend(health, pool, i);

		if (backend == NULL)
			continue;
		checked->overridden += backend->override != HEALTH_OVERRIDE_NONE;
		checked->senseless += backend->is_senseless;
	}
}

static void follow_decision(struct health *health, size_t pool)
{
	struct decision *decision = decide(health, pool);

	if (decision == NULL)
		return; /* another try in a second */
	apply_verdicts(health, pool, decision->verdicts, decision->count);
	if (!is_derived(health, pool)) /* in all their places */
		settle_going(health, pool, decision->count);
	note_mode(health, pool, &decision->policy, &decision->outcome);
	count_backends(health, pool, decision);
	health->pools[pool].is_dirty = false;
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
		const struct checked_backend *backend = find_backend(health, pool, i);

		if (backend != NULL && backend->is_put && !backend->has_result)
			return true;
	}
	checked->first_until_ms = 0;
	return false;
}

static void follow_decisions(struct health *health)
{
	uint64_t now_ms = clock_ms();

	if (health->doubt != NULL && doubt_is_asking(health->doubt))
		return;
	for (size_t i = 0; i < health->pool_count; i++)
		if (health->pools[i].is_dirty && !is_in_first_round(health, i, now_ms))
			follow_decision(health, i);
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
		return overridden(row->override, is_checked ? row->status : HEALTH_UP);
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
	part = find_part(config, index);
	serving.status = foresee_place_status(
		health, &pool->config->pools[part->part.pool], index - part->first_backend);
	serving.active = serving.active && part->part.weight != 0;
	serving.group = group_of(config, part->part.backup);
	return serving;
}

/* As forwarding_foresee_t. */
static bool foresee(
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

static void mark_dirty(struct health *health, size_t pool)
{
	const struct config_pool *config = &health->config->pools[pool];

	health->pools[pool].is_dirty = true;
	for (size_t i = 0; i < config->use_count; i++)
		health->pools[config->uses[i].pool].is_dirty = true;
}

static void mark_all_dirty(struct health *health)
{
	for (size_t i = 0; i < health->pool_count; i++)
		health->pools[i].is_dirty = true;
}

/* what checks find */

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

/* Only those pools whose checks ask for it have anything of it in their results. */
static void follow_wish(struct health *health, struct checked_backend *backend,
	const struct checker_change *change, uint64_t now_ms)
{
	if (change->result.passed) {
		backend->wish = agent_read(&change->result, backend->weight);
		backend->is_senseless = change->result.is_senseless;
	}
	follow_share(health, change->number, now_ms);
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
	follow_wish(health, backend, change, now_ms);
	mark_dirty(health, backend->pool);
}

/* From the event loop. */
static void on_change(void *context)
{
	struct health *health = context;
	struct checker_change change;
	uint64_t now_ms = clock_ms(), doubted_ms = doubt_since(health->doubt);

	while (checker_take(health->checker, &change))
		follow_change(health, &change, now_ms);
	if (doubt_since(health->doubt) != doubted_ms)
		mark_all_dirty(health);
	follow_decisions(health);
}

/* Its record or this host may have changed: another way leads there now. */
static void look_at_way(struct health *health, const struct forwarding_handle *handle, size_t index,
	struct checked_backend *backend)
{
	const struct config_pool *pool = &health->config->pools[backend->pool];

	if (config_health_checks(pool->health) && index < pool->backend_count)
		check(health, handle, index, backend);
}

static void look_at_ways(struct health *health)
{
	struct error error = { "" };
	int code = health->ways == NULL ? 0 : ways_look(health->ways, &error);

	if (code > 0)
		events_publish(EVENT(HEALTH, WARNING, NODE, NULL),
			"another program has changed %s or its routes: they are as before again",
			ways_device(health->ways));
	else if (code < 0 && code != health->ways_code)
		events_publish(EVENT(HEALTH, ERROR, NODE, NULL), "probes do not reach the VIPs: %s",
			error.message);
	health->ways_code = code;
}

static void look_at_backends(struct health *health)
{
	uint64_t now_ms = clock_ms();

	for (uint32_t gid = 0; gid < CHECKER_BACKENDS_MAX; gid++) {
		struct checked_backend *backend = health->backends[gid];
		struct forwarding_handle handle = { .gid = gid };
		size_t pool, index;

		if (backend == NULL)
			continue;
		handle.generation = backend->generation;
		if (forwarding_locate(health->context.forwarding, &handle, &pool, &index) != 0)
			remove_backend(health, gid);
		else {
			look_at_way(health, &handle, index, backend);
			follow_share(health, gid, now_ms);
		}
	}
}

/* How long checks need to find that all is well again: the longest of all pools. */
static uint64_t longest_rise_ms(const struct health *health)
{
	uint64_t longest_ms = 0;

	for (size_t i = 0; i < health->pool_count; i++) {
		const struct config_health *settings = health->config->pools[i].health;
		uint64_t rise_ms = config_health_checks(settings)
					   ? settings->interval_ms +
						     settings->rise * settings->fast_interval_ms
					   : 0;

		if (rise_ms > longest_ms)
			longest_ms = rise_ms;
	}
	return longest_ms;
}

static void look_at_doubt(struct health *health)
{
	if (health->doubt != NULL && doubt_look(health->doubt, longest_rise_ms(health), clock_ms()))
		mark_all_dirty(health);
}

void health_look(struct health *health)
{
	look_at_ways(health);
	look_at_backends(health);
	look_at_doubt(health);
	end_detours(health);
	follow_decisions(health);
}

/* the configuration */

static void begin_first_round(struct health *health, size_t pool)
{
	const struct config_health *settings = health->config->pools[pool].health;

	health->pools[pool].first_until_ms = clock_ms() + settings->timeout_ms + FIRST_ROUND_MS;
}

void health_follow(struct health *health, struct config *config)
{
	size_t *services = config_health_services(config);
	struct zones *zones = zones_create(config);
	struct checked_pool *pools = calloc(config->pool_count + 1, sizeof(*pools));
	struct checked_pool *pools_before = health->pools;
	struct config *before = health->config;
	struct lookup *names = list_pools(before);

	if (services == NULL || zones == NULL || pools == NULL || names == NULL) {
		events_publish(EVENT(HEALTH, ERROR, NODE, NULL),
			"out of memory: health checks go by the previous configuration");
		lookup_destroy(names);
		free(pools);
		zones_destroy(zones);
		free(services);
		return;
	}
	free(health->services);
	zones_destroy(health->zones);
	health->services = services;
	health->zones = zones;
	health->config = config_ref(config);
	health->pools = pools;
	health->pool_count = config->pool_count;
	for (size_t i = 0; i < config->pool_count; i++) {
		bool was_checked = false;
		size_t was;

		if (lookup_find(names, config->pools[i].name, &was) == 0) {
			was_checked = pools_before[was].is_checked;
			go_on(&pools[i], &pools_before[was]);
		}
		pools[i].is_dirty = true;
		if (!is_derived(health, i))
			follow_pool(health, i);
		if (pools[i].is_checked && !was_checked)
			begin_first_round(health, i);
	}
	lookup_destroy(names);
	end_detours(health);
	forget_unseen(health);
	free(pools_before);
	config_destroy(before);
	follow_decisions(health);
}

/* overrides, and what is known */

/* A change of it stands among those of the status, which is as the check has it. */
static void keep_override(struct health *health, uint32_t gid, struct checked_backend *backend)
{
	struct state_health *row = state_health_row(health->context.state, gid);
	const struct health_change change = {
		.time_ms = wall_ms(),
		.reason = PROBE_OVERRIDE,
		.detail = backend->override,
		.status = row->status,
	};

	if (row->override == backend->override)
		return;
	state_rows_begin(health->context.state);
	row->override = backend->override;
	health_row_add(row, &change);
	state_rows_end(health->context.state);
}

/* What it comes to for this backend, were it so. */
static int preview(struct health *health, const struct forwarding_handle *handle,
	enum health_override override, struct forwarding_update *update)
{
	struct checked_backend *backend = health->backends[handle->gid];
	enum health_override before = backend->override;
	struct decision *decision;
	size_t pool, index;

	if (forwarding_locate(health->context.forwarding, handle, &pool, &index) != 0)
		return -ENOENT;
	update->has_health = true;
	update->healthy = override != HEALTH_OVERRIDE_DOWN;
	if (index >= health->config->pools[pool].backend_count)
		return 0; /* it is configured no more */
	backend->override = override;
	decision = decide(health, pool);
	backend->override = before;
	if (decision == NULL)
		return -ENOMEM;
	update->has_rest = true;
	update->healthy = decision->verdicts[index] != SERVING_FAILED;
	update->rests = decision->verdicts[index] == SERVING_RESTS;
	free(decision);
	return 0;
}

int health_update_backend(struct health *health, const struct forwarding_handle *handle,
	const struct health_update *wanted, bool dry_run, forwarding_report_t *report,
	void *context)
{
	struct checked_backend *backend = health->backends[handle->gid];
	struct forwarding_update update = wanted->forwarding;
	int code = 0;

	if (backend == NULL || backend->generation != handle->generation)
		return -ENOENT;
	if (wanted->has_override)
		code = preview(health, handle, wanted->override, &update);
	if (code == 0)
		code = forwarding_update(
			health->context.forwarding, handle, &update, dry_run, report, context);
	if (code != 0 || dry_run || !wanted->has_override)
		return code;
	backend->override = wanted->override;
	keep_override(health, handle->gid, backend);
	mark_dirty(health, backend->pool);
	follow_decisions(health); /* what follows for others */
	return 0;
}

/* When an operator said it. 0: that is longer ago than the changes that are kept. */
static int64_t find_override_ms(const struct health_report *report)
{
	if (report->override == HEALTH_OVERRIDE_NONE)
		return 0;
	for (size_t i = report->change_count; i > 0; i--)
		if (report->changes[i - 1].reason == PROBE_OVERRIDE)
			return report->changes[i - 1].time_ms;
	return 0;
}

static void describe(struct health *health, size_t pool, size_t index, struct health_report *report)
{
	struct checked_backend *backend = find_backend(health, pool, index);
	struct forwarding_handle handle;

	memset(report, 0, sizeof(*report));
	if (backend == NULL)
		return;
	handle = forwarding_handle_of(health->context.forwarding, pool, index);
	report->is_checked = backend->is_put;
	report->settings = health->config->pools[backend->pool].health;
	report->override = backend->override;
	report->status =
		health->pools[backend->pool].is_checked ? backend->state.status : HEALTH_UP;
	report->counts_as = status_of(health, backend);
	report->wish = backend->wish;
	report->share = backend->share;
	report->address = backend->target.address;
	report->port = backend->target.port;
	report->via_vip = backend->target.mark != 0 || backend->target.hindrance != PROBE_NONE;
	report->has_result = backend->is_put &&
			     checker_view(health->checker, handle.gid, &report->view) &&
			     report->view.time_ms != 0;
	report->change_count = health_row_list(
		state_health_row(health->context.state, handle.gid), report->changes);
	report->override_ms = find_override_ms(report);
}

/* While a pool has not been decided about, the first results of its backends are waited for. */
static void describe_undecided(
	const struct health *health, size_t pool, struct health_pool_report *report)
{
	struct decision *decision = decide(health, pool);

	if (decision == NULL)
		return;
	report->outcome = decision->outcome;
	memcpy(report->by_status, decision->by_status, sizeof(report->by_status));
	free(decision);
}

void health_describe(struct health *health, size_t pool, size_t index, struct health_report *report)
{
	const struct config_pool *config = &health->config->pools[pool];
	const struct config_pool_part *part;

	if (config->part_count == 0 || index >= config->backend_count) {
		describe(health, pool, index, report);
		return;
	}
	part = find_part(config, index); /* by its place in its own pool */
	describe(health, part->part.pool, index - part->first_backend, report);
}

void health_describe_pool(
	const struct health *health, size_t pool, struct health_pool_report *report)
{
	const struct checked_pool *checked = &health->pools[pool];
	const struct serving_policy policy =
		serving_policy_of(&health->config->pools[pool], health->zones);

	*report = (struct health_pool_report){
		.outcome = checked->outcome,
		.since_ms = checked->mode_since_ms,
		.overridden = checked->overridden,
		.senseless = checked->senseless,
	};
	memcpy(report->by_status, checked->by_status, sizeof(report->by_status));
	if (!checked->is_decided)
		describe_undecided(health, pool, report);
	serving_describe(&policy, &report->outcome, report->sentence);
}

static bool has_trait(
	const struct health *health, size_t pool, size_t index, enum health_trait trait)
{
	const struct checked_backend *backend = find_backend(health, pool, index);
	struct serving_backend serving;

	switch (trait) {
	case HEALTH_COUNTS_AS_DOWN:
		serving = describe_backend(health, pool, index);
		return serving.active && serving.status == HEALTH_DOWN;
	case HEALTH_HAS_OVERRIDE:
		return backend != NULL && backend->override != HEALTH_OVERRIDE_NONE;
	case HEALTH_IS_SENSELESS: return backend != NULL && backend->is_senseless;
	}
	return false;
}

bool health_find(const struct health *health, size_t pool, enum health_trait trait, size_t *backend)
{
	size_t count = health->config->pools[pool].backend_count;

	while (*backend < count && !has_trait(health, pool, *backend, trait))
		(*backend)++;
	return *backend < count;
}

const char *health_doubt(const struct health *health)
{
	return health->doubt == NULL ? "" : doubt_sentence(health->doubt);
}

struct checker_load health_load(const struct health *health)
{
	const struct checker_load none = { 0 };

	return health->checker == NULL ? none : checker_load(health->checker);
}
