/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * packet: what travels through the steps of balance.h. One per mbuf of a burst, on the worker's
 * stack. parse() fills it from the bytes; each later step adds its result.
 */
#pragma once

#include <stdint.h>

#include <rte_ether.h>
#include <rte_mbuf.h>

#include "packet/flow.h"
#include "packet/verdict.h"

/* Packets taken from a queue at once. */
#define PACKET_BURST 32

enum packet_flag {
	PACKET_IPV6 = 1 << 0,
	PACKET_SYN = 1 << 1,        /* TCP SYN without ACK: a new flow */
	PACKET_FRAGMENT = 1 << 2,   /* part of an IP packet: no ports in the key */
	PACKET_PORTLESS = 1 << 3,   /* neither TCP nor UDP: no ports in the key */
	PACKET_ICMP_ERROR = 1 << 4, /* about the flow in the key, not a packet of it */
	PACKET_COPY = 1 << 5,       /* cur of its slot is to have a copy */
};

/*
 * Lengths and traffic class are 32 bits wide, although 16 and 8 would do: encapsulation calculates
 * with them, and need not convert them first (3 instructions).
 */
struct packet {
	struct rte_mbuf *mbuf;
	uint64_t hash;                 /* keyed hash of `key`, once the service is known */
	const struct service *service; /* set by service_match() */
	const struct backend_record
		*record;       /* by the choice of a backend, RECORD_NONE's for none */
	uint32_t slot;         /* in the table of the service's pool */
	uint32_t word;         /* what the slot said (slots.h) */
	uint32_t frame_length; /* bytes as received, without FCS */
	uint32_t l3_length;    /* bytes by the IP header; Ethernet padding excluded */
	/* set and compared as one word where it is packet_plain_layout() */
	union {
		struct {
			uint16_t l4_offset; /* bytes from the start of the frame */
			uint8_t l2_length;  /* bytes: 14, or 18 with a VLAN tag */
			uint8_t verdict;    /* enum verdict; VERDICT_NEXT while undecided */
		};
		uint32_t layout;
	};
	struct flow_key key;
	uint8_t flags;          /* enum packet_flag */
	uint32_t traffic_class; /* DSCP and ECN as they came */
};

/* The frame's first byte plus `offset`; the caller has checked that the frame reaches that far. */
static inline uint8_t *packet_at(const struct packet *packet, uint16_t offset)
{
	return rte_pktmbuf_mtod_offset(packet->mbuf, uint8_t *, offset);
}

/*
 * The layout of nearly all packets: undecided, with an IPv4 header of 20 bytes right behind the 14
 * bytes of Ethernet. (An IPv6 header would take 40.) One store and one comparison for all of it
 * take 7 instructions less than field by field.
 */
static inline uint32_t packet_plain_layout(void)
{
	const struct packet plain = {
		.l4_offset = RTE_ETHER_HDR_LEN + 20,
		.l2_length = RTE_ETHER_HDR_LEN,
		.verdict = VERDICT_NEXT,
	};

	return plain.layout;
}
