/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * traffic: the packets that the programs here send: of so many flows, to one or more VIPs, without
 * payload beyond what fills the frame. What is called for each packet stands here, because it is
 * part of the cycles that are measured.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_byteorder.h>
#include <rte_common.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_udp.h>

#include "packet/address.h"

#define TRAFFIC_FLOOD UINT32_MAX
#define TRAFFIC_IMIX  0
#define TRAFFIC_LINE  64 /* bytes that are copied at once */

#define TRAFFIC_GOLDEN_RATIO UINT32_C(2654435761) /* D. Knuth, TAOCP 3, 6.4 */
#define TRAFFIC_OTHER_PRIME  UINT32_C(2246822519) /* of XXH32 (Y. Collet) */
#define TRAFFIC_FIRST_PORT   1024

struct traffic_options {
	struct address vip; /* of the first service; the others have the addresses behind it */
	rte_be16_t vip_port;
	uint8_t protocol;    /* TCP or UDP */
	bool syn;            /* TCP: each packet begins a flow, and does not go on with one */
	uint32_t services;   /* the flows are spread over */
	uint32_t flows;      /* TRAFFIC_FLOOD: hardly any packet is of the same flow as another */
	uint16_t frame_size; /* bytes with FCS, 64 to 1518, or TRAFFIC_IMIX: 64, 594, 1518 as 7:4:1
			      */
};

struct traffic {
	/* headers of all frames; what varies between them is filled in */
	uint8_t template[2 * TRAFFIC_LINE] __attribute__((aligned(TRAFFIC_LINE)));
	struct traffic_options options;
	uint32_t first_vip; /* its last four bytes as a number */
	uint16_t headers;   /* bytes of the template */
};

/* To which all frames are addressed. */
extern const struct rte_ether_addr traffic_station;

void traffic_init(struct traffic *traffic, const struct traffic_options *options);

static inline bool traffic_is_ipv6(const struct traffic *traffic)
{
	return traffic->options.vip.family == ADDRESS_IPV6;
}

/* A random number less than `count`, from one of 32 bits. */
static inline uint32_t traffic_scale(uint32_t random, uint32_t count)
{
	return (uint64_t)random * count >> 32;
}

/* Bytes of the frame without FCS. */
static inline uint16_t traffic_pick_size(const struct traffic *traffic, uint32_t random)
{
	static const uint16_t imix[12] = { 60, 590, 60, 590, 60, 60, 1514, 60, 590, 60, 590, 60 };

	if (likely(traffic->options.frame_size != TRAFFIC_IMIX))
		return traffic->options.frame_size - RTE_ETHER_CRC_LEN;
	return imix[traffic_scale(random, RTE_DIM(imix))];
}

static inline void traffic_fill_ipv4(
	const struct traffic *traffic, uint8_t *frame, uint32_t spread, uint32_t vip, uint16_t size)
{
	struct rte_ipv4_hdr *ipv4 = (void *)(frame + sizeof(struct rte_ether_hdr));

	memcpy(frame, traffic->template, TRAFFIC_LINE);
	ipv4->src_addr = RTE_BE32(10 << 24) | (spread & ~UINT32_C(0xff));
	ipv4->dst_addr = rte_cpu_to_be_32(vip);
	ipv4->total_length = rte_cpu_to_be_16(size - sizeof(struct rte_ether_hdr));
	((struct rte_udp_hdr *)(ipv4 + 1))->src_port = TRAFFIC_FIRST_PORT + (spread & 0xff);
}

static inline void traffic_fill_ipv6(
	const struct traffic *traffic, uint8_t *frame, uint32_t spread, uint32_t vip, uint16_t size)
{
	struct rte_ipv6_hdr *ipv6 = (void *)(frame + sizeof(struct rte_ether_hdr));
	uint32_t address = spread >> 8;

	memcpy(frame, traffic->template, 2 * TRAFFIC_LINE);
	vip = rte_cpu_to_be_32(vip);
	memcpy(&ipv6->src_addr[12], &address, sizeof(address));
	memcpy(&ipv6->dst_addr[12], &vip, sizeof(vip));
	ipv6->payload_len =
		rte_cpu_to_be_16(size - sizeof(struct rte_ether_hdr) - sizeof(struct rte_ipv6_hdr));
	((struct rte_udp_hdr *)(ipv6 + 1))->src_port = TRAFFIC_FIRST_PORT + (spread & 0xff);
}

/*
 * Makes the mbuf a packet of that flow; `random` decides what a flow leaves open. `ipv6` is
 * traffic_is_ipv6(), from a caller who knows it beforehand.
 */
static inline void traffic_fill(const struct traffic *traffic, struct rte_mbuf *mbuf, uint32_t flow,
	uint32_t random, bool ipv6)
{
	uint32_t vip = traffic->first_vip +
		       traffic_scale(flow * TRAFFIC_OTHER_PRIME, traffic->options.services);
	uint16_t size = RTE_MAX(traffic_pick_size(traffic, random), traffic->headers);
	uint8_t *frame = rte_pktmbuf_mtod(mbuf, uint8_t *);

	mbuf->data_len = size;
	mbuf->pkt_len = size;
	if (ipv6)
		traffic_fill_ipv6(traffic, frame, flow * TRAFFIC_GOLDEN_RATIO, vip, size);
	else
		traffic_fill_ipv4(traffic, frame, flow * TRAFFIC_GOLDEN_RATIO, vip, size);
}

/*
 * Makes the mbuf a packet of any flow. `state` is the caller's, of a linear congruential generator,
 * whose upper bits are the random ones.
 */
static inline void traffic_next(
	const struct traffic *traffic, uint32_t *state, struct rte_mbuf *mbuf, bool ipv6)
{
	uint32_t random = *state * UINT32_C(1664525) + UINT32_C(1013904223);

	*state = random;
	traffic_fill(traffic, mbuf, traffic_scale(random, traffic->options.flows),
		random * TRAFFIC_OTHER_PRIME, ipv6);
}
