/* SPDX-License-Identifier: BSD-3-Clause */
#include "packet/parse.h"

#include <string.h>

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>

#include <rte_branch_prediction.h>
#include <rte_byteorder.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "packet/parse_plain.h"

/*
 * The slow path: tags, options, fragments, IPv6, ICMP errors, and whatever is malformed. Plain TCP
 * and UDP take the fast path (parse_plain.h).
 */

/* The unread part of a frame, from offset `next` up to `end`. */
struct cursor {
	uint32_t next;
	uint32_t end;
};

static enum verdict parse_tcp(struct packet *packet, struct cursor at, rte_be16_t ports[2])
{
	const struct rte_tcp_hdr *tcp = (const void *)packet_at(packet, at.next);
	uint32_t length = at.end - at.next;
	uint32_t header_length;

	if (unlikely(length < sizeof(*tcp)))
		return VERDICT_TRUNCATED;
	header_length = (tcp->data_off >> 4) * 4;
	if (unlikely(header_length < sizeof(*tcp)))
		return VERDICT_MALFORMED;
	if (unlikely(header_length > length))
		return VERDICT_TRUNCATED;
	if ((tcp->tcp_flags & (RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG)) == RTE_TCP_SYN_FLAG)
		packet->flags |= PACKET_SYN;
	memcpy(ports, tcp, 4);
	return VERDICT_NEXT;
}

static enum verdict parse_udp(struct packet *packet, struct cursor at, rte_be16_t ports[2])
{
	const struct rte_udp_hdr *udp = (const void *)packet_at(packet, at.next);
	uint32_t length = at.end - at.next;
	uint32_t datagram_length;

	if (unlikely(length < sizeof(*udp)))
		return VERDICT_TRUNCATED;
	datagram_length = rte_be_to_cpu_16(udp->dgram_len);
	if (unlikely(datagram_length < sizeof(*udp)))
		return VERDICT_MALFORMED;
	if (unlikely(datagram_length > length))
		return VERDICT_TRUNCATED;
	memcpy(ports, udp, 4);
	return VERDICT_NEXT;
}

static enum verdict parse_l4(
	struct packet *packet, struct cursor at, uint8_t protocol, rte_be16_t ports[2])
{
	packet->l4_offset = at.next;
	ports[0] = ports[1] = 0;
	if (unlikely(packet->flags & PACKET_FRAGMENT))
		return VERDICT_NEXT;
	if (likely(protocol == IPPROTO_TCP))
		return parse_tcp(packet, at, ports);
	if (protocol == IPPROTO_UDP)
		return parse_udp(packet, at, ports);
	packet->flags |= PACKET_PORTLESS;
	return VERDICT_NEXT;
}

static enum verdict parse_ipv4(struct packet *packet, struct cursor at)
{
	const struct rte_ipv4_hdr *ip = (const void *)packet_at(packet, at.next);
	struct flow_key_ipv4 *key = &packet->key.ipv4;
	uint32_t header_length, total_length;

	if (unlikely(at.end - at.next < sizeof(*ip)))
		return VERDICT_TRUNCATED;
	header_length = rte_ipv4_hdr_len(ip);
	total_length = rte_be_to_cpu_16(ip->total_length);
	if (unlikely(ip->version_ihl >> 4 != 4 || header_length < sizeof(*ip) ||
		     total_length < header_length))
		return VERDICT_MALFORMED;
	if (unlikely(total_length > at.end - at.next))
		return VERDICT_TRUNCATED;
	if (unlikely(ip->fragment_offset &
		     RTE_BE16(RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK)))
		packet->flags |= PACKET_FRAGMENT;

	packet->l3_length = total_length;
	packet->traffic_class = ip->type_of_service;
	memcpy(key->addresses, &ip->src_addr, sizeof(key->addresses));
	key->protocol = ip->next_proto_id;
	at.end = at.next + total_length;
	at.next += header_length;
	return parse_l4(packet, at, key->protocol, key->ports);
}

static bool is_extension(uint8_t protocol)
{
	return protocol == IPPROTO_HOPOPTS || protocol == IPPROTO_ROUTING ||
	       protocol == IPPROTO_DSTOPTS || protocol == IPPROTO_FRAGMENT;
}

/* Reads one extension header at the cursor, moves on behind it and replaces `protocol`. */
static enum verdict parse_extension(struct packet *packet, struct cursor *at, uint8_t *protocol)
{
	const uint8_t *header = packet_at(packet, at->next);
	uint32_t length = 8;

	if (at->end - at->next < length)
		return VERDICT_TRUNCATED;
	if (*protocol == IPPROTO_FRAGMENT) {
		/* An atomic fragment (RFC 6946) is whole: offset 0 and no more to come. */
		if (header[2] != 0 || (header[3] & 0xf9) != 0)
			packet->flags |= PACKET_FRAGMENT;
	} else {
		length = 8 * (header[1] + 1);
		if (at->end - at->next < length)
			return VERDICT_TRUNCATED;
	}
	*protocol = header[0];
	at->next += length;
	return VERDICT_NEXT;
}

/* Walks to the transport header, or to the fragment header that hides it. */
static enum verdict parse_extensions(struct packet *packet, struct cursor *at, uint8_t *protocol)
{
	for (unsigned int i = 0; is_extension(*protocol); i++) {
		enum verdict verdict;

		if (i == PARSE_EXTENSIONS_MAX)
			return VERDICT_MALFORMED;
		verdict = parse_extension(packet, at, protocol);
		if (verdict != VERDICT_NEXT || (packet->flags & PACKET_FRAGMENT))
			return verdict;
	}
	return VERDICT_NEXT;
}

/*
 * A function of its own: nearly all packets leave parse_ipv6() without it, and passing the address
 * of a local would cost each of them a stack protector check.
 */
static __rte_noinline enum verdict parse_extended(
	struct packet *packet, struct cursor at, uint8_t protocol)
{
	struct flow_key_ipv6 *key = &packet->key.ipv6;
	enum verdict verdict = parse_extensions(packet, &at, &protocol);

	if (verdict != VERDICT_NEXT)
		return verdict;
	key->protocol = protocol;
	return parse_l4(packet, at, protocol, key->ports);
}

static enum verdict parse_ipv6(struct packet *packet, struct cursor at)
{
	const struct rte_ipv6_hdr *ip = (const void *)packet_at(packet, at.next);
	struct flow_key_ipv6 *key = &packet->key.ipv6;
	uint32_t version_class_flow;
	uint32_t payload_length;
	uint8_t protocol;

	if (unlikely(at.end - at.next < sizeof(*ip)))
		return VERDICT_TRUNCATED;
	version_class_flow = rte_be_to_cpu_32(ip->vtc_flow);
	payload_length = rte_be_to_cpu_16(ip->payload_len);
	if (unlikely(version_class_flow >> 28 != 6))
		return VERDICT_MALFORMED;
	if (unlikely(payload_length > at.end - at.next - sizeof(*ip)))
		return VERDICT_TRUNCATED;

	packet->flags |= PACKET_IPV6;
	packet->l3_length = sizeof(*ip) + payload_length;
	packet->traffic_class = version_class_flow >> 20 & 0xff;
	memcpy(key->addresses, ip->src_addr, sizeof(key->addresses));
	protocol = ip->proto;
	at.end = at.next + packet->l3_length;
	at.next += sizeof(*ip);
	if (unlikely(is_extension(protocol)))
		return parse_extended(packet, at, protocol);
	key->protocol = protocol;
	return parse_l4(packet, at, protocol, key->ports);
}

/* What ICMP errors quote. */

#define ICMP_HEADER_SIZE   8
#define QUOTED_L4_SIZE_MIN 8 /* what RFC 792 asks for: ports and, of TCP, the sequence number */

static bool is_icmp_error(bool ipv6, uint8_t type)
{
	if (ipv6)
		return type >= ICMP6_DST_UNREACH && type <= ICMP6_PARAM_PROB;
	return type == ICMP_DEST_UNREACH || type == ICMP_TIME_EXCEEDED ||
	       type == ICMP_PARAMETERPROB;
}

/* `length` is the length of the quoted packet's transport part when it was sent. */
static enum verdict parse_quoted_l4(const struct packet *packet, struct cursor at, uint32_t length,
	uint8_t protocol, rte_be16_t ports[2])
{
	rte_be16_t quoted[2];

	if (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP)
		return VERDICT_LEFT_TO_HOST;
	if (length < QUOTED_L4_SIZE_MIN)
		return VERDICT_MALFORMED;
	if (at.end - at.next < QUOTED_L4_SIZE_MIN)
		return VERDICT_TRUNCATED;
	memcpy(quoted, packet_at(packet, at.next), sizeof(quoted));
	ports[0] = quoted[1];
	ports[1] = quoted[0];
	return VERDICT_NEXT;
}

static enum verdict parse_quoted_ipv4(
	const struct packet *packet, struct cursor at, struct flow_key_ipv4 *key)
{
	const struct rte_ipv4_hdr *ip = (const void *)packet_at(packet, at.next);
	uint32_t header_length, total_length;

	if (at.end - at.next < sizeof(*ip))
		return VERDICT_TRUNCATED;
	header_length = rte_ipv4_hdr_len(ip);
	total_length = rte_be_to_cpu_16(ip->total_length);
	if (ip->version_ihl >> 4 != 4 || header_length < sizeof(*ip) ||
		total_length < header_length ||
		memcmp(&ip->src_addr, packet->key.ipv4.destination, 4) != 0)
		return VERDICT_MALFORMED;
	if (ip->fragment_offset & RTE_BE16(RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK))
		return VERDICT_FRAGMENT;
	if (at.end - at.next < header_length)
		return VERDICT_TRUNCATED;
	at.next += header_length;
	memcpy(key->source, &ip->dst_addr, 4);
	memcpy(key->destination, &ip->src_addr, 4);
	key->protocol = ip->next_proto_id;
	return parse_quoted_l4(packet, at, total_length - header_length, key->protocol, key->ports);
}

static enum verdict parse_quoted_ipv6(
	const struct packet *packet, struct cursor at, struct flow_key_ipv6 *key)
{
	const struct rte_ipv6_hdr *ip = (const void *)packet_at(packet, at.next);
	struct packet quoted = { .mbuf = packet->mbuf };
	uint32_t end = at.next + sizeof(*ip); /* of the quoted packet, had it been quoted whole */
	enum verdict verdict;

	if (at.end - at.next < sizeof(*ip))
		return VERDICT_TRUNCATED;
	if (rte_be_to_cpu_32(ip->vtc_flow) >> 28 != 6 ||
		memcmp(ip->src_addr, packet->key.ipv6.destination, 16) != 0)
		return VERDICT_MALFORMED;
	end += rte_be_to_cpu_16(ip->payload_len);
	at.next += sizeof(*ip);
	memcpy(key->source, ip->dst_addr, 16);
	memcpy(key->destination, ip->src_addr, 16);
	key->protocol = ip->proto;
	verdict = parse_extensions(&quoted, &at, &key->protocol);
	if (verdict != VERDICT_NEXT)
		return verdict;
	if (quoted.flags & PACKET_FRAGMENT)
		return VERDICT_FRAGMENT;
	if (end < at.next)
		return VERDICT_MALFORMED;
	return parse_quoted_l4(packet, at, end - at.next, key->protocol, key->ports);
}

enum verdict parse_icmp_error(struct packet *packet)
{
	bool ipv6 = packet->flags & PACKET_IPV6;
	struct cursor at = { .next = packet->l4_offset,
		.end = packet->l2_length + packet->l3_length };
	struct flow_key key = { 0 };
	enum verdict verdict;

	if (at.next == at.end || !is_icmp_error(ipv6, *packet_at(packet, at.next)))
		return VERDICT_LEFT_TO_HOST;
	if (at.end - at.next < ICMP_HEADER_SIZE)
		return VERDICT_TRUNCATED;
	at.next += ICMP_HEADER_SIZE;
	verdict = ipv6 ? parse_quoted_ipv6(packet, at, &key.ipv6)
		       : parse_quoted_ipv4(packet, at, &key.ipv4);
	if (verdict != VERDICT_NEXT)
		return verdict;
	packet->key = key;
	packet->flags = (packet->flags & ~PACKET_PORTLESS) | PACKET_ICMP_ERROR;
	return VERDICT_NEXT;
}

static __rte_noinline enum verdict parse_any(struct packet *packet)
{
	const struct rte_mbuf *mbuf = packet->mbuf;
	struct cursor at = { .next = RTE_ETHER_HDR_LEN, .end = mbuf->data_len };
	rte_be16_t ether_type;

	packet->frame_length = mbuf->pkt_len;
	packet->flags = 0;
	if (unlikely(mbuf->nb_segs != 1))
		return VERDICT_MULTI_SEGMENT;
	if (unlikely(at.end < RTE_ETHER_HDR_LEN))
		return VERDICT_TRUNCATED;
	memcpy(&ether_type, packet_at(packet, 12), 2);
	if (ether_type == RTE_BE16(RTE_ETHER_TYPE_VLAN)) {
		at.next += RTE_VLAN_HLEN;
		if (at.end < at.next)
			return VERDICT_TRUNCATED;
		memcpy(&ether_type, packet_at(packet, 16), 2);
	}
	packet->l2_length = at.next;
	if (likely(ether_type == RTE_BE16(RTE_ETHER_TYPE_IPV4)))
		return parse_ipv4(packet, at);
	if (ether_type == RTE_BE16(RTE_ETHER_TYPE_IPV6))
		return parse_ipv6(packet, at);
	return VERDICT_LEFT_TO_HOST;
}

/* Same as station_compare(), for a frame of any length. Less than a header is for no station. */
static __rte_noinline uint64_t compare_any(const struct packet *packet, struct station station)
{
	uint8_t start[STATION_BYTES] = { 0 };

	if (packet->mbuf->data_len < RTE_ETHER_HDR_LEN)
		return 0;
	memcpy(start, packet_at(packet, 0), RTE_ETHER_ADDR_LEN);
	return station_compare(station, start);
}

/* For bursts with frames for other stations. */
static __rte_noinline void leave_to_others(
	struct packet *packets, const struct packet *end, struct station station)
{
	for (struct packet *packet = packets; packet < end; packet++)
		if ((compare_any(packet, station) & station.mask) != 0)
			packet->verdict = VERDICT_LEFT_TO_HOST;
}

void parse_burst(struct packet *packets, unsigned int count, struct station station)
{
	const struct packet *end = packets + count;
	uint64_t differs = 0;

	for (struct packet *packet = packets; packet < end; packet++) {
		if (unlikely(!plain_is_whole(packet->mbuf))) {
			packet->verdict = parse_any(packet);
			differs |= compare_any(packet, station);
			continue;
		}
		differs |= station_compare(station, packet_at(packet, 0));
		if (unlikely(!parse_plain(packet)))
			packet->verdict = parse_any(packet);
	}
	if (unlikely((differs & station.mask) != 0))
		leave_to_others(packets, end, station);
}

enum verdict parse(struct packet *packet)
{
	parse_burst(packet, 1, station_any());
	return packet->verdict;
}
