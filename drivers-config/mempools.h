/* SPDX-License-Identifier: BSD-3-Clause */
/* mempools: packet buffers, one pool for each NUMA node that has a worker. */
#pragma once

#include <stdint.h>

#include <rte_mempool.h>

#include "base/error.h"

struct mempools;

/* Bytes of a buffer's data room (headroom included) for a whole packet of `mtu` bytes. */
uint16_t mempools_data_room(uint16_t mtu);

/*
 * The largest MTU whose buffers fit in a page of 4,096 bytes each, as AF_XDP needs for all buffers
 * of a port. After EAL has started.
 */
uint16_t mempools_mtu_in_page(void);

/* Bytes of memory that `mbufs` buffers for packets of `mtu` bytes take at most. */
uint64_t mempools_memory(uint32_t mbufs, uint16_t mtu);

/* Pools of `mbufs` buffers on each node of the EAL's lcores. NULL with the sentence. */
struct mempools *mempools_create(uint32_t mbufs, uint16_t mtu, struct error *error);
void mempools_destroy(struct mempools *mempools); /* NULL is allowed */

/* Takes over a pool that was made elsewhere, for a NUMA node that has none. 0, or -EEXIST. */
int mempools_add(struct mempools *mempools, unsigned int node, struct rte_mempool *pool);

/* How many pools there are. */
unsigned int mempools_count(const struct mempools *mempools);

/* The pool of a NUMA node; of any node where `socket` is SOCKET_ID_ANY or has none. */
struct rte_mempool *mempools_get(const struct mempools *mempools, int socket);
