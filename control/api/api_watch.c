/* SPDX-License-Identifier: BSD-3-Clause */
#include "api/api_watch.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/api_internal.h"
#include "common/clock.h"
#include "plan/finder.h"
#include "common/events.h"
#include "config/pool_services.h"
#include "observe/service_rates.h"

#define LOOKS_MAX 8192 /* backends in a second; where there are more, they take turns */

struct watched_pool {
	char name[CONFIG_NAME_SIZE];
	int64_t starved_s; /* since when, by the wall clock; 0: it is not */
};

struct watch {
	const struct api_context *running;
	struct event *timer;
	struct rate *backends; /* by gid */
	struct service_rates *services;
	struct watched_pool *pools; /* by their number in the configuration */
	size_t pool_count;
	size_t next_pool; /* to be looked at */
	uint64_t untried; /* probes, of health_load() */
	int64_t untried_s;
};

static void look_at_services(struct watch *watch, const struct config *config, uint64_t now_ms)
{
	if (!service_rates_fit(watch->services, config->service_count))
		return;
	for (size_t i = 0; i < config->service_count; i++) {
		struct counter sum;

		forwarding_count_service(watch->running->forwarding, i, &sum);
		service_rates_follow(watch->services, i, config->services[i].name, &sum, now_ms);
	}
}

static size_t look_at_pool(struct watch *watch, size_t pool, uint64_t now_ms)
{
	const struct live_backend *backends;
	size_t count;

	backends = forwarding_backends(watch->running->forwarding, pool, &count);
	for (size_t i = 0; i < count; i++) {
		struct counter sum;

		forwarding_count_backend(watch->running->forwarding, pool, i, &sum);
		rate_follow(&watch->backends[backends[i].gid], &sum, now_ms);
	}
	return count;
}

static void look_at_backends(struct watch *watch, const struct config *config, uint64_t now_ms)
{
	size_t looks = 0;

	for (size_t i = 0; i < config->pool_count && looks < LOOKS_MAX; i++) {
		if (watch->next_pool >= config->pool_count)
			watch->next_pool = 0;
		looks += look_at_pool(watch, watch->next_pool++, now_ms);
	}
}

/* A pool whose table is still to be rebuilt is not known to be. */
static bool is_starved(const struct plan_pool *pool)
{
	return pool->slots != 0 && pool->table != NULL && pool->table->seats[0] == PLAN_NO_BACKEND;
}

static void publish_change(const struct config *config, size_t number, bool starved,
	const struct pool_services *sorted)
{
	const char *name = config->pools[number].name;
	char services[POOL_SERVICES_TEXT_SIZE];

	if (sorted == NULL)
		return;
	pool_services_name(sorted, config, number, services);
	if (starved && services[0] != '\0')
		events_publish(EVENT(POOL, WARNING, POOL, name),
			"pool %s: no backend takes new flows any more; dropped: those of %s", name,
			services);
	else if (!starved)
		events_publish(EVENT(POOL, INFO, POOL, name),
			"pool %s: backends take new flows again", name);
}

/* Keeps what goes on under its name at its number; what has moved begins anew. */
static bool fit_pools(struct watch *watch, size_t count)
{
	struct watched_pool *larger;

	if (watch->pool_count == count)
		return true;
	larger = reallocarray(watch->pools, count + 1, sizeof(*larger));
	if (larger == NULL)
		return false;
	if (count > watch->pool_count)
		memset(&larger[watch->pool_count], 0,
			(count - watch->pool_count) * sizeof(*larger));
	watch->pools = larger;
	watch->pool_count = count;
	return true;
}

static void look_at_pools(struct watch *watch, const struct config *config)
{
	const struct plan *plan = desired_plan(watch->running->desired);
	struct pool_services *sorted = NULL; /* made for the first pool that needs it */

	if (!fit_pools(watch, config->pool_count))
		return;
	for (size_t i = 0; i < config->pool_count; i++) {
		struct watched_pool *pool = &watch->pools[i];
		bool starved = is_starved(&plan->pools[i]);

		if (strcmp(pool->name, config->pools[i].name) != 0) {
			memset(pool, 0, sizeof(*pool));
			memcpy(pool->name, config->pools[i].name, sizeof(pool->name));
		}
		if (starved == (pool->starved_s != 0))
			continue;
		pool->starved_s = starved ? time(NULL) : 0;
		if (sorted == NULL)
			sorted = pool_services_sort(config);
		publish_change(config, i, starved, sorted);
	}
	free(sorted);
}

static void look_at_checks(struct watch *watch)
{
	uint64_t untried = health_load(watch->running->health).untried;

	if (untried != watch->untried)
		watch->untried_s = time(NULL);
	watch->untried = untried;
}

static void look(evutil_socket_t fd, short events, void *context)
{
	struct watch *watch = context;
	const struct config *config = desired_config(watch->running->desired);
	uint64_t now_ms = clock_ms();

	look_at_pools(watch, config);
	look_at_services(watch, config, now_ms);
	look_at_backends(watch, config, now_ms);
	look_at_checks(watch);
}

struct watch *watch_create(struct event_base *base, const struct api_context *running)
{
	static const struct timeval second = { 1, 0 };
	struct watch *watch = calloc(1, sizeof(*watch));

	if (watch == NULL)
		return NULL;
	watch->running = running;
	watch->backends = calloc(MEMBER_COUNT_MAX, sizeof(*watch->backends));
	watch->services = service_rates_create();
	watch->timer = event_new(base, -1, EV_PERSIST, look, watch);
	if (watch->backends != NULL && watch->services != NULL && watch->timer != NULL &&
		event_add(watch->timer, &second) == 0)
		return watch;
	watch_destroy(watch);
	return NULL;
}

void watch_destroy(struct watch *watch)
{
	if (watch == NULL)
		return;
	if (watch->timer != NULL)
		event_free(watch->timer);
	free(watch->backends);
	service_rates_destroy(watch->services);
	free(watch->pools);
	free(watch);
}

int64_t watch_untried_s(const struct watch *watch)
{
	return watch->untried_s;
}

const struct rate *watch_backend(const struct watch *watch, uint32_t gid)
{
	return watch->backends[gid].is_known ? &watch->backends[gid] : NULL;
}

const struct rate *watch_service(struct watch *watch, const char *name, size_t hint)
{
	return service_rates_find(watch->services, name, hint);
}

static void pool_at(const void *list, size_t index, char key[static FINDER_KEY_SIZE])
{
	_Static_assert(CONFIG_NAME_SIZE <= FINDER_KEY_SIZE, "a name is a key");
	memcpy(key, ((const struct watched_pool *)list)[index].name, CONFIG_NAME_SIZE);
}

static json_t *since_when(
	const struct watch *watch, struct finder *finder, const char *name, size_t hint)
{
	size_t index = finder_find(finder, name, hint);
	int64_t starved_s = index == FINDER_NONE ? 0 : watch->pools[index].starved_s;

	return api_json_time(starved_s != 0 ? starved_s : time(NULL));
}

/* The plan is asked, so that the sentence stands at once; since when, a second later. */
void watch_warn(const struct watch *watch, json_t *warnings)
{
	const struct config *config = desired_config(watch->running->desired);
	const struct plan *plan = desired_plan(watch->running->desired);
	struct finder finder = { watch->pools, watch->pool_count, pool_at, NULL };
	struct pool_services *sorted = pool_services_sort(config);
	size_t said = 0;

	for (size_t i = 0; sorted != NULL && i < config->pool_count; i++) {
		char services[POOL_SERVICES_TEXT_SIZE];
		json_t *since;

		if (!is_starved(&plan->pools[i]) ||
			pool_services_name(sorted, config, i, services)[0] == '\0' ||
			said++ >= WATCH_WARNINGS_MAX)
			continue;
		since = since_when(watch, &finder, config->pools[i].name, i);
		json_array_append_new(warnings,
			json_sprintf("pool %s has had no backend that takes new flows since %s: "
				     "new flows of %s are dropped",
				config->pools[i].name, json_string_value(since), services));
		json_decref(since);
	}
	if (said > WATCH_WARNINGS_MAX)
		json_array_append_new(warnings,
			json_sprintf("pools without a backend that takes new flows: %zu more",
				said - WATCH_WARNINGS_MAX));
	finder_fini(&finder);
	free(sorted);
}
