/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/config.h"
#include "config/config_health.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void destroy_dataplane(struct config_dataplane *dataplane)
{
	for (size_t i = 0; i < dataplane->port_count; i++) {
		free(dataplane->ports[i].device);
		free(dataplane->ports[i].neighbours);
	}
	free(dataplane->ports);
	for (size_t i = 0; i < dataplane->eal_count; i++)
		free(dataplane->eal[i]);
	free(dataplane->eal);
	free(dataplane->state_file);
}

void config_pool_fini(struct config_pool *pool)
{
	free(pool->backends);
	free(pool->vacant);
	free(pool->parts);
	free(pool->uses);
	config_health_release(pool->health);
}

void config_service_fini(struct config_service *service)
{
	free(service->parts);
	free(service->splits);
}

struct config *config_ref(struct config *config)
{
	atomic_fetch_add(&config->references, 1);
	return config;
}

void config_destroy(struct config *config)
{
	if (config == NULL)
		return;
	if (atomic_fetch_sub(&config->references, 1) != 0)
		return;
	destroy_dataplane(&config->dataplane);
	for (size_t i = 0; i < config->pool_count || i < config->written_pool_count; i++)
		config_pool_fini(&config->pools[i]);
	free(config->pools);
	for (size_t i = 0; i < config->service_count; i++)
		config_service_fini(&config->services[i]);
	free(config->services);
	free(config->zones);
	free(config->socket);
	explicit_bzero(config->hash_key, sizeof(config->hash_key));
	free(config);
}

size_t config_service_pool_count(const struct config_service *service)
{
	return (service->part_count == 0 ? 1 : service->part_count) + service->split_count;
}

size_t config_service_pool_at(const struct config_service *service, size_t index)
{
	size_t own = service->part_count == 0 ? 1 : service->part_count;

	if (index >= own)
		return service->splits[index - own].pool;
	return service->part_count == 0 ? service->pool : service->parts[index].pool;
}

int config_find_pool(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->written_pool_count; i++) {
		if (strcmp(config->pools[i].name, name) == 0)
			return (int)i;
	}
	return -ENOENT;
}

int config_find_service(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->service_count; i++) {
		if (strcmp(config->services[i].name, name) == 0)
			return (int)i;
	}
	return -ENOENT;
}

int config_find_backend(const struct config_pool *pool, const char *name)
{
	for (size_t i = 0; i < pool->backend_count; i++) {
		if (strcmp(pool->backends[i].name, name) == 0)
			return (int)i;
	}
	return -ENOENT;
}

const struct config_pool *config_options_of(
	const struct config *config, size_t pool, size_t backend)
{
	const struct config_pool *own = &config->pools[pool];

	for (size_t i = 0; i < own->part_count; i++)
		if (backend - own->parts[i].first_backend < own->parts[i].backend_count)
			return &config->pools[own->parts[i].part.pool];
	return own;
}

bool config_split_fits(const struct config_split *split, enum address_family family)
{
	return split->family == family || split->from.address.family == family;
}

const char *config_split_format(
	const struct config_split *split, char text[static CONFIG_SPLIT_TEXT_SIZE])
{
	char prefix[CONFIG_PREFIX_TEXT_SIZE];

	if (split->family != ADDRESS_NONE)
		snprintf(text, CONFIG_SPLIT_TEXT_SIZE, "family %s",
			split->family == ADDRESS_IPV4 ? "ipv4" : "ipv6");
	else
		snprintf(text, CONFIG_SPLIT_TEXT_SIZE, "from %s",
			config_prefix_format(&split->from, prefix));
	return text;
}
