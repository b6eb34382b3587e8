/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Everything is looked up in dictionaries, so that the largest configuration that is allowed
 * (65,535 services and as many backends) is checked in a fraction of a second: the control thread
 * answers no client meanwhile.
 */
#include "config/config_check.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_health.h"
#include "config/config_via.h"
#include "config/config_unique.h"
#include "json/lookup.h"
#include "base/plural.h"

/* Below this many slots for each backend, shares differ visibly from the weights. */
#define SLOTS_PER_BACKEND 300

#define NO_SERVICE SIZE_MAX

/* The first service of each forwarding mode that uses a pool, or NO_SERVICE. */
struct pool_use {
	size_t l2dsr;
	size_t ipip;
};

/* The dictionaries of the rules about backends. */
struct surroundings {
	struct lookup *neighbours;  /* address -> its port */
	struct lookup *tunnel_vips; /* VIP -> the first ipip service that has it */
	struct pool_use *uses;      /* one per pool */
	bool has_gateway;           /* some port has a gateway_mac */
	bool missed_ipv4;           /* a tunnel_source that is missing has been found */
	bool missed_ipv6;
};

static int check_files(const struct config *config, struct findings *findings)
{
	if (strcmp(config->socket, config->dataplane.state_file) != 0)
		return 0;
	return findings_add(
		findings, "control.socket: %s is the dataplane.state_file", config->socket);
}

static int check_seats(const struct config_pool *pool, size_t index, struct findings *findings)
{
	size_t seats = pool->backend_count + pool->vacant_count;

	if (pool->slots < pool->backend_count)
		return findings_add(findings,
			"pools[%zu].slots: %u slots are fewer than the %zu backends", index,
			pool->slots, pool->backend_count);
	if (seats > CONFIG_BACKENDS_MAX)
		return findings_add(findings,
			"pools[%zu].vacant: %zu seat%s beside %zu backend%s are more than %d",
			index, pool->vacant_count, plural(pool->vacant_count), pool->backend_count,
			plural(pool->backend_count), CONFIG_BACKENDS_MAX);
	if (pool->slots < seats)
		return findings_add(findings,
			"pools[%zu].slots: %u slots are fewer than %zu backend%s and %zu vacant "
			"seat%s",
			index, pool->slots, pool->backend_count, plural(pool->backend_count),
			pool->vacant_count, plural(pool->vacant_count));
	return 0;
}

static int check_sizes(const struct config *config, struct findings *findings)
{
	size_t memberships = 0;

	for (size_t i = 0; i < config->written_pool_count; i++) {
		int result = check_seats(&config->pools[i], i, findings);

		if (result != 0)
			return result;
		memberships += config->pools[i].backend_count;
	}
	if (memberships > CONFIG_MEMBERSHIPS_MAX)
		return findings_add(findings, "pools: %zu backends in all (0-%d are allowed)",
			memberships, CONFIG_MEMBERSHIPS_MAX);
	return 0;
}

static int enter_neighbour(struct surroundings *surroundings, const struct config *config,
	size_t port, size_t index, struct findings *findings)
{
	const struct config_neighbour *neighbour = &config->dataplane.ports[port].neighbours[index];
	char text[ADDRESS_TEXT_SIZE];
	size_t earlier;
	int result;

	address_format(&neighbour->address, text);
	result = lookup_add(surroundings->neighbours, text, port, &earlier);
	if (result == -EEXIST)
		return findings_add(findings,
			"dataplane.ports[%zu].neighbours[%zu].address: %s is a neighbour of "
			"dataplane.ports[%zu] already",
			port, index, text, earlier);
	return result == 0 ? 0 : findings_out_of_memory(findings);
}

static int enter_ports(
	struct surroundings *surroundings, const struct config *config, struct findings *findings)
{
	int result = 0;

	for (size_t i = 0; i < config->dataplane.port_count; i++) {
		const struct config_port *port = &config->dataplane.ports[i];

		surroundings->has_gateway |= port->has_gateway_mac;
		for (size_t j = 0; j < port->neighbour_count && result == 0; j++)
			result = enter_neighbour(surroundings, config, i, j, findings);
	}
	return result;
}

static void note_use(size_t *first, size_t service)
{
	if (*first == NO_SERVICE)
		*first = service;
}

static void note_pool(
	struct pool_use *uses, size_t pool, enum config_forward forward, size_t service)
{
	if (pool == CONFIG_NO_POOL) /* which has been found */
		return;
	note_use(forward == CONFIG_FORWARD_L2DSR ? &uses[pool].l2dsr : &uses[pool].ipip, service);
}

static void note_uses(struct pool_use *uses, const struct config_service *service, size_t number)
{
	for (size_t i = 0; i < config_service_pool_count(service); i++)
		note_pool(uses, config_service_pool_at(service, i), service->forward, number);
}

static int enter_services(
	struct surroundings *surroundings, const struct config *config, struct findings *findings)
{
	for (size_t i = 0; i < config->written_pool_count; i++)
		surroundings->uses[i] =
			(struct pool_use){ .l2dsr = NO_SERVICE, .ipip = NO_SERVICE };
	for (size_t i = 0; i < config->service_count; i++) {
		const struct config_service *service = &config->services[i];
		char text[ADDRESS_TEXT_SIZE];
		size_t earlier;

		note_uses(surroundings->uses, service, i);
		if (service->forward == CONFIG_FORWARD_L2DSR)
			continue;
		address_format(&service->vip, text);
		if (lookup_add(surroundings->tunnel_vips, text, i, &earlier) == -ENOMEM)
			return findings_out_of_memory(findings);
	}
	return 0;
}

/* What leaves in a tunnel to a VIP comes back to the balancer. */
static int check_loop(const struct surroundings *surroundings, const char *path, const char *text,
	struct findings *findings)
{
	size_t service;

	if (lookup_find(surroundings->tunnel_vips, text, &service) != 0)
		return 0;
	return findings_add(findings,
		"%s.address: %s is the VIP of services[%zu], packets would come back", path, text,
		service);
}

/*
 * The next hop's MAC. A router would send a packet of l2dsr, which is still addressed to the VIP,
 * back to the balancer: there the backend itself must be a neighbour.
 */
static int check_next_hop(const struct surroundings *surroundings, const struct pool_use *use,
	const char *path, const char *text, struct findings *findings)
{
	size_t port;

	if (lookup_find(surroundings->neighbours, text, &port) == 0)
		return 0;
	if (use->l2dsr != NO_SERVICE)
		return findings_add(findings,
			"%s.address: %s is not in the neighbours of any port, which l2dsr of "
			"services[%zu] needs",
			path, text, use->l2dsr);
	if (!surroundings->has_gateway)
		return findings_add(findings,
			"%s.address: %s is not in the neighbours of any port and no port has a "
			"gateway_mac",
			path, text);
	return 0;
}

/* One finding for all. */
static int check_tunnel_source(struct surroundings *surroundings,
	const struct config_dataplane *dataplane, const struct pool_use *use, const char *path,
	const struct address *backend, struct findings *findings)
{
	const bool is_ipv4 = backend->family == ADDRESS_IPV4;
	const struct address *source =
		is_ipv4 ? &dataplane->tunnel_source_ipv4 : &dataplane->tunnel_source_ipv6;
	bool *missed = is_ipv4 ? &surroundings->missed_ipv4 : &surroundings->missed_ipv6;

	if (use->ipip == NO_SERVICE || source->family != ADDRESS_NONE || *missed)
		return 0;
	*missed = true;
	return findings_add(findings,
		"dataplane.tunnel_source.%s: missing, ipip of services[%zu] to %s needs it",
		is_ipv4 ? "ipv4" : "ipv6", use->ipip, path);
}

static int check_backend(struct surroundings *surroundings, const struct config *config,
	size_t pool, size_t index, struct findings *findings)
{
	const struct address *address = &config->pools[pool].backends[index].address;
	const struct pool_use *use = &surroundings->uses[pool];
	char text[ADDRESS_TEXT_SIZE];
	char path[96];
	int result;

	address_format(address, text);
	snprintf(path, sizeof(path), "pools[%zu].backends[%zu]", pool, index);
	result = check_loop(surroundings, path, text, findings);
	if (result == 0)
		result = check_next_hop(surroundings, use, path, text, findings);
	if (result == 0)
		result = check_tunnel_source(
			surroundings, &config->dataplane, use, path, address, findings);
	return result;
}

/* Of `count` pools from the first one on. */
static int check_backends(struct surroundings *surroundings, const struct config *config,
	size_t first, size_t count, struct findings *findings)
{
	int result = 0;

	for (size_t i = first; i < first + count; i++) {
		for (size_t j = 0; j < config->pools[i].backend_count && result == 0; j++)
			result = check_backend(surroundings, config, i, j, findings);
	}
	return result;
}

static int check_paths(
	const struct config *config, size_t first, size_t count, struct findings *findings)
{
	struct surroundings surroundings = {
		.neighbours = lookup_create(),
		.tunnel_vips = lookup_create(),
		.uses = calloc(config->written_pool_count + 1, sizeof(struct pool_use)),
	};
	int result = 0;

	if (surroundings.neighbours == NULL || surroundings.tunnel_vips == NULL ||
		surroundings.uses == NULL)
		result = findings_out_of_memory(findings);
	if (result == 0)
		result = enter_ports(&surroundings, config, findings);
	if (result == 0)
		result = enter_services(&surroundings, config, findings);
	if (result == 0)
		result = check_backends(&surroundings, config, first, count, findings);
	free(surroundings.uses);
	lookup_destroy(surroundings.tunnel_vips);
	lookup_destroy(surroundings.neighbours);
	return result;
}

/* Two rules for the same clients: the second would never be asked. */
static int check_splits_of(const struct config *config, size_t number, struct findings *findings)
{
	const struct config_service *service = &config->services[number];

	for (size_t i = 0; i < service->split_count; i++)
		for (size_t k = 0; k < i; k++) {
			const struct config_split *a = &service->splits[i],
						  *b = &service->splits[k];
			char text[CONFIG_SPLIT_TEXT_SIZE];

			if (a->family != b->family || a->from.length != b->from.length ||
				!address_equal(&a->from.address, &b->from.address))
				continue;
			return findings_add(findings,
				"services[%zu].split[%zu]: %s is in split[%zu]", number, i,
				config_split_format(a, text), k);
		}
	return 0;
}

static int check_splits(const struct config *config, struct findings *findings)
{
	int result = 0;

	for (size_t i = 0; i < config->service_count && result == 0; i++)
		result = check_splits_of(config, i, findings);
	return result;
}

/* The worker would take all that is for the host at that address, BGP and ssh included. */
static int check_vips(const struct config *config, struct findings *findings)
{
	const struct config_dataplane *dataplane = &config->dataplane;

	for (size_t i = 0; i < config->service_count; i++) {
		const struct address *vip = &config->services[i].vip;
		char text[ADDRESS_TEXT_SIZE];

		if (address_equal(vip, &dataplane->tunnel_source_ipv4) ||
			address_equal(vip, &dataplane->tunnel_source_ipv6))
			return findings_add(findings,
				"services[%zu].vip: %s is the dataplane.tunnel_source", i,
				address_format(vip, text));
	}
	return 0;
}

/* Whether a pool has any service. */
static bool *find_used(const struct config *config)
{
	bool *used = calloc(config->written_pool_count + 1, sizeof(*used));

	for (size_t i = 0; used != NULL && i < config->service_count; i++)
		for (size_t k = 0; k < config_service_pool_count(&config->services[i]); k++) {
			size_t pool = config_service_pool_at(&config->services[i], k);

			if (pool != CONFIG_NO_POOL)
				used[pool] = true;
		}
	return used;
}

static bool has_port(const struct config *config, const struct config_pool *pool, size_t service)
{
	return pool->health->port != 0 ||
	       (service != CONFIG_NO_SERVICE && config->services[service].port != 0);
}

/* A pool that no service uses yet is not probed before one does. */
static int check_ports_of(const struct config *config, const bool *used, const size_t *services,
	struct findings *findings)
{
	int result = 0;

	for (size_t i = 0; i < config->written_pool_count && result == 0; i++) {
		const struct config_pool *pool = &config->pools[i];

		if (pool->health != NULL && used[i] && config_health_needs_port(pool->health) &&
			!has_port(config, pool, services[i]))
			result = findings_add(findings,
				"pools[%zu].health.port: missing, as no service of the pool that "
				"type %s fits has a port",
				i, config_health_type_name(pool->health->type));
	}
	return result;
}

static int check_health(const struct config *config, struct findings *findings)
{
	size_t *services = config_health_services(config);
	bool *used = find_used(config);
	int result;

	if (services == NULL || used == NULL)
		result = findings_out_of_memory(findings);
	else
		result = check_ports_of(config, used, services, findings);
	free(used);
	free(services);
	return result == 0 ? config_via_check(config, findings) : result;
}

/* Of `count` pools from the first one on. */
static int check_zones(
	const struct config *config, size_t first, size_t count, struct findings *findings)
{
	int result = 0;

	for (size_t i = first; i < first + count && result == 0; i++)
		if (!config->pools[i].cross_zone && config->node_zone[0] == '\0')
			result = findings_add(findings,
				"pools[%zu].cross_zone: false, but node.zone does not say which zone "
				"is the node's own",
				i);
	return result;
}

int config_check(const struct config *config, struct findings *findings)
{
	int result = check_files(config, findings);

	if (result == 0)
		result = check_sizes(config, findings);
	if (result == 0)
		result = config_unique_check(config, findings);
	if (result == 0)
		result = check_vips(config, findings);
	if (result == 0)
		result = check_zones(config, 0, config->written_pool_count, findings);
	if (result == 0)
		result = check_splits(config, findings);
	if (result == 0)
		result = check_paths(config, 0, config->written_pool_count, findings);
	if (result == 0)
		result = check_health(config, findings);
	return result;
}

/* Edits keep the order, so that it is enough to go through both lists once. */
static bool has_new_address(const struct config_pool *before, const struct config_pool *after)
{
	size_t next = 0;

	for (size_t i = 0; i < after->backend_count; i++) {
		const struct address *address = &after->backends[i].address;

		while (next < before->backend_count &&
			!address_equal(&before->backends[next].address, address))
			next++;
		if (next++ >= before->backend_count)
			return true;
	}
	return false;
}

int config_check_pool(const struct config *config, size_t pool, const struct config_pool *before,
	struct findings *findings)
{
	int result = check_sizes(config, findings);

	if (result == 0)
		result = config_unique_check_pool(&config->pools[pool], pool, findings);
	if (result == 0)
		result = check_zones(config, pool, 1, findings);
	if (result == 0 && has_new_address(before, &config->pools[pool]))
		result = check_paths(config, pool, 1, findings);
	if (result == 0)
		result = check_health(config, findings);
	return result;
}

int config_check_services(const struct config *config, struct findings *findings)
{
	int result = config_unique_check_services(config, findings);

	if (result == 0)
		result = check_vips(config, findings);
	if (result == 0)
		result = check_splits(config, findings);
	if (result == 0)
		result = check_paths(config, 0, config->written_pool_count, findings);
	if (result == 0)
		result = check_health(config, findings);
	return result;
}

/* The receiver of warnings, and their number. */
struct warned {
	void (*report)(void *context, const char *sentence);
	void *context;
	size_t count;
};

static void warn(struct warned *warned, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void warn(struct warned *warned, const char *format, ...)
{
	char sentence[256];
	va_list arguments;

	warned->count++;
	va_start(arguments, format);
	vsnprintf(sentence, sizeof(sentence), format, arguments);
	va_end(arguments);
	if (warned->report != NULL)
		warned->report(warned->context, sentence);
}

static bool pool_takes_new_flows(const struct config_pool *pool)
{
	for (size_t i = 0; i < pool->backend_count; i++)
		if (pool->backends[i].state == CONFIG_BACKEND_ACTIVE &&
			pool->backends[i].weight > 0)
			return true;
	return false;
}

/* A service with several has one that takes them, in a pool that it gives a weight. */
static bool service_takes_new_flows(const struct config_service *service, const bool *takers)
{
	if (service->part_count == 0)
		return takers[service->pool];
	for (size_t i = 0; i < service->part_count; i++)
		if (service->parts[i].weight != 0 && takers[service->parts[i].pool])
			return true;
	return false;
}

static void warn_of_split(
	const struct config *config, size_t number, const bool *takers, struct warned *warned)
{
	const struct config_service *service = &config->services[number];

	for (size_t i = 0; i < service->split_count; i++) {
		const struct config_split *split = &service->splits[i];
		char text[CONFIG_SPLIT_TEXT_SIZE];

		config_split_format(split, text);
		if (!config_split_fits(split, service->vip.family))
			warn(warned,
				"services[%zu].split[%zu]: no client of the VIP is %s, which is the "
				"other family",
				number, i, text);
		else if (!takers[split->pool])
			warn(warned,
				"services[%zu].split[%zu]: pool \"%s\" has no active backend with a "
				"weight, service \"%s\" drops new flows %s",
				number, i, config->pools[split->pool].name, service->name, text);
	}
}

static void warn_of_service(
	const struct config *config, size_t number, const bool *takers, struct warned *warned)
{
	const struct config_service *service = &config->services[number];
	const struct config_pool *pool = &config->pools[service->pool];

	if (service->part_count != 0 && pool->backend_count > 1 &&
		pool->slots < SLOTS_PER_BACKEND * pool->backend_count)
		warn(warned,
			"services[%zu].pools: %u slots for the %zu backends of all pools are fewer "
			"than %d each, shares will differ from the weights",
			number, pool->slots, pool->backend_count, SLOTS_PER_BACKEND);
	warn_of_split(config, number, takers, warned);
	if (service_takes_new_flows(service, takers))
		return;
	if (service->part_count == 0)
		warn(warned,
			"services[%zu]: pool \"%s\" has no active backend with a weight, "
			"service \"%s\" drops new flows",
			number, pool->name, service->name);
	else
		warn(warned,
			"services[%zu]: no pool with a weight has an active backend with a weight, "
			"service \"%s\" drops new flows",
			number, service->name);
}

/* By pool: each is looked through once, for thousands of services may share one. NULL: no memory.
 */
static bool *find_takers(const struct config *config)
{
	bool *takers = calloc(config->pool_count + 1, sizeof(*takers));

	for (size_t i = 0; takers != NULL && i < config->pool_count; i++)
		takers[i] = pool_takes_new_flows(&config->pools[i]);
	return takers;
}

size_t config_warnings(const struct config *config,
	void (*report)(void *context, const char *sentence), void *context)
{
	struct warned warned = { report, context, 0 };
	bool *takers = find_takers(config);

	for (size_t i = 0; i < config->written_pool_count; i++) {
		const struct config_pool *pool = &config->pools[i];

		if (pool->backend_count > 1 &&
			pool->slots < SLOTS_PER_BACKEND * pool->backend_count)
			warn(&warned,
				"pools[%zu].slots: %u slots for %zu backends are fewer than %d each, "
				"shares will differ from the weights",
				i, pool->slots, pool->backend_count, SLOTS_PER_BACKEND);
		if (pool->vacant_count > pool->backend_count)
			warn(&warned,
				"pools[%zu].vacant: there are more seats (%zu) than backends (%zu), whose "
				"shares differ from the weights by that: drop the list",
				i, pool->vacant_count, pool->backend_count);
	}
	for (size_t i = 0; takers != NULL && i < config->service_count; i++)
		warn_of_service(config, i, takers, &warned);
	free(takers);
	return warned.count;
}
