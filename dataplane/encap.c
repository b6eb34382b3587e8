/* SPDX-License-Identifier: BSD-3-Clause */
#include "encap.h"

#include <netinet/in.h>
#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_ip.h>

#define FLOW_LABEL_MASK 0xfffffu

static inline uint8_t inner_protocol(const struct packet *packet)
{
	return packet->flags & PACKET_IPV6 ? IPPROTO_IPV6 : IPPROTO_IPIP;
}

/*
 * Moves the Ethernet header `room` bytes to the front, with the record's addresses and the outer
 * type, and returns where the outer header goes; NULL without headroom. The old header is partly
 * where the new packet's outer header will be, so the tag is read before anything is written.
 */
static inline uint8_t *open_room(
	struct packet *packet, const struct backend_record *record, uint16_t room)
{
	uint16_t padding = packet->frame_length - packet->l2_length - packet->l3_length;
	uint32_t vlan_tag;
	uint8_t *frame;

	memcpy(&vlan_tag, packet_at(packet, 12), 4);
	frame = (uint8_t *)rte_pktmbuf_prepend(packet->mbuf, room);
	if (unlikely(frame == NULL))
		return NULL;
	if (padding != 0)
		rte_pktmbuf_trim(packet->mbuf, padding);
	memcpy(frame, record->destination_mac, 12);
	if (unlikely(packet->l2_length != RTE_ETHER_HDR_LEN))
		memcpy(frame + 12, &vlan_tag, 4);
	memcpy(frame + packet->l2_length - 2, &record->ether_type, 2);
	return frame + packet->l2_length;
}

static inline enum verdict encap_none(struct packet *packet, const struct backend_record *record)
{
	if (unlikely(packet->l3_length > record->mtu))
		return VERDICT_TOO_BIG;
	memcpy(packet_at(packet, 0), record->destination_mac, 12);
	return VERDICT_NEXT;
}

/* RFC 1071 over the prepared sum and the four fields that differ from packet to packet. */
static inline uint16_t ipv4_checksum(
	const struct backend_record *record, uint8_t tos, uint16_t total_length, uint8_t protocol)
{
	uint32_t sum = record->partial_sum + tos + total_length + protocol;

	sum = (sum & 0xffff) + (sum >> 16);
	sum += sum >> 16;
	return ~sum;
}

static inline enum verdict encap_ipv4(struct packet *packet, const struct backend_record *record)
{
	uint32_t total_length = packet->l3_length + sizeof(struct rte_ipv4_hdr);
	uint8_t protocol = inner_protocol(packet);
	struct rte_ipv4_hdr *outer;

	if (unlikely(total_length > record->mtu))
		return VERDICT_TOO_BIG;
	outer = (void *)open_room(packet, record, sizeof(*outer));
	if (unlikely(outer == NULL))
		return VERDICT_NO_HEADROOM;
	memcpy(outer, record->outer, sizeof(*outer));
	outer->type_of_service = packet->traffic_class;
	outer->total_length = rte_cpu_to_be_16(total_length);
	outer->next_proto_id = protocol;
	outer->hdr_checksum = rte_cpu_to_be_16(
		ipv4_checksum(record, packet->traffic_class, total_length, protocol));
	return VERDICT_NEXT;
}

static inline enum verdict encap_ipv6(struct packet *packet, const struct backend_record *record)
{
	uint32_t total_length = packet->l3_length + sizeof(struct rte_ipv6_hdr);
	uint32_t flow_label = packet->hash & FLOW_LABEL_MASK;
	struct rte_ipv6_hdr *outer;

	if (unlikely(total_length > record->mtu))
		return VERDICT_TOO_BIG;
	outer = (void *)open_room(packet, record, sizeof(*outer));
	if (unlikely(outer == NULL))
		return VERDICT_NO_HEADROOM;
	memcpy(outer, record->outer, sizeof(*outer));
	/* RFC 6437: 0 means "no label", so a flow whose hash ends in zeroes takes 1 */
	flow_label += flow_label == 0;
	outer->vtc_flow = rte_cpu_to_be_32(6u << 28 | packet->traffic_class << 20 | flow_label);
	outer->payload_len = rte_cpu_to_be_16(packet->l3_length);
	outer->proto = inner_protocol(packet);
	return VERDICT_NEXT;
}

enum verdict encap(struct packet *packet, const struct backend_record *record)
{
	switch (record->encap) {
	case RECORD_ENCAP_IPV4: return encap_ipv4(packet, record);
	case RECORD_ENCAP_IPV6: return encap_ipv6(packet, record);
	default: return encap_none(packet, record);
	}
}
