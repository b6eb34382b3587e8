/* SPDX-License-Identifier: BSD-3-Clause */
#include "api/api_probe.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#define TAIL_ROOM          64 /* for what encapsulation may want behind a short packet */
#define ICMP_HEADER        8
#define ICMP_UNREACHABLE   3 /* RFC 792 */
#define ICMP_FRAGMENTATION 4
#define ICMPV6_TOO_BIG     2 /* RFC 4443 */

/* From one address and port to another. */
struct way {
	const struct address *source, *destination;
	uint16_t source_port, destination_port;
};

static size_t l3_header(const struct question *question)
{
	return question->destination.family == ADDRESS_IPV6 ? sizeof(struct rte_ipv6_hdr)
							    : sizeof(struct rte_ipv4_hdr);
}

static size_t l4_header(const struct question *question)
{
	return question->protocol == IPPROTO_TCP ? sizeof(struct rte_tcp_hdr)
						 : sizeof(struct rte_udp_hdr);
}

static void write_l3(uint8_t *at, const struct way *way, int protocol, size_t payload)
{
	if (way->destination->family == ADDRESS_IPV6) {
		struct rte_ipv6_hdr *ip = (void *)at;

		ip->vtc_flow = RTE_BE32(6u << 28);
		ip->payload_len = rte_cpu_to_be_16(payload);
		ip->proto = protocol;
		memcpy(ip->src_addr, way->source->bytes, 16);
		memcpy(ip->dst_addr, way->destination->bytes, 16);
	} else {
		struct rte_ipv4_hdr *ip = (void *)at;

		ip->version_ihl = RTE_IPV4_VHL_DEF;
		ip->total_length = rte_cpu_to_be_16(sizeof(*ip) + payload);
		ip->next_proto_id = protocol;
		memcpy(&ip->src_addr, way->source->bytes, 4);
		memcpy(&ip->dst_addr, way->destination->bytes, 4);
	}
}

static void write_l4(uint8_t *at, const struct way *way, int protocol, uint8_t flags, size_t length)
{
	if (protocol == IPPROTO_TCP) {
		struct rte_tcp_hdr *tcp = (void *)at;

		tcp->src_port = rte_cpu_to_be_16(way->source_port);
		tcp->dst_port = rte_cpu_to_be_16(way->destination_port);
		tcp->data_off = sizeof(*tcp) / 4 << 4;
		tcp->tcp_flags = flags;
	} else {
		struct rte_udp_hdr *udp = (void *)at;

		udp->src_port = rte_cpu_to_be_16(way->source_port);
		udp->dst_port = rte_cpu_to_be_16(way->destination_port);
		udp->dgram_len = rte_cpu_to_be_16(length);
	}
}

static void write_packet(uint8_t *at, const struct question *question, const struct way *way,
	uint8_t flags, size_t l4)
{
	write_l3(at, way, question->protocol, l4);
	write_l4(at + l3_header(question), way, question->protocol, flags, l4);
}

/* From the client's address, for whichever router it is, quoting what the VIP sent to the client.
 */
static void write_icmp_error(
	uint8_t *at, const struct question *question, const struct way *way, size_t payload)
{
	const struct way back = { way->destination, way->source, way->destination_port,
		way->source_port };
	bool ipv6 = way->destination->family == ADDRESS_IPV6;
	uint8_t *icmp = at + l3_header(question);

	write_l3(at, way, ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP, payload);
	icmp[0] = ipv6 ? ICMPV6_TOO_BIG : ICMP_UNREACHABLE;
	icmp[1] = ipv6 ? 0 : ICMP_FRAGMENTATION;
	write_packet(icmp + ICMP_HEADER, question, &back, RTE_TCP_ACK_FLAG, l4_header(question));
}

static void wrap(struct probe *probe, size_t room, size_t length)
{
	struct rte_mbuf *mbuf = &probe->mbuf;

	memset(mbuf, 0, sizeof(*mbuf));
	mbuf->buf_addr = probe->room;
	mbuf->buf_len = room;
	mbuf->data_off = RTE_PKTMBUF_HEADROOM;
	mbuf->data_len = mbuf->pkt_len = length;
	mbuf->nb_segs = 1;
	mbuf->refcnt = 1;
}

int probe_create(struct probe *probe, const struct question *question, enum probe_kind kind)
{
	const struct way way = { &question->source, &question->destination, question->source_port,
		question->destination_port };
	bool ipv6 = question->destination.family == ADDRESS_IPV6;
	size_t headers = l3_header(question) + l4_header(question);
	size_t least =
		kind == PROBE_ICMP_ERROR ? l3_header(question) + ICMP_HEADER + headers : headers;
	size_t length = question->length == 0 ? least : question->length;
	size_t room = RTE_PKTMBUF_HEADROOM + RTE_ETHER_HDR_LEN + length + TAIL_ROOM;
	struct rte_ether_hdr *ethernet;
	uint8_t *l3;

	probe->room = NULL;
	if (length < least)
		return -EINVAL;
	probe->room = calloc(1, room);
	if (probe->room == NULL)
		return -ENOMEM;
	ethernet = (void *)(probe->room + RTE_PKTMBUF_HEADROOM);
	l3 = (uint8_t *)(ethernet + 1);
	ethernet->ether_type = ipv6 ? RTE_BE16(RTE_ETHER_TYPE_IPV6) : RTE_BE16(RTE_ETHER_TYPE_IPV4);
	if (kind == PROBE_ICMP_ERROR)
		write_icmp_error(l3, question, &way, length - l3_header(question));
	else
		write_packet(l3, question, &way,
			kind == PROBE_NEW ? RTE_TCP_SYN_FLAG : RTE_TCP_ACK_FLAG,
			length - l3_header(question));
	wrap(probe, room, sizeof(*ethernet) + length);
	return 0;
}

void probe_destroy(struct probe *probe)
{
	free(probe->room);
}
