/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/config_digest.h"

#include <string.h>

#include "config/config_health.h"

#define XXH_INLINE_ALL /* and a state on the stack */
#include <xxhash.h>

static void add_number(XXH3_state_t *state, uint64_t number)
{
	XXH3_64bits_update(state, &number, sizeof(number));
}

/* With its NUL, so that no text runs into the next one. */
static void add_text(XXH3_state_t *state, const char *text)
{
	XXH3_64bits_update(state, text, strlen(text) + 1);
}

static void add_address(XXH3_state_t *state, const struct address *address)
{
	add_number(state, address->family);
	XXH3_64bits_update(state, address->bytes, address_length(address));
}

static void add_port(XXH3_state_t *state, const struct config_port *port)
{
	add_text(state, port->name);
	add_text(state, port->device);
	add_number(state, port->mtu);
	add_number(state, port->host_path);
	add_number(state, port->neighbour_count);
	for (size_t i = 0; i < port->neighbour_count; i++) {
		add_address(state, &port->neighbours[i].address);
		XXH3_64bits_update(state, port->neighbours[i].mac, 6);
	}
	add_number(state, port->has_gateway_mac);
	if (port->has_gateway_mac)
		XXH3_64bits_update(state, port->gateway_mac, 6);
}

static void add_workers(XXH3_state_t *state, const struct config_dataplane *dataplane)
{
	add_number(state, dataplane->workers_by_number);
	add_number(state, dataplane->worker_count);
	for (unsigned int i = 0; i < dataplane->worker_count && !dataplane->workers_by_number; i++)
		add_number(state, dataplane->worker_cpus[i]);
}

static void add_dataplane(XXH3_state_t *state, const struct config_dataplane *dataplane)
{
	add_workers(state, dataplane);
	add_number(state, dataplane->idle);
	add_number(state, dataplane->mbufs);
	add_number(state, dataplane->pins);
	add_number(state, dataplane->eal_count);
	for (size_t i = 0; i < dataplane->eal_count; i++)
		add_text(state, dataplane->eal[i]);
	add_text(state, dataplane->state_file);
	add_address(state, &dataplane->tunnel_source_ipv4);
	add_address(state, &dataplane->tunnel_source_ipv6);
	add_number(state, dataplane->port_count);
	for (size_t i = 0; i < dataplane->port_count; i++)
		add_port(state, &dataplane->ports[i]);
}

/* Written into the state in one piece, because there are many. */
static void add_backend(XXH3_state_t *state, const struct config_backend *backend)
{
	uint64_t family = backend->address.family;
	uint64_t numbers[] = { backend->weight, backend->seat_weight, backend->state,
		backend->health_port, backend->health_address.family };
	char bytes[sizeof(*backend) + sizeof(family) + sizeof(numbers)];
	size_t probed = address_length(&backend->health_address);
	size_t name = strlen(backend->name) + 1, key = strlen(backend->key) + 1;
	size_t zone = strlen(backend->zone) + 1;
	size_t address = address_length(&backend->address);
	char *next = bytes;

	next = mempcpy(next, backend->name, name);
	next = mempcpy(next, &family, sizeof(family));
	next = mempcpy(next, backend->address.bytes, address);
	next = mempcpy(next, backend->key, key);
	next = mempcpy(next, backend->zone, zone);
	next = mempcpy(next, numbers, sizeof(numbers));
	next = mempcpy(next, backend->health_address.bytes, probed);
	XXH3_64bits_update(state, bytes, next - bytes);
}

static void add_threshold(XXH3_state_t *state, const struct config_threshold *threshold)
{
	add_number(state, threshold->number);
	add_number(state, threshold->is_percent);
}

static void add_failover(XXH3_state_t *state, const struct config_pool *pool)
{
	add_threshold(state, &pool->fail_open_below);
	add_threshold(state, &pool->withdraw_below);
	add_number(state, pool->all_down);
	add_number(state, pool->unhealthy_flows.tcp);
	add_number(state, pool->unhealthy_flows.udp);
	add_number(state, pool->cross_zone);
	add_threshold(state, &pool->zone_below);
}

static void add_pool_options(XXH3_state_t *state, const struct config_pool *pool)
{
	add_text(state, pool->name);
	add_number(state, pool->slots);
	add_number(state, pool->builder);
	add_number(state, pool->affinity.observe_s);
	add_number(state, pool->affinity.settle_s);
	add_number(state, pool->affinity.hold_s);
	add_number(state, pool->affinity.fail_grace_s);
	add_number(state, pool->affinity.guard_s);
	add_number(state, pool->slow_start.duration_s);
	if (pool->slow_start.duration_s != 0)
		add_number(state, pool->slow_start.steps);
	add_number(state, pool->drain_deadline_s);
	add_number(state, pool->max_disruption_percent);
	add_number(state, pool->max_load_percent);
	add_failover(state, pool);
	add_number(state, pool->health == NULL ? 0 : pool->health->digest);
}

static void add_pool(XXH3_state_t *state, const struct config_pool *pool)
{
	add_pool_options(state, pool);
	add_number(state, pool->backend_count);
	for (size_t i = 0; i < pool->backend_count; i++)
		add_backend(state, &pool->backends[i]);
	add_number(state, pool->vacant_count);
	for (size_t i = 0; i < pool->vacant_count; i++) {
		add_text(state, pool->vacant[i].key);
		add_number(state, pool->vacant[i].weight);
	}
}

static void add_service(XXH3_state_t *state, const struct config_service *service)
{
	add_text(state, service->name);
	add_address(state, &service->vip);
	add_number(state, service->protocol);
	add_number(state, service->port);
	add_number(state, service->pool);
	add_number(state, service->part_count);
	for (size_t i = 0; i < service->part_count; i++) {
		add_number(state, service->parts[i].pool);
		add_number(state, service->parts[i].weight);
		add_number(state, service->parts[i].backup);
		add_threshold(state, &service->parts[i].below);
	}
	add_number(state, service->split_count);
	for (size_t i = 0; i < service->split_count; i++) {
		add_number(state, service->splits[i].pool);
		add_number(state, service->splits[i].family);
		add_address(state, &service->splits[i].from.address);
		add_number(state, service->splits[i].from.length);
	}
	add_number(state, service->forward);
	if (service->protocol == CONFIG_PROTOCOL_UDP)
		add_number(state, service->udp);
}

static void add_services(XXH3_state_t *state, const struct config *config)
{
	add_number(state, config->written_pool_count);
	for (size_t i = 0; i < config->written_pool_count; i++)
		add_pool(state, &config->pools[i]);
	add_number(state, config->service_count);
	for (size_t i = 0; i < config->service_count; i++)
		add_service(state, &config->services[i]);
}

static void add_rest(XXH3_state_t *state, const struct config *config)
{
	add_text(state, config->node_name);
	add_text(state, config->node_zone);
	add_dataplane(state, &config->dataplane);
	add_text(state, config->socket);
	add_text(state, config->group);
	add_number(state, config->max_removed_percent);
	add_number(state, config->zone_count);
	for (size_t i = 0; i < config->zone_count; i++) {
		add_text(state, config->zones[i].name);
		add_number(state, config->zones[i].state);
	}
}

uint64_t config_digest_rest(const struct config *config)
{
	XXH3_state_t state;

	XXH3_64bits_reset(&state);
	add_rest(&state, config);
	return XXH3_64bits_digest(&state);
}

struct config_digest config_digest_of(const struct config *config)
{
	struct config_digest digest;
	XXH3_state_t state;

	digest.rest = config_digest_rest(config);
	XXH3_64bits_reset(&state);
	add_services(&state, config);
	digest.services = XXH3_64bits_digest(&state);
	add_number(&state, digest.rest);
	digest.all = XXH3_64bits_digest(&state);
	return digest;
}

uint64_t config_digest_service(const struct config *config, size_t service)
{
	struct config_service alone = config->services[service];
	struct config_service_pool parts[CONFIG_PARTS_MAX];
	struct config_split splits[CONFIG_SPLITS_MAX];
	XXH3_state_t state;

	XXH3_64bits_reset(&state);
	for (size_t i = 0; i < alone.part_count; i++) {
		parts[i] = alone.parts[i];
		add_text(&state, config->pools[parts[i].pool].name);
		parts[i].pool = 0;
	}
	for (size_t i = 0; i < alone.split_count; i++) {
		splits[i] = alone.splits[i];
		add_text(&state, config->pools[splits[i].pool].name);
		splits[i].pool = 0;
	}
	if (alone.part_count == 0)
		add_text(&state, config->pools[alone.pool].name);
	alone.pool = 0;
	alone.parts = parts;
	alone.splits = splits;
	add_service(&state, &alone);
	return XXH3_64bits_digest(&state);
}

uint64_t config_digest_pool_options(const struct config_pool *pool)
{
	XXH3_state_t state;

	XXH3_64bits_reset(&state);
	add_pool_options(&state, pool);
	return XXH3_64bits_digest(&state);
}

uint64_t config_digest_backend(const struct config_backend *backend)
{
	XXH3_state_t state;

	XXH3_64bits_reset(&state);
	add_backend(&state, backend);
	return XXH3_64bits_digest(&state);
}
