/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include <netinet/in.h>

#include <rte_byteorder.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "balance.h"
#include "life_fixture.h"
#include "life_packets.h"
#include "service/service_match.h"

#define L4_OFFSET 34

static void match(
	const struct node *node, uint16_t port, enum life_packet kind, struct packet *packet)
{
	const uint8_t vip[4] = { 203, 0, 113, 10 };

	memcpy(packet->key.ipv4.destination, vip, sizeof(vip));
	packet->key.ipv4.protocol = kind <= LIFE_ACK ? IPPROTO_TCP : IPPROTO_UDP;
	packet->key.ipv4.ports[1] = rte_cpu_to_be_16(port);
	assert_int_equal(
		service_match(forwarding_tables(node->forwarding)->services, packet), VERDICT_NEXT);
}

static void make_frame(
	uint8_t *frame, enum life_packet kind, uint32_t sequence, struct packet *packet)
{
	static const uint8_t initial[5] = { 0xc0, 0, 0, 0, 1 }, short_header[5] = { 0x40 };
	struct rte_tcp_hdr *tcp = (void *)(frame + L4_OFFSET);

	packet->l2_length = 14;
	packet->l4_offset = L4_OFFSET;
	packet->l3_length = 20 + sizeof(*tcp);
	if (kind == LIFE_SYN)
		packet->flags = PACKET_SYN;
	if (kind <= LIFE_ACK) {
		tcp->tcp_flags = kind == LIFE_SYN ? RTE_TCP_SYN_FLAG : RTE_TCP_ACK_FLAG;
		tcp->sent_seq = rte_cpu_to_be_32(sequence);
		return;
	}
	memcpy(frame + L4_OFFSET + sizeof(struct rte_udp_hdr),
		kind == LIFE_INITIAL ? initial : short_header, sizeof(initial));
}

uint32_t life_send_numbered(struct node *node, struct affinity_counters *counters, uint16_t port,
	enum life_packet kind, uint64_t hash, uint32_t sequence)
{
	uint8_t frame[128] = { 0 };
	struct rte_mbuf mbuf = { .buf_addr = frame };
	struct packet packet = { .mbuf = &mbuf, .hash = hash };

	match(node, port, kind, &packet);
	make_frame(frame, kind, sequence, &packet);
	packet.slot = flow_slot(hash, LIFE_SLOTS);
	if (balance_choose(forwarding_tables(node->forwarding), counters, &packet) != VERDICT_NEXT)
		return LIFE_NO_GID;
	return packet.record->gid;
}

uint32_t life_send(struct node *node, struct affinity_counters *counters, uint16_t port,
	enum life_packet kind, uint64_t hash)
{
	return life_send_numbered(node, counters, port, kind, hash, 0);
}
