/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include "frames.h"
#include "packet/parse.h"
#include "packet/parse_plain.h"

#define SOURCE_PORT 40000
#define PADDING     6

/* SplitMix64 (S. Vigna): the same numbers in every run. */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static void begin_ipv4(struct frame *frame)
{
	frame_begin(frame);
	frame_add_ipv4(frame, "198.51.100.7", FRAME_VIP4);
}

static void begin_ipv6(struct frame *frame)
{
	frame_begin(frame);
	frame_add_ipv6(frame, "2001:db8:ffff::7", FRAME_VIP6);
}

static void end(struct frame *frame)
{
	frame_add_payload(frame, 10);
	frame_finish(frame);
}

static void end_tcp(struct frame *frame)
{
	frame_add_tcp(frame, SOURCE_PORT, 80, FRAME_TCP_ACK);
	end(frame);
}

static void end_udp(struct frame *frame)
{
	frame_add_udp(frame, SOURCE_PORT, 80);
	end(frame);
}

static void tcp4(struct frame *frame)
{
	begin_ipv4(frame);
	end_tcp(frame);
}

static void udp4(struct frame *frame)
{
	begin_ipv4(frame);
	end_udp(frame);
}

static void tcp6(struct frame *frame)
{
	begin_ipv6(frame);
	end_tcp(frame);
}

static void udp6(struct frame *frame)
{
	begin_ipv6(frame);
	end_udp(frame);
}

static void syn(struct frame *frame)
{
	begin_ipv4(frame);
	frame_add_tcp(frame, SOURCE_PORT, 80, FRAME_TCP_SYN);
	end(frame);
}

static void syn_ack(struct frame *frame)
{
	begin_ipv4(frame);
	frame_add_tcp(frame, SOURCE_PORT, 80, FRAME_TCP_SYN | FRAME_TCP_ACK);
	end(frame);
}

static void syn6(struct frame *frame)
{
	begin_ipv6(frame);
	frame_add_tcp(frame, SOURCE_PORT, 80, FRAME_TCP_SYN);
	end(frame);
}

static void tcp_options(struct frame *frame)
{
	begin_ipv4(frame);
	frame_add_tcp(frame, SOURCE_PORT, 80, FRAME_TCP_ACK);
	frame_add_payload(frame, 40);
	frame->bytes[frame->l4 + 12] = 15 << 4;
	frame_finish(frame);
}

static void empty_udp(struct frame *frame)
{
	begin_ipv4(frame);
	frame_add_udp(frame, SOURCE_PORT, 80);
	frame_finish(frame);
}

static void vlan_tcp4(struct frame *frame)
{
	frame_begin(frame);
	frame_add_vlan(frame, 0x6064);
	frame_add_ipv4(frame, "198.51.100.7", FRAME_VIP4);
	end_tcp(frame);
}

static void vlan_udp6(struct frame *frame)
{
	frame_begin(frame);
	frame_add_vlan(frame, 100);
	frame_add_ipv6(frame, "2001:db8:ffff::7", FRAME_VIP6);
	end_udp(frame);
}

static void options_tcp4(struct frame *frame)
{
	begin_ipv4(frame);
	frame_add_ipv4_options(frame, 40);
	end_tcp(frame);
}

static void options_udp4(struct frame *frame)
{
	begin_ipv4(frame);
	frame_add_ipv4_options(frame, 4);
	end_udp(frame);
}

static void extension_of_each_kind(struct frame *frame)
{
	begin_ipv6(frame);
	frame_add_extension(frame, FRAME_HOP_BY_HOP, 8);
	frame_add_extension(frame, FRAME_DESTINATION, 16);
	frame_add_extension(frame, FRAME_ROUTING, 24);
	end_tcp(frame);
}

static void extensions(struct frame *frame, unsigned int count)
{
	begin_ipv6(frame);
	for (unsigned int i = 0; i < count; i++)
		frame_add_extension(frame, FRAME_DESTINATION, 8);
	end_udp(frame);
}

static void eight_extensions(struct frame *frame)
{
	extensions(frame, PARSE_EXTENSIONS_MAX);
}

static void nine_extensions(struct frame *frame)
{
	extensions(frame, PARSE_EXTENSIONS_MAX + 1);
}

static void longest_extension(struct frame *frame)
{
	begin_ipv6(frame);
	frame_add_extension(frame, FRAME_HOP_BY_HOP, 8 * 256);
	end_tcp(frame);
}

static void atomic_fragment(struct frame *frame)
{
	begin_ipv6(frame);
	frame_add_fragment_header(frame, 0, 0);
	end_tcp(frame);
}

static void first_fragment6(struct frame *frame)
{
	begin_ipv6(frame);
	frame_add_extension(frame, FRAME_DESTINATION, 8);
	frame_add_fragment_header(frame, 0, 1);
	end_udp(frame);
}

static void later_fragment6(struct frame *frame)
{
	begin_ipv6(frame);
	frame_add_fragment_header(frame, 185, 0);
	frame_add_protocol(frame, FRAME_TCP); /* eight bytes of payload, no header of TCP */
	frame->protocol = 0;
	frame_finish(frame);
}

static void first_fragment4(struct frame *frame)
{
	begin_ipv4(frame);
	frame_set_ipv4_fragment(frame, 0x2000);
	end_tcp(frame);
}

static void later_fragment4(struct frame *frame)
{
	begin_ipv4(frame);
	frame_set_ipv4_fragment(frame, 185);
	frame_add_protocol(frame, FRAME_UDP);
	frame->protocol = 0;
	frame_finish(frame);
}

static void dont_fragment(struct frame *frame)
{
	begin_ipv4(frame);
	frame_set_ipv4_fragment(frame, 0x4000);
	end_tcp(frame);
}

static void icmp4(struct frame *frame)
{
	begin_ipv4(frame);
	frame_add_protocol(frame, FRAME_ICMP);
	end(frame);
}

static void icmp6(struct frame *frame)
{
	begin_ipv6(frame);
	frame_add_protocol(frame, FRAME_ICMPV6);
	end(frame);
}

static void gre(struct frame *frame)
{
	begin_ipv4(frame);
	frame_add_protocol(frame, 47);
	end(frame);
}

static void no_next_header(struct frame *frame)
{
	begin_ipv6(frame);
	frame->bytes[frame->next] = 59;
	frame->l4 = frame->length;
	frame->protocol = 59;
	frame_finish(frame);
}

struct row {
	const char *sentence;
	void (*build)(struct frame *frame);
	uint8_t flags;
	uint8_t l2_length;
	uint8_t protocol;
	uint16_t ports[2];
};

#define PORTS                   \
	{                       \
		SOURCE_PORT, 80 \
	}
#define TAKEN(name) #name, name

static const struct row rows[] = {
	{ TAKEN(tcp4), 0, 14, FRAME_TCP, PORTS },
	{ TAKEN(udp4), 0, 14, FRAME_UDP, PORTS },
	{ TAKEN(tcp6), PACKET_IPV6, 14, FRAME_TCP, PORTS },
	{ TAKEN(udp6), PACKET_IPV6, 14, FRAME_UDP, PORTS },
	{ TAKEN(syn), PACKET_SYN, 14, FRAME_TCP, PORTS },
	{ TAKEN(syn_ack), 0, 14, FRAME_TCP, PORTS },
	{ TAKEN(syn6), PACKET_IPV6 | PACKET_SYN, 14, FRAME_TCP, PORTS },
	{ TAKEN(tcp_options), 0, 14, FRAME_TCP, PORTS },
	{ TAKEN(empty_udp), 0, 14, FRAME_UDP, PORTS },
	{ TAKEN(vlan_tcp4), 0, 18, FRAME_TCP, PORTS },
	{ TAKEN(vlan_udp6), PACKET_IPV6, 18, FRAME_UDP, PORTS },
	{ TAKEN(options_tcp4), 0, 14, FRAME_TCP, PORTS },
	{ TAKEN(options_udp4), 0, 14, FRAME_UDP, PORTS },
	{ TAKEN(extension_of_each_kind), PACKET_IPV6, 14, FRAME_TCP, PORTS },
	{ TAKEN(eight_extensions), PACKET_IPV6, 14, FRAME_UDP, PORTS },
	{ TAKEN(longest_extension), PACKET_IPV6, 14, FRAME_TCP, PORTS },
	{ TAKEN(atomic_fragment), PACKET_IPV6, 14, FRAME_TCP, PORTS },
	{ TAKEN(first_fragment6), PACKET_IPV6 | PACKET_FRAGMENT, 14, FRAME_UDP, { 0 } },
	{ TAKEN(later_fragment6), PACKET_IPV6 | PACKET_FRAGMENT, 14, FRAME_TCP, { 0 } },
	{ TAKEN(first_fragment4), PACKET_FRAGMENT, 14, FRAME_TCP, { 0 } },
	{ TAKEN(later_fragment4), PACKET_FRAGMENT, 14, FRAME_UDP, { 0 } },
	{ TAKEN(dont_fragment), 0, 14, FRAME_TCP, PORTS },
	{ TAKEN(icmp4), PACKET_PORTLESS, 14, FRAME_ICMP, { 0 } },
	{ TAKEN(icmp6), PACKET_IPV6 | PACKET_PORTLESS, 14, FRAME_ICMPV6, { 0 } },
	{ TAKEN(gre), PACKET_PORTLESS, 14, 47, { 0 } },
	{ TAKEN(no_next_header), PACKET_IPV6 | PACKET_PORTLESS, 14, 59, { 0 } },
};

/* Parses a copy that ends where the allocation ends; the packet keeps no mbuf. */
static enum verdict parse_frame(const struct frame *frame, struct packet *packet)
{
	struct rte_mbuf *mbuf = frame_mbuf_create(frame, 0, 0);
	enum verdict verdict;

	memset(packet, 0x5a, sizeof(*packet));
	packet->mbuf = mbuf;
	verdict = parse(packet);
	assert_memory_equal(mbuf->buf_addr, frame->bytes, frame->length);
	frame_mbuf_free(mbuf);
	packet->mbuf = NULL;
	return verdict;
}

static enum verdict parse_cut(const struct frame *frame, size_t length)
{
	struct frame cut = *frame;
	struct packet packet;

	cut.length = length;
	return parse_frame(&cut, &packet);
}

static void assert_verdict(const char *sentence, enum verdict seen, enum verdict expected)
{
	if (seen != expected)
		fail_msg("%s: %s instead of %s", sentence, verdict_name(seen),
			verdict_name(expected));
}

static void assert_key(
	const struct row *row, const struct frame *frame, const struct packet *packet)
{
	const uint8_t *ip = frame->bytes + frame->l3;
	uint8_t expected[FLOW_KEY_IPV6_SIZE];
	size_t addresses = frame->version == 4 ? 8 : 32;

	memcpy(expected, ip + (frame->version == 4 ? 12 : 8), addresses);
	frame_write16(expected + addresses, row->ports[0]);
	frame_write16(expected + addresses + 2, row->ports[1]);
	expected[addresses + 4] = row->protocol;
	assert_memory_equal(packet->key.bytes, expected, addresses + 5);
}

static void assert_parsed(const struct row *row, size_t padding)
{
	struct packet packet;
	struct frame frame;
	size_t length;

	row->build(&frame);
	frame_set_traffic_class(&frame, 0xb9);
	length = frame.length;
	frame_add_padding(&frame, padding);
	assert_verdict(row->sentence, parse_frame(&frame, &packet), VERDICT_NEXT);
	assert_int_equal(packet.frame_length, frame.length);
	assert_int_equal(packet.l2_length, row->l2_length);
	assert_int_equal(packet.l3_length, length - row->l2_length);
	assert_int_equal(packet.l4_offset, frame.l4);
	assert_int_equal(packet.flags, row->flags);
	assert_int_equal(packet.traffic_class, 0xb9);
	assert_key(row, &frame, &packet);
}

static void lengths_key_and_flags_are_those_of_the_frame(void **state)
{
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_parsed(&rows[i], 0);
}

static void padding_behind_the_packet_is_no_part_of_it(void **state)
{
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_parsed(&rows[i], PADDING);
}

static void a_frame_cut_off_at_any_length_is_truncated(void **state)
{
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct frame frame;

		rows[i].build(&frame);
		for (size_t length = 0; length < frame.length; length++)
			assert_verdict(
				rows[i].sentence, parse_cut(&frame, length), VERDICT_TRUNCATED);
	}
}

/* Ends the IP packet `length` bytes into the transport part, its own length saying so. */
static void shorten(struct frame *frame, size_t length)
{
	size_t transport = frame->l4;

	frame->length = transport + length;
	frame->protocol = 0;
	frame_finish(frame);
}

static void a_transport_header_cut_short_is_truncated(void **state)
{
	static const struct {
		void (*build)(struct frame *frame);
		size_t header;
	} headers[] = {
		{ tcp4, 20 },
		{ tcp6, 20 },
		{ vlan_tcp4, 20 },
		{ options_tcp4, 20 },
		{ extension_of_each_kind, 20 },
		{ tcp_options, 60 },
		{ udp4, 18 }, /* UDP names the length of its payload as well */
		{ udp6, 18 },
	};
	struct packet packet;
	struct frame frame;

	for (size_t i = 0; i < COUNT_OF(headers); i++)
		for (size_t length = 0; length <= headers[i].header; length++) {
			headers[i].build(&frame);
			shorten(&frame, length);
			assert_verdict("shortened", parse_frame(&frame, &packet),
				length < headers[i].header ? VERDICT_TRUNCATED : VERDICT_NEXT);
		}
}

static void an_extension_header_cut_short_is_truncated(void **state)
{
	struct packet packet;
	struct frame frame;

	extension_of_each_kind(&frame);
	for (size_t length = frame.l3 + 40; length < frame.l4; length++) {
		struct frame cut = frame;

		cut.length = length;
		cut.protocol = 0;
		frame_finish(&cut);
		assert_verdict("cut", parse_frame(&cut, &packet), VERDICT_TRUNCATED);
	}
}

/* ---- fields that contradict each other ---------------------------------------------------------
 */

enum base { AT_L2, AT_L3, AT_L4 };

static const struct {
	const char *sentence;
	void (*build)(struct frame *frame);
	enum base base;
	uint8_t offset;
	uint8_t value;
	enum verdict verdict;
} contradictions[] = {
	{ "IPv4 of version 5", tcp4, AT_L3, 0, 0x55, VERDICT_MALFORMED },
	{ "IPv4 of version 6", tcp4, AT_L3, 0, 0x65, VERDICT_MALFORMED },
	{ "an IPv4 header of 16 bytes", tcp4, AT_L3, 0, 0x44, VERDICT_MALFORMED },
	{ "an IPv4 header of no bytes", tcp4, AT_L3, 0, 0x40, VERDICT_MALFORMED },
	{ "an IPv4 header of 60 bytes in 50", tcp4, AT_L3, 0, 0x4f, VERDICT_MALFORMED },
	{ "an IPv4 length of 19", tcp4, AT_L3, 3, 19, VERDICT_MALFORMED },
	{ "an IPv4 length of 0", tcp4, AT_L3, 3, 0, VERDICT_MALFORMED },
	{ "an IPv4 length one beyond the frame", tcp4, AT_L3, 3, 51, VERDICT_TRUNCATED },
	{ "an IPv4 length far beyond the frame", tcp4, AT_L3, 2, 0xff, VERDICT_TRUNCATED },
	{ "IPv6 of version 4", tcp6, AT_L3, 0, 0x40, VERDICT_MALFORMED },
	{ "IPv6 of version 7", tcp6, AT_L3, 0, 0x70, VERDICT_MALFORMED },
	{ "an IPv6 length one beyond the frame", tcp6, AT_L3, 5, 31, VERDICT_TRUNCATED },
	{ "an IPv6 length far beyond the frame", tcp6, AT_L3, 4, 0xff, VERDICT_TRUNCATED },
	{ "IPv6 without payload", tcp6, AT_L3, 5, 0, VERDICT_TRUNCATED },
	{ "a TCP header of 16 bytes", tcp4, AT_L4, 12, 4 << 4, VERDICT_MALFORMED },
	{ "a TCP header of no bytes", tcp6, AT_L4, 12, 0, VERDICT_MALFORMED },
	{ "a TCP header longer than the packet", tcp4, AT_L4, 12, 8 << 4, VERDICT_TRUNCATED },
	{ "a UDP length of 7", udp4, AT_L4, 5, 7, VERDICT_MALFORMED },
	{ "a UDP length of 0", udp6, AT_L4, 5, 0, VERDICT_MALFORMED },
	{ "a UDP length one beyond the packet", udp4, AT_L4, 5, 19, VERDICT_TRUNCATED },
	{ "a UDP length far beyond the packet", udp6, AT_L4, 4, 0xff, VERDICT_TRUNCATED },
	{ "a UDP length within the packet", udp4, AT_L4, 5, 17, VERDICT_NEXT },
	{ "an extension header beyond the packet", eight_extensions, AT_L3, 41, 16,
		VERDICT_TRUNCATED },
	{ "IPv6 where the type says IPv4", tcp6, AT_L2, 12, 0x08, VERDICT_LEFT_TO_HOST },
	{ "nine extension headers", nine_extensions, AT_L2, 0, 2, VERDICT_MALFORMED },
};

static void fields_that_contradict_each_other_are_named(void **state)
{
	for (size_t i = 0; i < COUNT_OF(contradictions); i++) {
		struct packet packet;
		struct frame frame;
		size_t base;

		contradictions[i].build(&frame);
		base = contradictions[i].base == AT_L2   ? 0
		       : contradictions[i].base == AT_L3 ? frame.l3
							 : frame.l4;
		frame.bytes[base + contradictions[i].offset] = contradictions[i].value;
		assert_verdict(contradictions[i].sentence, parse_frame(&frame, &packet),
			contradictions[i].verdict);
	}
}

static void the_type_of_the_frame_alone_decides_on_the_header(void **state)
{
	struct packet packet;
	struct frame frame;

	tcp6(&frame);
	frame_write16(frame.bytes + 12, 0x0800);
	assert_verdict("IPv6 called IPv4", parse_frame(&frame, &packet), VERDICT_MALFORMED);
	tcp4(&frame);
	frame_write16(frame.bytes + 12, 0x86dd);
	assert_verdict("IPv4 called IPv6", parse_frame(&frame, &packet), VERDICT_MALFORMED);
}

static void what_is_not_ip_is_left_to_the_host(void **state)
{
	static const uint16_t types[] = { 0x0806, 0x88cc, 0x88a8, 0x9100, 0x0026, 0x8847, 0x0000,
		0xffff };
	struct packet packet;
	struct frame frame;

	for (size_t i = 0; i < COUNT_OF(types); i++) {
		tcp4(&frame);
		frame_write16(frame.bytes + 12, types[i]);
		assert_verdict("a type", parse_frame(&frame, &packet), VERDICT_LEFT_TO_HOST);
		frame.length = 14;
		assert_verdict("no more", parse_frame(&frame, &packet), VERDICT_LEFT_TO_HOST);
		vlan_tcp4(&frame);
		frame_write16(frame.bytes + 16, types[i]);
		assert_verdict("tagged", parse_frame(&frame, &packet), VERDICT_LEFT_TO_HOST);
	}
}

static void a_second_vlan_tag_is_left_to_the_host(void **state)
{
	struct packet packet;
	struct frame frame;

	frame_begin(&frame);
	frame_add_vlan(&frame, 100);
	frame_add_vlan(&frame, 200);
	frame_add_ipv4(&frame, "198.51.100.7", FRAME_VIP4);
	end_tcp(&frame);
	assert_verdict("two tags", parse_frame(&frame, &packet), VERDICT_LEFT_TO_HOST);
}

static void a_packet_of_several_segments_is_not_looked_into(void **state)
{
	struct frame frame = { .length = 0 };
	struct rte_mbuf *first = frame_mbuf_create(&frame, 0, 0);
	struct packet packet = { .mbuf = first };

	first->nb_segs = 2;
	first->pkt_len = 1514;
	assert_verdict("two segments", parse(&packet), VERDICT_MULTI_SEGMENT);
	assert_int_equal(packet.frame_length, 1514);
	frame_mbuf_free(first);
}

/* ---- any bytes ---------------------------------------------------------------------------------
 */

/* Values at which lengths, counts and types turn. */
static uint8_t random_byte(uint64_t *random)
{
	static const uint8_t edges[] = { 0, 1, 4, 6, 7, 8, 17, 43, 44, 45, 60, 64, 127, 128, 255 };
	uint64_t number = next_random(random);

	return number & 1 ? edges[(number >> 8) % COUNT_OF(edges)] : number >> 8;
}

static void mutate(struct frame *frame, uint64_t *random)
{
	unsigned int changes = next_random(random) % 6;

	for (unsigned int i = 0; i < changes; i++) {
		size_t at = 12 + next_random(random) % 88;

		if (at < frame->length)
			frame->bytes[at] = random_byte(random);
	}
	if (next_random(random) % 4 == 0)
		frame->length = next_random(random) % (frame->length + 1);
}

/* What every later step relies on without looking again. */
static void assert_within_the_frame(const struct packet *packet, size_t length)
{
	size_t end_of_packet = packet->l2_length + packet->l3_length;
	uint8_t protocol =
		packet->flags & PACKET_IPV6 ? packet->key.ipv6.protocol : packet->key.ipv4.protocol;

	assert_true(end_of_packet <= length);
	assert_true(packet->l4_offset >= packet->l2_length + 20);
	assert_true(packet->l4_offset <= end_of_packet);
	assert_int_equal(packet->frame_length, length);
	if (packet->flags & (PACKET_FRAGMENT | PACKET_PORTLESS))
		return;
	assert_true(protocol == FRAME_TCP || protocol == FRAME_UDP);
	assert_true(packet->l4_offset + (protocol == FRAME_TCP ? 20u : 8u) <= end_of_packet);
}

static void no_bytes_lead_the_parser_beyond_the_frame(void **state)
{
	unsigned int taken = 0, refused = 0;
	uint64_t random = 2;

	for (unsigned int i = 0; i < 200000; i++) {
		const struct row *row = &rows[next_random(&random) % COUNT_OF(rows)];
		struct packet packet;
		struct frame frame;
		enum verdict verdict;

		if (row->build == longest_extension)
			continue;
		row->build(&frame);
		mutate(&frame, &random);
		verdict = parse_frame(&frame, &packet);
		if (verdict == VERDICT_NEXT) {
			assert_within_the_frame(&packet, frame.length);
			taken++;
			continue;
		}
		assert_true(verdict == VERDICT_TRUNCATED || verdict == VERDICT_MALFORMED ||
			    verdict == VERDICT_LEFT_TO_HOST);
		refused++;
	}
	assert_true(taken > 10000 && refused > 10000);
}

static void insert_tag(struct frame *tagged, const struct frame *frame)
{
	memcpy(tagged->bytes, frame->bytes, 12);
	frame_write16(tagged->bytes + 12, 0x8100);
	frame_write16(tagged->bytes + 14, 42);
	memcpy(tagged->bytes + 16, frame->bytes + 12, frame->length - 12);
	tagged->length = frame->length + 4;
}

static void assert_same_but_for_the_tag(const struct packet *tagged, const struct packet *plain)
{
	assert_int_equal(tagged->frame_length, plain->frame_length + 4);
	assert_int_equal(tagged->l2_length, plain->l2_length + 4);
	assert_int_equal(tagged->l4_offset, plain->l4_offset + 4);
	assert_int_equal(tagged->l3_length, plain->l3_length);
	assert_int_equal(tagged->traffic_class, plain->traffic_class);
	assert_int_equal(tagged->flags, plain->flags);
	assert_memory_equal(tagged->key.bytes, plain->key.bytes,
		plain->flags & PACKET_IPV6 ? FLOW_KEY_IPV6_SIZE : FLOW_KEY_IPV4_SIZE);
}

/* Whether the frame takes the short way; one that does not leaves the packet as it was. */
static bool goes_the_short_way(const struct frame *frame)
{
	struct rte_mbuf *mbuf = frame_mbuf_create(frame, 0, 0);
	struct packet packet, before;
	bool plain;

	memset(&packet, 0xa5, sizeof(packet));
	packet.mbuf = mbuf;
	before = packet;
	plain = plain_is_whole(packet.mbuf) && parse_plain(&packet);
	if (!plain)
		assert_memory_equal(&packet, &before, sizeof(packet));
	frame_mbuf_free(mbuf);
	return plain;
}

/* The short way is for frames without a tag, so those with one tell what the long way says. */
static void the_short_way_and_the_long_way_agree(void **state)
{
	unsigned int taken = 0, refused = 0, plain_taken = 0;
	uint64_t random = 4;

	for (unsigned int i = 0; i < 200000; i++) {
		const struct row *row = &rows[next_random(&random) % COUNT_OF(rows)];
		struct packet plain_packet, tagged_packet;
		struct frame plain, tagged;
		enum verdict verdict;

		row->build(&plain);
		mutate(&plain, &random);
		if (plain.length < 14 || frame_read16(plain.bytes + 12) == 0x8100)
			continue;
		insert_tag(&tagged, &plain);
		verdict = parse_frame(&plain, &plain_packet);
		plain_taken += goes_the_short_way(&plain);
		assert_false(goes_the_short_way(&tagged));
		assert_int_equal(parse_frame(&tagged, &tagged_packet), verdict);
		if (verdict == VERDICT_NEXT)
			assert_same_but_for_the_tag(&tagged_packet, &plain_packet);
		taken += verdict == VERDICT_NEXT;
		refused += verdict != VERDICT_NEXT;
	}
	assert_true(taken > 10000 && refused > 10000 && plain_taken > 5000);
}

static void noise_never_leads_the_parser_beyond_the_frame(void **state)
{
	uint64_t random = 3;

	for (unsigned int i = 0; i < 50000; i++) {
		struct packet packet;
		struct frame frame;

		frame_begin(&frame);
		frame_add_payload(&frame, next_random(&random) % 120);
		for (size_t at = 14; at < frame.length; at++)
			frame.bytes[at] = random_byte(&random);
		frame_write16(frame.bytes + 12, next_random(&random) & 1 ? 0x0800 : 0x86dd);
		if (frame.length > 14)
			frame.bytes[14] = frame.bytes[12] == 0x08 ? 0x45 : 0x60;
		if (parse_frame(&frame, &packet) == VERDICT_NEXT)
			assert_within_the_frame(&packet, frame.length);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lengths_key_and_flags_are_those_of_the_frame),
		cmocka_unit_test(padding_behind_the_packet_is_no_part_of_it),
		cmocka_unit_test(a_frame_cut_off_at_any_length_is_truncated),
		cmocka_unit_test(a_transport_header_cut_short_is_truncated),
		cmocka_unit_test(an_extension_header_cut_short_is_truncated),
		cmocka_unit_test(fields_that_contradict_each_other_are_named),
		cmocka_unit_test(the_type_of_the_frame_alone_decides_on_the_header),
		cmocka_unit_test(what_is_not_ip_is_left_to_the_host),
		cmocka_unit_test(a_second_vlan_tag_is_left_to_the_host),
		cmocka_unit_test(a_packet_of_several_segments_is_not_looked_into),
		cmocka_unit_test(no_bytes_lead_the_parser_beyond_the_frame),
		cmocka_unit_test(the_short_way_and_the_long_way_agree),
		cmocka_unit_test(noise_never_leads_the_parser_beyond_the_frame),
	};

	return cmocka_run_group_tests_name("parse", tests, NULL, NULL);
}
