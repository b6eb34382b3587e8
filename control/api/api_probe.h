/* SPDX-License-Identifier: BSD-3-Clause */
/* api_probe: the packets that a question of `explain` stands for, as frames in memory. */
#pragma once

#include <rte_mbuf.h>

#include "packet/address.h"

struct question {
	struct address source; /* the client */
	struct address destination;
	uint16_t source_port;
	uint16_t destination_port;
	int protocol;
	uint32_t length; /* bytes of the IP packet; 0: as short as can be */
	bool icmp_error;
};

enum probe_kind {
	PROBE_NEW,         /* of TCP: a SYN; any datagram may be the first */
	PROBE_ESTABLISHED, /* an ACK of a connection that exists */
	PROBE_ICMP_ERROR,  /* about a packet that the backend sent to the client */
};

#define PROBE_LENGTH_MAX 9216

/* A frame in room of its own. */
struct probe {
	struct rte_mbuf mbuf; /* of no pool */
	uint8_t *room;
};

/* 0; -ENOMEM; -EINVAL where the packet is longer than `length` already. */
int probe_create(struct probe *probe, const struct question *question, enum probe_kind kind);
void probe_destroy(struct probe *probe);
