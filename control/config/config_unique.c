/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/config_unique.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "json/lookup.h"

#define KEY_SIZE 1024 /* the longest is the name of a device */

/* Writes what must be unique about element `index` of `list`. */
typedef void key_writer(const void *list, size_t index, char key[static KEY_SIZE]);

static void write_port_name(const void *list, size_t index, char key[static KEY_SIZE])
{
	const struct config_port *ports = list;

	strcpy(key, ports[index].name);
}

/* The name without arguments: DPDK has one device of a name, whatever its arguments are. */
static void write_device(const void *list, size_t index, char key[static KEY_SIZE])
{
	const struct config_port *ports = list;
	int length = (int)strcspn(ports[index].device, ",");

	snprintf(key, KEY_SIZE, "%.*s", length, ports[index].device);
}

static void write_pool_name(const void *list, size_t index, char key[static KEY_SIZE])
{
	const struct config_pool *pools = list;

	strcpy(key, pools[index].name);
}

static void write_zone_name(const void *list, size_t index, char key[static KEY_SIZE])
{
	const struct config_zone *zones = list;

	strcpy(key, zones[index].name);
}

static void write_backend_name(const void *list, size_t index, char key[static KEY_SIZE])
{
	const struct config_backend *backends = list;

	strcpy(key, backends[index].name);
}

static void write_backend_address(const void *list, size_t index, char key[static KEY_SIZE])
{
	const struct config_backend *backends = list;

	address_format(&backends[index].address, key);
}

/* The key defaults to the address, so it can collide with another backend's explicit key. */
static void write_backend_key(const void *list, size_t index, char key[static KEY_SIZE])
{
	const struct config_backend *backends = list;

	strcpy(key, backends[index].key);
}

static void write_service_name(const void *list, size_t index, char key[static KEY_SIZE])
{
	const struct config_service *services = list;

	strcpy(key, services[index].name);
}

/* "any" beside a port is no conflict: the port is the narrower match and wins. */
static void write_traffic(const void *list, size_t index, char key[static KEY_SIZE])
{
	const struct config_service *service = (const struct config_service *)list + index;
	const char *protocol = config_protocol_name(service->protocol);
	char vip[ADDRESS_TEXT_SIZE];

	address_format(&service->vip, vip);
	if (service->port == 0)
		snprintf(key, KEY_SIZE, "%s %s any", vip, protocol);
	else
		snprintf(key, KEY_SIZE, "%s %s %u", vip, protocol, service->port);
}

static int enter(struct lookup *seen, const char *key, const char *path, const char *field,
	size_t index, struct findings *findings)
{
	size_t earlier;
	int result = lookup_add(seen, key, index, &earlier);

	if (result == -EEXIST)
		return findings_add(findings, "%s[%zu].%s: %s is taken by %s[%zu]", path, index,
			field, key, path, earlier);
	return result == 0 ? 0 : findings_out_of_memory(findings);
}

/* One field of each element of one list; `path` is the list's. */
struct uniqueness {
	const char *path;
	const char *field;
	const void *list;
	size_t count;
	key_writer *write_key;
};

static int check(const struct uniqueness *rule, struct findings *findings)
{
	struct lookup *seen = lookup_create();
	int result = 0;
	char key[KEY_SIZE];

	if (seen == NULL)
		return findings_out_of_memory(findings);
	for (size_t i = 0; i < rule->count && result == 0; i++) {
		rule->write_key(rule->list, i, key);
		result = enter(seen, key, rule->path, rule->field, i, findings);
	}
	lookup_destroy(seen);
	return result;
}

static int check_all(const struct uniqueness *rules, size_t count, struct findings *findings)
{
	int result = 0;

	for (size_t i = 0; i < count && result == 0; i++)
		result = check(&rules[i], findings);
	return result;
}

/* A seat has one backend, or none. */
static int enter_vacant(struct lookup *seen, const struct config_pool *pool, size_t pool_index,
	size_t index, struct findings *findings)
{
	size_t earlier;
	int result =
		lookup_add(seen, pool->vacant[index].key, pool->backend_count + index, &earlier);
	bool is_vacant = earlier >= pool->backend_count;

	if (result != -EEXIST)
		return result == 0 ? 0 : findings_out_of_memory(findings);
	return findings_add(findings,
		"pools[%zu].vacant[%zu].key: %s is taken by pools[%zu].%s[%zu]", pool_index, index,
		pool->vacant[index].key, pool_index, is_vacant ? "vacant" : "backends",
		is_vacant ? earlier - pool->backend_count : earlier);
}

static int check_vacant(const struct config_pool *pool, size_t index, struct findings *findings)
{
	struct lookup *seen;
	size_t earlier;
	int result = 0;

	if (pool->vacant_count == 0)
		return 0;
	seen = lookup_create();
	if (seen == NULL)
		return findings_out_of_memory(findings);
	for (size_t i = 0; i < pool->backend_count && result == 0; i++)
		if (lookup_add(seen, pool->backends[i].key, i, &earlier) == -ENOMEM)
			result = findings_out_of_memory(findings);
	for (size_t i = 0; i < pool->vacant_count && result == 0; i++)
		result = enter_vacant(seen, pool, index, i, findings);
	lookup_destroy(seen);
	return result;
}

int config_unique_check_pool(
	const struct config_pool *pool, size_t index, struct findings *findings)
{
	char path[64];
	const struct uniqueness rules[] = {
		{ path, "name", pool->backends, pool->backend_count, write_backend_name },
		{ path, "address", pool->backends, pool->backend_count, write_backend_address },
	};
	const struct uniqueness keys = { path, "key", pool->backends, pool->backend_count,
		write_backend_key };
	size_t before = findings->count;
	int result;

	snprintf(path, sizeof(path), "pools[%zu].backends", index);
	result = check_all(rules, sizeof(rules) / sizeof(rules[0]), findings);
	if (result == 0 &&
		findings->count == before) /* else it finds the same: keys are addresses */
		result = check(&keys, findings);
	return result == 0 ? check_vacant(pool, index, findings) : result;
}

int config_unique_check_services(const struct config *config, struct findings *findings)
{
	const struct uniqueness rules[] = {
		{ "services", "name", config->services, config->service_count, write_service_name },
		{ "services", "port", config->services, config->service_count, write_traffic },
	};

	return check_all(rules, sizeof(rules) / sizeof(rules[0]), findings);
}

int config_unique_check(const struct config *config, struct findings *findings)
{
	const struct config_dataplane *dataplane = &config->dataplane;
	const struct uniqueness rules[] = {
		{ "dataplane.ports", "name", dataplane->ports, dataplane->port_count,
			write_port_name },
		{ "dataplane.ports", "device", dataplane->ports, dataplane->port_count,
			write_device },
		{ "pools", "name", config->pools, config->written_pool_count, write_pool_name },
		{ "zones", "name", config->zones, config->zone_count, write_zone_name },
	};
	int result = check_all(rules, sizeof(rules) / sizeof(rules[0]), findings);

	if (result == 0)
		result = config_unique_check_services(config, findings);
	for (size_t i = 0; i < config->written_pool_count && result == 0; i++)
		result = config_unique_check_pool(&config->pools[i], i, findings);
	return result;
}
