/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include "packet/checksum.h"
#include "frames.h"
#include "packet/parse.h"

typedef void make_t(struct frame *frame, uint16_t source_port, size_t payload);

static make_t *const makers[] = { frame_make_tcp4, frame_make_udp4, frame_make_tcp6,
	frame_make_udp6 };

#define LONGEST 1200 /* bytes of payload, odd and even ones before it */

static uint8_t *checksum_field(struct frame *frame)
{
	return frame->bytes + frame->l4 + (frame->protocol == FRAME_TCP ? 16 : 6);
}

/* What becomes of the frame, which begins at an odd address where `headroom` is odd. */
static void complete_at(uint16_t headroom, const struct frame *frame, struct frame *after)
{
	struct packet packet = { .mbuf = frame_mbuf_create(frame, headroom, 0) };

	assert_int_equal(parse(&packet), VERDICT_NEXT);
	checksum_complete(&packet);
	*after = *frame;
	frame_from_mbuf(after, packet.mbuf);
	frame_mbuf_free(packet.mbuf);
}

static void complete(const struct frame *frame, struct frame *after)
{
	complete_at(0, frame, after);
}

static void assert_left_alone(const struct frame *frame)
{
	struct frame after;

	complete(frame, &after);
	assert_int_equal(after.length, frame->length);
	assert_memory_equal(after.bytes, frame->bytes, frame->length);
}

/* The frame as it should be, from one whose checksum a kernel left unfinished. */
static void assert_completed(struct frame *frame)
{
	struct frame unfinished = *frame, after;

	frame_write16(checksum_field(&unfinished), frame_pseudo_header_sum(&unfinished));
	complete(&unfinished, &after);
	assert_memory_equal(after.bytes, frame->bytes, frame->length);
}

static void unfinished_checksums_are_completed(void **state)
{
	for (size_t i = 0; i < COUNT_OF(makers); i++)
		for (size_t payload = 0; payload < LONGEST; payload++) {
			struct frame frame;

			makers[i](&frame, (uint16_t)(1024 + 7 * payload), payload);
			assert_completed(&frame);
		}
}

/* Under UndefinedBehaviorSanitizer it tells an access that wants an even address. */
static void a_frame_at_an_odd_address_is_completed_the_same(void **state)
{
	for (size_t i = 0; i < COUNT_OF(makers); i++) {
		struct frame frame, unfinished, after;

		makers[i](&frame, 40000, 31);
		unfinished = frame;
		frame_write16(checksum_field(&unfinished), frame_pseudo_header_sum(&unfinished));
		complete_at(1, &unfinished, &after);
		assert_memory_equal(after.bytes, frame.bytes, frame.length);
	}
}

static void padding_is_no_part_of_the_sum(void **state)
{
	for (size_t i = 0; i < COUNT_OF(makers); i++) {
		struct frame frame;

		makers[i](&frame, 40000, 1);
		frame_add_padding(&frame, 17);
		assert_completed(&frame);
	}
}

static void options_and_extension_headers_are_no_part_of_the_sum(void **state)
{
	struct frame frame;

	frame_begin(&frame);
	frame_add_vlan(&frame, 5);
	frame_add_ipv4(&frame, "198.51.100.7", FRAME_VIP4);
	frame_add_ipv4_options(&frame, 12);
	frame_add_tcp(&frame, 40000, 80, FRAME_TCP_SYN);
	frame_finish(&frame);
	assert_completed(&frame);

	frame_begin(&frame);
	frame_add_ipv6(&frame, "2001:db8:ffff::7", FRAME_VIP6);
	frame_add_extension(&frame, FRAME_DESTINATION, 16);
	frame_add_udp(&frame, 40000, 80);
	frame_add_payload(&frame, 5);
	frame_finish(&frame);
	assert_completed(&frame);
}

static void right_checksums_are_left_byte_for_byte(void **state)
{
	for (size_t i = 0; i < COUNT_OF(makers); i++)
		for (size_t payload = 0; payload < LONGEST; payload++) {
			struct frame frame;

			makers[i](&frame, (uint16_t)(1024 + 7 * payload), payload);
			assert_left_alone(&frame);
		}
}

/* Damage must reach the backend as damage: each value of the field but the unfinished one. */
static void wrong_checksums_are_left_byte_for_byte(void **state)
{
	for (size_t i = 0; i < COUNT_OF(makers); i++) {
		struct frame frame;

		makers[i](&frame, 40000, 31);
		for (uint32_t value = 0; value <= 0xffff; value++) {
			if (value == frame_pseudo_header_sum(&frame))
				continue;
			frame_write16(checksum_field(&frame), (uint16_t)value);
			assert_left_alone(&frame);
		}
	}
}

static void a_damaged_payload_is_left_byte_for_byte(void **state)
{
	for (size_t i = 0; i < COUNT_OF(makers); i++) {
		struct frame frame;

		makers[i](&frame, 40000, 64);
		for (size_t at = frame.length - 64; at < frame.length; at++) {
			frame.bytes[at] ^= 0x40;
			assert_left_alone(&frame);
			frame.bytes[at] ^= 0x40;
		}
	}
}

static void udp_without_a_checksum_stays_without(void **state)
{
	struct frame frame;

	frame_make_udp4(&frame, 40000, 64);
	frame_write16(checksum_field(&frame), 0);
	assert_left_alone(&frame);
}

/* RFC 768: a sum that comes out as 0 is sent as 0xffff; TCP has no such rule. */
static void a_sum_of_0_is_sent_as_ffff_by_udp_only(void **state)
{
	static const struct {
		make_t *make;
		uint16_t expected;
	} zeroes[] = {
		{ frame_make_udp4, 0xffff },
		{ frame_make_udp6, 0xffff },
		{ frame_make_tcp4, 0 },
		{ frame_make_tcp6, 0 },
	};

	for (size_t i = 0; i < COUNT_OF(zeroes); i++) {
		struct frame frame, after;
		uint8_t *payload;

		zeroes[i].make(&frame, 40000, 2);
		payload = frame.bytes + frame.length - 2;
		/* what the checksum was becomes payload, so that the rest sums to zero */
		frame_write16(payload, 0);
		frame_write16(payload, frame_transport_checksum(&frame));
		frame_write16(checksum_field(&frame), frame_pseudo_header_sum(&frame));
		complete(&frame, &after);
		assert_int_equal(frame_read16(checksum_field(&after)), zeroes[i].expected);
	}
}

/* Payload makes the right checksum the very number that an unfinished one would be. */
static void a_right_checksum_that_looks_unfinished_is_left_byte_for_byte(void **state)
{
	for (size_t i = 0; i < COUNT_OF(makers); i++) {
		struct frame frame;
		uint32_t word;

		makers[i](&frame, 40000, 2);
		frame_write16(frame.bytes + frame.length - 2, 0);
		word = frame_transport_checksum(&frame) +
		       (uint16_t)~frame_pseudo_header_sum(&frame);
		frame_write16(frame.bytes + frame.length - 2, (word & 0xffff) + (word >> 16));
		frame_finish(&frame);
		assert_int_equal(
			frame_read16(checksum_field(&frame)), frame_pseudo_header_sum(&frame));
		assert_left_alone(&frame);
	}
}

static void what_has_no_checksum_of_its_own_is_left_byte_for_byte(void **state)
{
	struct frame frame;

	frame_begin(&frame);
	frame_add_ipv4(&frame, "198.51.100.7", FRAME_VIP4);
	frame_add_protocol(&frame, FRAME_ICMP);
	frame_add_payload(&frame, 64);
	frame_finish(&frame);
	assert_left_alone(&frame);

	frame_make_udp4(&frame, 40000, 64);
	frame_set_ipv4_fragment(&frame, 0x2000);
	frame_finish(&frame);
	frame_write16(checksum_field(&frame), frame_pseudo_header_sum(&frame));
	assert_left_alone(&frame);
}

/* What stands where UDP has its checksum may look like anything. */
static void an_icmp_error_is_left_byte_for_byte(void **state)
{
	struct packet packet = { 0 };
	struct frame frame, after;

	frame_make_icmp_error(&frame, 4, 3, FRAME_UDP, 40000);
	for (uint32_t value = 0; value <= UINT16_MAX; value++) {
		frame_write16(frame.bytes + frame.l4 + 6, value);
		packet.mbuf = frame_mbuf_create(&frame, 0, 0);
		assert_int_equal(parse(&packet), VERDICT_NEXT);
		assert_int_equal(parse_icmp_error(&packet), VERDICT_NEXT);
		checksum_complete(&packet);
		frame_from_mbuf(&after, packet.mbuf);
		frame_mbuf_free(packet.mbuf);
		assert_memory_equal(after.bytes, frame.bytes, frame.length);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unfinished_checksums_are_completed),
		cmocka_unit_test(a_frame_at_an_odd_address_is_completed_the_same),
		cmocka_unit_test(padding_is_no_part_of_the_sum),
		cmocka_unit_test(options_and_extension_headers_are_no_part_of_the_sum),
		cmocka_unit_test(right_checksums_are_left_byte_for_byte),
		cmocka_unit_test(wrong_checksums_are_left_byte_for_byte),
		cmocka_unit_test(a_damaged_payload_is_left_byte_for_byte),
		cmocka_unit_test(udp_without_a_checksum_stays_without),
		cmocka_unit_test(a_sum_of_0_is_sent_as_ffff_by_udp_only),
		cmocka_unit_test(a_right_checksum_that_looks_unfinished_is_left_byte_for_byte),
		cmocka_unit_test(what_has_no_checksum_of_its_own_is_left_byte_for_byte),
		cmocka_unit_test(an_icmp_error_is_left_byte_for_byte),
	};

	return cmocka_run_group_tests_name("checksum", tests, NULL, NULL);
}
