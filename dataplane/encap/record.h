/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * record: everything needed to send a packet to one backend in one forwarding mode. The control
 * thread prepares it, so that a worker only copies it and fills in lengths, checksum and entropy.
 *
 * The fields that a worker reads come first, followed by the headers that it copies. So a record
 * with an outer IPv4 or IPv6 header fits one cache line; a longer header (UDP and GUE behind IPv6)
 * extends into the second line and moves no other field.
 *
 * A record that a worker can reach is never written: new content goes to a new cell. The number of
 * that cell is then stored in `record_of` with release order, and the old cell is free after a
 * grace period.
 */
#pragma once

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_byteorder.h>
#include <rte_common.h>

#include "packet/address.h"

/* What stands before the packet when it leaves. */
enum record_encap {
	RECORD_ENCAP_NONE, /* new MAC addresses only */
	RECORD_ENCAP_IPV4, /* IPv4 outer header (RFC 2003, RFC 4213) */
	RECORD_ENCAP_IPV6, /* IPv6 outer header (RFC 2473) */
};

/*
 * How packets are forwarded. A backend has one record per mode, in consecutive cells: it is known
 * by the number of the first cell, to which a service adds its mode. If a mode cannot reach the
 * backend, the record of that mode has MTU 0 and only gid and counter set.
 */
enum record_mode {
	RECORD_MODE_L2DSR,
	RECORD_MODE_IPIP,
	RECORD_MODE_COUNT,
};

/*
 * Number of the dummy record: the first RECORD_MODE_COUNT cells stay zeroed, so their MTU of 0
 * refuses every packet. For backends without records, and for no backend.
 */
#define RECORD_NONE 0

#define RECORD_OUTER_TTL 64 /* and hop limit */

#define RECORD_OUTER_MAX 64 /* bytes of the longest outer header */

struct backend_record {
	uint8_t encap;    /* enum record_encap */
	uint8_t port;     /* DPDK port it leaves by */
	uint16_t mtu;     /* bytes of L3 packet that fit the link; 0: there is no backend */
	uint32_t counter; /* index of the backend's counters in every worker's block */
	uint16_t gid;     /* of its membership; pins carry it */

	/* in the order of an outgoing frame without VLAN tag, so that one wide copy takes all */
	uint8_t destination_mac[6];
	uint8_t source_mac[6];
	rte_be16_t ether_type; /* of the outer header; unused without one */
	/*
	 * The outer header, zero where the worker fills in a field. The checksum field of IPv4
	 * holds the RFC 1071 sum (host byte order, not complemented) over the fields that are
	 * filled in here, which are all but TOS, length and checksum.
	 */
	uint8_t outer[RECORD_OUTER_MAX];

	uint8_t reserved[40];
};

/* Where the headers begin, Ethernet's first. */
#define RECORD_HEADERS offsetof(struct backend_record, destination_mac)

static_assert(sizeof(struct backend_record) == 128, "two cache lines");
static_assert(
	offsetof(struct backend_record, outer) == RECORD_HEADERS + 14, "behind an Ethernet header");
static_assert(offsetof(struct backend_record, outer) + 40 == 64,
	"all that is read for an outer IPv6 header is in the first line");

/* Where and how one backend is reached; made by the control thread from the configuration. */
struct record_route {
	uint8_t destination_mac[6];
	uint8_t source_mac[6];
	uint8_t port;
	uint16_t mtu;
	uint16_t gid;
	uint32_t counter;
};

/* Packets leave as they came, with new MAC addresses (L2 direct server return). */
void record_make_l2dsr(struct backend_record *record, const struct record_route *route);

/*
 * Packets leave inside an outer header from `source` to `destination`, both of one family: TTL or
 * hop limit 64; IPv4 with DF and identification 0 (RFC 6864).
 */
void record_make_ipip(struct backend_record *record, const struct record_route *route,
	const struct address *source, const struct address *destination);
