/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * source: a port that is made of memory, so that the real worker can be measured without a driver.
 * It answers DPDK's receive and transmit burst by itself: each packet received belongs to one of so
 * many flows, in a buffer that was filled SOURCE_RING_SIZE packets ago, as it is with a NIC; each
 * packet sent is freed. Each queue is a source of its own, for a thread of its own.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_byteorder.h>
#include <rte_mempool.h>

#include "address.h"

#define SOURCE_PORT       0 /* its number at DPDK */
#define SOURCE_QUEUES_MAX 2
#define SOURCE_RING_SIZE  4096 /* a power of two */
#define SOURCE_FLOOD      UINT32_MAX
#define SOURCE_IMIX       0

struct source_options {
	struct address vip; /* of the first service; the others have the addresses behind it */
	rte_be16_t vip_port;
	uint8_t protocol;  /* TCP or UDP */
	bool syn;          /* TCP: each packet begins a flow, and does not go on with one */
	uint32_t services; /* the flows are spread over */
	uint32_t flows;    /* SOURCE_FLOOD: hardly any packet is of the same flow as another */
	uint16_t
		frame_size; /* bytes with FCS, 64 to 1518, or SOURCE_IMIX: 64, 594, 1518 as 7:4:1 */
};

/*
 * Makes the port, once in a process, with buffers of `pool`, which needs SOURCE_RING_SIZE of them
 * for each queue and those of some bursts. 0 or -ENOMEM. Before the threads that measure begin.
 */
int source_open(
	struct rte_mempool *pool, const struct source_options *options, unsigned int queues);

/* After so many bursts none comes and `stop` is set, where it is not NULL. The queue's thread. */
void source_limit(unsigned int queue, uint64_t bursts, atomic_bool *stop);

struct rte_mbuf;

/* Makes the mbuf a packet of that flow, as the source would send it. */
void source_fill(struct rte_mbuf *mbuf, uint32_t flow);
