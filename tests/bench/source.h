/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * source: a port that is made of memory, so that the real worker can be measured without a driver.
 * It answers DPDK's receive and transmit burst by itself: each packet received belongs to one of so
 * many flows, in a buffer that was filled SOURCE_RING_SIZE packets ago, as it is with a NIC; each
 * packet sent is freed. Each queue is a source of its own, for a thread of its own.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include <rte_mempool.h>

#include "traffic.h"

#define SOURCE_PORT       0 /* its number at DPDK */
#define SOURCE_QUEUES_MAX 2
#define SOURCE_RING_SIZE  4096 /* a power of two */

/*
 * Makes the port, once in a process, with buffers of `pool`, which needs SOURCE_RING_SIZE of them
 * for each queue and those of some bursts. 0 or -ENOMEM. Before the threads that measure begin.
 */
int source_open(
	struct rte_mempool *pool, const struct traffic_options *options, unsigned int queues);

/* After so many bursts none comes and `stop` is set, where it is not NULL. The queue's thread. */
void source_limit(unsigned int queue, uint64_t bursts, atomic_bool *stop);

/* Makes the mbuf a packet of that flow, as the source would send it. */
void source_fill(struct rte_mbuf *mbuf, uint32_t flow);
