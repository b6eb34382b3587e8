/* SPDX-License-Identifier: BSD-3-Clause */
#include "encap/encap.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_ip.h>

#define FLOW_LABEL_MASK 0xfffffu

/* What to add to the protocol number of the record, which is that for an inner IPv4 packet. */
static inline uint32_t protocol_excess(const struct packet *packet)
{
	static_assert(PACKET_IPV6 == 1, "a factor");
	return (packet->flags & PACKET_IPV6) * (IPPROTO_IPV6 - IPPROTO_IPIP);
}

/*
 * Copies at least 16 bytes. Done in two parts, because gcc puts the address of a longer copy into a
 * register of its own: one instruction more.
 */
static __rte_always_inline void copy_headers(uint8_t *frame, const uint8_t *headers, uint16_t size)
{
	memcpy(frame, headers, 16);
	memcpy(frame + 16, headers + 16, size - 16);
}

/* Moves the VLAN tag to the front and writes the outer header over its old position. */
static __rte_noinline void put_tagged(
	uint8_t *frame, const uint8_t *tag, const uint8_t *headers, uint16_t size)
{
	memmove(frame + 12, tag, RTE_VLAN_HLEN);
	memcpy(frame, headers, 12);
	memcpy(frame + 16, headers + 12, 2 + size);
}

/*
 * Makes room for an outer header of `size` bytes, cuts Ethernet padding off behind a packet of
 * `total_length` with that header, and writes the Ethernet header and the record's outer header.
 * Returns the address of the outer header; NULL without headroom.
 *
 * Done by hand, because rte_pktmbuf_prepend() and rte_pktmbuf_trim() search for the last segment,
 * and parse() accepts only packets of one segment.
 */
static __rte_always_inline uint8_t *put_headers(struct packet *packet,
	const struct backend_record *record, uint16_t size, uint32_t total_length,
	uint32_t l2_length)
{
	const uint8_t *headers = (const uint8_t *)record + RECORD_HEADERS;
	struct rte_mbuf *mbuf = packet->mbuf;
	uint32_t length = l2_length + total_length;
	uint8_t *frame = rte_pktmbuf_mtod(mbuf, uint8_t *);

	if (unlikely(mbuf->data_off < size))
		return NULL;
	frame -= size;
	mbuf->data_off -= size;
	mbuf->data_len = length;
	mbuf->pkt_len = length;
	if (likely(l2_length == RTE_ETHER_HDR_LEN))
		copy_headers(frame, headers, RTE_ETHER_HDR_LEN + size);
	else
		put_tagged(frame, frame + size + 12, headers, size);
	return frame + l2_length;
}

/* Why a packet does not fit: the dummy record has MTU 0 (no backend), any other is too small. */
static enum verdict refuse(const struct backend_record *record)
{
	return record->mtu == 0 ? VERDICT_NO_BACKEND : VERDICT_MTU_EXCEEDED;
}

static inline enum verdict encap_none(struct packet *packet, const struct backend_record *record)
{
	uint32_t l2_length = packet->l2_length;

	if (unlikely(packet->l3_length > record->mtu))
		return refuse(record);
	/* cut padding off only if it makes the frame longer than the link takes */
	if (unlikely(packet->frame_length - l2_length > record->mtu))
		packet->mbuf->data_len = packet->mbuf->pkt_len = l2_length + packet->l3_length;
	memcpy(packet_at(packet, 0), record->destination_mac, 12);
	return VERDICT_NEXT;
}

/*
 * RFC 1071, for a sum that may exceed 16 bits. Both halves of the word get the sum of the halves at
 * once, so that the carry of the lower addition ends up in the upper one.
 */
static inline uint32_t finish_checksum(uint32_t sum)
{
	return ~(sum + (sum << 16 | sum >> 16)) >> 16;
}

/* The sum over the fields of the outer IPv4 header that the record fills in (record.h). */
static inline uint32_t partial_sum(const struct backend_record *record)
{
	return ((const struct rte_ipv4_hdr *)record->outer)->hdr_checksum;
}

/* The fields that the record leaves open share two words with constant fields. */
static __rte_always_inline enum verdict put_ipv4(struct packet *packet,
	const struct backend_record *record, uint32_t l2_length, uint32_t excess)
{
	uint32_t total_length = packet->l3_length + sizeof(struct rte_ipv4_hdr);
	uint32_t tos = packet->traffic_class;
	uint32_t sum = partial_sum(record) + tos + total_length + excess;
	rte_be32_t first, third;
	uint8_t *outer;

	if (unlikely(total_length > record->mtu))
		return refuse(record);
	outer = put_headers(packet, record, sizeof(struct rte_ipv4_hdr), total_length, l2_length);
	if (unlikely(outer == NULL))
		return VERDICT_NO_HEADROOM;
	first = rte_cpu_to_be_32(RTE_IPV4_VHL_DEF << 24 | tos << 16 | total_length);
	third = rte_cpu_to_be_32(((RECORD_OUTER_TTL << 24 | IPPROTO_IPIP << 16) + (excess << 16)) |
				 finish_checksum(sum));
	memcpy(outer, &first, 4);
	memcpy(outer + 8, &third, 4);
	return VERDICT_NEXT;
}

static inline bool is_plain(const struct packet *packet)
{
	return packet->layout == packet_plain_layout();
}

/* Compiled twice: for nearly all packets these two values are constants. */
static inline enum verdict encap_ipv4(struct packet *packet, const struct backend_record *record)
{
	if (likely(is_plain(packet)))
		return put_ipv4(packet, record, RTE_ETHER_HDR_LEN, 0);
	return put_ipv4(packet, record, packet->l2_length, protocol_excess(packet));
}

static inline enum verdict encap_ipv6(struct packet *packet, const struct backend_record *record)
{
	uint32_t total_length = packet->l3_length + sizeof(struct rte_ipv6_hdr);
	uint32_t flow_label = packet->hash & FLOW_LABEL_MASK;
	struct rte_ipv6_hdr *outer;

	if (unlikely(total_length > record->mtu))
		return refuse(record);
	outer = (void *)put_headers(
		packet, record, sizeof(*outer), total_length, packet->l2_length);
	if (unlikely(outer == NULL))
		return VERDICT_NO_HEADROOM;
	/* RFC 6437: 0 means "no label", so a flow whose hash ends in zeroes takes 1 */
	flow_label += flow_label == 0;
	outer->vtc_flow = rte_cpu_to_be_32(6u << 28 | packet->traffic_class << 20 | flow_label);
	outer->payload_len = rte_cpu_to_be_16(packet->l3_length);
	outer->proto = IPPROTO_IPIP + protocol_excess(packet);
	return VERDICT_NEXT;
}

static inline enum verdict encap_packet(struct packet *packet, const struct backend_record *record)
{
	switch (record->encap) {
	case RECORD_ENCAP_IPV4: return encap_ipv4(packet, record);
	case RECORD_ENCAP_IPV6: return encap_ipv6(packet, record);
	default: return encap_none(packet, record);
	}
}

void encap_burst(struct packet *packets, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		enum verdict verdict;

		if (unlikely(packets[i].verdict != VERDICT_NEXT))
			continue;
		verdict = encap_packet(&packets[i], packets[i].record);
		if (unlikely(verdict != VERDICT_NEXT))
			packets[i].verdict = verdict;
	}
}

enum verdict encap(struct packet *packet, const struct backend_record *record)
{
	return encap_packet(packet, record);
}
