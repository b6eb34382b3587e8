/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/pool_services.h"

#include <stdio.h>
#include <stdlib.h>

/* Those of pool i are order[first[i]] to order[first[i + 1] - 1]. */
struct pool_services {
	size_t *order;
	size_t first[];
};

/* Its own pool, then those of its split. */
static size_t pool_at(const struct config_service *service, size_t index)
{
	return index == 0 ? service->pool : service->splits[index - 1].pool;
}

/* A pool that several rules name is listed once. */
static bool is_first(const struct config_service *service, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (pool_at(service, i) == pool_at(service, index))
			return false;
	return true;
}

static size_t count_entries(const struct config *config)
{
	size_t count = config->service_count;

	for (size_t i = 0; i < config->service_count; i++)
		count += config->services[i].split_count;
	return count;
}

struct pool_services *pool_services_sort(const struct config *config)
{
	size_t pools = config->pool_count, services = config->service_count;
	struct pool_services *sorted =
		calloc(1, sizeof(*sorted) + (pools + 2 + count_entries(config)) * sizeof(size_t));
	size_t *next;

	if (sorted == NULL)
		return NULL;
	/* counted two entries ahead, so that `first` is right once all are sorted in */
	next = sorted->first + 1;
	sorted->order = sorted->first + pools + 2;
	for (size_t i = 0; i < services; i++)
		for (size_t k = 0; k <= config->services[i].split_count; k++)
			if (is_first(&config->services[i], k))
				next[pool_at(&config->services[i], k) + 1]++;
	for (size_t i = 1; i <= pools; i++)
		next[i] += next[i - 1];
	for (size_t i = 0; i < services; i++)
		for (size_t k = 0; k <= config->services[i].split_count; k++)
			if (is_first(&config->services[i], k))
				sorted->order[next[pool_at(&config->services[i], k)]++] = i;
	return sorted;
}

size_t pool_services_of(const struct pool_services *sorted, size_t pool, const size_t **services)
{
	*services = &sorted->order[sorted->first[pool]];
	return sorted->first[pool + 1] - sorted->first[pool];
}

const char *pool_services_name(const struct pool_services *sorted, const struct config *config,
	size_t pool, char text[static POOL_SERVICES_TEXT_SIZE])
{
	const size_t *services;
	size_t count = pool_services_of(sorted, pool, &services), used = 0, i;

	text[0] = '\0';
	for (i = 0; i < count && i < POOL_SERVICES_NAMED; i++)
		used += snprintf(text + used, POOL_SERVICES_TEXT_SIZE - used, "%s%s",
			i == 0 ? "" : ", ", config->services[services[i]].name);
	if (i < count)
		snprintf(text + used, POOL_SERVICES_TEXT_SIZE - used, " and %zu more", count - i);
	return text;
}
