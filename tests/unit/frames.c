/* SPDX-License-Identifier: BSD-3-Clause */
#include "frames.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define TTL 57

uint16_t frame_read16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

uint32_t frame_read32(const uint8_t *bytes)
{
	return (uint32_t)frame_read16(bytes) << 16 | frame_read16(bytes + 2);
}

void frame_write16(uint8_t *bytes, uint16_t value)
{
	bytes[0] = value >> 8;
	bytes[1] = value & 0xff;
}

/* `length` zeroes at the end; where they begin. */
static uint8_t *append(struct frame *frame, size_t length)
{
	uint8_t *at = frame->bytes + frame->length;

	assert(frame->length + length <= FRAME_ROOM);
	memset(at, 0, length);
	frame->length += length;
	return at;
}

void frame_begin(struct frame *frame)
{
	static const uint8_t macs[12] = { 0x02, 0, 0, 0, 0, 0xbb, 0x02, 0, 0, 0, 0, 0xaa };

	frame->length = frame->l3 = frame->l4 = 0;
	frame->version = 0;
	frame->protocol = 0;
	memcpy(append(frame, 14), macs, sizeof(macs));
	frame->next = 12;
}

void frame_add_ether_type(struct frame *frame, uint16_t ether_type)
{
	frame_write16(frame->bytes + frame->next, ether_type);
}

void frame_add_vlan(struct frame *frame, uint16_t tci)
{
	frame_add_ether_type(frame, 0x8100);
	frame_write16(append(frame, 4), tci);
	frame->next = frame->length - 2;
}

static void put_address(int family, const char *text, uint8_t *bytes)
{
	int parsed = inet_pton(family, text, bytes);

	assert(parsed == 1);
	(void)parsed;
}

void frame_add_ipv4(struct frame *frame, const char *source, const char *destination)
{
	uint8_t *ip;

	frame_add_ether_type(frame, 0x0800);
	frame->l3 = frame->length;
	frame->version = 4;
	ip = append(frame, 20);
	ip[0] = 0x45;
	ip[8] = TTL;
	put_address(AF_INET, source, ip + 12);
	put_address(AF_INET, destination, ip + 16);
	frame->next = frame->l3 + 9;
}

void frame_add_ipv4_options(struct frame *frame, size_t length)
{
	memset(append(frame, length), 1, length); /* no operation */
	frame->bytes[frame->l3] += length / 4;
}

void frame_add_ipv6(struct frame *frame, const char *source, const char *destination)
{
	uint8_t *ip;

	frame_add_ether_type(frame, 0x86dd);
	frame->l3 = frame->length;
	frame->version = 6;
	ip = append(frame, 40);
	ip[0] = 0x60;
	ip[7] = TTL;
	put_address(AF_INET6, source, ip + 8);
	put_address(AF_INET6, destination, ip + 24);
	frame->next = frame->l3 + 6;
}

void frame_add_extension(struct frame *frame, enum frame_protocol type, size_t length)
{
	size_t start = frame->length;

	frame->bytes[frame->next] = type;
	append(frame, length)[1] = length / 8 - 1;
	frame->next = start;
}

void frame_add_fragment_header(struct frame *frame, uint16_t offset, uint8_t more)
{
	size_t start = frame->length;

	frame_add_extension(frame, FRAME_FRAGMENT, 8);
	frame->bytes[start + 1] = 0; /* reserved here, not a length */
	frame_write16(frame->bytes + start + 2, (uint16_t)(offset << 3 | more));
	frame_write16(frame->bytes + start + 6, 0xabcd);
}

static uint8_t *add_transport(struct frame *frame, uint8_t protocol, size_t length)
{
	frame->bytes[frame->next] = protocol;
	frame->protocol = protocol;
	frame->l4 = frame->length;
	return append(frame, length);
}

void frame_add_tcp(struct frame *frame, uint16_t source, uint16_t destination, uint8_t tcp_flags)
{
	uint8_t *tcp = add_transport(frame, FRAME_TCP, 20);

	frame_write16(tcp, source);
	frame_write16(tcp + 2, destination);
	tcp[12] = 5 << 4;
	tcp[13] = tcp_flags;
	frame_write16(tcp + 14, 0xfaf0);
}

void frame_add_udp(struct frame *frame, uint16_t source, uint16_t destination)
{
	uint8_t *udp = add_transport(frame, FRAME_UDP, 8);

	frame_write16(udp, source);
	frame_write16(udp + 2, destination);
}

void frame_add_protocol(struct frame *frame, uint8_t protocol)
{
	add_transport(frame, protocol, 8)[0] = 8;
}

void frame_add_icmp_error(struct frame *frame, uint8_t type)
{
	add_transport(frame, frame->version == 4 ? FRAME_ICMP : FRAME_ICMPV6, 8)[0] = type;
}

void frame_add_quote(struct frame *frame, const struct frame *quoted, size_t length)
{
	assert(length <= quoted->length - quoted->l3);
	memcpy(append(frame, length), quoted->bytes + quoted->l3, length);
}

void frame_add_payload(struct frame *frame, size_t length)
{
	uint8_t *payload = append(frame, length);

	for (size_t i = 0; i < length; i++)
		payload[i] = i & 0xff;
}

/* Adds 16-bit words to a sum, an odd byte at the end as the upper half of one. */
static uint32_t add_words(uint32_t sum, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		sum += i % 2 == 0 ? bytes[i] << 8 : bytes[i];
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

uint16_t frame_checksum(const uint8_t *bytes, size_t length)
{
	return (uint16_t)~fold(add_words(0, bytes, length));
}

/* Bytes of the IP packet from l4 on, by the IP header, so that padding does not count. */
static size_t transport_length(const struct frame *frame)
{
	const uint8_t *ip = frame->bytes + frame->l3;
	size_t total = frame->version == 4 ? frame_read16(ip + 2) : 40u + frame_read16(ip + 4);

	return frame->l3 + total - frame->l4;
}

uint16_t frame_pseudo_header_sum(const struct frame *frame)
{
	const uint8_t *ip = frame->bytes + frame->l3;
	uint32_t sum = frame->protocol + (uint32_t)transport_length(frame);

	return fold(frame->version == 4 ? add_words(sum, ip + 12, 8) : add_words(sum, ip + 8, 32));
}

static size_t checksum_offset(const struct frame *frame)
{
	return frame->l4 + (frame->protocol == FRAME_TCP ? 16 : 6);
}

uint16_t frame_transport_checksum(const struct frame *frame)
{
	size_t length = transport_length(frame);
	uint32_t sum = frame_pseudo_header_sum(frame);
	uint16_t checksum;

	sum = add_words(sum, frame->bytes + frame->l4, length);
	sum += (uint16_t)~frame_read16(frame->bytes + checksum_offset(frame));
	checksum = (uint16_t)~fold(sum);
	return checksum == 0 && frame->protocol == FRAME_UDP ? 0xffff : checksum;
}

void frame_finish(struct frame *frame)
{
	uint8_t *ip = frame->bytes + frame->l3;

	if (frame->version == 4) {
		frame_write16(ip + 2, (uint16_t)(frame->length - frame->l3));
		frame_write16(ip + 10, 0);
		frame_write16(ip + 10, frame_checksum(ip, (ip[0] & 15) * 4u));
	} else if (frame->version == 6) {
		frame_write16(ip + 4, (uint16_t)(frame->length - frame->l3 - 40));
	}
	if (frame->protocol == FRAME_UDP)
		frame_write16(frame->bytes + frame->l4 + 4, (uint16_t)transport_length(frame));
	if (frame->protocol == FRAME_TCP || frame->protocol == FRAME_UDP)
		frame_write16(
			frame->bytes + checksum_offset(frame), frame_transport_checksum(frame));
}

void frame_add_padding(struct frame *frame, size_t length)
{
	memset(append(frame, length), 0xee, length);
}

void frame_set_traffic_class(struct frame *frame, uint8_t traffic_class)
{
	uint8_t *ip = frame->bytes + frame->l3;

	if (frame->version == 4) {
		ip[1] = traffic_class;
		return;
	}
	ip[0] = 0x60 | traffic_class >> 4;
	ip[1] = (uint8_t)(traffic_class << 4) | (ip[1] & 15);
}

void frame_set_ipv4_fragment(struct frame *frame, uint16_t flags_and_offset)
{
	frame_write16(frame->bytes + frame->l3 + 6, flags_and_offset);
}

#define CLIENT4 "198.51.100.7"
#define CLIENT6 "2001:db8:ffff::7"

static void begin_ipv4(struct frame *frame)
{
	frame_begin(frame);
	frame_add_ipv4(frame, CLIENT4, FRAME_VIP4);
}

static void begin_ipv6(struct frame *frame)
{
	frame_begin(frame);
	frame_add_ipv6(frame, CLIENT6, FRAME_VIP6);
}

static void end(struct frame *frame, size_t payload)
{
	frame_add_payload(frame, payload);
	frame_finish(frame);
}

void frame_make_tcp4(struct frame *frame, uint16_t source_port, size_t payload)
{
	begin_ipv4(frame);
	frame_add_tcp(frame, source_port, 80, FRAME_TCP_ACK);
	end(frame, payload);
}

void frame_make_udp4(struct frame *frame, uint16_t source_port, size_t payload)
{
	begin_ipv4(frame);
	frame_add_udp(frame, source_port, 80);
	end(frame, payload);
}

void frame_make_tcp6(struct frame *frame, uint16_t source_port, size_t payload)
{
	begin_ipv6(frame);
	frame_add_tcp(frame, source_port, 80, FRAME_TCP_ACK);
	end(frame, payload);
}

void frame_make_udp6(struct frame *frame, uint16_t source_port, size_t payload)
{
	begin_ipv6(frame);
	frame_add_udp(frame, source_port, 80);
	end(frame, payload);
}

static void make_reply(
	struct frame *frame, uint8_t version, enum frame_protocol protocol, uint16_t client_port)
{
	frame_begin(frame);
	if (version == 4)
		frame_add_ipv4(frame, FRAME_VIP4, CLIENT4);
	else
		frame_add_ipv6(frame, FRAME_VIP6, CLIENT6);
	if (protocol == FRAME_TCP)
		frame_add_tcp(frame, 80, client_port, FRAME_TCP_ACK);
	else
		frame_add_udp(frame, 80, client_port);
	end(frame, 100);
}

void frame_make_icmp_error(struct frame *frame, uint8_t version, uint8_t type,
	enum frame_protocol protocol, uint16_t client_port)
{
	struct frame reply;

	make_reply(&reply, version, protocol, client_port);
	frame_begin(frame);
	if (version == 4)
		frame_add_ipv4(frame, "192.0.2.1", FRAME_VIP4);
	else
		frame_add_ipv6(frame, "2001:db8:9::1", FRAME_VIP6);
	frame_add_icmp_error(frame, type);
	frame_add_quote(frame, &reply, reply.length - reply.l3);
	frame_finish(frame);
}

struct rte_mbuf *frame_mbuf_create(const struct frame *frame, uint16_t headroom, uint16_t tailroom)
{
	struct rte_mbuf *mbuf = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(*mbuf));
	size_t size = headroom + frame->length + tailroom;

	assert(mbuf != NULL);
	memset(mbuf, 0, sizeof(*mbuf));
	mbuf->buf_addr = malloc(size);
	assert(mbuf->buf_addr != NULL);
	memset(mbuf->buf_addr, 0x5a, size);
	memcpy((uint8_t *)mbuf->buf_addr + headroom, frame->bytes, frame->length);
	mbuf->buf_len = size;
	mbuf->data_off = headroom;
	mbuf->data_len = frame->length;
	mbuf->pkt_len = frame->length;
	mbuf->nb_segs = 1;
	return mbuf;
}

void frame_mbuf_free(struct rte_mbuf *mbuf)
{
	free(mbuf->buf_addr);
	free(mbuf);
}

void frame_from_mbuf(struct frame *frame, const struct rte_mbuf *mbuf)
{
	frame->length = mbuf->data_len;
	memcpy(frame->bytes, rte_pktmbuf_mtod(mbuf, const uint8_t *), mbuf->data_len);
}
