/* SPDX-License-Identifier: BSD-3-Clause */
#include "tunnel_fixture.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>

#include "decap/decap_address.h"
#include "unit.h"

#define OUTER_DSCP 0x28

const struct tunnel_shape tunnel_mixes[TUNNEL_MIX_COUNT] = {
	{ .outer = 4, .inner = 4 },
	{ .outer = 4, .inner = 6 },
	{ .outer = 6, .inner = 4 },
	{ .outer = 6, .inner = 6 },
};

const uint8_t tunnel_backend_mac[DECAP_MAC_SIZE] = { 0x02, 0, 0, 0, 0, 0x21 };

void tunnel_put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

uint32_t tunnel_get16(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

uint32_t tunnel_sum(uint32_t sum, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		sum += i % 2 == 0 ? (uint32_t)bytes[i] << 8 : bytes[i];
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

void tunnel_write_checksum(uint8_t *ip)
{
	tunnel_put16(ip + 10, 0);
	tunnel_put16(ip + 10, ~tunnel_sum(0, ip, (size_t)(ip[0] & 15) * 4));
}

static void put_ipv4(struct tunnel_frame *frame, uint8_t tos, uint16_t id, uint8_t protocol,
	const char *source, const char *destination, size_t carried)
{
	uint8_t *ip = frame->bytes + frame->length;

	memset(ip, 0, IPV4_SIZE);
	ip[0] = 0x45;
	ip[1] = tos;
	tunnel_put16(ip + 2, (uint32_t)(IPV4_SIZE + carried));
	tunnel_put16(ip + 4, id);
	ip[8] = 64;
	ip[9] = protocol;
	inet_pton(AF_INET, source, ip + 12);
	inet_pton(AF_INET, destination, ip + 16);
	tunnel_write_checksum(ip);
	frame->length += IPV4_SIZE;
}

static void put_ipv6(struct tunnel_frame *frame, uint8_t traffic_class, uint8_t protocol,
	const char *source, const char *destination, size_t carried)
{
	uint8_t *ip = frame->bytes + frame->length;

	ip[0] = 0x60 | traffic_class >> 4;
	ip[1] = (uint8_t)(traffic_class << 4) | 0x0a; /* a flow label, to see that it stays */
	tunnel_put16(ip + 2, 0xbcde);
	tunnel_put16(ip + 4, (uint32_t)carried);
	ip[6] = protocol;
	ip[7] = 64;
	inet_pton(AF_INET6, source, ip + 8);
	inet_pton(AF_INET6, destination, ip + 24);
	frame->length += IPV6_SIZE;
}

uint32_t tunnel_sum_udp(const uint8_t *ip)
{
	bool ipv4 = ip[0] >> 4 == 4;
	const uint8_t *udp = ip + (ipv4 ? IPV4_SIZE : IPV6_SIZE);
	uint32_t length = tunnel_get16(udp + 4);
	uint32_t sum = tunnel_sum(length + IPPROTO_UDP, ipv4 ? ip + 12 : ip + 8, ipv4 ? 8 : 32);

	return tunnel_sum(sum, udp, length);
}

static void put_udp(struct tunnel_frame *frame)
{
	uint8_t *udp = frame->bytes + frame->length;

	tunnel_put16(udp, 5555);
	tunnel_put16(udp + 2, TUNNEL_VIP_PORT);
	tunnel_put16(udp + 4, 8 + strlen(TUNNEL_PAYLOAD));
	tunnel_put16(udp + 6, 0);
	memcpy(udp + 8, TUNNEL_PAYLOAD, strlen(TUNNEL_PAYLOAD));
	frame->length += 8 + strlen(TUNNEL_PAYLOAD);
	tunnel_put16(udp + 6, ~tunnel_sum_udp(frame->bytes + frame->inner));
}

static void put_ethernet(
	struct tunnel_frame *frame, const struct tunnel_shape *shape, uint16_t type)
{
	static const uint8_t client_mac[] = { 0x02, 0, 0, 0, 0, 0x10 };
	uint8_t *at = frame->bytes;

	memcpy(at, tunnel_backend_mac, sizeof(tunnel_backend_mac));
	memcpy(at + 6, client_mac, sizeof(client_mac));
	at += 12;
	if (shape->tagged) {
		tunnel_put16(at, ETH_P_8021Q);
		tunnel_put16(
			at + 2, 0xa000); /* priority 5, VLAN 0: what a host without VLANs accepts */
		at += 4;
	}
	tunnel_put16(at, type);
	frame->length = (size_t)(at + 2 - frame->bytes);
}

static void put_inner(struct tunnel_frame *frame, const struct tunnel_shape *shape)
{
	size_t carried = 8 + strlen(TUNNEL_PAYLOAD);

	frame->inner = frame->length;
	if (shape->inner == 4)
		put_ipv4(frame, TUNNEL_INNER_DSCP | shape->inner_ecn, shape->id, IPPROTO_UDP,
			"198.51.100.7", "203.0.113.10", carried);
	else
		put_ipv6(frame, TUNNEL_INNER_DSCP | shape->inner_ecn, IPPROTO_UDP, "2001:db8:1::7",
			"2001:db8::10", carried);
	put_udp(frame);
}

struct tunnel_frame tunnel_build(const struct tunnel_shape *shape)
{
	size_t carried = (shape->inner == 4 ? 20 : 40) + 8 + strlen(TUNNEL_PAYLOAD);
	uint8_t protocol = shape->inner == 4 ? IPIP_PROTOCOL : IPV6_PROTOCOL;
	struct tunnel_frame frame = { .length = 0 };

	put_ethernet(&frame, shape, shape->outer == 4 ? ETH_P_IP : ETH_P_IPV6);
	frame.outer = frame.length;
	if (shape->outer == 4)
		put_ipv4(&frame, OUTER_DSCP | shape->outer_ecn, 0, protocol, "10.2.0.10",
			"10.2.0.21", carried);
	else
		put_ipv6(&frame, OUTER_DSCP | shape->outer_ecn, protocol, "fd00:2::10",
			"fd00:2::21", carried);
	put_inner(&frame, shape);
	return frame;
}

struct tunnel_frame tunnel_build_plain(const struct tunnel_shape *shape)
{
	struct tunnel_frame frame = { .length = 0 };

	put_ethernet(&frame, shape, shape->inner == 4 ? ETH_P_IP : ETH_P_IPV6);
	frame.outer = frame.length;
	put_inner(&frame, shape);
	return frame;
}

void tunnel_set_inner_ecn(struct tunnel_frame *frame, uint8_t ecn)
{
	uint8_t *ip = frame->bytes + frame->inner;

	if (ip[0] >> 4 == 6) {
		ip[1] = (uint8_t)((ip[1] & ~0x30) | ecn << 4);
		return;
	}
	ip[1] = (uint8_t)((ip[1] & ~3) | ecn);
	tunnel_write_checksum(ip);
}

void tunnel_add_source(struct decap_rules *rules, const char *text)
{
	assert_int_equal(decap_prefix_parse(text, &rules->sources[rules->source_count++], NULL), 0);
}

void tunnel_add_vip(struct decap_rules *rules, const char *text)
{
	assert_int_equal(decap_address_parse(text, &rules->vips[rules->vip_count++], NULL), 0);
}

void tunnel_add_local(struct decap_rules *rules, const char *text)
{
	assert_int_equal(decap_address_parse(text, &rules->locals[rules->local_count++], NULL), 0);
}

struct decap_rules tunnel_rules(void)
{
	struct decap_rules rules = { .source_count = 0 };

	tunnel_add_source(&rules, "10.2.0.10");
	tunnel_add_source(&rules, "fd00:2::/64");
	tunnel_add_vip(&rules, "203.0.113.10");
	tunnel_add_vip(&rules, "2001:db8::10");
	return rules;
}
