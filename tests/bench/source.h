/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * source: a port that is made of memory, so that the real worker can be measured without a driver.
 * It answers DPDK's receive and transmit burst by itself: each packet received is a 64-byte TCP
 * acknowledgement of one of so many flows, in a buffer that was filled RING_SIZE packets ago, as it
 * is with a NIC; each packet sent is freed.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_byteorder.h>
#include <rte_mempool.h>

#define SOURCE_PORT       0    /* its number at DPDK */
#define SOURCE_RING_SIZE  4096 /* a power of two */
#define SOURCE_FRAME_SIZE 60   /* bytes, without FCS */

struct source_options {
	rte_be32_t vip;
	rte_be16_t vip_port;
	uint32_t flows;
};

/*
 * Makes the port, once in a process, with buffers of `pool`, which needs SOURCE_RING_SIZE of them
 * and those of some bursts. 0 or -ENOMEM. All in the thread that measures.
 */
int source_open(struct rte_mempool *pool, const struct source_options *options);

/* After so many bursts none comes and `stop` is set, where it is not NULL. */
void source_limit(uint64_t bursts, atomic_bool *stop);
