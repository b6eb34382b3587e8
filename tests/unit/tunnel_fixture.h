/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tunnel_fixture: what a balancer sends to a backend, built byte by byte, and the rules under which
 * the backend takes it. From 10.2.0.10 or fd00:2::10 to 10.2.0.21 or fd00:2::21; inside, a UDP
 * datagram from a client for one of the VIPs 203.0.113.10 and 2001:db8::10.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decap/decap_program.h"

#define TUNNEL_FRAME_MAX  256
#define TUNNEL_VIP_PORT   4444
#define TUNNEL_PAYLOAD    "an odd number of bytes."
#define TUNNEL_INNER_DSCP 0xb8 /* expedited forwarding, to see that it stays */

#define IPV4_SIZE     20
#define IPV6_SIZE     40
#define IPIP_PROTOCOL 4
#define IPV6_PROTOCOL 41

/* The code points of ECN (RFC 3168). */
enum { NOT_ECT, ECT_1, ECT_0, CE };

/* One of the four tunnel_mixes, with or without a VLAN tag. */
struct tunnel_shape {
	int outer; /* 4 or 6 */
	int inner;
	bool tagged;
	uint8_t outer_ecn;
	uint8_t inner_ecn;
	uint16_t id; /* of the inner IPv4 header */
};

struct tunnel_frame {
	uint8_t bytes[TUNNEL_FRAME_MAX];
	size_t length;
	size_t outer; /* offset of the outer header */
	size_t inner;
};

/* The four mixes of outer and inner family, all else zero. */
#define TUNNEL_MIX_COUNT 4
extern const struct tunnel_shape tunnel_mixes[TUNNEL_MIX_COUNT];

extern const uint8_t tunnel_backend_mac[DECAP_MAC_SIZE];

/* Big endian. */
void tunnel_put16(uint8_t *at, uint32_t value);
uint32_t tunnel_get16(const uint8_t *at);

/* One's complement sum (RFC 1071) on top of `sum`, bytes taken in pairs. */
uint32_t tunnel_sum(uint32_t sum, const uint8_t *bytes, size_t length);

/* Of the UDP datagram behind an IP header, and its pseudo header: 0xffff where it is right. */
uint32_t tunnel_sum_udp(const uint8_t *ip);

/* Makes the checksum of an IPv4 header right. */
void tunnel_write_checksum(uint8_t *ip);

struct tunnel_frame tunnel_build(const struct tunnel_shape *shape);

/* The same client's packet as it looks without a tunnel; `outer` is where it begins. */
struct tunnel_frame tunnel_build_plain(const struct tunnel_shape *shape);

void tunnel_set_inner_ecn(struct tunnel_frame *frame, uint8_t ecn);

/* Fail the test where the text is no address. */
void tunnel_add_source(struct decap_rules *rules, const char *text);
void tunnel_add_vip(struct decap_rules *rules, const char *text);
void tunnel_add_local(struct decap_rules *rules, const char *text);

/* Sources 10.2.0.10 and fd00:2::/64, both VIPs, any local address. */
struct decap_rules tunnel_rules(void);
