/* SPDX-License-Identifier: BSD-3-Clause */
#include "health/health_known.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/events.h"
#include "config/config_health.h"
#include "config/config_via.h"
#include "health/target.h"
#include "json/lookup.h"

#define FIRST_ROUND_MS 250 /* that a first probe may take beyond its timeout */

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
	backend->wish.rests = backend->rest.rests = (row->asked & HEALTH_ASKED_REST) != 0;
	backend->wish.is_off = backend->rest.is_off = (row->asked & HEALTH_ASKED_OFF) != 0;
	return backend;
}

/* What it asked for of an earlier process holds until it says something else. */
static void adopt_share(struct checked_backend *backend, const struct live_backend *live)
{
	backend->share = backend->wish.share = live->asked_share;
	backend->is_asked =
		backend->share != FACTOR_ONE || backend->wish.rests || backend->wish.is_off;
}

void health_remove_backend(struct health *health, uint32_t gid)
{
	if (health->backends[gid]->is_put)
		checker_remove(health->checker, gid);
	config_health_release(health->backends[gid]->target.health);
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
		health_remove_backend(health, handle->gid);
	backend = create_backend(health, handle);
	health->backends[handle->gid] = backend;
	return backend;
}

/* What is found once it is checked again is found anew. */
static void forget_status(struct health *health, uint32_t gid, struct checked_backend *backend)
{
	struct state_health *row = state_health_row(health->context.state, gid);

	backend->state = (struct check_state){ .status = HEALTH_INITIAL };
	backend->has_result = false;
	state_rows_begin(health->context.state);
	row->status = HEALTH_INITIAL;
	state_rows_end(health->context.state);
	health_forget_wish(health, gid);
}

static void stop_checking(struct health *health, uint32_t gid, struct checked_backend *backend)
{
	if (!backend->is_put)
		return;
	checker_remove(health->checker, gid);
	backend->is_put = false;
	forget_status(health, gid, backend);
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

void health_end_detours(struct health *health)
{
	for (size_t i = 0; i < health->pool_count; i++) {
		health->pools[i].said_detour = health->pools[i].has_detour;
		health->pools[i].has_detour = false;
	}
}

/* `index` is that of a backend which is configured. */
void health_check(struct health *health, const struct forwarding_handle *handle, size_t index,
	struct checked_backend *backend)
{
	const struct target_source source = { health->config, health->services, health->vias,
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
	config_health_release(backend->target.health);
	backend->target = target;
	config_health_ref(backend->target.health);
	backend->is_put = true;
}

/*
 * What is removed but still has flows is checked on as before. Where nothing has changed, whether
 * another way leads to it is for the next look, in slices.
 */
static void follow_backend(struct health *health, size_t pool, size_t index, bool is_changed)
{
	const struct config_pool *config = &health->config->pools[pool];
	struct checked_backend *backend;
	struct forwarding_handle handle;
	size_t count;
	bool is_new;

	handle = forwarding_handle_of(health->context.forwarding, pool, index);
	is_new = health->backends[handle.gid] == NULL ||
		 health->backends[handle.gid]->generation != handle.generation;
	backend = take_backend(health, &handle);
	if (backend == NULL)
		return;
	if (is_new && health_asks(config))
		adopt_share(backend,
			&forwarding_backends(health->context.forwarding, pool, &count)[index]);
	backend->pool = pool;
	backend->is_seen = true;
	if (index < config->backend_count) {
		backend->weight = config->backends[index].weight;
		backend->zone = zones_find(health->zones, config->backends[index].zone);
		health->pools[pool].weight += backend->weight;
		if (backend->has_said)
			backend->wish = agent_read(&backend->said, backend->weight);
	}
	health->pools[pool].up += backend->state.status == HEALTH_UP;
	health->up += backend->state.status == HEALTH_UP;
	if (!health_asks(config))
		health_forget_wish(health, handle.gid);
	if (!config_health_checks(config->health))
		stop_checking(health, handle.gid, backend);
	else if (index < config->backend_count && (is_changed || !backend->is_put))
		health_check(health, &handle, index, backend);
}

static void follow_pool(struct health *health, size_t pool, bool is_changed)
{
	const struct config_health *settings = health->config->pools[pool].health;
	struct checked_pool *checked = &health->pools[pool];
	size_t count;

	forwarding_backends(health->context.forwarding, pool, &count);
	for (size_t i = 0; i < count; i++)
		follow_backend(health, pool, i, is_changed);
	checked->is_checked = config_health_checks(settings);
	checked->is_dirty = true;
}

/* The checks of a derived pool are those of its parts; who serves in it is decided by itself. */
bool health_is_derived(const struct health *health, size_t pool)
{
	return health->config->pools[pool].part_count != 0;
}

static void forget_unseen(struct health *health)
{
	for (uint32_t gid = 0; gid < CHECKER_BACKENDS_MAX; gid++) {
		if (health->backends[gid] == NULL)
			continue;
		if (!health->backends[gid]->is_seen)
			health_remove_backend(health, gid);
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
	pool->decided_ms = was->decided_ms;
	pool->outcome = was->outcome;
	pool->is_decided = was->is_decided;
	pool->mode_since_ms = was->mode_since_ms;
	memcpy(pool->by_status, was->by_status, sizeof(pool->by_status));
	pool->overridden = was->overridden;
	pool->senseless = was->senseless;
	pool->suspicion = was->suspicion;
	pool->astray = was->astray;
	pool->is_doubted = was->is_doubted;
	pool->budget = was->budget;
}

static void begin_first_round(struct health *health, size_t pool)
{
	const struct config_health *settings = health->config->pools[pool].health;

	health->pools[pool].first_until_ms = clock_ms() + settings->timeout_ms + FIRST_ROUND_MS;
}

static bool is_same_service(
	const struct config *before, size_t was, const struct config *now, size_t is)
{
	const struct config_service *a, *b;

	if (was == CONFIG_NO_SERVICE || is == CONFIG_NO_SERVICE)
		return was == is;
	a = &before->services[was];
	b = &now->services[is];
	return address_equal(&a->vip, &b->vip) && a->port == b->port && a->forward == b->forward;
}

/* Whether what is probed of the pool is as it was. */
static bool is_same_pool(const struct health *health, const struct config *before,
	const size_t *services_before, size_t was, size_t pool)
{
	const struct config_pool *a = &before->pools[was], *b = &health->config->pools[pool];

	return a->health != NULL && b->health != NULL && a->health->digest == b->health->digest &&
	       a->backend_count == b->backend_count &&
	       memcmp(a->backends, b->backends, a->backend_count * sizeof(*a->backends)) == 0 &&
	       is_same_service(before, services_before[was], health->config, health->vias[pool]);
}

/*
 * The configuration before is not that of forwarding any more: nothing is decided, and nothing
 * shown, until this one can be followed.
 */
static void miss(struct health *health, struct config *config)
{
	if (health->missed == NULL)
		events_publish(EVENT(HEALTH, ERROR, NODE, NULL),
			"out of memory: nothing follows from health checks until there is some");
	config_ref(config);
	config_destroy(health->missed);
	health->missed = config;
	health->pool_count = 0;
}

void health_follow(struct health *health, struct config *config)
{
	size_t *services = config_health_services(config);
	size_t *vias = config_via_services(config, services), *vias_before = health->vias;
	struct zones *zones = zones_create(config);
	struct checked_pool *pools = calloc(config->pool_count + 1, sizeof(*pools));
	struct checked_pool *pools_before = health->pools;
	struct config *before = health->config;
	struct lookup *names = list_pools(before);

	if (services == NULL || vias == NULL || zones == NULL || pools == NULL || names == NULL) {
		miss(health, config);
		lookup_destroy(names);
		free(vias);
		free(pools);
		zones_destroy(zones);
		free(services);
		return;
	}
	free(health->services);
	zones_destroy(health->zones);
	health->services = services;
	health->zones = zones;
	health->vias = vias;
	health->config = config_ref(config);
	config_destroy(health->missed);
	health->missed = NULL;
	health->pools = pools;
	health->pool_count = config->pool_count;
	health->up = 0;
	for (size_t i = 0; i < config->pool_count; i++) {
		bool was_checked = false, is_changed = true;
		size_t was;

		if (lookup_find(names, config->pools[i].name, &was) == 0) {
			was_checked = pools_before[was].is_checked;
			is_changed = !is_same_pool(health, before, vias_before, was, i);
			go_on(&pools[i], &pools_before[was]);
		}
		pools[i].is_dirty = true;
		if (!health_is_derived(health, i))
			follow_pool(health, i, is_changed);
		if (pools[i].is_checked && !was_checked)
			begin_first_round(health, i);
	}
	lookup_destroy(names);
	health_end_detours(health);
	forget_unseen(health);
	free(pools_before);
	free(vias_before);
	config_destroy(before);
	health_follow_decisions(health);
}
