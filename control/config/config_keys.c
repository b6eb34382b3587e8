/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From the leaves up to the document. Defaults: `observe_s` is longer than common idle timeouts,
 * `settle_s` what a slow deployment takes, `hold_s` a reboot, `fail_grace_s` a check that flaps,
 * `guard_s` the time by which nodes differ that move a slot together.
 */
#include "config/config_keys.h"

#include <errno.h>
#include <string.h>

#include "config/config.h"
#include "config/config_choice.h"
#include "config/config_health.h"
#include "config/config_kinds.h"
#include "maglev/maglev.h"

#define AT(type, field) .offset = offsetof(struct type, field)
#define INTEGER(type, field) \
	.kind = &json_kind_integer, AT(type, field), .width = sizeof(((struct type *)0)->field)
#define RANGE(from, to) .least = (from), .most = (to)
#define DEFAULT(value)  .has_default = true, .number = (value)
#define LIST(type, field, count, element)                              \
	AT(type, field), .count_offset = offsetof(struct type, count), \
			 .element_size = sizeof(element)
#define SECONDS(type, field, from, to) \
	INTEGER(type, field), RANGE(from, to), .what = "a number of seconds", .unit = "s"
#define REQUIRED .presence = JSON_KEY_REQUIRED
#define LATER(key)            \
	{                     \
		.name = (key) \
	}
/* People look for it at the top and in a pool. */
#define NO_CHECKS "a pool has its checks in `health`: pools[].health"
#define END                  \
	{                    \
		.name = NULL \
	}

/* ports */

static int check_gateway(const struct json_path *path, void *owner, struct error *error)
{
	struct config_port *port = owner;

	port->has_gateway_mac = true;
	return 0;
}

static bool has_no_gateway(const void *owner)
{
	const struct config_port *port = owner;

	return !port->has_gateway_mac;
}

static bool has_no_host_path(const void *owner)
{
	const struct config_port *port = owner;

	return port->host_path == CONFIG_HOST_PATH_DEFAULT;
}

static const struct json_key neighbour_keys[] = {
	{ "address", &config_kind_address, REQUIRED, AT(config_neighbour, address),
		.summary = "Address of the backend on this link." },
	{ "mac", &config_kind_mac, REQUIRED, AT(config_neighbour, mac),
		.summary = "MAC address that frames for it are sent to." },
	END,
};

/* 1280 is the least that IPv6 works with (RFC 8200, section 5). */
static const struct json_key port_keys[] = {
	{ "name", &config_kind_name, REQUIRED, AT(config_port, name),
		.summary = "Its name in answers and counters." },
	{ "device", &config_kind_text, REQUIRED, AT(config_port, device),
		.summary =
			"A DPDK device string: a PCI address as 0000:3b:00.0, or a virtual "
			"device as net_af_xdp0,iface=eth1, net_af_packet0,iface=eth1, net_pcap0,... "
			"or net_null0." },
	{ "mtu", INTEGER(config_port, mtu), RANGE(1280, 9216), .what = "an MTU", .unit = "bytes",
		DEFAULT(1500),
		.summary = "The largest IP packet that the link takes, including the outer header "
			   "of a tunnel." },
	{ "host_path", &json_kind_word, AT(config_port, host_path),
		.words = config_choice_host_paths, .what = "a host path (xdp, copy or drop)",
		.is_absent = has_no_host_path,
		.summary = "How traffic that is not for a VIP reaches the kernel. The default "
			   "depends on the driver." },
	{ "neighbours", &json_kind_objects, .restart = JSON_KEY_AT_ONCE,
		LIST(config_port, neighbours, neighbour_count, struct config_neighbour),
		RANGE(0, CONFIG_NEIGHBOURS_MAX), .keys = neighbour_keys,
		.summary = "Backends on this link. l2dsr needs an entry for each backend." },
	{ "gateway_mac", &config_kind_mac, .restart = JSON_KEY_AT_ONCE,
		AT(config_port, gateway_mac), .check = check_gateway, .is_absent = has_no_gateway,
		.summary =
			"MAC address of the next hop to backends that no port lists as neighbours." },
	LATER("vlan"),
	END,
};

/* dataplane */

static bool has_no_tunnel_source(const void *owner)
{
	const struct config_dataplane *dataplane = owner;

	return dataplane->tunnel_source_ipv4.family == ADDRESS_NONE &&
	       dataplane->tunnel_source_ipv6.family == ADDRESS_NONE;
}

static bool has_no_source_ipv4(const void *owner)
{
	const struct config_dataplane *dataplane = owner;

	return dataplane->tunnel_source_ipv4.family == ADDRESS_NONE;
}

static bool has_no_source_ipv6(const void *owner)
{
	const struct config_dataplane *dataplane = owner;

	return dataplane->tunnel_source_ipv6.family == ADDRESS_NONE;
}

/* Its owner is that of `dataplane`. */
static const struct json_key tunnel_source_keys[] = {
	{ "ipv4", &config_kind_ipv4, AT(config_dataplane, tunnel_source_ipv4),
		.is_absent = has_no_source_ipv4,
		.summary =
			"Required where a pool that is forwarded to by ipip has IPv4 backends." },
	{ "ipv6", &config_kind_ipv6, AT(config_dataplane, tunnel_source_ipv6),
		.is_absent = has_no_source_ipv6,
		.summary =
			"Required where a pool that is forwarded to by ipip has IPv6 backends." },
	LATER("ipv4_prefix"),
	LATER("ipv6_prefix"),
	LATER("gue_port"),
	END,
};

static const struct json_key dataplane_keys[] = {
	{ "workers", &config_kind_workers, DEFAULT(1),
		.summary = "One worker runs on each CPU of the list. A number takes CPUs from the "
			   "last one downwards; more workers than CPUs need idle: rest." },
	{ "idle", &json_kind_word, AT(config_dataplane, idle), .words = config_choice_idles,
		.what = "spin or rest", .text = "spin",
		.summary =
			"What an idle worker does. spin: poll without a pause, for a dedicated "
			"host. rest: sleep some microseconds after empty polls, for a shared one." },
	{ "mbufs", INTEGER(config_dataplane, mbufs), RANGE(1024, 16777216),
		.what = "a number of packet buffers", .unit = "packet buffers", DEFAULT(65536),
		.summary = "Packet buffers per NUMA node." },
	/* what 131,072 buckets of 64 bytes hold at three quarters */
	{ "pins", INTEGER(config_dataplane, pins), .restart = JSON_KEY_RESTART_TO_LOWER,
		RANGE(4096, 100000000), .what = "a number of flows to remember", .unit = "flows",
		DEFAULT(786432),
		.summary =
			"The number of flows that can be remembered while slots move. Each takes "
			"about 11 bytes. A larger number takes effect while running: pins move into "
			"the new table as packets of their flows arrive. It cannot be raised again "
			"until the previous table is empty." },
	{ "eal", &json_kind_list, LIST(config_dataplane, eal, eal_count, char *),
		RANGE(0, CONFIG_EAL_MAX), .elements = &config_kind_text,
		.summary = "Further arguments for DPDK's environment abstraction layer, one per "
			   "entry: --no-pci, --no-huge, -a, 0000:3b:00.0." },
	{ "state_file", &config_kind_path, AT(config_dataplane, state_file),
		.text = "/run/sluice/state",
		.summary = "The mapped file with slot words, pins, records and counters, which "
			   "readers share. One sluiced owns it at a time." },
	{ "tunnel_source", &json_kind_object, .keys = tunnel_source_keys,
		.is_absent = has_no_tunnel_source,
		.summary = "Outer source addresses of encapsulated packets." },
	{ "ports", &json_kind_objects, REQUIRED,
		LIST(config_dataplane, ports, port_count, struct config_port),
		RANGE(1, CONFIG_PORTS_MAX), .keys = port_keys,
		.summary = "NICs and virtual devices." },
	LATER("unclaimed"),
	LATER("nat"),
	LATER("fragments"),
	END,
};

/* pools */

/* Every (offset, skip) of Maglev walks through all slots only if their number is prime. */
static int check_slots(const struct json_path *path, void *owner, struct error *error)
{
	const struct config_pool *pool = owner;
	uint32_t next = pool->slots;

	while (!maglev_is_prime(next))
		next++;
	if (next == pool->slots)
		return 0;
	return json_refuse(path, error, "%u is not a prime (%u is the next)", pool->slots, next);
}

static bool has_address_as_key(const void *owner)
{
	const struct config_backend *backend = owner;
	char address[ADDRESS_TEXT_SIZE];

	return strcmp(backend->key, address_format(&backend->address, address)) == 0;
}

static bool has_no_seat_weight(const void *owner)
{
	const struct config_backend *backend = owner;

	return backend->seat_weight == 0;
}

static bool has_no_zone(const void *owner)
{
	const struct config_backend *backend = owner;

	return backend->zone[0] == '\0';
}

static bool has_no_health_address(const void *owner)
{
	const struct config_backend *backend = owner;

	return backend->health_address.family == ADDRESS_NONE;
}

static bool has_no_health_port(const void *owner)
{
	const struct config_backend *backend = owner;

	return backend->health_port == 0;
}

static bool has_no_backend_health(const void *owner)
{
	return has_no_health_address(owner) && has_no_health_port(owner);
}

/* Its owner is the backend. */
static const struct json_key backend_health_keys[] = {
	{ "address", &config_kind_address, AT(config_backend, health_address),
		.is_absent = has_no_health_address,
		.summary = "Address that is probed. The probe goes there directly." },
	{ "port", INTEGER(config_backend, health_port), RANGE(1, 65535), .what = "a port",
		.is_absent = has_no_health_port, .summary = "Port that is probed." },
	END,
};

static int check_backend(const struct json_path *path, void *owner, struct error *error)
{
	const struct json_path seat_weight = json_path_key(path, "seat_weight");
	struct config_backend *backend = owner;

	if (backend->weight != 0 && backend->seat_weight != 0)
		return json_refuse(&seat_weight, error,
			"goes with a weight of 0 only: any other weight is that of the seat, too");
	if (backend->key[0] == '\0')
		address_format(&backend->address, backend->key);
	return 0;
}

const struct json_key config_backend_keys[] = {
	{ "name", &config_kind_name, REQUIRED, AT(config_backend, name),
		.summary = "Its name, unique in its pool." },
	{ "address", &config_kind_address, REQUIRED, AT(config_backend, address),
		.summary = "Address that packets are sent to." },
	{ "key", &config_kind_seat, AT(config_backend, key), .is_absent = has_address_as_key,
		.summary =
			"The name of its seat, by which the table chooses its slots. By default its "
			"address. A renamed backend keeps its slots. A new backend with the key of "
			"a removed one takes over exactly the same slots. Unique in its pool, "
			"default keys included." },
	{ "weight", INTEGER(config_backend, weight), RANGE(0, 65535), .what = "a weight",
		DEFAULT(CONFIG_DEFAULT_WEIGHT),
		.summary = "Its share of the slots is in proportion to this. A backend with a "
			   "weight has at least one slot. 0 is a drain without a deadline." },
	{ "seat_weight", INTEGER(config_backend, seat_weight), RANGE(1, 65535),
		.what = "the weight of a seat", .is_absent = has_no_seat_weight,
		.summary =
			"Only with a weight of 0: the weight that its seat keeps in the table, so "
			"that the backend gets the same slots back. Written by the change that sets "
			"the weight to 0." },
	{ "state", &json_kind_word, AT(config_backend, state), .words = config_choice_states,
		.what = "active, drain or disabled", .text = "active",
		.summary =
			"Which flows it gets. drain: no new flows; existing flows stay until the "
			"deadline. disabled: no packets at all, and its flows move." },
	{ "port", .instead = "ipip and l2dsr leave ports as they are: backends listen at the "
			     "service's port (nat would change it, which is not in this version)" },
	{ "health", &json_kind_object, .keys = backend_health_keys,
		.is_absent = has_no_backend_health,
		.summary = "Where it is probed, if not at its address and the port of the pool." },
	{ "zone", &config_kind_name, AT(config_backend, zone), .is_absent = has_no_zone,
		.summary = "Its zone. A backend without one counts as near wherever the node is." },
	LATER("server_id"),
	LATER("labels"),
	END,
};

static const struct json_key vacant_keys[] = {
	{ "key", &config_kind_seat, REQUIRED, AT(config_vacant, key),
		.summary = "The key of the backend that had this seat." },
	{ "weight", INTEGER(config_vacant, weight), REQUIRED, RANGE(1, 65535),
		.what = "the weight of a seat", .summary = "The weight of that backend." },
	END,
};

static int check_affinity(const struct json_path *path, void *owner, struct error *error)
{
	const struct config_affinity *affinity = owner;
	struct json_path hold = json_path_key(path, "hold_s");

	if (affinity->hold_s >= affinity->fail_grace_s)
		return 0;
	return json_refuse(&hold, error, "%u is less than fail_grace_s, which is %u",
		affinity->hold_s, affinity->fail_grace_s);
}

static const struct json_key affinity_keys[] = {
	{ "observe_s", SECONDS(config_affinity, observe_s, 1, 86400), DEFAULT(900),
		.summary = "Before a slot moves, its old flows are observed for this long. A flow "
			   "without a packet in that time may break." },
	{ "settle_s", SECONDS(config_affinity, settle_s, 0, 3600), DEFAULT(60),
		.summary = "How long a slot rests after a change before its flows are observed." },
	{ "hold_s", SECONDS(config_affinity, hold_s, 0, 86400), DEFAULT(300),
		.summary =
			"How long a failed backend is waited for. If it returns in time, no flow "
			"has to be remembered. At least fail_grace_s." },
	{ "fail_grace_s", SECONDS(config_affinity, fail_grace_s, 0, 3600), DEFAULT(30),
		.summary = "How long the flows of a failed backend stay with it. New flows go to "
			   "other backends at once." },
	{ "guard_s", SECONDS(config_affinity, guard_s, 0, 60), DEFAULT(10),
		.summary =
			"How long every new flow of a slot is remembered after the slot has moved." },
	END,
};

static bool has_no_slow_start(const void *owner)
{
	const struct config_pool *pool = owner;

	return pool->slow_start.duration_s == 0;
}

static const struct json_key slow_start_keys[] = {
	{ "duration_s", SECONDS(config_slow_start, duration_s, 1, 3600), REQUIRED,
		.summary = "Time until a new backend has its whole share." },
	{ "steps", INTEGER(config_slow_start, steps), RANGE(1, 1000), .what = "a number of steps",
		DEFAULT(10), .summary = "Number of steps in that time." },
	END,
};

static bool has_no_health(const void *owner)
{
	const struct config_pool *pool = owner;

	return pool->health == NULL;
}

static bool has_no_max_load(const void *owner)
{
	const struct config_pool *pool = owner;

	return pool->max_load_percent == 0;
}

static bool has_no_vacant(const void *owner)
{
	const struct config_pool *pool = owner;

	return pool->vacant_count == 0;
}

/* 5,000,011 is itself a prime, so that every number in the range has a next prime in it. */
const struct json_key config_pool_keys[] = {
	{ "name", &config_kind_name, REQUIRED, AT(config_pool, name),
		.summary = "Its name, which is unique." },
	{ "slots", INTEGER(config_pool, slots), RANGE(251, 5000011), .what = "a number of slots",
		.also = "a prime", DEFAULT(65537), .check = check_slots,
		.summary =
			"Size of the table: a prime, at least 300 slots for each backend if possible." },
	{ "builder", &json_kind_word, AT(config_pool, builder), .words = config_choice_builders,
		.what = "a builder (maglev or rendezvous)", .text = "maglev",
		.summary = "How the table is built. maglev: shares are more even. rendezvous: a "
			   "change moves the fewest slots." },
	{ "affinity", &json_kind_object, AT(config_pool, affinity), .keys = affinity_keys,
		.check = check_affinity,
		.summary = "How flows stay with their backends through changes." },
	{ "slow_start", &json_kind_object, AT(config_pool, slow_start), .keys = slow_start_keys,
		.is_absent = has_no_slow_start,
		.summary = "The share of a new backend grows to its weight in steps. Without it, a "
			   "new backend has its share at once." },
	{ "drain_deadline_s", SECONDS(config_pool, drain_deadline_s, 1, 604800), DEFAULT(3600),
		.summary = "How long a drain lasts if the change gives no deadline." },
	{ "max_disruption_percent", INTEGER(config_pool, max_disruption_percent), RANGE(1, 100),
		.what = "a percentage", .unit = "percent", DEFAULT(100),
		.summary = "The largest part of its slots that one change may move unless it is "
			   "forced. 100: no limit." },
	{ "health", &config_kind_health, AT(config_pool, health), .keys = config_health_keys,
		.is_absent = has_no_health,
		.summary =
			"How the backends are checked. Without it, they are up unless `sluicectl "
			"backend set --health` says otherwise." },
	{ "fail_open_below", &config_kind_threshold, AT(config_pool, fail_open_below), DEFAULT(0),
		.summary = "If fewer backends are up, checks are taken to be wrong: new flows go "
			   "to all of them. 0: only if none is up, as all_down says." },
	{ "withdraw_below", &config_kind_threshold, AT(config_pool, withdraw_below), DEFAULT(0),
		.summary = "If fewer backends are up, this node is not to attract traffic for the "
			   "VIPs of the pool. 0: never." },
	{ "all_down", &json_kind_word, AT(config_pool, all_down), .words = config_choice_all_downs,
		.what = "all, drop or withdraw", .text = "all",
		.summary = "What happens to new flows if no backend is up. all: they go to all "
			   "backends. drop: they are dropped. withdraw: they are dropped, and this "
			   "node is not to attract traffic for the VIPs of the pool." },
	{ "unhealthy_flows", &config_kind_flows, AT(config_pool, unhealthy_flows), .text = "keep",
		.summary =
			"What happens to the established flows of a backend whose check fails. "
			"keep: they stay with it for fail_grace_s. move: they go to other backends "
			"at once. QUIC counts as udp." },
	{ "cross_zone", &json_kind_flag, AT(config_pool, cross_zone), .has_default = true,
		.number = true,
		.summary = "true: backends of all zones take new flows. false: those of the node's "
			   "own zone do, and those of other zones only below zone_below." },
	{ "zone_below", &config_kind_threshold, AT(config_pool, zone_below), .text = "50%",
		.summary = "With cross_zone false: if fewer backends of the node's zone are up, or "
			   "backends with less than this percentage of its weight, other zones "
			   "take new flows, too." },
	{ "max_load_percent", INTEGER(config_pool, max_load_percent), RANGE(100, 10000),
		.what = "a percentage", .unit = "percent", .is_absent = has_no_max_load,
		.summary = "A change after which a backend would have more than this percentage of "
			   "its share is refused unless it is forced. Its share is what its weight "
			   "comes to while all backends of the pool take new flows. Without this "
			   "key there is no limit." },
	{ "backends", &json_kind_objects, REQUIRED,
		LIST(config_pool, backends, backend_count, struct config_backend),
		RANGE(0, CONFIG_BACKENDS_MAX), .keys = config_backend_keys, .check = check_backend,
		.rule = "{\"if\": {\"required\": [\"seat_weight\"]}, \"then\": {\"properties\": "
			"{\"weight\": {\"const\": 0}}, \"required\": [\"weight\"]}}",
		.summary = "The backends of the pool." },
	{ "vacant", &json_kind_objects,
		LIST(config_pool, vacant, vacant_count, struct config_vacant),
		RANGE(0, CONFIG_BACKENDS_MAX), .keys = vacant_keys, .is_absent = has_no_vacant,
		.summary = "Seats without a backend. They keep the slots of the other backends "
			   "where they are. Written when a backend is removed." },
	{ "health_check", .instead = NO_CHECKS },
	END,
};

/* services */

static int check_pools(
	const struct json_path *path, const struct config_service *service, struct error *error)
{
	struct json_path pool = json_path_key(path, "pool"), pools = json_path_key(path, "pools");

	if (pools.value != NULL && pool.value != NULL)
		return json_refuse(&pools, error, "a service has either pool or pools");
	if (service->part_count == 0 && pool.value == NULL)
		return json_refuse(&pool, error, "missing");
	return 0;
}

static int check_service(const struct json_path *path, void *owner, struct error *error)
{
	const struct config_service *service = owner;
	struct json_path udp = json_path_key(path, "udp");
	int result = check_pools(path, service, error);

	if (result != 0)
		return result;
	if (udp.value == NULL || service->protocol == CONFIG_PROTOCOL_UDP)
		return 0;
	return json_refuse(&udp, error, "only a service with protocol udp has it");
}

static bool is_not_udp(const void *owner)
{
	const struct config_service *service = owner;

	return service->protocol != CONFIG_PROTOCOL_UDP;
}

static bool has_several_pools(const void *owner)
{
	const struct config_service *service = owner;

	return service->part_count != 0;
}

static bool has_one_pool(const void *owner)
{
	return !has_several_pools(owner);
}

static bool is_no_backup(const void *owner)
{
	const struct config_service_pool *part = owner;

	return part->backup == 0;
}

static int check_part(const struct json_path *path, void *owner, struct error *error)
{
	const struct config_service_pool *part = owner;
	struct json_path below = json_path_key(path, "below");

	if (below.value == NULL || part->backup != 0)
		return 0;
	return json_refuse(&below, error, "goes with backup only");
}

static const struct json_key part_keys[] = {
	{ "pool", &config_kind_pool, REQUIRED, AT(config_service_pool, pool),
		.summary = "The pool. All pools of a service have the same number of slots." },
	{ "weight", INTEGER(config_service_pool, weight), RANGE(0, 65535), .what = "a weight",
		DEFAULT(CONFIG_DEFAULT_WEIGHT),
		.summary = "Its share of the new flows is in proportion to this, among the pools "
			   "that take new flows. A change of it moves no more flows than it must, "
			   "and breaks none. 0: no new flows." },
	{ "backup", INTEGER(config_service_pool, backup), RANGE(1, 15), .what = "a turn",
		.is_absent = is_no_backup,
		.summary = "It takes new flows only while no backend of the pools without this "
			   "key, and of those with a lower number, does. When one does again, "
			   "the flows that it has stay." },
	{ "below", &config_kind_threshold, AT(config_service_pool, below), DEFAULT(0),
		.is_absent = is_no_backup,
		.summary = "Only with backup: it takes the new flows already when fewer of the "
			   "backends of the turn before it are up." },
	END,
};

static bool has_no_splits(const void *owner)
{
	const struct config_service *service = owner;

	return service->split_count == 0;
}

static bool is_by_family(const void *owner)
{
	const struct config_split *split = owner;

	return split->family != ADDRESS_NONE;
}

static bool is_by_prefix(const void *owner)
{
	return !is_by_family(owner);
}

static int check_split(const struct json_path *path, void *owner, struct error *error)
{
	const struct config_split *split = owner;
	struct json_path from = json_path_key(path, "from");
	struct json_path family = json_path_key(path, "family");

	if (from.value != NULL && family.value != NULL)
		return json_refuse(&family, error, "a rule has either from or family");
	if (split->family == ADDRESS_NONE && from.value == NULL)
		return json_refuse(&from, error, "missing");
	return 0;
}

static const struct json_key split_keys[] = {
	{ "from", &config_kind_prefix, AT(config_split, from), .is_absent = is_by_family,
		.summary = "Clients with an address in this prefix. The longest prefix wins." },
	{ "family", &json_kind_word, AT(config_split, family), .words = config_choice_families,
		.what = "a family (ipv4 or ipv6)", .is_absent = is_by_prefix,
		.summary = "Instead of from: all clients of this family that are in no prefix." },
	{ "pool", &config_kind_pool, REQUIRED, AT(config_split, pool),
		.summary = "The pool whose backends serve these clients." },
	END,
};

const struct json_key config_service_keys[] = {
	{ "name", &config_kind_name, REQUIRED, AT(config_service, name),
		.summary = "Its name, which is unique." },
	{ "vip", &config_kind_vip, REQUIRED, AT(config_service, vip),
		.summary = "The address that clients connect to." },
	{ "protocol", &json_kind_word, REQUIRED, AT(config_service, protocol),
		.words = config_choice_protocols, .what = "a protocol (tcp or udp)",
		.summary = "Protocol of the packets that it takes." },
	{ "port", &config_kind_port, REQUIRED, AT(config_service, port),
		.summary = "The port that clients connect to. An exact port wins over \"any\" on "
			   "the same VIP." },
	{ "pool", &config_kind_pool, AT(config_service, pool), .is_absent = has_several_pools,
		.summary = "The pool whose backends serve it. Required, unless it has pools." },
	{ "pools", &json_kind_objects,
		LIST(config_service, parts, part_count, struct config_service_pool),
		RANGE(1, CONFIG_PARTS_MAX), .keys = part_keys, .check = check_part,
		.is_absent = has_one_pool,
		.rule = "{\"if\": {\"required\": [\"below\"]}, \"then\": {\"required\": "
			"[\"backup\"]}}",
		.summary =
			"Instead of pool: several pools that share its new flows by weight, or "
			"take them over from one another. A service that has had one pool keeps "
			"its flows only if it has had it by this key: a list of one pool is fine "
			"to begin with." },
	{ "split", &json_kind_objects,
		LIST(config_service, splits, split_count, struct config_split),
		RANGE(0, CONFIG_SPLITS_MAX), .keys = split_keys, .check = check_split,
		.is_absent = has_no_splits,
		.rule = "{\"oneOf\": [{\"required\": [\"from\"]}, {\"required\": [\"family\"]}]}",
		.summary = "Rules for clients that go by another pool. A change of them moves the "
			   "flows of these clients and breaks their connections." },
	{ "forward", &json_kind_word, REQUIRED, AT(config_service, forward),
		.words = config_choice_forwards, .what = "a forwarding mode (l2dsr or ipip)",
		.summary = "How packets reach the backend. ipip: encapsulated in IP (RFC 2003, "
			   "2473). l2dsr: unchanged, with the MAC address of the backend." },
	{ "udp", &json_kind_word, AT(config_service, udp), .words = config_choice_udps,
		.what = "pin, hash or quic", .text = "pin", .is_absent = is_not_udp,
		.summary =
			"How UDP packets find their flow; only with protocol udp. pin: any packet "
			"may begin a flow, and the flow stays with its backend. hash: each packet "
			"goes where the table points now, which suits DNS. quic: only Initial and "
			"0-RTT packets begin a flow." },
	LATER("hash"),
	LATER("dscp"),
	LATER("outer_dscp"),
	LATER("mss"),
	LATER("echo"),
	LATER("announce"),
	LATER("allow"),
	LATER("deny"),
	LATER("limit"),
	LATER("quic"),
	LATER("labels"),
	END,
};

/* node, control, and the document */

/* All zeros is no valid key: neither the document nor the caller gave one. */
static int check_node(const struct json_path *path, void *owner, struct error *error)
{
	static const uint8_t none[CONFIG_HASH_KEY_SIZE];
	const struct config *config = owner;
	struct json_path key = json_path_key(path, "hash_key");

	if (memcmp(config->hash_key, none, sizeof(none)) == 0)
		return json_refuse(&key, error, "missing");
	return 0;
}

static bool has_no_node_zone(const void *owner)
{
	const struct config *config = owner;

	return config->node_zone[0] == '\0';
}

static const struct json_key node_keys[] = {
	{ "name", &config_kind_name, REQUIRED, AT(config, node_name),
		.summary = "The name of this node in answers and logs." },
	{ "hash_key", &config_kind_hash_key, .presence = JSON_KEY_REQUIRED_IN_FILE,
		AT(config, hash_key),
		.summary = "The secret of the flow hash, the same on all nodes. `openssl rand -hex "
			   "16` makes one. No command shows it." },
	{ "zone", &config_kind_name, .restart = JSON_KEY_AT_ONCE, AT(config, node_zone),
		.is_absent = has_no_node_zone,
		.summary = "The zone that this node is in (see cross_zone of a pool)." },
	LATER("hash_key_file"),
	END,
};

static bool has_no_group(const void *owner)
{
	const struct config *config = owner;

	return config->group[0] == '\0';
}

static const struct json_key control_keys[] = {
	{ "socket", &config_kind_socket, AT(config, socket), .text = "/run/sluice/control.sock",
		.summary = "Path of the control socket." },
	{ "group", &config_kind_name, AT(config, group), .is_absent = has_no_group,
		.summary =
			"Users in this group may read the state file and ask the control socket. "
			"Without this key it is the group of sluiced, usually root." },
	{ "max_removed_percent", INTEGER(config, max_removed_percent), RANGE(1, 100),
		.restart = JSON_KEY_AT_ONCE, .what = "a percentage", .unit = "percent",
		DEFAULT(100),
		.summary = "A document that removes more than this percentage of all services, or "
			   "of all backends, is refused unless it is forced. 100: no limit." },
	LATER("http"),
	LATER("http_token_file"),
	LATER("events"),
	LATER("history"),
	END,
};

static bool has_no_zones(const void *owner)
{
	const struct config *config = owner;

	return config->zone_count == 0;
}

static const struct json_key zone_keys[] = {
	{ "name", &config_kind_name, REQUIRED, AT(config_zone, name),
		.summary = "Its name, as node and backends have it." },
	{ "state", &json_kind_word, AT(config_zone, state), .words = config_choice_zone_states,
		.what = "active or drain", .text = "active",
		.summary = "drain: its backends take no new flows while any others can; existing "
			   "flows stay. Written by `sluicectl zone drain`." },
	END,
};

const struct json_key config_keys[] = {
	{ "node", &json_kind_object, REQUIRED, .restart = JSON_KEY_RESTART, .keys = node_keys,
		.check = check_node, .summary = "The name and the secret of this node." },
	{ "dataplane", &json_kind_object, REQUIRED, .restart = JSON_KEY_RESTART,
		AT(config, dataplane), .keys = dataplane_keys,
		.summary = "Workers, memory and ports." },
	{ "control", &json_kind_object, .restart = JSON_KEY_RESTART, .keys = control_keys,
		.summary = "The control socket." },
	{ "zones", &json_kind_objects, LIST(config, zones, zone_count, struct config_zone),
		RANGE(0, CONFIG_ZONES_MAX), .keys = zone_keys, .is_absent = has_no_zones,
		.summary = "Zones in another state than active. Others need no entry." },
	{ "pools", &json_kind_objects, LIST(config, pools, written_pool_count, struct config_pool),
		RANGE(0, CONFIG_POOLS_MAX), .keys = config_pool_keys,
		.summary = "Backends, and how new flows are spread over them." },
	{ "services", &json_kind_objects,
		LIST(config, services, service_count, struct config_service),
		RANGE(0, CONFIG_SERVICES_MAX), .keys = config_service_keys, .check = check_service,
		.rule = "{\"if\": {\"properties\": {\"protocol\": {\"const\": \"tcp\"}}}, "
			"\"then\": {\"properties\": {\"udp\": false}}, "
			"\"oneOf\": [{\"required\": [\"pool\"]}, {\"required\": [\"pools\"]}]}",
		.summary = "What clients connect to." },
	LATER("announce"),
	LATER("bgp"),
	LATER("cluster"),
	{ "health", .instead = NO_CHECKS },
	LATER("metrics"),
	LATER("sites"),
	{ "health_check", .instead = NO_CHECKS },
	END,
};
