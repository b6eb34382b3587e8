/* SPDX-License-Identifier: BSD-3-Clause */
#include "traffic.h"

#include <netinet/in.h>

#include <rte_tcp.h>

#define IPV6_CLIENT "\xfd\0\0\x99"

/* Of UDP with all that the frame has room for; of IMIX without payload, because sizes vary. */
static rte_be16_t datagram_length(const struct traffic_options *options, uint16_t l4_offset)
{
	uint16_t frame = options->frame_size - RTE_ETHER_CRC_LEN;

	if (options->frame_size == TRAFFIC_IMIX || frame < l4_offset + sizeof(struct rte_udp_hdr))
		return RTE_BE16(sizeof(struct rte_udp_hdr));
	return rte_cpu_to_be_16(frame - l4_offset);
}

/* Behind the IP header, so many bytes into the frame. Returns the length. */
static uint16_t make_l4(const struct traffic_options *options, uint8_t *l4, uint16_t l4_offset)
{
	struct rte_tcp_hdr *tcp = (void *)l4;

	tcp->dst_port = options->vip_port;
	if (options->protocol == IPPROTO_UDP) {
		((struct rte_udp_hdr *)l4)->dgram_len = datagram_length(options, l4_offset);
		return sizeof(struct rte_udp_hdr);
	}
	tcp->data_off = sizeof(*tcp) / 4 << 4;
	tcp->tcp_flags = options->syn ? RTE_TCP_SYN_FLAG : RTE_TCP_ACK_FLAG;
	return sizeof(*tcp);
}

static void make_ipv4(struct traffic *traffic, struct rte_ether_hdr *ethernet)
{
	const struct traffic_options *options = &traffic->options;
	struct rte_ipv4_hdr *ipv4 = (void *)(ethernet + 1);

	ethernet->ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4);
	ipv4->version_ihl = RTE_IPV4_VHL_DEF;
	ipv4->time_to_live = 64;
	ipv4->next_proto_id = options->protocol;
	traffic->headers = sizeof(*ethernet) + sizeof(*ipv4);
	traffic->headers += make_l4(options, (uint8_t *)(ipv4 + 1), traffic->headers);
	memcpy(&traffic->first_vip, options->vip.bytes, 4);
}

static void make_ipv6(struct traffic *traffic, struct rte_ether_hdr *ethernet)
{
	const struct traffic_options *options = &traffic->options;
	struct rte_ipv6_hdr *ipv6 = (void *)(ethernet + 1);

	ethernet->ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV6);
	ipv6->vtc_flow = RTE_BE32(6 << 28);
	ipv6->hop_limits = 64;
	ipv6->proto = options->protocol;
	memcpy(ipv6->src_addr, IPV6_CLIENT, 4);
	memcpy(ipv6->dst_addr, options->vip.bytes, sizeof(ipv6->dst_addr));
	traffic->headers = sizeof(*ethernet) + sizeof(*ipv6);
	traffic->headers += make_l4(options, (uint8_t *)(ipv6 + 1), traffic->headers);
	memcpy(&traffic->first_vip, options->vip.bytes + 12, 4);
}

const struct rte_ether_addr traffic_station = { { 2, 2, 2, 2, 2, 2 } };

void traffic_init(struct traffic *traffic, const struct traffic_options *options)
{
	struct rte_ether_hdr *ethernet = (void *)traffic->template;

	memset(traffic, 0, sizeof(*traffic));
	traffic->options = *options;
	ethernet->dst_addr = traffic_station;
	memset(&ethernet->src_addr, 6, sizeof(ethernet->src_addr));
	if (traffic_is_ipv6(traffic))
		make_ipv6(traffic, ethernet);
	else
		make_ipv4(traffic, ethernet);
	traffic->first_vip = rte_be_to_cpu_32(traffic->first_vip);
}
