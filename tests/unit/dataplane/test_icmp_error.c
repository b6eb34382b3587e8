/* SPDX-License-Identifier: BSD-3-Clause */
/* ICMP errors about flows: RFC 792, RFC 4443. */
#include "unit.h"

#include "frames.h"
#include "packet/parse.h"
#include "service/service_match.h"

#define CLIENT_PORT 40000
#define OTHER_VIP4  "203.0.113.11"
#define OTHER_VIP6  "2001:db8::11"

#define ICMP_SIZE 8 /* before the quoted packet */

/* Where the quoted headers begin in what frame_make_icmp_error() makes. */
#define QUOTE4    (14 + 20 + ICMP_SIZE)
#define QUOTE4_L4 (QUOTE4 + 20)
#define QUOTE6    (14 + 40 + ICMP_SIZE)
#define QUOTE6_L4 (QUOTE6 + 40)

/* TCP and UDP to port 80 of both VIPs: services 1 to 4. */
static struct service_table *create_services(void)
{
	static const struct {
		const char *vip;
		uint8_t protocol;
	} keys[] = {
		{ FRAME_VIP4, FRAME_TCP },
		{ FRAME_VIP4, FRAME_UDP },
		{ FRAME_VIP6, FRAME_TCP },
		{ FRAME_VIP6, FRAME_UDP },
	};
	struct service_table *table = service_table_create(COUNT_OF(keys));

	assert_non_null(table);
	for (size_t i = 0; i < COUNT_OF(keys); i++) {
		struct service_key key = { .protocol = keys[i].protocol,
			.port = rte_cpu_to_be_16(80) };
		struct service service = { .counter = i + 1 };

		assert_int_equal(address_parse(keys[i].vip, &key.vip), 0);
		assert_int_equal(service_table_add(table, &key, &service), 0);
	}
	return table;
}

/* What the frame meets on its way to a service. The packet keeps no mbuf. */
static enum verdict match(
	const struct service_table *table, const struct frame *frame, struct packet *packet)
{
	struct rte_mbuf *mbuf = frame_mbuf_create(frame, 0, 0);
	enum verdict verdict;

	memset(packet, 0x5a, sizeof(*packet));
	packet->mbuf = mbuf;
	packet->service = NULL;
	verdict = parse(packet);
	if (verdict == VERDICT_NEXT)
		verdict = service_match(table, packet);
	assert_memory_equal(mbuf->buf_addr, frame->bytes, frame->length);
	frame_mbuf_free(mbuf);
	packet->mbuf = NULL;
	return verdict;
}

static void assert_fate(const char *name, const struct service_table *table,
	const struct frame *frame, enum verdict fate)
{
	struct packet packet;
	enum verdict verdict = match(table, frame, &packet);

	if (verdict != fate)
		fail_msg("%s: %s instead of %s", name, verdict_name(verdict), verdict_name(fate));
}

static void make_flow_packet(struct frame *frame, uint8_t version, enum frame_protocol protocol)
{
	if (version == 4 && protocol == FRAME_TCP)
		frame_make_tcp4(frame, CLIENT_PORT, 10);
	else if (version == 4)
		frame_make_udp4(frame, CLIENT_PORT, 10);
	else if (protocol == FRAME_TCP)
		frame_make_tcp6(frame, CLIENT_PORT, 10);
	else
		frame_make_udp6(frame, CLIENT_PORT, 10);
}

static void assert_follows_its_flow(const struct service_table *table, uint8_t version,
	uint8_t type, enum frame_protocol protocol)
{
	size_t key_size = version == 4 ? FLOW_KEY_IPV4_SIZE : FLOW_KEY_IPV6_SIZE;
	struct packet error, packet;
	struct frame frame;

	make_flow_packet(&frame, version, protocol);
	assert_int_equal(match(table, &frame, &packet), VERDICT_NEXT);
	frame_make_icmp_error(&frame, version, type, protocol, CLIENT_PORT);
	assert_int_equal(match(table, &frame, &error), VERDICT_NEXT);
	assert_memory_equal(error.key.bytes, packet.key.bytes, key_size);
	assert_ptr_equal(error.service, packet.service);
	assert_int_equal(error.flags, PACKET_ICMP_ERROR | (version == 6 ? PACKET_IPV6 : 0));
	assert_int_equal(error.l3_length, frame.length - 14);
}

static void an_error_has_key_and_service_of_the_flow_it_is_about(void **state)
{
	static const uint8_t types4[] = { 3, 11, 12 }, types6[] = { 1, 2, 3, 4 };
	struct service_table *table = create_services();

	for (size_t i = 0; i < COUNT_OF(types4); i++) {
		assert_follows_its_flow(table, 4, types4[i], FRAME_TCP);
		assert_follows_its_flow(table, 4, types4[i], FRAME_UDP);
	}
	for (size_t i = 0; i < COUNT_OF(types6); i++) {
		assert_follows_its_flow(table, 6, types6[i], FRAME_TCP);
		assert_follows_its_flow(table, 6, types6[i], FRAME_UDP);
	}
	service_table_destroy(table);
}

static bool is_error_type(uint8_t version, unsigned int type)
{
	return version == 4 ? type == 3 || type == 11 || type == 12 : type >= 1 && type <= 4;
}

static void all_other_icmp_is_left_to_the_host(void **state)
{
	struct service_table *table = create_services();

	for (unsigned int type = 0; type < 256; type++)
		for (uint8_t version = 4; version <= 6; version += 2) {
			struct frame frame;

			frame_make_icmp_error(&frame, version, type, FRAME_TCP, CLIENT_PORT);
			assert_fate("a type", table, &frame,
				is_error_type(version, type) ? VERDICT_NEXT : VERDICT_LEFT_TO_HOST);
		}
	service_table_destroy(table);
}

/* One field of the frame is changed. */
struct row {
	const char *name;
	uint8_t version;
	enum frame_protocol protocol;
	size_t at;
	uint16_t value;
	enum verdict fate;
};

static const struct row rows[] = {
	{ "ipv6 in icmp", 4, FRAME_TCP, QUOTE4, 0x6500, VERDICT_MALFORMED },
	{ "header length 4", 4, FRAME_TCP, QUOTE4, 0x4400, VERDICT_MALFORMED },
	{ "options where the ports were", 4, FRAME_TCP, QUOTE4, 0x4f00, VERDICT_NO_SERVICE },
	{ "length below the header's", 4, FRAME_TCP, QUOTE4 + 2, 19, VERDICT_MALFORMED },
	{ "length of the header alone", 4, FRAME_TCP, QUOTE4 + 2, 20, VERDICT_MALFORMED },
	{ "transport of 7 bytes", 4, FRAME_UDP, QUOTE4 + 2, 27, VERDICT_MALFORMED },
	{ "transport of 8 bytes", 4, FRAME_UDP, QUOTE4 + 2, 28, VERDICT_NEXT },
	{ "longer than was quoted", 4, FRAME_TCP, QUOTE4 + 2, 1500, VERDICT_NEXT },
	{ "do not fragment", 4, FRAME_TCP, QUOTE4 + 6, 0x4000, VERDICT_NEXT },
	{ "first fragment", 4, FRAME_TCP, QUOTE4 + 6, 0x2000, VERDICT_FRAGMENT },
	{ "later fragment", 4, FRAME_UDP, QUOTE4 + 6, 0x2001, VERDICT_FRAGMENT },
	{ "last fragment", 4, FRAME_UDP, QUOTE4 + 6, 0x0001, VERDICT_FRAGMENT },
	{ "about a ping", 4, FRAME_TCP, QUOTE4 + 8, 0x4001, VERDICT_LEFT_TO_HOST },
	{ "about gre", 4, FRAME_TCP, QUOTE4 + 8, 0x402f, VERDICT_LEFT_TO_HOST },
	{ "sent by another address", 4, FRAME_TCP, QUOTE4 + 14, 1, VERDICT_MALFORMED },
	{ "sent to another client", 4, FRAME_TCP, QUOTE4 + 18, 1, VERDICT_NEXT },
	{ "from a port of no service", 4, FRAME_TCP, QUOTE4_L4, 81, VERDICT_NO_SERVICE },
	{ "to the port of the service", 4, FRAME_TCP, QUOTE4_L4 + 2, 80, VERDICT_NEXT },
	{ "ipv4 in icmpv6", 6, FRAME_TCP, QUOTE6, 0x4000, VERDICT_MALFORMED },
	{ "transport of 7 bytes, ipv6", 6, FRAME_UDP, QUOTE6 + 4, 7, VERDICT_MALFORMED },
	{ "transport of 8 bytes, ipv6", 6, FRAME_UDP, QUOTE6 + 4, 8, VERDICT_NEXT },
	{ "longer than was quoted, ipv6", 6, FRAME_TCP, QUOTE6 + 4, 1460, VERDICT_NEXT },
	{ "about a ping, ipv6", 6, FRAME_TCP, QUOTE6 + 6, 0x3a40, VERDICT_LEFT_TO_HOST },
	{ "about a fragment, ipv6", 6, FRAME_TCP, QUOTE6 + 6, 0x2c40, VERDICT_FRAGMENT },
	{ "sent by another address, ipv6", 6, FRAME_TCP, QUOTE6 + 22, 1, VERDICT_MALFORMED },
	{ "from a port of no service, ipv6", 6, FRAME_TCP, QUOTE6_L4, 81, VERDICT_NO_SERVICE },
};

static void what_an_error_quotes_is_judged_field_by_field(void **state)
{
	struct service_table *table = create_services();

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct row *row = &rows[i];
		struct frame frame;

		frame_make_icmp_error(&frame, row->version, 3, row->protocol, CLIENT_PORT);
		frame_write16(frame.bytes + row->at, row->value);
		assert_fate(row->name, table, &frame, row->fate);
	}
	service_table_destroy(table);
}

/* The packet itself ends where the quote does: not a frame cut short, but an error that says less.
 */
static void an_error_that_quotes_too_little_is_truncated(void **state)
{
	struct service_table *table = create_services();

	for (uint8_t version = 4; version <= 6; version += 2) {
		size_t least = version == 4 ? QUOTE4_L4 + 8 : QUOTE6_L4 + 8;
		size_t type_at = version == 4 ? 34 : 54;
		struct frame frame;

		frame_make_icmp_error(&frame, version, 3, FRAME_TCP, CLIENT_PORT);
		for (; frame.length > type_at; frame.length--) {
			frame_finish(&frame);
			assert_fate("a length", table, &frame,
				frame.length >= least ? VERDICT_NEXT : VERDICT_TRUNCATED);
		}
		frame_finish(&frame);
		assert_fate("without a type", table, &frame, VERDICT_LEFT_TO_HOST);
	}
	service_table_destroy(table);
}

static void begin_error6(struct frame *frame)
{
	frame_begin(frame);
	frame_add_ipv6(frame, "2001:db8:9::1", FRAME_VIP6);
	frame_add_extension(frame, FRAME_HOP_BY_HOP, 8);
	frame_add_icmp_error(frame, 2);
}

static void begin_reply6(struct frame *frame)
{
	frame_begin(frame);
	frame_add_ipv6(frame, FRAME_VIP6, "2001:db8:ffff::7");
}

static void extension_headers_are_walked_outside_and_inside(void **state)
{
	struct service_table *table = create_services();
	struct frame frame, reply;
	struct packet packet;

	begin_reply6(&reply);
	frame_add_extension(&reply, FRAME_DESTINATION, 24);
	frame_add_tcp(&reply, 80, CLIENT_PORT, FRAME_TCP_ACK);
	frame_finish(&reply);
	begin_error6(&frame);
	frame_add_quote(&frame, &reply, 40 + 24 + 8);
	frame_finish(&frame);
	assert_int_equal(match(table, &frame, &packet), VERDICT_NEXT);
	assert_int_equal(packet.key.ipv6.protocol, FRAME_TCP);
	assert_int_equal(packet.key.ipv6.ports[0], rte_cpu_to_be_16(CLIENT_PORT));
	frame_write16(frame.bytes + 14 + 40 + 8 + 8 + 4, 24 + 7);
	assert_fate("transport of 7 bytes", table, &frame, VERDICT_MALFORMED);
	frame_write16(frame.bytes + 14 + 40 + 8 + 8 + 4, 23);
	assert_fate("payload ends within the extension", table, &frame, VERDICT_MALFORMED);
	frame.length -= 10;
	frame_finish(&frame);
	assert_fate("cut in the extension", table, &frame, VERDICT_TRUNCATED);
	service_table_destroy(table);
}

static void an_error_about_an_atomic_fragment_follows_its_flow(void **state)
{
	struct service_table *table = create_services();
	struct frame frame, reply;

	begin_reply6(&reply);
	frame_add_fragment_header(&reply, 0, 0);
	frame_add_udp(&reply, 80, CLIENT_PORT);
	frame_finish(&reply);
	begin_error6(&frame);
	frame_add_quote(&frame, &reply, reply.length - reply.l3);
	frame_finish(&frame);
	assert_fate("atomic", table, &frame, VERDICT_NEXT);
	service_table_destroy(table);
}

/* Only there it is judged at all: it may be about the host's own traffic. */
static void an_error_for_no_vip_is_left_to_the_host_whatever_it_quotes(void **state)
{
	struct service_table *table = create_services();
	struct frame frame;

	frame_begin(&frame);
	frame_add_ipv4(&frame, "192.0.2.1", OTHER_VIP4);
	frame_add_icmp_error(&frame, 3);
	frame_finish(&frame);
	assert_fate("ipv4", table, &frame, VERDICT_LEFT_TO_HOST);
	frame_begin(&frame);
	frame_add_ipv6(&frame, "2001:db8:9::1", OTHER_VIP6);
	frame_add_icmp_error(&frame, 1);
	frame_finish(&frame);
	assert_fate("ipv6", table, &frame, VERDICT_LEFT_TO_HOST);
	service_table_destroy(table);
}

static void a_fragment_of_an_error_is_a_fragment(void **state)
{
	struct service_table *table = create_services();
	struct frame frame;

	frame_make_icmp_error(&frame, 4, 3, FRAME_TCP, CLIENT_PORT);
	frame_set_ipv4_fragment(&frame, 0x2000);
	assert_fate("first", table, &frame, VERDICT_FRAGMENT);
	service_table_destroy(table);
}

/* A fixed walk through wrong bytes; AddressSanitizer and the guard see any step too far. */
static void errors_with_any_byte_wrong_do_no_harm(void **state)
{
	struct service_table *table = create_services();
	struct packet packet;

	for (uint8_t version = 4; version <= 6; version += 2) {
		struct frame frame;

		frame_make_icmp_error(&frame, version, 3, FRAME_TCP, CLIENT_PORT);
		for (size_t at = 14; at < 14 + 40 + 8 + 40 + 24; at++)
			for (unsigned int value = 0; value < 256; value++) {
				struct frame wrong = frame;

				wrong.bytes[at] = value;
				assert_true(match(table, &wrong, &packet) < VERDICT_COUNT);
			}
	}
	service_table_destroy(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_error_has_key_and_service_of_the_flow_it_is_about),
		cmocka_unit_test(all_other_icmp_is_left_to_the_host),
		cmocka_unit_test(what_an_error_quotes_is_judged_field_by_field),
		cmocka_unit_test(an_error_that_quotes_too_little_is_truncated),
		cmocka_unit_test(extension_headers_are_walked_outside_and_inside),
		cmocka_unit_test(an_error_about_an_atomic_fragment_follows_its_flow),
		cmocka_unit_test(an_error_for_no_vip_is_left_to_the_host_whatever_it_quotes),
		cmocka_unit_test(a_fragment_of_an_error_is_a_fragment),
		cmocka_unit_test(errors_with_any_byte_wrong_do_no_harm),
	};

	return cmocka_run_group_tests_name("icmp_error", tests, NULL, NULL);
}
