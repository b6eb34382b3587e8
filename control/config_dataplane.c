/* SPDX-License-Identifier: BSD-3-Clause */
#include "config_dataplane.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config_choice.h"
#include "config_field.h"

#define CPU_MAX            1023 /* CPU_SETSIZE - 1 */
#define DEFAULT_MBUFS      65536
#define DEFAULT_PINS       786432 /* what 131,072 buckets of 64 bytes hold at three quarters */
#define DEFAULT_MTU        1500
#define DEFAULT_STATE_FILE "/run/sluice/state"

int config_dataplane_init(struct config_dataplane *dataplane, struct error *error)
{
	dataplane->workers_by_number = true;
	dataplane->worker_count = 1;
	dataplane->idle = CONFIG_IDLE_SPIN;
	dataplane->mbufs = DEFAULT_MBUFS;
	dataplane->pins = DEFAULT_PINS;
	dataplane->state_file = strdup(DEFAULT_STATE_FILE);
	return dataplane->state_file != NULL ? 0 : error_set(error, -ENOMEM, "out of memory");
}

static int read_cpu(const struct json_place *place, void *field, struct error *error)
{
	uint16_t *cpu = field;
	int64_t number = 0;
	int result = json_read_integer(place, 0, CPU_MAX, "a CPU (0-1023)", &number, error);

	*cpu = (uint16_t)number;
	return result;
}

static int judge_cpus(const struct json_place *place, const struct config_dataplane *dataplane,
	struct error *error)
{
	for (size_t i = 0; i < dataplane->worker_count; i++) {
		for (size_t j = 0; j < i; j++) {
			struct json_place cpu = json_place_element(place, i);

			if (dataplane->worker_cpus[i] == dataplane->worker_cpus[j])
				return json_refuse(&cpu, error, "CPU %u is listed already",
					dataplane->worker_cpus[i]);
		}
	}
	return 0;
}

static int read_worker_list(
	const struct json_place *place, struct config_dataplane *dataplane, struct error *error)
{
	static const struct json_list cpus = { 1, CONFIG_WORKERS_MAX,
		sizeof(dataplane->worker_cpus[0]), read_cpu };
	int result = json_list_judge(place, &cpus, error);

	if (result == 0)
		result = json_list_read(place, &cpus, dataplane->worker_cpus, error);
	if (result != 0)
		return result;
	dataplane->workers_by_number = false;
	dataplane->worker_count = (unsigned int)json_array_size(place->value);
	return judge_cpus(place, dataplane, error);
}

static int read_workers(const struct json_place *place, void *field, struct error *error)
{
	struct config_dataplane *dataplane = field;
	int64_t number = 0;
	int result;

	if (json_is_array(place->value))
		return read_worker_list(place, dataplane, error);
	result = json_read_integer(place, 1, CONFIG_WORKERS_MAX,
		"a list of CPUs or a number of workers (1-64)", &number, error);
	dataplane->worker_count = (unsigned int)number;
	return result;
}

static int read_mbufs(const struct json_place *place, void *field, struct error *error)
{
	uint32_t *mbufs = field;
	int64_t number = 0;
	int result = json_read_integer(place, 1024, 16777216,
		"a number of packet buffers (1024-16777216)", &number, error);

	*mbufs = (uint32_t)number;
	return result;
}

static int read_pins(const struct json_place *place, void *field, struct error *error)
{
	uint32_t *pins = field;
	int64_t number = 0;
	int result = json_read_integer(place, 4096, 100000000,
		"a number of flows to remember (4096-100000000)", &number, error);

	*pins = (uint32_t)number;
	return result;
}

static int read_eal(const struct json_place *place, void *field, struct error *error)
{
	static const struct json_list arguments = { 0, CONFIG_EAL_MAX, sizeof(char *),
		config_field_read_text };
	struct config_dataplane *dataplane = field;

	dataplane->eal = json_list_create(place, &arguments, &dataplane->eal_count, error);
	return json_list_read(place, &arguments, dataplane->eal, error);
}

static int judge_family(const struct json_place *place, int result, const struct address *address,
	enum address_family family, struct error *error)
{
	if (result != 0 || address->family == family)
		return result;
	return json_mismatch(
		place, family == ADDRESS_IPV4 ? "an IPv4 address" : "an IPv6 address", error);
}

static int read_ipv4(const struct json_place *place, void *field, struct error *error)
{
	int result = config_field_read_address(place, field, error);

	return judge_family(place, result, field, ADDRESS_IPV4, error);
}

static int read_ipv6(const struct json_place *place, void *field, struct error *error)
{
	int result = config_field_read_address(place, field, error);

	return judge_family(place, result, field, ADDRESS_IPV6, error);
}

static int read_tunnel_source(const struct json_place *place, void *field, struct error *error)
{
	static const struct json_member members[] = {
		{ "ipv4", JSON_OPTIONAL, offsetof(struct config_dataplane, tunnel_source_ipv4),
			read_ipv4 },
		{ "ipv6", JSON_OPTIONAL, offsetof(struct config_dataplane, tunnel_source_ipv6),
			read_ipv6 },
		{ "ipv4_prefix", JSON_NOT_YET, 0, NULL },
		{ "ipv6_prefix", JSON_NOT_YET, 0, NULL },
		{ "gue_port", JSON_NOT_YET, 0, NULL },
		{ .key = NULL },
	};

	return json_read_object(place, members, field, error);
}

static int read_neighbour(const struct json_place *place, void *field, struct error *error)
{
	static const struct json_member members[] = {
		{ "address", JSON_REQUIRED, offsetof(struct config_neighbour, address),
			config_field_read_address },
		{ "mac", JSON_REQUIRED, offsetof(struct config_neighbour, mac),
			config_field_read_mac },
		{ .key = NULL },
	};

	return json_read_object(place, members, field, error);
}

static int read_neighbours(const struct json_place *place, void *field, struct error *error)
{
	static const struct json_list neighbours = { 0, CONFIG_NEIGHBOURS_MAX,
		sizeof(struct config_neighbour), read_neighbour };
	struct config_port *port = field;

	port->neighbours = json_list_create(place, &neighbours, &port->neighbour_count, error);
	return json_list_read(place, &neighbours, port->neighbours, error);
}

static int read_gateway_mac(const struct json_place *place, void *field, struct error *error)
{
	struct config_port *port = field;

	port->has_gateway_mac = true;
	return config_field_read_mac(place, port->gateway_mac, error);
}

/* 1280 is the least that IPv6 works with (RFC 8200, section 5). */
static int read_mtu(const struct json_place *place, void *field, struct error *error)
{
	uint16_t *mtu = field;
	int64_t number = 0;
	int result = json_read_integer(place, 1280, 9216, "an MTU (1280-9216)", &number, error);

	*mtu = (uint16_t)number;
	return result;
}

static int read_port(const struct json_place *place, void *field, struct error *error)
{
	static const struct json_member members[] = {
		{ "name", JSON_REQUIRED, offsetof(struct config_port, name),
			config_field_read_name },
		{ "device", JSON_REQUIRED, offsetof(struct config_port, device),
			config_field_read_text },
		{ "mtu", JSON_OPTIONAL, offsetof(struct config_port, mtu), read_mtu },
		{ "host_path", JSON_OPTIONAL, offsetof(struct config_port, host_path),
			config_choice_read_host_path },
		{ "neighbours", JSON_OPTIONAL, 0, read_neighbours },
		{ "gateway_mac", JSON_OPTIONAL, 0, read_gateway_mac },
		{ "vlan", JSON_NOT_YET, 0, NULL },
		{ .key = NULL },
	};
	struct config_port *port = field;

	port->mtu = DEFAULT_MTU;
	return json_read_object(place, members, port, error);
}

static int read_ports(const struct json_place *place, void *field, struct error *error)
{
	static const struct json_list ports = { 1, CONFIG_PORTS_MAX, sizeof(struct config_port),
		read_port };
	struct config_dataplane *dataplane = field;

	dataplane->ports = json_list_create(place, &ports, &dataplane->port_count, error);
	return json_list_read(place, &ports, dataplane->ports, error);
}

int config_dataplane_read(const struct json_place *place, void *field, struct error *error)
{
	static const struct json_member members[] = {
		{ "workers", JSON_OPTIONAL, 0, read_workers },
		{ "idle", JSON_OPTIONAL, offsetof(struct config_dataplane, idle),
			config_choice_read_idle },
		{ "mbufs", JSON_OPTIONAL, offsetof(struct config_dataplane, mbufs), read_mbufs },
		{ "pins", JSON_OPTIONAL, offsetof(struct config_dataplane, pins), read_pins },
		{ "eal", JSON_OPTIONAL, 0, read_eal },
		{ "state_file", JSON_OPTIONAL, offsetof(struct config_dataplane, state_file),
			config_field_read_file },
		{ "tunnel_source", JSON_OPTIONAL, 0, read_tunnel_source },
		{ "ports", JSON_REQUIRED, 0, read_ports },
		{ "unclaimed", JSON_NOT_YET, 0, NULL },
		{ "nat", JSON_NOT_YET, 0, NULL },
		{ "fragments", JSON_NOT_YET, 0, NULL },
		{ .key = NULL },
	};

	return json_read_object(place, members, field, error);
}
