/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * frames: Ethernet frames built header by header, and the mbufs they travel in. It shares no code
 * with the dataplane: lengths and checksums are worked out here byte by byte, so that a test
 * compares two implementations.
 *
 * Headers are added in the order of the wire; each add fills in what names it in the header before.
 * frame_finish() then fills in lengths and checksums; what a test wants wrong it changes
 * afterwards.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <rte_mbuf.h>

#define FRAME_ROOM 4096

enum frame_protocol {
	FRAME_HOP_BY_HOP = 0,
	FRAME_ICMP = 1,
	FRAME_IPV4 = 4,
	FRAME_TCP = 6,
	FRAME_UDP = 17,
	FRAME_IPV6 = 41,
	FRAME_ROUTING = 43,
	FRAME_FRAGMENT = 44,
	FRAME_ICMPV6 = 58,
	FRAME_DESTINATION = 60,
};

#define FRAME_TCP_SYN 0x02
#define FRAME_TCP_ACK 0x10

struct frame {
	uint8_t bytes[FRAME_ROOM];
	size_t length;
	size_t l3;        /* offset of the IP header */
	size_t l4;        /* offset of TCP, UDP or ICMP; 0 without */
	size_t next;      /* offset of the field that names the next header */
	uint8_t version;  /* 4 or 6 */
	uint8_t protocol; /* of the header at l4 */
};

/* Starts anew with an Ethernet header from 02:00:00:00:00:aa to 02:00:00:00:00:bb. */
void frame_begin(struct frame *frame);

void frame_add_vlan(struct frame *frame, uint16_t tci);
void frame_add_ether_type(struct frame *frame, uint16_t ether_type); /* of what is not IP */

/* Addresses as text; the traffic class is 0, the TTL or hop limit 57. */
void frame_add_ipv4(struct frame *frame, const char *source, const char *destination);
void frame_add_ipv4_options(struct frame *frame, size_t length); /* a multiple of 4, up to 40 */
void frame_add_ipv6(struct frame *frame, const char *source, const char *destination);

/* An IPv6 extension header of `length` bytes, a multiple of 8. */
void frame_add_extension(struct frame *frame, enum frame_protocol type, size_t length);
void frame_add_fragment_header(struct frame *frame, uint16_t offset, uint8_t more);

void frame_add_tcp(struct frame *frame, uint16_t source, uint16_t destination, uint8_t tcp_flags);
void frame_add_udp(struct frame *frame, uint16_t source, uint16_t destination);
void frame_add_protocol(struct frame *frame, uint8_t protocol); /* 8 bytes of any other */
void frame_add_payload(struct frame *frame, size_t length);     /* counting up from 0 */

/* An ICMP or ICMPv6 error as the frame's IP header has it; what it quotes comes behind. */
void frame_add_icmp_error(struct frame *frame, uint8_t type);

/* The IP packet of `quoted`, which is finished, cut off after `length` bytes. */
void frame_add_quote(struct frame *frame, const struct frame *quoted, size_t length);

void frame_finish(struct frame *frame);

/* Behind the IP packet, as Ethernet pads short frames. */
void frame_add_padding(struct frame *frame, size_t length);

void frame_set_traffic_class(struct frame *frame, uint8_t traffic_class); /* then finish again */
void frame_set_ipv4_fragment(struct frame *frame, uint16_t flags_and_offset);

/* Whole frames as most tests want them, finished, with `payload` bytes of it. */
void frame_make_tcp4(struct frame *frame, uint16_t source_port, size_t payload);
void frame_make_udp4(struct frame *frame, uint16_t source_port, size_t payload);
void frame_make_tcp6(struct frame *frame, uint16_t source_port, size_t payload);
void frame_make_udp6(struct frame *frame, uint16_t source_port, size_t payload);

/*
 * What a router on the way to the client answers the reply of a backend with: an error of that type
 * that quotes the whole reply, which is from port 80 of the VIP to `client_port` of the client that
 * the functions above have. `protocol` is FRAME_TCP or FRAME_UDP.
 */
void frame_make_icmp_error(struct frame *frame, uint8_t version, uint8_t type,
	enum frame_protocol protocol, uint16_t client_port);

/* What those are addressed to, port 80. */
#define FRAME_VIP4 "203.0.113.10"
#define FRAME_VIP6 "2001:db8::10"

uint16_t frame_read16(const uint8_t *bytes);
uint32_t frame_read32(const uint8_t *bytes);
void frame_write16(uint8_t *bytes, uint16_t value);

/* RFC 1071: 0 over bytes that hold their own right checksum. */
uint16_t frame_checksum(const uint8_t *bytes, size_t length);

/* The checksum that belongs into the TCP or UDP header of a frame, whatever is there now. */
uint16_t frame_transport_checksum(const struct frame *frame);

/* What a kernel leaves there for hardware to complete: the sum over the pseudo header. */
uint16_t frame_pseudo_header_sum(const struct frame *frame);

/*
 * The frame in an mbuf whose buffer has exactly so much room before and behind it: the block of
 * malloc() begins and ends there, so that AddressSanitizer sees any step beyond.
 */
struct rte_mbuf *frame_mbuf_create(const struct frame *frame, uint16_t headroom, uint16_t tailroom);
void frame_mbuf_free(struct rte_mbuf *mbuf);

/* The frame of an mbuf, only its bytes and length. */
void frame_from_mbuf(struct frame *frame, const struct rte_mbuf *mbuf);
