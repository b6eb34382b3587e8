/* SPDX-License-Identifier: BSD-3-Clause */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "forwarding_live.h"
#include "neighbours.h"

static const struct member_pool *find_pool(
	const struct forwarding *forwarding, const char *name, uint32_t slots)
{
	for (size_t i = 0; i < forwarding->pool_count; i++)
		if (strcmp(forwarding->pools[i].name, name) == 0 &&
			forwarding->pools[i].live->slots == slots)
			return &forwarding->pools[i];
	return NULL;
}

/* Begins where it was before: most changes move the others by one place at most. */
static const struct live_service *find_service(
	const struct forwarding *forwarding, const char *name, size_t hint)
{
	hint = hint > 0 ? hint - 1 : 0;
	for (size_t i = 0; i < forwarding->service_count; i++) {
		const struct live_service *service =
			&forwarding->services[(hint + i) % forwarding->service_count];

		if (strcmp(service->name, name) == 0)
			return service;
	}
	return NULL;
}

static int out_of_memory(struct error *error)
{
	return error_set(error, -ENOMEM, "out of memory");
}

/* A pool to come, without backends yet; it shares what is live with the one it goes on from. */
static int create_pool(struct forwarding *forwarding, struct member_pool *pool,
	const struct config_pool *config, const struct member_pool *before, struct error *error)
{
	snprintf(pool->name, sizeof(pool->name), "%s", config->name);
	pool->backends = calloc(config->backend_count + 1, sizeof(*pool->backends));
	if (pool->backends == NULL)
		return out_of_memory(error);
	pool->live = before != NULL ? before->live
				    : live_pool_create(forwarding->state, config->slots, error);
	if (pool->live != NULL)
		return 0;
	free(pool->backends);
	return -ENOSPC;
}

static int take_backend(struct forwarding *forwarding, struct member_pool *pool,
	const struct config_backend *config, const struct live_backend *before, struct error *error)
{
	struct live_backend *backend = &pool->backends[pool->backend_count];
	uint32_t index;

	if (before != NULL) {
		*backend = *before;
		pool->backend_count++;
		return 0;
	}
	backend->address = config->address;
	backend->is_new = true;
	backend->place = arena_take(forwarding->backend_places, 1);
	if (backend->place == ARENA_FULL)
		return live_pool_no_room(error, "another backend");
	index = arena_take(pool->live->indices, 1);
	if (index == ARENA_FULL) {
		arena_give(forwarding->backend_places, backend->place, 1);
		return live_pool_no_room(error, "another backend of this pool");
	}
	backend->index = index;
	pool->backend_count++;
	return 0;
}

static void make_record(struct forwarding *forwarding, const struct config *config,
	const struct live_backend *backend, unsigned int mode, struct backend_record *record)
{
	const struct config_dataplane *dataplane = &config->dataplane;
	bool l2dsr = mode == CONFIG_FORWARD_L2DSR;
	struct neighbour_route neighbour;
	struct record_route route = { 0 };
	const struct port *port;
	int code;

	code = neighbours_find(config, &backend->address, l2dsr, &neighbour);
	assert(code == 0); /* config_read() refuses a backend that cannot be reached */
	(void)code;
	port = forwarding->ports[neighbour.port];
	memcpy(route.destination_mac, neighbour.mac, sizeof(route.destination_mac));
	memcpy(route.source_mac, port_mac(port)->addr_bytes, sizeof(route.source_mac));
	route.port = port_id(port);
	route.mtu = port_mtu(port);
	route.counter = forwarding_backend_place(forwarding, backend->place);
	if (l2dsr)
		record_make_l2dsr(record, &route);
	else
		record_make_ipip(record, &route,
			backend->address.family == ADDRESS_IPV6 ? &dataplane->tunnel_source_ipv6
								: &dataplane->tunnel_source_ipv4,
			&backend->address);
}

/* A record that is as it was stays in its cell; any other gets a new one. */
static int take_cell(struct forwarding *forwarding, const struct config *config,
	struct live_backend *backend, unsigned int mode, struct error *error)
{
	struct backend_record record;
	uint32_t cell;

	make_record(forwarding, config, backend, mode, &record);
	if (backend->cells[mode] != RECORD_NONE &&
		memcmp(state_record(forwarding->state, backend->cells[mode]), &record,
			sizeof(record)) == 0)
		return 0;
	cell = state_record_allocate(forwarding->state);
	if (cell == RECORD_NONE)
		return live_pool_no_room(error, "another backend record");
	*state_record(forwarding->state, cell) = record;
	backend->cells[mode] = cell;
	backend->is_new_cell[mode] = true;
	return 0;
}

static bool pool_has_mode(const struct config *config, size_t pool, unsigned int mode)
{
	for (size_t i = 0; i < config->service_count; i++)
		if (config->services[i].pool == pool && config->services[i].forward == mode)
			return true;
	return false;
}

static int prepare_backends(struct forwarding *forwarding, struct forwarding_change *change,
	size_t number, struct error *error)
{
	const struct config_pool *config = &change->config->pools[number];
	const struct member_pool *before = change->before[number];
	struct member_pool *pool = &change->pools[number];
	int code = 0;

	for (size_t i = 0; code == 0 && i < config->backend_count; i++) {
		const struct config_backend *backend = &config->backends[i];

		code = take_backend(forwarding, pool, backend,
			before == NULL ? NULL
				       : forwarding_live_backend(before, &backend->address, i),
			error);
	}
	for (unsigned int mode = 0; code == 0 && mode < LIVE_POOL_MODES; mode++) {
		if (!pool_has_mode(change->config, number, mode))
			continue;
		for (size_t i = 0; code == 0 && i < pool->backend_count; i++)
			code = take_cell(
				forwarding, change->config, &pool->backends[i], mode, error);
	}
	return code;
}

static int prepare_pools(
	struct forwarding *forwarding, struct forwarding_change *change, struct error *error)
{
	const struct config *config = change->config;

	change->pools = calloc(config->pool_count + 1, sizeof(*change->pools));
	change->before = calloc(config->pool_count + 1, sizeof(*change->before));
	if (change->pools == NULL || change->before == NULL)
		return out_of_memory(error);
	for (size_t i = 0; i < config->pool_count; i++) {
		const struct config_pool *pool = &config->pools[i];
		int code;

		change->before[i] = find_pool(forwarding, pool->name, pool->slots);
		code = create_pool(forwarding, &change->pools[i], pool, change->before[i], error);
		if (code != 0)
			return code;
		change->pool_count = i + 1;
		code = prepare_backends(forwarding, change, i, error);
		if (code != 0)
			return code;
	}
	return 0;
}

static int add_service(struct forwarding *forwarding, struct forwarding_change *change,
	size_t number, struct error *error)
{
	const struct config_service *config = &change->config->services[number];
	const struct live_service *before = find_service(forwarding, config->name, number);
	struct live_service *service = &change->services[number];
	const struct live_pool *live = change->pools[config->pool].live;
	struct service_key key = {
		.vip = config->vip,
		.protocol = config->protocol,
		.port = rte_cpu_to_be_16(config->port),
	};
	struct service row;

	snprintf(service->name, sizeof(service->name), "%s", config->name);
	service->place = before != NULL ? before->place : arena_take(forwarding->service_places, 1);
	if (service->place == ARENA_FULL)
		return live_pool_no_room(error, "another service");
	service->is_new = before == NULL;
	row.slots = state_slots(forwarding->state, live->first_word);
	row.record_of = live->record_of[config->forward];
	row.slot_count = live->slots;
	row.counter = counters_service_place(service->place);
	if (service_table_add(change->tables->services, &key, &row) != 0)
		return error_set(error, -EEXIST,
			"services[%zu]: claims what another service claims", number);
	return 0;
}

static int prepare_services(
	struct forwarding *forwarding, struct forwarding_change *change, struct error *error)
{
	size_t count = change->config->service_count;
	int code = 0;

	change->services = calloc(count + 1, sizeof(*change->services));
	change->tables = tables_create(
		forwarding->secret, state_record(forwarding->state, RECORD_NONE), count);
	if (change->services == NULL || change->tables == NULL)
		return out_of_memory(error);
	for (size_t i = 0; code == 0 && i < count; i++)
		code = add_service(forwarding, change, i, error);
	return code;
}

struct forwarding_change *forwarding_prepare(struct forwarding *forwarding,
	const struct config *config, const struct plan *plan, struct error *error)
{
	struct forwarding_change *change;
	int code;

	/* what earlier changes left behind may be the room that this one needs */
	publish_reclaim(forwarding->publish);
	change = calloc(1, sizeof(*change));
	if (change == NULL) {
		out_of_memory(error);
		return NULL;
	}
	change->config = config;
	change->plan = plan;
	code = prepare_pools(forwarding, change, error);
	if (code == 0)
		code = prepare_services(forwarding, change, error);
	if (code == 0)
		return change;
	forwarding_abort(forwarding, change);
	return NULL;
}

static void abort_pool(
	struct forwarding *forwarding, struct member_pool *pool, const struct member_pool *before)
{
	for (size_t i = 0; i < pool->backend_count; i++) {
		struct live_backend *backend = &pool->backends[i];

		for (unsigned int mode = 0; mode < LIVE_POOL_MODES; mode++)
			if (backend->is_new_cell[mode])
				state_record_free(forwarding->state, backend->cells[mode]);
		if (!backend->is_new)
			continue;
		arena_give(forwarding->backend_places, backend->place, 1);
		arena_give(pool->live->indices, backend->index, 1);
	}
	if (before == NULL)
		live_pool_destroy(pool->live);
	free(pool->backends);
}

void forwarding_abort(struct forwarding *forwarding, struct forwarding_change *change)
{
	size_t services = change->services == NULL ? 0 : change->config->service_count;

	for (size_t i = 0; i < services; i++)
		if (change->services[i].is_new)
			arena_give(forwarding->service_places, change->services[i].place, 1);
	for (size_t i = 0; i < change->pool_count; i++)
		abort_pool(forwarding, &change->pools[i], change->before[i]);
	tables_destroy(change->tables);
	free(change->services);
	free(change->pools);
	free(change->before);
	free(change);
}
