/* SPDX-License-Identifier: BSD-3-Clause */
#include "source.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <rte_ethdev.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>

#define RING_MASK    (SOURCE_RING_SIZE - 1)
#define GOLDEN_RATIO UINT32_C(2654435761) /* D. Knuth, TAOCP 3, 6.4 */
#define FIRST_PORT   1024
#define BURST_MAX    256

struct frame {
	struct rte_ether_hdr ethernet;
	struct rte_ipv4_hdr ipv4;
	struct rte_tcp_hdr tcp;
	uint8_t padding[10]; /* 6 of the frame, and up to a full line */
} __attribute__((packed, aligned(2)));

static_assert(sizeof(struct frame) == 64, "one cache line is copied");

struct source {
	struct rte_mempool *pool;
	struct frame frame; /* all but source address and port */
	uint32_t flows;
	uint32_t random;
	uint32_t head; /* of the ring */
	uint64_t bursts_left;
	atomic_bool *stop;
	struct rte_mbuf *ring[SOURCE_RING_SIZE];
};

static struct source source; /* DPDK's table of ports is one for the process as well */

/* The next flow, by a linear congruential generator whose upper bits are the random ones. */
static inline uint32_t next_flow(void)
{
	source.random = source.random * UINT32_C(1664525) + UINT32_C(1013904223);
	return (uint64_t)source.random * source.flows >> 32;
}

static inline void fill(struct rte_mbuf *mbuf)
{
	uint32_t spread = next_flow() * GOLDEN_RATIO;
	struct frame *frame = rte_pktmbuf_mtod(mbuf, struct frame *);

	mbuf->data_len = SOURCE_FRAME_SIZE;
	mbuf->pkt_len = SOURCE_FRAME_SIZE;
	memcpy(frame, &source.frame, sizeof(*frame));
	frame->ipv4.src_addr = RTE_BE32(10) | (spread & ~UINT32_C(0xff));
	frame->tcp.src_port = FIRST_PORT + (spread & 0xff);
}

static uint16_t receive(void *queue, struct rte_mbuf **mbufs, uint16_t count)
{
	struct rte_mbuf *fresh[BURST_MAX];

	if (source.bursts_left == 0) {
		if (source.stop != NULL)
			atomic_store_explicit(source.stop, true, memory_order_relaxed);
		return 0;
	}
	count = RTE_MIN(count, BURST_MAX);
	if (rte_pktmbuf_alloc_bulk(source.pool, fresh, count) != 0)
		return 0;
	source.bursts_left--;
	for (unsigned int i = 0; i < count; i++) {
		struct rte_mbuf **slot = &source.ring[source.head++ & RING_MASK];

		fill(fresh[i]);
		mbufs[i] = *slot;
		*slot = fresh[i];
	}
	return count;
}

static uint16_t transmit(void *queue, struct rte_mbuf **mbufs, uint16_t count)
{
	rte_pktmbuf_free_bulk(mbufs, count);
	return count;
}

static void make_frame(const struct source_options *options)
{
	struct frame *frame = &source.frame;

	memset(frame, 0, sizeof(*frame));
	memset(&frame->ethernet.dst_addr, 2, sizeof(frame->ethernet.dst_addr));
	memset(&frame->ethernet.src_addr, 6, sizeof(frame->ethernet.src_addr));
	frame->ethernet.ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4);
	frame->ipv4.version_ihl = RTE_IPV4_VHL_DEF;
	frame->ipv4.total_length = RTE_BE16(sizeof(frame->ipv4) + sizeof(frame->tcp));
	frame->ipv4.time_to_live = 64;
	frame->ipv4.next_proto_id = IPPROTO_TCP;
	frame->ipv4.dst_addr = options->vip;
	frame->tcp.dst_port = options->vip_port;
	frame->tcp.data_off = sizeof(frame->tcp) / 4 << 4;
	frame->tcp.tcp_flags = RTE_TCP_ACK_FLAG;
}

/* What rte_eth_rx_burst() and rte_eth_tx_burst() look at, and nothing else of a port. */
static void make_port(void)
{
	static void *queues[1], *callbacks[1];
	struct rte_eth_fp_ops *port = &rte_eth_fp_ops[SOURCE_PORT];

	port->rx_pkt_burst = receive;
	port->tx_pkt_burst = transmit;
	port->rxq = (struct rte_ethdev_qdata){ .data = queues, .clbk = callbacks };
	port->txq = port->rxq;
}

int source_open(struct rte_mempool *pool, const struct source_options *options)
{
	source.pool = pool;
	source.flows = options->flows;
	source.random = 1;
	make_frame(options);
	if (rte_pktmbuf_alloc_bulk(pool, source.ring, SOURCE_RING_SIZE) != 0)
		return -ENOMEM;
	for (unsigned int i = 0; i < SOURCE_RING_SIZE; i++)
		fill(source.ring[i]);
	make_port();
	return 0;
}

void source_limit(uint64_t bursts, atomic_bool *stop)
{
	source.bursts_left = bursts;
	source.stop = stop;
}
