/* SPDX-License-Identifier: BSD-3-Clause */
#include "source.h"

#include <errno.h>

#include <rte_ethdev.h>

#define RING_MASK (SOURCE_RING_SIZE - 1)
#define BURST_MAX 256

struct queue {
	uint32_t random;
	uint32_t head; /* of the ring */
	uint64_t bursts_left;
	atomic_bool *stop;
	struct rte_mbuf *ring[SOURCE_RING_SIZE];
} __rte_cache_aligned;

/* DPDK's table of ports is one for the process as well. */
static struct {
	struct rte_mempool *pool;
	struct traffic traffic;
	struct queue queues[SOURCE_QUEUES_MAX];
} source;

static inline uint16_t receive(
	struct queue *queue, struct rte_mbuf **mbufs, uint16_t count, bool ipv6)
{
	struct rte_mbuf *fresh[BURST_MAX];

	if (queue->bursts_left == 0) {
		if (queue->stop != NULL)
			atomic_store_explicit(queue->stop, true, memory_order_relaxed);
		return 0;
	}
	count = RTE_MIN(count, BURST_MAX);
	if (rte_pktmbuf_alloc_bulk(source.pool, fresh, count) != 0)
		return 0;
	queue->bursts_left--;
	for (unsigned int i = 0; i < count; i++) {
		struct rte_mbuf **place = &queue->ring[queue->head++ & RING_MASK];

		traffic_next(&source.traffic, &queue->random, fresh[i], ipv6);
		mbufs[i] = *place;
		*place = fresh[i];
	}
	return count;
}

static uint16_t receive_ipv4(void *queue, struct rte_mbuf **mbufs, uint16_t count)
{
	return receive(queue, mbufs, count, false);
}

static uint16_t receive_ipv6(void *queue, struct rte_mbuf **mbufs, uint16_t count)
{
	return receive(queue, mbufs, count, true);
}

static uint16_t transmit(void *queue, struct rte_mbuf **mbufs, uint16_t count)
{
	rte_pktmbuf_free_bulk(mbufs, count);
	return count;
}

/* What rte_eth_rx_burst() and rte_eth_tx_burst() look at, and nothing else of a port. */
static void make_port(void)
{
	static void *queues[SOURCE_QUEUES_MAX], *callbacks[SOURCE_QUEUES_MAX];
	struct rte_eth_fp_ops *port = &rte_eth_fp_ops[SOURCE_PORT];

	for (unsigned int i = 0; i < SOURCE_QUEUES_MAX; i++)
		queues[i] = &source.queues[i];
	port->rx_pkt_burst = traffic_is_ipv6(&source.traffic) ? receive_ipv6 : receive_ipv4;
	port->tx_pkt_burst = transmit;
	port->rxq = (struct rte_ethdev_qdata){ .data = queues, .clbk = callbacks };
	port->txq = port->rxq;
}

static int make_queue(struct queue *queue)
{
	bool ipv6 = traffic_is_ipv6(&source.traffic);

	if (rte_pktmbuf_alloc_bulk(source.pool, queue->ring, SOURCE_RING_SIZE) != 0)
		return -ENOMEM;
	for (unsigned int i = 0; i < SOURCE_RING_SIZE; i++)
		traffic_next(&source.traffic, &queue->random, queue->ring[i], ipv6);
	return 0;
}

int source_open(
	struct rte_mempool *pool, const struct traffic_options *options, unsigned int queues)
{
	int code = 0;

	source.pool = pool;
	traffic_init(&source.traffic, options);
	for (unsigned int i = 0; i < queues && code == 0; i++) {
		source.queues[i].random = i;
		code = make_queue(&source.queues[i]);
	}
	make_port();
	return code;
}

void source_limit(unsigned int queue, uint64_t bursts, atomic_bool *stop)
{
	source.queues[queue].bursts_left = bursts;
	source.queues[queue].stop = stop;
}

void source_fill(struct rte_mbuf *mbuf, uint32_t flow)
{
	traffic_fill(&source.traffic, mbuf, flow, flow * TRAFFIC_OTHER_PRIME,
		traffic_is_ipv6(&source.traffic));
}
