/* SPDX-License-Identifier: BSD-3-Clause */
#include "mempools.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_errno.h>
#include <rte_ether.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>

#define CACHE_SIZE      256
#define XDP_HEADROOM    256 /* what the kernel keeps free before each AF_XDP frame */
#define SMALL_PAGE      4096
#define SMALLEST_ROOM   2048
#define OBJECT_OVERHEAD 192 /* mempool header and padding of one buffer, about */

struct mempools {
	struct rte_mempool *pools[RTE_MAX_NUMA_NODES];
};

uint16_t mempools_data_room(uint16_t mtu)
{
	uint32_t frame = XDP_HEADROOM + mtu + RTE_ETHER_HDR_LEN + 2 * RTE_VLAN_HLEN;

	return RTE_PKTMBUF_HEADROOM + RTE_ALIGN(RTE_MAX(frame, (uint32_t)SMALLEST_ROOM), 64);
}

/* The mempool library pads objects to spread them over memory channels: ask it for the size. */
uint16_t mempools_mtu_in_page(void)
{
	uint16_t mtu = SMALL_PAGE;

	while (mtu > 0 &&
		rte_mempool_calc_obj_size(
			sizeof(struct rte_mbuf) + mempools_data_room(mtu), 0, NULL) > SMALL_PAGE)
		mtu--;
	return mtu;
}

uint64_t mempools_memory(uint32_t mbufs, uint16_t mtu)
{
	uint64_t buffer = mempools_data_room(mtu) + sizeof(struct rte_mbuf) + OBJECT_OVERHEAD;

	/* without hugepages no buffer may lie across two pages */
	return mbufs * RTE_ALIGN(buffer, SMALL_PAGE);
}

static int create_pool(
	struct mempools *mempools, int socket, uint32_t mbufs, uint16_t mtu, struct error *error)
{
	char name[RTE_MEMPOOL_NAMESIZE];

	snprintf(name, sizeof(name), "mbufs-%d", socket);
	mempools->pools[socket] = rte_pktmbuf_pool_create(
		name, mbufs, CACHE_SIZE, 0, mempools_data_room(mtu), socket);
	if (mempools->pools[socket] != NULL)
		return 0;
	return error_set(error, -rte_errno,
		"dataplane.mbufs: no memory for %u packet buffers (%lu MiB) on NUMA node %d: %s; reserve "
		"hugepages or ask for fewer",
		mbufs, (unsigned long)(mempools_memory(mbufs, mtu) >> 20), socket,
		rte_strerror(rte_errno));
}

struct mempools *mempools_create(uint32_t mbufs, uint16_t mtu, struct error *error)
{
	struct mempools *mempools = calloc(1, sizeof(*mempools));
	unsigned int lcore;

	if (mempools == NULL) {
		error_set(error, -ENOMEM, "out of memory");
		return NULL;
	}
	RTE_LCORE_FOREACH(lcore)
	{
		int socket = rte_lcore_to_socket_id(lcore);

		/* the main lcore has none where its CPUs are on several nodes */
		if (socket < 0 || socket >= RTE_MAX_NUMA_NODES || mempools->pools[socket] != NULL)
			continue;
		if (create_pool(mempools, socket, mbufs, mtu, error) != 0) {
			mempools_destroy(mempools);
			return NULL;
		}
	}
	return mempools;
}

void mempools_destroy(struct mempools *mempools)
{
	if (mempools == NULL)
		return;
	for (unsigned int i = 0; i < RTE_MAX_NUMA_NODES; i++)
		rte_mempool_free(mempools->pools[i]);
	free(mempools);
}

int mempools_add(struct mempools *mempools, unsigned int node, struct rte_mempool *pool)
{
	if (node >= RTE_MAX_NUMA_NODES || mempools->pools[node] != NULL)
		return -EEXIST;
	mempools->pools[node] = pool;
	return 0;
}

unsigned int mempools_count(const struct mempools *mempools)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < RTE_MAX_NUMA_NODES; i++)
		count += mempools->pools[i] != NULL;
	return count;
}

struct rte_mempool *mempools_get(const struct mempools *mempools, int socket)
{
	if (socket >= 0 && socket < RTE_MAX_NUMA_NODES && mempools->pools[socket] != NULL)
		return mempools->pools[socket];
	for (unsigned int i = 0; i < RTE_MAX_NUMA_NODES; i++)
		if (mempools->pools[i] != NULL)
			return mempools->pools[i];
	return NULL;
}
