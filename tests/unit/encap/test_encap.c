/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include "balance.h"
#include "encap/encap.h"
#include "frames.h"
#include "packet/parse.h"

#define MTU      1500
#define HEADROOM 128

enum outer { OUTER_NONE, OUTER_IPV4, OUTER_IPV6 };

static const size_t outer_sizes[] = { [OUTER_NONE] = 0, [OUTER_IPV4] = 20, [OUTER_IPV6] = 40 };

static const struct {
	const char *source;
	const char *destination;
} tunnels[] = {
	[OUTER_IPV4] = { "10.2.0.10", "10.2.0.21" },
	[OUTER_IPV6] = { "fd00:2::10", "fd00:2::21" },
};

static const uint8_t macs[12] = { 0x02, 0, 0, 0, 0, 0x21, 0x02, 0, 0, 0, 0, 0x10 };

typedef void make_t(struct frame *frame, uint16_t source_port, size_t payload);

static make_t *const inners[] = { frame_make_tcp4, frame_make_udp4, frame_make_tcp6,
	frame_make_udp6 };

static struct backend_record make_record(enum outer outer)
{
	struct record_route route = { .mtu = MTU, .port = 1, .counter = 7 };
	struct address source, destination;
	struct backend_record record;

	memcpy(route.destination_mac, macs, 6);
	memcpy(route.source_mac, macs + 6, 6);
	if (outer == OUTER_NONE) {
		record_make_l2dsr(&record, &route);
		return record;
	}
	assert_int_equal(address_parse(tunnels[outer].source, &source), 0);
	assert_int_equal(address_parse(tunnels[outer].destination, &destination), 0);
	record_make_ipip(&record, &route, &source, &destination);
	return record;
}

/* An mbuf with the frame in it, parsed. */
static struct packet take(const struct frame *frame, uint16_t headroom)
{
	struct packet packet = { .mbuf = frame_mbuf_create(frame, headroom, 0) };

	assert_int_equal(parse(&packet), VERDICT_NEXT);
	packet.hash = 0x0123456789abcdef;
	return packet;
}

/* Encapsulates `frame`, which must succeed, and stores what left in `sent`. */
static void send(const struct frame *frame, enum outer outer, struct frame *sent)
{
	struct backend_record record = make_record(outer);
	struct packet packet = take(frame, HEADROOM);

	assert_int_equal(encap(&packet, &record), VERDICT_NEXT);
	assert_int_equal(packet.mbuf->data_len, packet.mbuf->pkt_len);
	frame_from_mbuf(sent, packet.mbuf);
	frame_mbuf_free(packet.mbuf);
}

/* Everything an IPv4 outer header says, and that its checksum is right. */
static void assert_outer_ipv4(const uint8_t *ip, size_t inner_length, uint8_t protocol)
{
	struct address source, destination;

	assert_int_equal(address_parse(tunnels[OUTER_IPV4].source, &source), 0);
	assert_int_equal(address_parse(tunnels[OUTER_IPV4].destination, &destination), 0);
	assert_int_equal(ip[0], 0x45);
	assert_int_equal(frame_read16(ip + 2), 20 + inner_length);
	assert_int_equal(frame_read16(ip + 4), 0);      /* identification */
	assert_int_equal(frame_read16(ip + 6), 0x4000); /* DF */
	assert_int_equal(ip[8], 64);
	assert_int_equal(ip[9], protocol);
	assert_int_equal(frame_checksum(ip, 20), 0);
	assert_memory_equal(ip + 12, source.bytes, 4);
	assert_memory_equal(ip + 16, destination.bytes, 4);
}

static void assert_outer_ipv6(const uint8_t *ip, size_t inner_length, uint8_t protocol)
{
	struct address source, destination;

	assert_int_equal(address_parse(tunnels[OUTER_IPV6].source, &source), 0);
	assert_int_equal(address_parse(tunnels[OUTER_IPV6].destination, &destination), 0);
	assert_int_equal(ip[0] >> 4, 6);
	assert_int_equal(frame_read16(ip + 4), inner_length);
	assert_int_equal(ip[6], protocol);
	assert_int_equal(ip[7], 64);
	assert_memory_equal(ip + 8, source.bytes, 16);
	assert_memory_equal(ip + 24, destination.bytes, 16);
}

/* What left is the frame's IP packet, `inner_length` bytes of it, in the outer header. */
static void assert_sent(
	const struct frame *sent, enum outer outer, const struct frame *frame, size_t inner_length)
{
	const uint8_t *ip = sent->bytes + frame->l3;
	uint8_t protocol = frame->version == 4 ? FRAME_IPV4 : FRAME_IPV6;

	assert_int_equal(sent->length, frame->l3 + outer_sizes[outer] + inner_length);
	assert_memory_equal(sent->bytes, macs, sizeof(macs));
	assert_memory_equal(ip + outer_sizes[outer], frame->bytes + frame->l3, inner_length);
	if (outer == OUTER_IPV4) {
		assert_int_equal(frame_read16(ip - 2), 0x0800);
		assert_outer_ipv4(ip, inner_length, protocol);
	} else if (outer == OUTER_IPV6) {
		assert_int_equal(frame_read16(ip - 2), 0x86dd);
		assert_outer_ipv6(ip, inner_length, protocol);
	} else {
		assert_memory_equal(sent->bytes + 12, frame->bytes + 12, frame->l3 - 12);
	}
}

static void every_family_goes_in_every_family(void **state)
{
	for (size_t i = 0; i < COUNT_OF(inners); i++)
		for (enum outer outer = OUTER_NONE; outer <= OUTER_IPV6; outer++) {
			struct frame frame, sent;

			inners[i](&frame, 40000, 100);
			send(&frame, outer, &sent);
			assert_sent(&sent, outer, &frame, frame.length - frame.l3);
		}
}

/* The sum of the outer header carries in other places for each length. */
static void the_outer_checksum_is_right_for_every_length(void **state)
{
	for (size_t payload = 0; payload <= MTU - 20 - 40; payload++) {
		struct frame frame, sent;

		frame_make_tcp4(&frame, 40000, payload);
		send(&frame, OUTER_IPV4, &sent);
		assert_sent(&sent, OUTER_IPV4, &frame, frame.length - frame.l3);
	}
}

static void the_outer_checksum_is_right_for_every_destination(void **state)
{
	struct record_route route = { .mtu = MTU };
	struct address source = { .family = ADDRESS_IPV4 }, destination = source;
	struct frame frame;

	memset(source.bytes, 0xff, 4);
	frame_make_tcp4(&frame, 40000, 1);
	frame_set_traffic_class(&frame, 0xff);
	frame_finish(&frame);
	for (uint32_t low = 0; low <= 0xffff; low++) {
		struct packet packet = take(&frame, 20);
		struct backend_record record;

		frame_write16(destination.bytes + 2, (uint16_t)low);
		record_make_ipip(&record, &route, &source, &destination);
		assert_int_equal(encap(&packet, &record), VERDICT_NEXT);
		assert_int_equal(
			frame_checksum(rte_pktmbuf_mtod_offset(packet.mbuf, uint8_t *, 14), 20), 0);
		frame_mbuf_free(packet.mbuf);
	}
}

static uint8_t read_traffic_class(const uint8_t *ip)
{
	return ip[0] >> 4 == 4 ? ip[1] : (uint8_t)(ip[0] << 4 | ip[1] >> 4);
}

static void dscp_and_ecn_are_copied_whatever_they_are(void **state)
{
	for (size_t i = 0; i < COUNT_OF(inners); i++)
		for (unsigned int traffic_class = 0; traffic_class < 256; traffic_class++)
			for (enum outer outer = OUTER_IPV4; outer <= OUTER_IPV6; outer++) {
				struct frame frame, sent;

				inners[i](&frame, 40000, 3);
				frame_set_traffic_class(&frame, (uint8_t)traffic_class);
				frame_finish(&frame);
				send(&frame, outer, &sent);
				assert_sent(&sent, outer, &frame, frame.length - frame.l3);
				assert_int_equal(
					read_traffic_class(sent.bytes + frame.l3), traffic_class);
			}
}

static void what_fits_the_link_to_the_byte_leaves_and_one_more_exceeds_it(void **state)
{
	for (size_t i = 0; i < COUNT_OF(inners); i++)
		for (enum outer outer = OUTER_NONE; outer <= OUTER_IPV6; outer++) {
			struct backend_record record = make_record(outer);
			struct frame frame, after, sent;
			struct packet packet;
			size_t headers;

			inners[i](&frame, 40000, 0);
			headers = frame.length - frame.l3;
			inners[i](&frame, 40000, MTU - outer_sizes[outer] - headers);
			send(&frame, outer, &sent);
			assert_int_equal(sent.length - frame.l3, MTU);
			assert_sent(&sent, outer, &frame, frame.length - frame.l3);

			inners[i](&frame, 40000, MTU - outer_sizes[outer] - headers + 1);
			packet = take(&frame, HEADROOM);
			assert_int_equal(encap(&packet, &record), VERDICT_MTU_EXCEEDED);
			frame_from_mbuf(&after, packet.mbuf);
			assert_int_equal(after.length, frame.length);
			assert_memory_equal(after.bytes, frame.bytes, frame.length);
			frame_mbuf_free(packet.mbuf);
		}
}

static void padding_does_not_count_against_the_link(void **state)
{
	struct frame frame, sent;
	size_t inner_length;

	frame_make_tcp4(&frame, 40000, MTU - 20 - 40);
	inner_length = frame.length - frame.l3;
	frame_add_padding(&frame, 30);
	send(&frame, OUTER_IPV4, &sent);
	assert_sent(&sent, OUTER_IPV4, &frame, inner_length);
}

static void padding_is_cut_off(void **state)
{
	for (size_t i = 0; i < COUNT_OF(inners); i++)
		for (enum outer outer = OUTER_IPV4; outer <= OUTER_IPV6; outer++)
			for (size_t padding = 1; padding <= 60; padding++) {
				struct frame frame, sent;
				size_t inner_length;

				inners[i](&frame, 40000, 1);
				inner_length = frame.length - frame.l3;
				frame_add_padding(&frame, padding);
				send(&frame, outer, &sent);
				assert_sent(&sent, outer, &frame, inner_length);
			}
}

static void a_vlan_tag_is_kept_with_its_priority(void **state)
{
	for (enum outer outer = OUTER_NONE; outer <= OUTER_IPV6; outer++)
		for (unsigned int version = 4; version <= 6; version += 2) {
			struct frame frame, sent;

			frame_begin(&frame);
			frame_add_vlan(&frame, 0xb064);
			if (version == 4)
				frame_add_ipv4(&frame, "198.51.100.7", FRAME_VIP4);
			else
				frame_add_ipv6(&frame, "2001:db8:ffff::7", FRAME_VIP6);
			frame_add_udp(&frame, 40000, 80);
			frame_add_payload(&frame, 33);
			frame_finish(&frame);
			send(&frame, outer, &sent);
			assert_int_equal(frame_read16(sent.bytes + 12), 0x8100);
			assert_int_equal(frame_read16(sent.bytes + 14), 0xb064);
			assert_sent(&sent, outer, &frame, frame.length - frame.l3);
		}
}

static void without_headroom_the_packet_stays_as_it_was(void **state)
{
	for (size_t i = 0; i < COUNT_OF(inners); i++)
		for (enum outer outer = OUTER_IPV4; outer <= OUTER_IPV6; outer++)
			for (uint16_t room = 0; room < outer_sizes[outer]; room++) {
				struct backend_record record = make_record(outer);
				struct frame frame, after;
				struct packet packet;

				inners[i](&frame, 40000, 9);
				frame_add_padding(&frame, 7);
				packet = take(&frame, room);
				assert_int_equal(encap(&packet, &record), VERDICT_NO_HEADROOM);
				assert_int_equal(packet.mbuf->data_off, room);
				assert_int_equal(packet.mbuf->pkt_len, frame.length);
				frame_from_mbuf(&after, packet.mbuf);
				assert_int_equal(after.length, frame.length);
				assert_memory_equal(after.bytes, frame.bytes, frame.length);
				frame_mbuf_free(packet.mbuf);
			}
}

static void just_enough_headroom_is_enough(void **state)
{
	for (size_t i = 0; i < COUNT_OF(inners); i++)
		for (enum outer outer = OUTER_NONE; outer <= OUTER_IPV6; outer++) {
			struct backend_record record = make_record(outer);
			struct frame frame, sent;
			struct packet packet;

			inners[i](&frame, 40000, 9);
			packet = take(&frame, (uint16_t)outer_sizes[outer]);
			assert_int_equal(encap(&packet, &record), VERDICT_NEXT);
			assert_int_equal(packet.mbuf->data_off, 0);
			frame_from_mbuf(&sent, packet.mbuf);
			assert_sent(&sent, outer, &frame, frame.length - frame.l3);
			frame_mbuf_free(packet.mbuf);
		}
}

static uint32_t flow_label_for(uint64_t hash)
{
	struct backend_record record = make_record(OUTER_IPV6);
	struct packet packet;
	struct frame frame;
	uint32_t label;

	frame_make_tcp6(&frame, 40000, 0);
	frame_set_traffic_class(&frame, 0xff);
	frame_finish(&frame);
	packet = take(&frame, 40);
	packet.hash = hash;
	assert_int_equal(encap(&packet, &record), VERDICT_NEXT);
	label = frame_read32(rte_pktmbuf_mtod_offset(packet.mbuf, uint8_t *, 14)) & 0xfffff;
	frame_mbuf_free(packet.mbuf);
	return label;
}

static void the_flow_label_is_the_same_for_a_flow_and_never_0(void **state)
{
	uint32_t labels[1000];
	unsigned int equal = 0;

	for (uint32_t i = 0; i < COUNT_OF(labels); i++) {
		uint64_t hash = i * UINT64_C(0x9e3779b97f4a7c15);

		labels[i] = flow_label_for(hash);
		assert_int_not_equal(labels[i], 0);
		assert_int_equal(flow_label_for(hash), labels[i]);
		equal += i > 0 && labels[i] == labels[i - 1];
	}
	assert_int_equal(equal, 0); /* flows are told apart */
	assert_int_not_equal(flow_label_for(0), 0);
	assert_int_not_equal(flow_label_for(UINT64_C(0xfffffffffff00000)), 0);
	assert_int_equal(flow_label_for(UINT64_MAX), 0xfffff);
}

static void packets_with_a_fate_are_not_encapsulated(void **state)
{
	struct backend_record record = make_record(OUTER_IPV4);
	struct packet packets[3];
	struct frame frame, after;

	frame_make_tcp4(&frame, 40000, 5);
	for (size_t i = 0; i < COUNT_OF(packets); i++) {
		packets[i] = take(&frame, HEADROOM);
		packets[i].record = &record;
		packets[i].verdict = i == 1 ? VERDICT_NO_SERVICE : VERDICT_NEXT;
	}
	packets[1].record = NULL;
	balance_encapsulate_burst(packets, COUNT_OF(packets));
	for (size_t i = 0; i < COUNT_OF(packets); i++) {
		frame_from_mbuf(&after, packets[i].mbuf);
		if (i == 1) {
			assert_int_equal(packets[i].verdict, VERDICT_NO_SERVICE);
			assert_memory_equal(after.bytes, frame.bytes, frame.length);
		} else {
			assert_int_equal(packets[i].verdict, VERDICT_NEXT);
			assert_sent(&after, OUTER_IPV4, &frame, frame.length - frame.l3);
		}
		frame_mbuf_free(packets[i].mbuf);
	}
}

static void the_dummy_record_takes_no_packet(void **state)
{
	static const struct backend_record dummy;

	for (size_t i = 0; i < COUNT_OF(inners); i++) {
		struct frame frame, after;
		struct packet packet;

		inners[i](&frame, 40000, 0);
		packet = take(&frame, HEADROOM);
		assert_int_equal(encap(&packet, &dummy), VERDICT_NO_BACKEND);
		frame_from_mbuf(&after, packet.mbuf);
		assert_memory_equal(after.bytes, frame.bytes, frame.length);
		frame_mbuf_free(packet.mbuf);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_family_goes_in_every_family),
		cmocka_unit_test(the_outer_checksum_is_right_for_every_length),
		cmocka_unit_test(the_outer_checksum_is_right_for_every_destination),
		cmocka_unit_test(dscp_and_ecn_are_copied_whatever_they_are),
		cmocka_unit_test(what_fits_the_link_to_the_byte_leaves_and_one_more_exceeds_it),
		cmocka_unit_test(padding_does_not_count_against_the_link),
		cmocka_unit_test(padding_is_cut_off),
		cmocka_unit_test(a_vlan_tag_is_kept_with_its_priority),
		cmocka_unit_test(without_headroom_the_packet_stays_as_it_was),
		cmocka_unit_test(just_enough_headroom_is_enough),
		cmocka_unit_test(the_flow_label_is_the_same_for_a_flow_and_never_0),
		cmocka_unit_test(the_dummy_record_takes_no_packet),
		cmocka_unit_test(packets_with_a_fate_are_not_encapsulated),
	};

	return cmocka_run_group_tests_name("encap", tests, NULL, NULL);
}
