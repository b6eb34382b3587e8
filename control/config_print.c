/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The canonical form. Keys stand in the order of the README's reference: jansson keeps the order in
 * which they are put in. Where memory runs out the whole is NULL, never a document with a gap: it
 * may be written over the operator's file.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "config_choice.h"

#define MAC_TEXT_SIZE 18
#define KEY_TEXT_SIZE (2 * CONFIG_HASH_KEY_SIZE + 1)

typedef json_t *element_printer(const void *list, size_t index);

static json_t *print_list(const void *list, size_t count, element_printer *print)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++) {
		if (json_array_append_new(array, print(list, i)) == 0)
			continue;
		json_decref(array);
		return NULL;
	}
	return array;
}

static json_t *print_address(const struct address *address)
{
	char text[ADDRESS_TEXT_SIZE];

	return json_string(address_format(address, text));
}

static const char *format_mac(const uint8_t mac[6], char text[static MAC_TEXT_SIZE])
{
	snprintf(text, MAC_TEXT_SIZE, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		mac[3], mac[4], mac[5]);
	return text;
}

static json_t *print_node(const struct config *config)
{
	return json_pack("{s:s}", "name", config->node_name);
}

static json_t *print_node_with_secret(const struct config *config)
{
	char key[KEY_TEXT_SIZE];

	for (size_t i = 0; i < CONFIG_HASH_KEY_SIZE; i++)
		snprintf(key + 2 * i, 3, "%02x", config->hash_key[i]);
	return json_pack("{s:s, s:s}", "name", config->node_name, "hash_key", key);
}

static json_t *print_cpu(const void *list, size_t index)
{
	const uint16_t *cpus = list;

	return json_integer(cpus[index]);
}

static json_t *print_workers(const struct config_dataplane *dataplane)
{
	if (dataplane->workers_by_number)
		return json_integer(dataplane->worker_count);
	return print_list(dataplane->worker_cpus, dataplane->worker_count, print_cpu);
}

static json_t *print_eal(const void *list, size_t index)
{
	char *const *arguments = list;

	return json_string(arguments[index]);
}

static json_t *print_tunnel_source(const struct config_dataplane *dataplane)
{
	const struct address *ipv4 = &dataplane->tunnel_source_ipv4;
	const struct address *ipv6 = &dataplane->tunnel_source_ipv6;
	char ipv4_text[ADDRESS_TEXT_SIZE];
	char ipv6_text[ADDRESS_TEXT_SIZE];

	address_format(ipv4, ipv4_text);
	address_format(ipv6, ipv6_text);
	return json_pack("{s:s*, s:s*}", "ipv4", ipv4->family != ADDRESS_NONE ? ipv4_text : NULL,
		"ipv6", ipv6->family != ADDRESS_NONE ? ipv6_text : NULL);
}

static json_t *print_neighbour(const void *list, size_t index)
{
	const struct config_neighbour *neighbour = (const struct config_neighbour *)list + index;
	char mac[MAC_TEXT_SIZE];

	return json_pack("{s:o, s:s}", "address", print_address(&neighbour->address), "mac",
		format_mac(neighbour->mac, mac));
}

static json_t *print_port(const void *list, size_t index)
{
	const struct config_port *port = (const struct config_port *)list + index;
	const bool has_host_path = port->host_path != CONFIG_HOST_PATH_DEFAULT;
	char mac[MAC_TEXT_SIZE];

	format_mac(port->gateway_mac, mac);
	return json_pack("{s:s, s:s, s:i, s:s*, s:o, s:s*}", "name", port->name, "device",
		port->device, "mtu", port->mtu, "host_path",
		has_host_path ? config_host_path_name(port->host_path) : NULL, "neighbours",
		print_list(port->neighbours, port->neighbour_count, print_neighbour), "gateway_mac",
		port->has_gateway_mac ? mac : NULL);
}

static json_t *print_dataplane(const struct config_dataplane *dataplane)
{
	json_t *printed = json_pack("{s:o, s:s, s:i, s:i, s:o, s:s, s:o, s:o}", "workers",
		print_workers(dataplane), "idle", config_idle_name(dataplane->idle), "mbufs",
		(int)dataplane->mbufs, "pins", (int)dataplane->pins, "eal",
		print_list(dataplane->eal, dataplane->eal_count, print_eal), "state_file",
		dataplane->state_file, "tunnel_source", print_tunnel_source(dataplane), "ports",
		print_list(dataplane->ports, dataplane->port_count, print_port));

	if (json_object_size(json_object_get(printed, "tunnel_source")) == 0)
		json_object_del(printed, "tunnel_source");
	return printed;
}

static json_t *print_backend(const void *list, size_t index)
{
	const struct config_backend *backend = (const struct config_backend *)list + index;
	char address[ADDRESS_TEXT_SIZE];
	json_t *printed;
	bool has_key;

	address_format(&backend->address, address);
	has_key = strcmp(backend->key, address) != 0;
	printed = json_pack("{s:s, s:s, s:s*, s:i, s:i, s:s}", "name", backend->name, "address",
		address, "key", has_key ? backend->key : NULL, "weight", backend->weight,
		"seat_weight", backend->seat_weight, "state",
		config_backend_state_name(backend->state));
	if (backend->seat_weight == 0)
		json_object_del(printed, "seat_weight");
	return printed;
}

static json_t *print_vacant(const void *list, size_t index)
{
	const struct config_vacant *vacant = (const struct config_vacant *)list + index;

	return json_pack("{s:s, s:i}", "key", vacant->key, "weight", vacant->weight);
}

static json_t *print_affinity(const struct config_affinity *affinity)
{
	return json_pack("{s:i, s:i, s:i, s:i, s:i}", "observe_s", (int)affinity->observe_s,
		"settle_s", (int)affinity->settle_s, "hold_s", (int)affinity->hold_s,
		"fail_grace_s", (int)affinity->fail_grace_s, "guard_s", (int)affinity->guard_s);
}

static json_t *print_slow_start(const struct config_slow_start *slow_start)
{
	return json_pack("{s:i, s:i}", "duration_s", (int)slow_start->duration_s, "steps",
		(int)slow_start->steps);
}

static json_t *print_pool(const void *list, size_t index)
{
	const struct config_pool *pool = (const struct config_pool *)list + index;
	json_t *printed = json_pack("{s:s, s:i, s:s, s:o, s:o, s:i, s:i, s:o, s:o}", "name",
		pool->name, "slots", (int)pool->slots, "builder",
		config_builder_name(pool->builder), "affinity", print_affinity(&pool->affinity),
		"slow_start", print_slow_start(&pool->slow_start), "drain_deadline_s",
		(int)pool->drain_deadline_s, "max_disruption_percent",
		(int)pool->max_disruption_percent, "backends",
		print_list(pool->backends, pool->backend_count, print_backend), "vacant",
		print_list(pool->vacant, pool->vacant_count, print_vacant));

	if (pool->vacant_count == 0)
		json_object_del(printed, "vacant");
	if (pool->slow_start.duration_s == 0)
		json_object_del(printed, "slow_start");
	return printed;
}

static json_t *print_service_port(uint16_t port)
{
	return port == 0 ? json_string("any") : json_integer(port);
}

static json_t *print_service(const struct config_service *service, const char *pool)
{
	const bool has_udp = service->protocol == CONFIG_PROTOCOL_UDP;

	return json_pack("{s:s, s:o, s:s, s:o, s:s, s:s, s:s*}", "name", service->name, "vip",
		print_address(&service->vip), "protocol", config_protocol_name(service->protocol),
		"port", print_service_port(service->port), "pool", pool, "forward",
		config_forward_name(service->forward), "udp",
		has_udp ? config_udp_name(service->udp) : NULL);
}

/* Here the list is the configuration itself, because a service names its pool by position. */
static json_t *print_service_of(const void *list, size_t index)
{
	const struct config *config = list;
	const struct config_service *service = &config->services[index];

	return print_service(service, config->pools[service->pool].name);
}

/* Takes over `node`. */
static json_t *print_document(const struct config *config, json_t *node)
{
	return json_pack("{s:o, s:o, s:{s:s}, s:o, s:o}", "node", node, "dataplane",
		print_dataplane(&config->dataplane), "control", "socket", config->socket, "pools",
		print_list(config->pools, config->pool_count, print_pool), "services",
		print_list(config, config->service_count, print_service_of));
}

json_t *config_print(const struct config *config)
{
	return print_document(config, print_node(config));
}

json_t *config_print_with_secret(const struct config *config)
{
	return print_document(config, print_node_with_secret(config));
}
