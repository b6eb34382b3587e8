/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/config.h"
#include "config/config_health.h"

#include <errno.h>
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
	for (size_t i = 0; i < config->pool_count; i++) {
		free(config->pools[i].backends);
		free(config->pools[i].vacant);
		config_health_release(config->pools[i].health);
	}
	free(config->pools);
	free(config->services);
	free(config->zones);
	free(config->socket);
	explicit_bzero(config->hash_key, sizeof(config->hash_key));
	free(config);
}

int config_find_pool(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->pool_count; i++) {
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
