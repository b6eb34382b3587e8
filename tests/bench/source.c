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
#include <rte_udp.h>

#define RING_MASK    (SOURCE_RING_SIZE - 1)
#define GOLDEN_RATIO UINT32_C(2654435761) /* D. Knuth, TAOCP 3, 6.4 */
#define OTHER_PRIME  UINT32_C(2246822519) /* of XXH32 (Y. Collet) */
#define FIRST_PORT   1024
#define BURST_MAX    256
#define LINE         64
#define IPV6_CLIENT  "\xfd\0\0\x99"

/* Headers of all frames; what varies between them is filled in. */
struct template
{
	uint8_t bytes[2 * LINE] __attribute__((aligned(LINE)));
	uint16_t headers; /* bytes */
};

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
	struct source_options options;
	struct template template;
	uint32_t first_vip; /* its last four bytes as a number */
	struct queue queues[SOURCE_QUEUES_MAX];
} source;

static inline bool is_ipv6(void)
{
	return source.options.vip.family == ADDRESS_IPV6;
}

/* By a linear congruential generator whose upper bits are the random ones. */
static inline uint32_t next_random(struct queue *queue)
{
	queue->random = queue->random * UINT32_C(1664525) + UINT32_C(1013904223);
	return queue->random;
}

static inline uint32_t scale(uint32_t random, uint32_t count)
{
	return (uint64_t)random * count >> 32;
}

/* Bytes of the frame without FCS. */
static inline uint16_t pick_size(uint32_t random)
{
	static const uint16_t imix[12] = { 60, 590, 60, 590, 60, 60, 1514, 60, 590, 60, 590, 60 };

	if (likely(source.options.frame_size != SOURCE_IMIX))
		return source.options.frame_size - RTE_ETHER_CRC_LEN;
	return imix[scale(random, RTE_DIM(imix))];
}

static inline void fill_ipv4(uint8_t *frame, uint32_t spread, uint32_t vip, uint16_t size)
{
	struct rte_ipv4_hdr *ipv4 = (void *)(frame + sizeof(struct rte_ether_hdr));

	memcpy(frame, source.template.bytes, LINE);
	ipv4->src_addr = RTE_BE32(10 << 24) | (spread & ~UINT32_C(0xff));
	ipv4->dst_addr = rte_cpu_to_be_32(vip);
	ipv4->total_length = rte_cpu_to_be_16(size - sizeof(struct rte_ether_hdr));
	((struct rte_udp_hdr *)(ipv4 + 1))->src_port = FIRST_PORT + (spread & 0xff);
}

static inline void fill_ipv6(uint8_t *frame, uint32_t spread, uint32_t vip, uint16_t size)
{
	struct rte_ipv6_hdr *ipv6 = (void *)(frame + sizeof(struct rte_ether_hdr));
	uint32_t address = spread >> 8;

	memcpy(frame, source.template.bytes, 2 * LINE);
	vip = rte_cpu_to_be_32(vip);
	memcpy(&ipv6->src_addr[12], &address, sizeof(address));
	memcpy(&ipv6->dst_addr[12], &vip, sizeof(vip));
	ipv6->payload_len =
		rte_cpu_to_be_16(size - sizeof(struct rte_ether_hdr) - sizeof(struct rte_ipv6_hdr));
	((struct rte_udp_hdr *)(ipv6 + 1))->src_port = FIRST_PORT + (spread & 0xff);
}

/* `random` beyond the flow; what a source sends is the same but for that. */
static inline void fill(struct rte_mbuf *mbuf, uint32_t flow, uint32_t random, bool ipv6)
{
	uint32_t vip = source.first_vip + scale(flow * OTHER_PRIME, source.options.services);
	uint16_t size = RTE_MAX(pick_size(random), source.template.headers);
	uint8_t *frame = rte_pktmbuf_mtod(mbuf, uint8_t *);

	mbuf->data_len = size;
	mbuf->pkt_len = size;
	if (ipv6)
		fill_ipv6(frame, flow * GOLDEN_RATIO, vip, size);
	else
		fill_ipv4(frame, flow * GOLDEN_RATIO, vip, size);
}

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
		uint32_t random = next_random(queue);

		fill(fresh[i], scale(random, source.options.flows), random * OTHER_PRIME, ipv6);
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

/* Of UDP with all that the frame has room for; of IMIX without payload, because sizes vary. */
static rte_be16_t datagram_length(uint16_t l4_offset)
{
	uint16_t frame = source.options.frame_size - RTE_ETHER_CRC_LEN;

	if (source.options.frame_size == SOURCE_IMIX ||
		frame < l4_offset + sizeof(struct rte_udp_hdr))
		return RTE_BE16(sizeof(struct rte_udp_hdr));
	return rte_cpu_to_be_16(frame - l4_offset);
}

/* Behind the IP header, so many bytes into the frame. Returns the length. */
static uint16_t make_l4(uint8_t *l4, uint16_t l4_offset)
{
	struct rte_tcp_hdr *tcp = (void *)l4;

	tcp->dst_port = source.options.vip_port;
	if (source.options.protocol == IPPROTO_UDP) {
		((struct rte_udp_hdr *)l4)->dgram_len = datagram_length(l4_offset);
		return sizeof(struct rte_udp_hdr);
	}
	tcp->data_off = sizeof(*tcp) / 4 << 4;
	tcp->tcp_flags = source.options.syn ? RTE_TCP_SYN_FLAG : RTE_TCP_ACK_FLAG;
	return sizeof(*tcp);
}

static void make_template_ipv4(struct template *template, struct rte_ether_hdr *ethernet)
{
	struct rte_ipv4_hdr *ipv4 = (void *)(ethernet + 1);

	ethernet->ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4);
	ipv4->version_ihl = RTE_IPV4_VHL_DEF;
	ipv4->time_to_live = 64;
	ipv4->next_proto_id = source.options.protocol;
	template->headers = sizeof(*ethernet) + sizeof(*ipv4);
	template->headers += make_l4((uint8_t *)(ipv4 + 1), template->headers);
	memcpy(&source.first_vip, source.options.vip.bytes, 4);
}

static void make_template_ipv6(struct template *template, struct rte_ether_hdr *ethernet)
{
	struct rte_ipv6_hdr *ipv6 = (void *)(ethernet + 1);

	ethernet->ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV6);
	ipv6->vtc_flow = RTE_BE32(6 << 28);
	ipv6->hop_limits = 64;
	ipv6->proto = source.options.protocol;
	memcpy(ipv6->src_addr, IPV6_CLIENT, 4);
	memcpy(ipv6->dst_addr, source.options.vip.bytes, sizeof(ipv6->dst_addr));
	template->headers = sizeof(*ethernet) + sizeof(*ipv6);
	template->headers += make_l4((uint8_t *)(ipv6 + 1), template->headers);
	memcpy(&source.first_vip, source.options.vip.bytes + 12, 4);
}

static void make_template(struct template *template)
{
	struct rte_ether_hdr *ethernet = (void *)template->bytes;

	memset(template, 0, sizeof(*template));
	memset(&ethernet->dst_addr, 2, sizeof(ethernet->dst_addr));
	memset(&ethernet->src_addr, 6, sizeof(ethernet->src_addr));
	if (is_ipv6())
		make_template_ipv6(template, ethernet);
	else
		make_template_ipv4(template, ethernet);
	source.first_vip = rte_be_to_cpu_32(source.first_vip);
}

/* What rte_eth_rx_burst() and rte_eth_tx_burst() look at, and nothing else of a port. */
static void make_port(void)
{
	static void *queues[SOURCE_QUEUES_MAX], *callbacks[SOURCE_QUEUES_MAX];
	struct rte_eth_fp_ops *port = &rte_eth_fp_ops[SOURCE_PORT];

	for (unsigned int i = 0; i < SOURCE_QUEUES_MAX; i++)
		queues[i] = &source.queues[i];
	port->rx_pkt_burst = is_ipv6() ? receive_ipv6 : receive_ipv4;
	port->tx_pkt_burst = transmit;
	port->rxq = (struct rte_ethdev_qdata){ .data = queues, .clbk = callbacks };
	port->txq = port->rxq;
}

static int make_queue(struct queue *queue)
{
	if (rte_pktmbuf_alloc_bulk(source.pool, queue->ring, SOURCE_RING_SIZE) != 0)
		return -ENOMEM;
	for (unsigned int i = 0; i < SOURCE_RING_SIZE; i++)
		source_fill(queue->ring[i], scale(next_random(queue), source.options.flows));
	return 0;
}

int source_open(struct rte_mempool *pool, const struct source_options *options, unsigned int queues)
{
	int code = 0;

	source.pool = pool;
	source.options = *options;
	make_template(&source.template);
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
	fill(mbuf, flow, flow * OTHER_PRIME, is_ipv6());
}
