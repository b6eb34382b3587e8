/* SPDX-License-Identifier: BSD-3-Clause */
#include "probes/segment.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <string.h>

#define TTL            64
#define TCP_SIZE       20
#define OPTIONS_SIZE   12 /* two of no operation, and timestamps */
#define CHECKSUM_AT    16 /* bytes from the start of TCP's header */
#define FLAG_ACK       0x10
#define WINDOW         0xffff
#define KIND_NOP       1
#define KIND_TIMESTAMP 8

static void put16(uint8_t *at, uint16_t value)
{
	const uint16_t bytes = htons(value);

	memcpy(at, &bytes, sizeof(bytes));
}

static void put32(uint8_t *at, uint32_t value)
{
	const uint32_t bytes = htonl(value);

	memcpy(at, &bytes, sizeof(bytes));
}

/* One's complement sum (RFC 1071) of an even number of bytes, on top of `sum`. */
static uint32_t add(uint32_t sum, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i += 2)
		sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
	return sum;
}

/* Over the pseudo header and the header; the payload is zero. */
static uint16_t checksum(
	const struct segment *segment, const uint8_t *tcp, size_t header_size, size_t carried)
{
	uint32_t sum = IPPROTO_TCP + (uint32_t)carried;

	sum = add(sum, segment->source.bytes, address_length(&segment->source));
	sum = add(sum, segment->destination.bytes, address_length(&segment->destination));
	sum = add(sum, tcp, header_size);
	sum = (sum & 0xffff) + (sum >> 16);
	sum += sum >> 16;
	return (uint16_t)~sum;
}

static size_t write_ipv4(const struct segment *segment, uint8_t *at)
{
	struct ip header = { .ip_v = 4,
		.ip_hl = sizeof(header) / 4,
		.ip_ttl = TTL,
		.ip_p = IPPROTO_TCP,
		.ip_len = htons(segment->size),
		.ip_off = htons(IP_DF) };

	memcpy(&header.ip_src, segment->source.bytes, sizeof(header.ip_src));
	memcpy(&header.ip_dst, segment->destination.bytes, sizeof(header.ip_dst));
	memcpy(at, &header, sizeof(header));
	return sizeof(header);
}

static size_t write_ipv6(const struct segment *segment, uint8_t *at)
{
	struct ip6_hdr header = { .ip6_flow = htonl(6u << 28) };

	header.ip6_plen = htons((uint16_t)(segment->size - sizeof(header)));
	header.ip6_nxt = IPPROTO_TCP;
	header.ip6_hlim = TTL;
	memcpy(&header.ip6_src, segment->source.bytes, sizeof(header.ip6_src));
	memcpy(&header.ip6_dst, segment->destination.bytes, sizeof(header.ip6_dst));
	memcpy(at, &header, sizeof(header));
	return sizeof(header);
}

static void write_timestamp(const struct segment *segment, uint8_t *at)
{
	at[0] = at[1] = KIND_NOP;
	at[2] = KIND_TIMESTAMP;
	at[3] = 10; /* bytes of the option */
	put32(at + 4, segment->timestamp);
}

/* Its last byte is the last that has been sent. */
static size_t write_tcp(const struct segment *segment, uint8_t *at, size_t carried)
{
	const size_t size = TCP_SIZE + (segment->has_timestamp ? OPTIONS_SIZE : 0);

	put16(at, segment->source_port);
	put16(at + 2, segment->destination_port);
	put32(at + 4, segment->next - (uint32_t)(carried - size));
	put32(at + 8, segment->ack);
	at[12] = (uint8_t)(size / 4 << 4);
	at[13] = FLAG_ACK;
	put16(at + 14, WINDOW);
	if (segment->has_timestamp)
		write_timestamp(segment, at + TCP_SIZE);
	put16(at + CHECKSUM_AT, checksum(segment, at, size, carried));
	return size;
}

size_t segment_write(const struct segment *segment, uint8_t headers[static SEGMENT_HEADERS_MAX])
{
	size_t ip;

	memset(headers, 0, SEGMENT_HEADERS_MAX);
	ip = segment->source.family == ADDRESS_IPV4 ? write_ipv4(segment, headers)
						    : write_ipv6(segment, headers);
	return ip + write_tcp(segment, headers + ip, segment->size - ip);
}
