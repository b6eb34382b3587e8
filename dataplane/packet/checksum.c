/* SPDX-License-Identifier: BSD-3-Clause */
#include "packet/checksum.h"

#include <netinet/in.h>
#include <string.h>

#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

/* Two bytes, at any address. */
static uint8_t *checksum_field(const struct packet *packet, uint8_t protocol)
{
	if (protocol == IPPROTO_TCP)
		return packet_at(packet, packet->l4_offset + offsetof(struct rte_tcp_hdr, cksum));
	return packet_at(packet, packet->l4_offset + offsetof(struct rte_udp_hdr, dgram_cksum));
}

/* The pseudo header of RFC 9293 / RFC 8200 with the length of the transport part. */
static uint16_t pseudo_header_sum(const struct packet *packet, uint8_t protocol, uint32_t length)
{
	struct {
		rte_be32_t length;
		rte_be32_t protocol;
	} tail = { rte_cpu_to_be_32(length), rte_cpu_to_be_32(protocol) };
	const struct flow_key *key = &packet->key;
	uint32_t sum = rte_raw_cksum(&tail, sizeof(tail));

	if (packet->flags & PACKET_IPV6)
		sum += rte_raw_cksum(key->ipv6.addresses, sizeof(key->ipv6.addresses));
	else
		sum += rte_raw_cksum(key->ipv4.addresses, sizeof(key->ipv4.addresses));
	sum = (sum & 0xffff) + (sum >> 16);
	return sum + (sum >> 16);
}

void checksum_complete(struct packet *packet)
{
	bool ipv6 = packet->flags & PACKET_IPV6;
	uint8_t protocol = ipv6 ? packet->key.ipv6.protocol : packet->key.ipv4.protocol;
	uint16_t length = packet->l2_length + packet->l3_length - packet->l4_offset;
	uint16_t sum;
	uint8_t *field;

	if (packet->flags & (PACKET_FRAGMENT | PACKET_PORTLESS | PACKET_ICMP_ERROR))
		return;
	field = checksum_field(packet, protocol);
	sum = pseudo_header_sum(packet, protocol, length);
	if (memcmp(field, &sum, sizeof(sum)) != 0)
		return;
	/* The field itself, holding the pseudo-header sum, stands for it in the sum over the rest.
	 */
	sum = ~rte_raw_cksum(packet_at(packet, packet->l4_offset), length);
	if (sum == 0 && protocol == IPPROTO_UDP)
		sum = 0xffff; /* RFC 768: 0 would mean "no checksum" */
	memcpy(field, &sum, sizeof(sum));
}
