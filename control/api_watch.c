/* SPDX-License-Identifier: BSD-3-Clause */
#include "api_watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api_internal.h"
#include "clock.h"
#include "log.h"

#define LOOKS_MAX      8192 /* backends in a second; where there are more, they take turns */
#define SERVICES_NAMED 4    /* of a pool, in a sentence */

struct watched_service {
	char name[CONFIG_NAME_SIZE];
	struct rate rate;
};

struct watched_pool {
	char name[CONFIG_NAME_SIZE];
	int64_t starved_s; /* since when, by the wall clock; 0: it is not */
};

struct watch {
	const struct api_context *running;
	struct event *timer;
	struct rate *backends;            /* by gid */
	struct watched_service *services; /* by their number in the configuration */
	size_t service_count;
	struct watched_pool *pools; /* the same */
	size_t pool_count;
	size_t next_pool; /* to be looked at */
};

/* Keeps what goes on under its name at its number; what has moved begins anew. */
static bool fit(void **list, size_t *count, size_t wanted, size_t size)
{
	void *larger;

	if (*count == wanted)
		return true;
	larger = reallocarray(*list, wanted + 1, size);
	if (larger == NULL)
		return false;
	if (wanted > *count)
		memset((char *)larger + *count * size, 0, (wanted - *count) * size);
	*list = larger;
	*count = wanted;
	return true;
}

static void look_at_services(struct watch *watch, const struct config *config, uint64_t now_ms)
{
	if (!fit((void **)&watch->services, &watch->service_count, config->service_count,
		    sizeof(*watch->services)))
		return;
	for (size_t i = 0; i < config->service_count; i++) {
		struct watched_service *service = &watch->services[i];
		struct counter sum;

		if (strcmp(service->name, config->services[i].name) != 0) {
			memset(service, 0, sizeof(*service));
			memcpy(service->name, config->services[i].name, sizeof(service->name));
		}
		forwarding_count_service(watch->running->forwarding, i, &sum);
		rate_follow(&service->rate, &sum, now_ms);
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

/* "www, www6": services of the pool; "" where none uses it. */
static void name_services(const struct config *config, size_t pool, char *text, size_t size)
{
	size_t used = 0, named = 0, more = 0;

	text[0] = '\0';
	for (size_t i = 0; i < config->service_count; i++) {
		if (config->services[i].pool != pool)
			continue;
		if (named++ < SERVICES_NAMED && used < size)
			used += snprintf(text + used, size - used, "%s%s", used == 0 ? "" : ", ",
				config->services[i].name);
		else
			more++;
	}
	if (more != 0 && used < size)
		snprintf(text + used, size - used, " and %zu more", more);
}

/* A pool whose table is still to be rebuilt is not known to be. */
static bool is_starved(const struct plan_pool *pool)
{
	return pool->slots != 0 && pool->table != NULL && pool->table->seats[0] == PLAN_NO_BACKEND;
}

static void log_change(const struct config *config, size_t number, bool starved)
{
	char services[(SERVICES_NAMED + 1) * CONFIG_NAME_SIZE];

	name_services(config, number, services, sizeof(services));
	if (starved && services[0] != '\0')
		log_warning("pool %s: no backend takes new flows any more; dropped: those of %s",
			config->pools[number].name, services);
	else if (!starved)
		log_info("pool %s: backends take new flows again", config->pools[number].name);
}

static void look_at_pools(struct watch *watch, const struct config *config)
{
	const struct plan *plan = desired_plan(watch->running->desired);

	if (!fit((void **)&watch->pools, &watch->pool_count, config->pool_count,
		    sizeof(*watch->pools)))
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
		log_change(config, i, starved);
	}
}

static void look(evutil_socket_t fd, short events, void *context)
{
	struct watch *watch = context;
	const struct config *config = desired_config(watch->running->desired);
	uint64_t now_ms = clock_ms();

	look_at_pools(watch, config);
	look_at_services(watch, config, now_ms);
	look_at_backends(watch, config, now_ms);
}

struct watch *watch_create(struct event_base *base, const struct api_context *running)
{
	static const struct timeval second = { 1, 0 };
	struct watch *watch = calloc(1, sizeof(*watch));

	if (watch == NULL)
		return NULL;
	watch->running = running;
	watch->backends = calloc(MEMBER_COUNT_MAX, sizeof(*watch->backends));
	watch->timer = event_new(base, -1, EV_PERSIST, look, watch);
	if (watch->backends != NULL && watch->timer != NULL &&
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
	free(watch->services);
	free(watch->pools);
	free(watch);
}

const struct rate *watch_backend(const struct watch *watch, uint32_t gid)
{
	return watch->backends[gid].is_known ? &watch->backends[gid] : NULL;
}

const struct rate *watch_service(const struct watch *watch, const char *name, size_t hint)
{
	const struct watched_service *services = watch->services;
	size_t place = hint;

	if (place >= watch->service_count || strcmp(services[place].name, name) != 0)
		for (place = 0; place < watch->service_count; place++)
			if (strcmp(services[place].name, name) == 0)
				break;
	return place < watch->service_count && services[place].rate.is_known ? &services[place].rate
									     : NULL;
}

static const struct watched_pool *find_pool(const struct watch *watch, const char *name)
{
	for (size_t i = 0; i < watch->pool_count; i++)
		if (strcmp(watch->pools[i].name, name) == 0)
			return &watch->pools[i];
	return NULL;
}

/* The plan is asked, so that the sentence stands at once; since when, a second later. */
void watch_warn(const struct watch *watch, json_t *warnings)
{
	const struct config *config = desired_config(watch->running->desired);
	const struct plan *plan = desired_plan(watch->running->desired);

	for (size_t i = 0; i < config->pool_count; i++) {
		char services[(SERVICES_NAMED + 1) * CONFIG_NAME_SIZE];
		const struct watched_pool *pool;
		json_t *since;

		if (!is_starved(&plan->pools[i]))
			continue;
		name_services(config, i, services, sizeof(services));
		if (services[0] == '\0')
			continue;
		pool = find_pool(watch, config->pools[i].name);
		since = api_json_time(
			pool != NULL && pool->starved_s != 0 ? pool->starved_s : time(NULL));
		json_array_append_new(warnings,
			json_sprintf("pool %s has had no backend that takes new flows since %s: "
				     "new flows of %s are dropped",
				config->pools[i].name, json_string_value(since), services));
		json_decref(since);
	}
}
