/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/config_derive.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/lookup.h"

void config_derive_drop(struct config *config)
{
	for (size_t i = config->written_pool_count; i < config->pool_count; i++)
		config_pool_fini(&config->pools[i]);
	if (config->pool_count > config->written_pool_count)
		memset(&config->pools[config->written_pool_count], 0,
			(config->pool_count - config->written_pool_count) * sizeof(*config->pools));
	config->pool_count = config->written_pool_count;
	for (size_t i = 0; i < config->pool_count; i++) {
		free(config->pools[i].uses);
		config->pools[i].uses = NULL;
		config->pools[i].use_count = 0;
	}
	for (size_t i = 0; i < config->service_count; i++)
		if (config->services[i].part_count != 0)
			config->services[i].pool = CONFIG_NO_POOL;
}

/* What is known of the pools of one service while they are looked at. */
struct survey {
	const struct config *config;
	size_t service;
	struct lookup *addresses; /* number of the pool that has it first */
	size_t backends, vacant;
};

static int check_address(
	struct survey *survey, size_t part, size_t backend, struct findings *findings)
{
	const struct config_pool *pools = survey->config->pools;
	size_t number = survey->config->services[survey->service].parts[part].pool, earlier;
	const struct config_backend *own = &pools[number].backends[backend];
	char text[ADDRESS_TEXT_SIZE];
	int result;

	address_format(&own->address, text);
	result = lookup_add(survey->addresses, text, number, &earlier);
	if (result == -EEXIST)
		return findings_add(findings,
			"services[%zu].pools[%zu].pool: %s of backend \"%s\" is in pool \"%s\", too: "
			"a backend can have one place among the pools of a service",
			survey->service, part, text, own->name, pools[earlier].name);
	return result == 0 ? 0 : findings_out_of_memory(findings);
}

static int check_part(struct survey *survey, size_t part, struct findings *findings)
{
	const struct config *config = survey->config;
	const struct config_service_pool *parts = config->services[survey->service].parts;
	const struct config_pool *pool = &config->pools[parts[part].pool];
	const struct config_pool *first = &config->pools[parts[0].pool];
	int result = 0;

	for (size_t i = 0; i < part; i++)
		if (parts[i].pool == parts[part].pool)
			return findings_add(findings,
				"services[%zu].pools[%zu].pool: \"%s\" is in the list already",
				survey->service, part, pool->name);
	if (pool->slots != first->slots)
		return findings_add(findings,
			"services[%zu].pools[%zu].pool: \"%s\" has %u slots and \"%s\" %u: the "
			"pools of a service have the same number",
			survey->service, part, pool->name, pool->slots, first->name, first->slots);
	for (size_t i = 0; i < pool->backend_count && result == 0; i++)
		result = check_address(survey, part, i, findings);
	survey->backends += pool->backend_count;
	survey->vacant += pool->vacant_count;
	return result;
}

static bool has_a_first(const struct config_service *service)
{
	for (size_t i = 0; i < service->part_count; i++)
		if (service->parts[i].backup == 0)
			return true;
	return false;
}

static int check_service(struct survey *survey, struct findings *findings)
{
	const struct config_service *service = &survey->config->services[survey->service];
	const size_t longest = CONFIG_NAME_SIZE - sizeof(CONFIG_DERIVED_PREFIX);
	size_t before = findings->count;
	int result = 0;

	if (strlen(service->name) > longest)
		return findings_add(findings,
			"services[%zu].name: %zu characters, a service with several pools has at "
			"most %zu",
			survey->service, strlen(service->name), longest);
	if (!has_a_first(service))
		return findings_add(findings,
			"services[%zu].pools: all of them are backups, and one is to be none",
			survey->service);
	for (size_t i = 0; i < service->part_count && result == 0; i++)
		result = check_part(survey, i, findings);
	if (result == 0 && findings->count == before &&
		survey->backends + survey->vacant > CONFIG_BACKENDS_MAX)
		result = findings_add(findings,
			"services[%zu].pools: %zu backends and vacant seats in all (0-%d are "
			"allowed)",
			survey->service, survey->backends + survey->vacant, CONFIG_BACKENDS_MAX);
	return result;
}

/* The next part of a pool that has room for its backends and seats. */
static void add_part(struct config_pool *pool, const struct config_service_pool *part,
	const struct config_pool *of)
{
	struct config_pool_part *added = &pool->parts[pool->part_count++];

	*added = (struct config_pool_part){
		.part = *part,
		.first_backend = pool->backend_count,
		.backend_count = of->backend_count,
		.first_vacant = pool->vacant_count,
		.vacant_count = of->vacant_count,
	};
	for (size_t i = 0; i < of->backend_count; i++) {
		struct config_backend *backend = &pool->backends[pool->backend_count++];

		*backend = of->backends[i];
		snprintf(backend->name, sizeof(backend->name), "%.*s/%.*s", CONFIG_NAME_SIZE - 1,
			of->name, CONFIG_NAME_SIZE - 1, of->backends[i].name);
	}
	if (of->vacant_count > 0)
		memcpy(&pool->vacant[pool->vacant_count], of->vacant,
			of->vacant_count * sizeof(*of->vacant));
	pool->vacant_count += of->vacant_count;
	if (of->max_disruption_percent < pool->max_disruption_percent)
		pool->max_disruption_percent = of->max_disruption_percent;
}

static bool make_room(struct config_pool *pool, const struct survey *survey, size_t parts)
{
	pool->backends = calloc(survey->backends + 1, sizeof(*pool->backends));
	pool->vacant = calloc(survey->vacant + 1, sizeof(*pool->vacant));
	pool->parts = calloc(parts, sizeof(*pool->parts));
	return pool->backends != NULL && pool->vacant != NULL && pool->parts != NULL;
}

/* The configuration has room for it; it is entered although it may be half made. */
static int derive(struct config *config, const struct survey *survey, struct findings *findings)
{
	struct config_service *service = &config->services[survey->service];
	const struct config_pool *first = &config->pools[service->parts[0].pool];
	struct config_pool *pool = &config->pools[config->pool_count];

	*pool = *first; /* its options */
	pool->health = NULL;
	pool->max_load_percent = 0; /* judged in the own pool of a backend, by weights of that */
	pool->backends = NULL;
	pool->vacant = NULL;
	pool->parts = NULL;
	pool->uses = NULL;
	pool->backend_count = pool->vacant_count = pool->part_count = pool->use_count = 0;
	snprintf(pool->name, sizeof(pool->name), CONFIG_DERIVED_PREFIX "%.*s",
		(int)(CONFIG_NAME_SIZE - sizeof(CONFIG_DERIVED_PREFIX)), service->name);
	service->pool = config->pool_count++;
	if (!make_room(pool, survey, service->part_count))
		return findings_out_of_memory(findings);
	for (size_t i = 0; i < service->part_count; i++)
		add_part(pool, &service->parts[i], &config->pools[service->parts[i].pool]);
	return 0;
}

static int survey_service(struct config *config, size_t number, struct findings *findings)
{
	struct survey survey = { config, number, lookup_create(), 0, 0 };
	size_t before = findings->count;
	int result;

	if (survey.addresses == NULL)
		return findings_out_of_memory(findings);
	result = check_service(&survey, findings);
	lookup_destroy(survey.addresses);
	return result != 0 || findings->count != before ? result
							: derive(config, &survey, findings);
}

/* Before anything is made or compared, which may be as much as a service lists again and again. */
static int check_sizes(const struct config *config, size_t *derived, struct findings *findings)
{
	size_t memberships = 0;

	*derived = 0;
	for (size_t i = 0; i < config->pool_count; i++)
		memberships += config->pools[i].backend_count;
	for (size_t i = 0; i < config->service_count; i++) {
		const struct config_service *service = &config->services[i];

		*derived += service->part_count != 0;
		for (size_t k = 0; k < service->part_count; k++)
			memberships += config->pools[service->parts[k].pool].backend_count;
	}
	if (config->pool_count + *derived > CONFIG_POOLS_MAX)
		return findings_add(findings,
			"pools: %zu, with one for each service that has several (0-%d are allowed)",
			config->pool_count + *derived, CONFIG_POOLS_MAX);
	if (memberships > CONFIG_MEMBERSHIPS_MAX)
		return findings_add(findings,
			"pools: %zu backends in all, counted again for each service with several "
			"pools (0-%d are allowed)",
			memberships, CONFIG_MEMBERSHIPS_MAX);
	return 0;
}

static int make_room_for_pools(struct config *config, size_t more, struct findings *findings)
{
	struct config_pool *pools =
		reallocarray(config->pools, config->pool_count + more + 1, sizeof(*pools));

	if (pools == NULL)
		return findings_out_of_memory(findings);
	memset(&pools[config->pool_count], 0, (more + 1) * sizeof(*pools));
	config->pools = pools;
	return 0;
}

/* Counts first, so that each list is made once. */
static int list_uses(struct config *config, struct findings *findings)
{
	for (size_t i = config->written_pool_count; i < config->pool_count; i++)
		for (size_t k = 0; k < config->pools[i].part_count; k++)
			config->pools[config->pools[i].parts[k].part.pool].use_count++;
	for (size_t i = 0; i < config->written_pool_count; i++) {
		struct config_pool *pool = &config->pools[i];

		if (pool->use_count == 0)
			continue;
		pool->uses = calloc(pool->use_count, sizeof(*pool->uses));
		pool->use_count = 0;
		if (pool->uses == NULL)
			return findings_out_of_memory(findings);
	}
	for (size_t i = config->written_pool_count; i < config->pool_count; i++)
		for (size_t k = 0; k < config->pools[i].part_count; k++) {
			struct config_pool *pool =
				&config->pools[config->pools[i].parts[k].part.pool];

			pool->uses[pool->use_count++] = (struct config_use){ i, k };
		}
	return 0;
}

int config_derive(struct config *config, struct findings *findings)
{
	size_t before = findings->count, derived;
	int result;

	config_derive_drop(config);
	result = check_sizes(config, &derived, findings);
	if (derived == 0 || result != 0 || findings->count != before)
		return result;
	result = make_room_for_pools(config, derived, findings);
	for (size_t i = 0; i < config->service_count && result == 0; i++)
		if (config->services[i].part_count != 0)
			result = survey_service(config, i, findings);
	return result == 0 ? list_uses(config, findings) : result;
}
