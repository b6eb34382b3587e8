/* SPDX-License-Identifier: BSD-3-Clause */
#include "health/ways.h"

#include <assert.h>
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "health/vips.h"
#include "port.h"
#include "probe/probe_answer.h"
#include "probe/probe_path.h"

#define RETRY_MS     10000 /* between attempts to open the path */
#define ADDRESSES_MS 5000  /* how old what is known of this host's interfaces may be */

/* What is known of the interface of a port. */
struct way_out {
	struct vips_interface interface; /* ifindex 0: it has none */
	struct address ipv4; /* of this host, that answers come to; ADDRESS_NONE: none is known */
	struct address ipv6;
};

struct ways {
	struct port *const *ports;
	size_t port_count;
	struct way_out *outs; /* by port */
	uint64_t addresses_until_ms;
	struct probe_path *path;
	struct error failure; /* why there is none; "" before the first attempt */
	int failure_code;
	uint64_t retry_ms;
	struct probe_entry *entries; /* by number, as they were set; mtu 0: none */
	struct vips *vips;           /* that were asked for */
};

struct ways *ways_create(struct port *const *ports, size_t port_count)
{
	struct ways *ways = calloc(1, sizeof(*ways));

	if (ways == NULL)
		return NULL;
	ways->ports = ports;
	ways->port_count = port_count;
	ways->outs = calloc(port_count + 1, sizeof(*ways->outs));
	ways->entries = calloc(WAYS_MAX, sizeof(*ways->entries));
	ways->vips = vips_create();
	if (ways->outs != NULL && ways->entries != NULL && ways->vips != NULL)
		return ways;
	ways_destroy(ways);
	return NULL;
}

void ways_destroy(struct ways *ways)
{
	if (ways == NULL)
		return;
	probe_path_close(ways->path);
	vips_destroy(ways->vips);
	free(ways->entries);
	free(ways->outs);
	free(ways);
}

/* this host */

static void find_own(unsigned int ifindex, uint8_t family, struct address *own)
{
	uint8_t bytes[16];

	*own = (struct address){ .family = ADDRESS_NONE };
	if (ifindex == 0 || probe_answer_address(ifindex, family, bytes) != 0)
		return;
	own->family = family == 4 ? ADDRESS_IPV4 : ADDRESS_IPV6;
	memcpy(own->bytes, bytes, sizeof(own->bytes));
}

static void look_at_interface(struct vips_interface *interface, const char *name)
{
	interface->name = name;
	interface->ifindex = if_nametoindex(name);
	interface->reverse_path = probe_answer_reverse_path(name);
}

static void look_at_ports(struct ways *ways)
{
	const uint64_t now_ms = clock_ms();

	if (now_ms < ways->addresses_until_ms)
		return;
	ways->addresses_until_ms = now_ms + ADDRESSES_MS;
	for (size_t i = 0; i < ways->port_count; i++) {
		struct way_out *out = &ways->outs[i];

		look_at_interface(&out->interface, port_interface(ways->ports[i]));
		find_own(out->interface.ifindex, 4, &out->ipv4);
		find_own(out->interface.ifindex, 6, &out->ipv6);
	}
}

static uint8_t family_of(const struct address *address)
{
	return address->family == ADDRESS_IPV4 ? 4 : 6;
}

/* An interface without an address of the family: one that the kernel would use towards the VIP. */
static int find_source(const struct way_out *out, const struct address *vip, struct address *source,
	struct error *error)
{
	uint8_t bytes[16];

	*source = vip->family == ADDRESS_IPV4 ? out->ipv4 : out->ipv6;
	if (source->family != ADDRESS_NONE)
		return 0;
	if (probe_answer_address_towards(family_of(vip), vip->bytes, bytes) != 0)
		return error_set(error, -EADDRNOTAVAIL,
			"this host has no IPv%u address that a backend could answer to",
			family_of(vip));
	source->family = vip->family;
	memcpy(source->bytes, bytes, sizeof(source->bytes));
	return 0;
}

/* the path */

static int open_path(struct ways *ways)
{
	struct probe_path_options options = { .entries = WAYS_MAX, .least = UINT16_MAX };

	for (size_t i = 0; i < ways->port_count; i++) {
		const uint16_t mtu = port_mtu(ways->ports[i]);

		options.mtu = mtu > options.mtu ? mtu : options.mtu;
		options.least = mtu < options.least ? mtu : options.least;
	}
	ways->failure = (struct error){ "" };
	return probe_path_open(&ways->path, &options, &ways->failure);
}

static int need_path(struct ways *ways, struct error *error)
{
	const uint64_t now_ms = clock_ms();

	if (ways->path == NULL && now_ms >= ways->retry_ms) {
		ways->retry_ms = now_ms + RETRY_MS;
		ways->failure_code = open_path(ways);
	}
	if (ways->path != NULL)
		return 0;
	return error_set(error, ways->failure_code, "%s", ways->failure.message);
}

static size_t find_port(const struct ways *ways, uint16_t id)
{
	size_t i = 0;

	while (i < ways->port_count && port_id(ways->ports[i]) != id)
		i++;
	return i;
}

static uint16_t outer_size_of(const struct backend_record *record)
{
	switch (record->encap) {
	case RECORD_ENCAP_IPV4: return 20;
	case RECORD_ENCAP_IPV6: return 40;
	default: return 0;
	}
}

static struct probe_entry make_entry(const struct backend_record *record, unsigned int ifindex)
{
	struct probe_entry entry = {
		.ifindex = ifindex, .mtu = record->mtu, .outer_size = outer_size_of(record)
	};

	memcpy(entry.headers.ethernet, (const uint8_t *)record + RECORD_HEADERS,
		PROBE_ETHERNET_SIZE + entry.outer_size);
	return entry;
}

static_assert(sizeof(struct probe_entry) == 64, "no padding: compared byte for byte");

static int set_entry(
	struct ways *ways, uint32_t number, const struct probe_entry *entry, struct error *error)
{
	int code;

	if (memcmp(&ways->entries[number], entry, sizeof(*entry)) == 0)
		return 0;
	code = probe_path_set(ways->path, number, entry);
	if (code != 0)
		return error_set(error, code, "cannot lead probes to it: %s", strerror(-code));
	ways->entries[number] = *entry;
	return 0;
}

/* The way from the port on; the path is open. */
static int find_way(struct ways *ways, uint32_t number, const struct backend_record *record,
	const struct address *vip, struct way *way, struct error *error)
{
	const size_t i = find_port(ways, record->port);
	struct probe_entry entry;
	int code;

	if (i == ways->port_count || ways->outs[i].interface.ifindex == 0)
		return error_set(error, -ENODEV, "the kernel has no interface of its port");
	if (vip->family == ADDRESS_IPV6 && !probe_path_has_ipv6(ways->path))
		return error_set(error, -EAFNOSUPPORT, "the kernel of this host has no IPv6");
	entry = make_entry(record, ways->outs[i].interface.ifindex);
	code = find_source(&ways->outs[i], vip, &way->source, error);
	if (code == 0)
		code = vips_check(ways->vips, &ways->outs[i].interface, vip, clock_ms(), error);
	if (code == 0)
		code = set_entry(ways, number, &entry, error);
	way->mark = probe_path_mark(ways->path, number);
	way->mtu = entry.mtu - entry.outer_size;
	return code;
}

int ways_find(struct ways *ways, uint32_t number, const struct backend_record *record,
	const struct address *vip, struct way *way, struct error *error)
{
	int code;

	*way = (struct way){ .mark = 0 };
	if (record->mtu == 0)
		return error_set(error, -EHOSTUNREACH,
			"packets have no way to it: there is no neighbour or no tunnel source");
	look_at_ports(ways);
	code = need_path(ways, error);
	return code == 0 ? find_way(ways, number, record, vip, way, error) : code;
}

void ways_remove(struct ways *ways, uint32_t number)
{
	if (ways->path != NULL && ways->entries[number].mtu != 0)
		probe_path_remove(ways->path, number);
	ways->entries[number] = (struct probe_entry){ .mtu = 0 };
}

int ways_look(struct ways *ways, struct error *error)
{
	look_at_ports(ways);
	vips_look(ways->vips, clock_ms());
	return ways->path == NULL ? 0 : probe_path_restore(ways->path, error);
}

void ways_doubt(struct ways *ways)
{
	ways->addresses_until_ms = 0;
	vips_doubt(ways->vips);
}

const char *ways_device(const struct ways *ways)
{
	return ways->path == NULL ? "" : probe_path_device(ways->path);
}

int ways_count(struct ways *ways, uint64_t *counts)
{
	memset(counts, 0, PROBE_COUNT_MAX * sizeof(*counts));
	return ways->path == NULL ? 0 : probe_path_count(ways->path, counts);
}
