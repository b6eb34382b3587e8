/* SPDX-License-Identifier: BSD-3-Clause */
/* life_packets: packets as a worker of a node (node_fixture.h) sends them on. */
#pragma once

#include <stdint.h>

#include "node_fixture.h"

#define LIFE_NO_GID UINT32_MAX

enum life_packet {
	LIFE_SYN,
	LIFE_ACK,
	LIFE_DATAGRAM,
	LIFE_INITIAL, /* of QUIC */
	LIFE_SHORT,
};

/*
 * Sends one of the flow with that hash to that port of 203.0.113.10. Returns the gid of its
 * backend, or LIFE_NO_GID.
 */
uint32_t life_send(struct node *node, struct affinity_counters *counters, uint16_t port,
	enum life_packet kind, uint64_t hash);

/* The same with a sequence number, of TCP. */
uint32_t life_send_numbered(struct node *node, struct affinity_counters *counters, uint16_t port,
	enum life_packet kind, uint64_t hash, uint32_t sequence);
