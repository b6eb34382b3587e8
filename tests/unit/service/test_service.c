/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include <errno.h>

#include "frames.h"
#include "packet/parse.h"
#include "service/service_match.h"

#define OTHER_VIP4 "203.0.113.11"
#define OTHER_VIP6 "2001:db8::11"

static struct service_key make_key(const char *vip, uint8_t protocol, uint16_t port)
{
	struct service_key key = { .protocol = protocol, .port = rte_cpu_to_be_16(port) };

	assert_int_equal(address_parse(vip, &key.vip), 0);
	return key;
}

/* Services are told apart by their counter. */
static int add(struct service_table *table, const char *vip, uint8_t protocol, uint16_t port,
	uint32_t counter)
{
	struct service_key key = make_key(vip, protocol, port);
	struct service service = { .counter = counter };

	return service_table_add(table, &key, &service);
}

static struct service_table *create(size_t count)
{
	struct service_table *table = service_table_create(count);

	assert_non_null(table);
	return table;
}

/* 1: VIP4 tcp 80, 2: VIP4 tcp any, 3: VIP4 udp 53, 4: VIP6 tcp 80, 5: VIP6 udp any. */
static struct service_table *create_example(void)
{
	struct service_table *table = create(5);

	assert_int_equal(add(table, FRAME_VIP4, FRAME_TCP, 80, 1), 0);
	assert_int_equal(add(table, FRAME_VIP4, FRAME_TCP, 0, 2), 0);
	assert_int_equal(add(table, FRAME_VIP4, FRAME_UDP, 53, 3), 0);
	assert_int_equal(add(table, FRAME_VIP6, FRAME_TCP, 80, 4), 0);
	assert_int_equal(add(table, FRAME_VIP6, FRAME_UDP, 0, 5), 0);
	return table;
}

static void begin(struct frame *frame, const char *vip)
{
	frame_begin(frame);
	if (strchr(vip, ':') == NULL)
		frame_add_ipv4(frame, "198.51.100.7", vip);
	else
		frame_add_ipv6(frame, "2001:db8:ffff::7", vip);
}

static enum verdict match_frame(
	const struct service_table *table, struct frame *frame, struct packet *packet)
{
	enum verdict verdict;

	frame_finish(frame);
	memset(packet, 0, sizeof(*packet));
	packet->mbuf = frame_mbuf_create(frame, 0, 0);
	assert_int_equal(parse(packet), VERDICT_NEXT);
	verdict = service_match(table, packet);
	frame_mbuf_free(packet->mbuf);
	packet->mbuf = NULL;
	return verdict;
}

static enum verdict match(const struct service_table *table, const char *vip, uint8_t protocol,
	uint16_t port, struct packet *packet)
{
	struct frame frame;

	begin(&frame, vip);
	if (protocol == FRAME_TCP)
		frame_add_tcp(&frame, 40000, port, FRAME_TCP_ACK);
	else if (protocol == FRAME_UDP)
		frame_add_udp(&frame, 40000, port);
	else
		frame_add_protocol(&frame, protocol);
	return match_frame(table, &frame, packet);
}

static void assert_service(const struct service_table *table, const char *vip, uint8_t protocol,
	uint16_t port, uint32_t counter)
{
	struct packet packet;

	assert_int_equal(match(table, vip, protocol, port, &packet), VERDICT_NEXT);
	assert_int_equal(packet.service->counter, counter);
}

static void assert_fate(const struct service_table *table, const char *vip, uint8_t protocol,
	uint16_t port, enum verdict verdict)
{
	struct packet packet;

	assert_int_equal(match(table, vip, protocol, port, &packet), verdict);
	assert_null(packet.service);
}

/* The rest of the service is told by its counter, the rule by its number. */
static int add_split(struct service_table *table, const char *vip, uint16_t port, uint32_t counter,
	const char *const *prefixes, const uint8_t *lengths, size_t count)
{
	struct service_key key = make_key(vip, FRAME_TCP, port);
	struct service service = { .counter = counter };
	struct service_rule rules[SERVICE_RULES_MAX];

	for (size_t i = 0; i < count; i++) {
		struct address address;

		assert_int_equal(address_parse(prefixes[i], &address), 0);
		memcpy(rules[i].prefix, address.bytes, sizeof(rules[i].prefix));
		rules[i].length = lengths[i];
		rules[i].service = (struct service){ .counter = counter, .rule = (uint8_t)(i + 1) };
	}
	return service_table_add_split(table, &key, &service, rules, count);
}

static void assert_rule(const struct service_table *table, const char *client, const char *vip,
	uint16_t port, uint32_t counter, uint8_t rule)
{
	struct packet packet;
	struct frame frame;

	frame_begin(&frame);
	if (strchr(vip, ':') == NULL)
		frame_add_ipv4(&frame, client, vip);
	else
		frame_add_ipv6(&frame, client, vip);
	frame_add_tcp(&frame, 40000, port, FRAME_TCP_ACK);
	assert_int_equal(match_frame(table, &frame, &packet), VERDICT_NEXT);
	assert_int_equal(packet.service->counter, counter);
	assert_int_equal(packet.service->rule, rule);
}

static void the_longest_prefix_of_a_client_decides_in_whatever_order_rules_are(void **state)
{
	static const char *const ipv4[] = { "0.0.0.0", "198.51.100.0", "198.51.100.64",
		"198.51.100.7" };
	static const uint8_t ipv4_lengths[] = { 1, 24, 26, 32 };
	static const char *const ipv6[] = { "2001:db8:ffff::7",
		"2001:db8::", "::", "2001:db8:8000::" };
	static const uint8_t ipv6_lengths[] = { 128, 32, 0, 33 };
	struct service_table *table = create(2);

	assert_int_equal(add_split(table, FRAME_VIP4, 80, 1, ipv4, ipv4_lengths, 4), 0);
	assert_int_equal(add_split(table, FRAME_VIP6, 80, 2, ipv6, ipv6_lengths, 4), 0);
	assert_rule(table, "198.51.100.7", FRAME_VIP4, 80, 1, 4);
	assert_rule(table, "198.51.100.6", FRAME_VIP4, 80, 1, 2);
	assert_rule(table, "198.51.100.64", FRAME_VIP4, 80, 1, 3);
	assert_rule(table, "198.51.100.127", FRAME_VIP4, 80, 1, 3);
	assert_rule(table, "198.51.100.128", FRAME_VIP4, 80, 1, 2);
	assert_rule(table, "127.255.255.1", FRAME_VIP4, 80, 1, 1);
	assert_rule(table, "198.51.101.7", FRAME_VIP4, 80, 1, 0);
	assert_rule(table, "2001:db8:ffff::7", FRAME_VIP6, 80, 2, 1);
	assert_rule(table, "2001:db8:ffff::8", FRAME_VIP6, 80, 2, 4);
	assert_rule(table, "2001:db8:7fff::8", FRAME_VIP6, 80, 2, 2);
	assert_rule(table, "2001:db9::1", FRAME_VIP6, 80, 2, 3);
	service_table_destroy(table);
}

static void a_service_with_rules_and_one_without_take_turns_as_all_services(void **state)
{
	static const char *const all[] = { "0.0.0.0" };
	static const uint8_t length[] = { 0 };
	struct service_table *table = create(6);

	assert_int_equal(add_split(table, FRAME_VIP4, 80, 1, all, length, 1), 0);
	assert_int_equal(add(table, FRAME_VIP4, FRAME_TCP, 0, 2), 0);
	assert_int_equal(add(table, OTHER_VIP4, FRAME_TCP, 80, 3), 0);
	assert_int_equal(add_split(table, OTHER_VIP4, 0, 4, all, length, 1), 0);
	assert_rule(table, "198.51.100.7", FRAME_VIP4, 80, 1, 1);
	assert_rule(table, "198.51.100.7", FRAME_VIP4, 81, 2, 0);
	assert_rule(table, "198.51.100.7", OTHER_VIP4, 80, 3, 0);
	assert_rule(table, "198.51.100.7", OTHER_VIP4, 81, 4, 1);
	assert_fate(table, OTHER_VIP4, FRAME_UDP, 81, VERDICT_NO_SERVICE);
	assert_int_equal(add(table, FRAME_VIP4, FRAME_TCP, 80, 5), -EEXIST);
	assert_int_equal(add_split(table, FRAME_VIP4, 0, 5, all, length, 1), -EEXIST);
	assert_int_equal(add_split(table, FRAME_VIP4, 80, 5, all, length, 1), -EEXIST);
	assert_int_equal(add(table, FRAME_VIP6, FRAME_TCP, 80, 5), 0);
	assert_int_equal(add(table, OTHER_VIP6, FRAME_TCP, 80, 6), 0);
	assert_int_equal(add_split(table, OTHER_VIP6, 81, 7, all, length, 1), -ENOSPC);
	service_table_destroy(table);
}

static void an_exact_port_beats_any_port(void **state)
{
	struct service_table *table = create_example();

	assert_service(table, FRAME_VIP4, FRAME_TCP, 80, 1);
	assert_service(table, FRAME_VIP4, FRAME_TCP, 81, 2);
	assert_service(table, FRAME_VIP4, FRAME_TCP, 65535, 2);
	service_table_destroy(table);
}

static void an_exact_port_beats_any_port_in_whatever_order_they_were_added(void **state)
{
	struct service_table *table = create(2);

	assert_int_equal(add(table, FRAME_VIP6, FRAME_UDP, 0, 1), 0);
	assert_int_equal(add(table, FRAME_VIP6, FRAME_UDP, 53, 2), 0);
	assert_service(table, FRAME_VIP6, FRAME_UDP, 53, 2);
	assert_service(table, FRAME_VIP6, FRAME_UDP, 54, 1);
	service_table_destroy(table);
}

static void both_families_and_protocols_have_services_of_their_own(void **state)
{
	struct service_table *table = create_example();

	assert_service(table, FRAME_VIP4, FRAME_UDP, 53, 3);
	assert_service(table, FRAME_VIP6, FRAME_TCP, 80, 4);
	assert_service(table, FRAME_VIP6, FRAME_UDP, 53, 5);
	service_table_destroy(table);
}

static void a_packet_to_port_0_belongs_to_any_port_alone(void **state)
{
	struct service_table *table = create_example();

	assert_service(table, FRAME_VIP4, FRAME_TCP, 0, 2);
	assert_fate(table, FRAME_VIP4, FRAME_UDP, 0, VERDICT_NO_SERVICE);
	service_table_destroy(table);
}

static void packet_to_a_port_that_no_service_claims_has_no_service(void **state)
{
	struct service_table *table = create_example();

	assert_fate(table, FRAME_VIP4, FRAME_UDP, 54, VERDICT_NO_SERVICE);
	assert_fate(table, FRAME_VIP6, FRAME_TCP, 81, VERDICT_NO_SERVICE);
	service_table_destroy(table);
}

static void packet_of_a_protocol_without_ports_has_no_service(void **state)
{
	struct service_table *table = create_example();

	assert_fate(table, FRAME_VIP4, 47, 0, VERDICT_NO_SERVICE);
	assert_fate(table, FRAME_VIP4, 0, 0, VERDICT_NO_SERVICE);
	assert_fate(table, FRAME_VIP6, 50, 0, VERDICT_NO_SERVICE);
	service_table_destroy(table);
}

static void packet_to_an_unknown_address_is_left_to_the_host(void **state)
{
	struct service_table *table = create_example();
	struct service_table *empty = create(0);

	assert_fate(table, OTHER_VIP4, FRAME_TCP, 80, VERDICT_LEFT_TO_HOST);
	assert_fate(table, OTHER_VIP4, FRAME_ICMP, 0, VERDICT_LEFT_TO_HOST);
	assert_fate(table, OTHER_VIP6, FRAME_UDP, 53, VERDICT_LEFT_TO_HOST);
	assert_fate(empty, FRAME_VIP4, FRAME_TCP, 80, VERDICT_LEFT_TO_HOST);
	assert_fate(empty, FRAME_VIP6, FRAME_TCP, 80, VERDICT_LEFT_TO_HOST);
	service_table_destroy(table);
	service_table_destroy(empty);
}

static void icmp_to_a_vip_is_left_to_the_host(void **state)
{
	struct service_table *table = create_example();

	assert_fate(table, FRAME_VIP4, FRAME_ICMP, 0, VERDICT_LEFT_TO_HOST);
	assert_fate(table, FRAME_VIP6, FRAME_ICMPV6, 0, VERDICT_LEFT_TO_HOST);
	service_table_destroy(table);
}

static void icmp_of_the_other_family_has_no_service(void **state)
{
	struct service_table *table = create_example();

	assert_fate(table, FRAME_VIP4, FRAME_ICMPV6, 0, VERDICT_NO_SERVICE);
	assert_fate(table, FRAME_VIP6, FRAME_ICMP, 0, VERDICT_NO_SERVICE);
	service_table_destroy(table);
}

static enum verdict match_fragment(
	const struct service_table *table, const char *vip, uint8_t protocol)
{
	struct packet packet;
	struct frame frame;

	begin(&frame, vip);
	if (frame.version == 6)
		frame_add_fragment_header(&frame, 0, 1);
	else
		frame_set_ipv4_fragment(&frame, 0x2000);
	if (protocol == FRAME_TCP)
		frame_add_tcp(&frame, 40000, 80, FRAME_TCP_ACK);
	else
		frame_add_protocol(&frame, protocol);
	return match_frame(table, &frame, &packet);
}

static void fragment_to_a_vip_is_named_so_whatever_it_carries(void **state)
{
	struct service_table *table = create_example();

	assert_int_equal(match_fragment(table, FRAME_VIP4, FRAME_TCP), VERDICT_FRAGMENT);
	assert_int_equal(match_fragment(table, FRAME_VIP4, FRAME_ICMP), VERDICT_FRAGMENT);
	assert_int_equal(match_fragment(table, FRAME_VIP6, FRAME_TCP), VERDICT_FRAGMENT);
	assert_int_equal(match_fragment(table, FRAME_VIP6, FRAME_ICMPV6), VERDICT_FRAGMENT);
	service_table_destroy(table);
}

static void fragment_to_an_unknown_address_is_left_to_the_host(void **state)
{
	struct service_table *table = create_example();

	assert_int_equal(match_fragment(table, OTHER_VIP4, FRAME_TCP), VERDICT_LEFT_TO_HOST);
	assert_int_equal(match_fragment(table, OTHER_VIP6, FRAME_TCP), VERDICT_LEFT_TO_HOST);
	service_table_destroy(table);
}

static void an_ipv4_vip_and_the_ipv6_vip_of_the_same_bytes_are_two(void **state)
{
	struct service_table *table = create(1);
	struct address other;

	assert_int_equal(add(table, "32.1.13.184", FRAME_TCP, 80, 1), 0);
	assert_int_equal(address_parse("2001:db8::", &other), 0);
	assert_false(service_table_has_vip(table, &other));
	assert_fate(table, "2001:db8::", FRAME_TCP, 80, VERDICT_LEFT_TO_HOST);
	assert_service(table, "32.1.13.184", FRAME_TCP, 80, 1);
	service_table_destroy(table);
}

static void a_key_is_taken_once_only(void **state)
{
	struct service_table *table = create(10);

	assert_int_equal(add(table, FRAME_VIP4, FRAME_TCP, 80, 1), 0);
	assert_int_equal(add(table, FRAME_VIP4, FRAME_TCP, 80, 2), -EEXIST);
	assert_int_equal(add(table, FRAME_VIP4, FRAME_TCP, 0, 3), 0);
	assert_int_equal(add(table, FRAME_VIP4, FRAME_TCP, 0, 4), -EEXIST);
	assert_int_equal(add(table, FRAME_VIP6, FRAME_UDP, 80, 5), 0);
	assert_int_equal(add(table, FRAME_VIP6, FRAME_UDP, 80, 6), -EEXIST);
	assert_service(table, FRAME_VIP4, FRAME_TCP, 80, 1);
	assert_service(table, FRAME_VIP4, FRAME_TCP, 81, 3);
	assert_service(table, FRAME_VIP6, FRAME_UDP, 80, 5);
	service_table_destroy(table);
}

static void no_more_services_are_taken_than_there_is_room_for(void **state)
{
	struct service_table *table = create(1);

	assert_int_equal(add(table, FRAME_VIP4, FRAME_TCP, 80, 1), 0);
	assert_int_equal(add(table, FRAME_VIP4, FRAME_TCP, 81, 2), -ENOSPC);
	assert_fate(table, FRAME_VIP4, FRAME_TCP, 81, VERDICT_NO_SERVICE);
	service_table_destroy(table);
}

static void a_vip_is_known_by_its_first_service(void **state)
{
	struct service_table *table = create(2);
	struct address vip4 = make_key(FRAME_VIP4, 0, 0).vip;
	struct address vip6 = make_key(FRAME_VIP6, 0, 0).vip;

	assert_false(service_table_has_vip(table, &vip4));
	assert_false(service_table_has_vip(table, &vip6));
	assert_int_equal(add(table, FRAME_VIP4, FRAME_TCP, 80, 1), 0);
	assert_true(service_table_has_vip(table, &vip4));
	assert_false(service_table_has_vip(table, &vip6));
	assert_int_equal(add(table, FRAME_VIP6, FRAME_UDP, 0, 2), 0);
	assert_true(service_table_has_vip(table, &vip6));
	service_table_destroy(table);
}

#define MANY 10000

/* Every 16 share a VIP; half of the VIPs are IPv6; every 16th service takes any port. */
static struct service_key nth_key(uint32_t number)
{
	struct service_key key = { .protocol = number % 2 ? FRAME_TCP : FRAME_UDP };
	uint32_t vip = number / 16;

	key.port = rte_cpu_to_be_16(number % 16 == 0 ? 0 : 8000 + number % 16);
	if (vip % 2) {
		key.vip.family = ADDRESS_IPV6;
		memcpy(key.vip.bytes, "\x20\x01\x0d\xb8", 4);
		frame_write16(key.vip.bytes + 14, (uint16_t)vip);
	} else {
		key.vip.family = ADDRESS_IPV4;
		key.vip.bytes[0] = 10;
		frame_write16(key.vip.bytes + 2, (uint16_t)vip);
	}
	return key;
}

static struct packet packet_to(const struct service_key *key, rte_be16_t port)
{
	struct packet packet = { 0 };

	if (key->vip.family == ADDRESS_IPV6) {
		packet.flags = PACKET_IPV6;
		memcpy(packet.key.ipv6.destination, key->vip.bytes, 16);
		packet.key.ipv6.ports[1] = port;
		packet.key.ipv6.protocol = key->protocol;
	} else {
		memcpy(packet.key.ipv4.destination, key->vip.bytes, 4);
		packet.key.ipv4.ports[1] = port;
		packet.key.ipv4.protocol = key->protocol;
	}
	return packet;
}

static void all_of_10000_services_are_found_and_nothing_else(void **state)
{
	struct service_table *table = create(MANY);

	for (uint32_t i = 0; i < MANY; i++) {
		struct service_key key = nth_key(i);
		struct service service = { .counter = i };

		assert_int_equal(service_table_add(table, &key, &service), 0);
	}
	for (uint32_t i = 0; i < MANY; i++) {
		struct service_key key = nth_key(i);
		struct packet packet = packet_to(&key, key.port);
		struct packet other = packet_to(&key, RTE_BE16(443));
		bool any_port = key.protocol == FRAME_UDP; /* the VIP's service for any port */

		assert_int_equal(service_match(table, &packet), VERDICT_NEXT);
		assert_int_equal(packet.service->counter, i);
		assert_int_equal(
			service_match(table, &other), any_port ? VERDICT_NEXT : VERDICT_NO_SERVICE);
		if (any_port)
			assert_int_equal(other.service->counter, i / 16 * 16);
	}
	for (uint32_t i = MANY; i < 2 * MANY; i++) {
		struct service_key key = nth_key(i);
		struct packet packet = packet_to(&key, key.port);

		assert_int_equal(service_match(table, &packet), VERDICT_LEFT_TO_HOST);
	}
	service_table_destroy(table);
}

/* Scattered over 32 bits, because neighbours do not meet in a table that a CRC orders. */
static void set_vip(struct service_key *key, uint32_t number)
{
	uint32_t scattered = number * UINT32_C(0x9e3779b1);

	memcpy(key->vip.bytes, &scattered, sizeof(scattered));
}

/* As full as a table gets; the IPv6 ones differ in their first half only. */
static void services_with_a_vip_each_are_all_found(void **state)
{
	enum { COUNT = 8192 };

	for (enum address_family family = ADDRESS_IPV4; family <= ADDRESS_IPV6; family += 2) {
		struct service_table *table = create(COUNT);
		struct service_key key = { .vip.family = family, .protocol = FRAME_TCP };

		for (uint32_t i = 0; i < COUNT; i++) {
			struct service service = { .counter = i };

			set_vip(&key, i);
			assert_int_equal(service_table_add(table, &key, &service), 0);
		}
		for (uint32_t i = 0; i < 2 * COUNT; i++) {
			struct packet packet;

			set_vip(&key, i);
			packet = packet_to(&key, RTE_BE16(443));
			assert_int_equal(service_match(table, &packet),
				i < COUNT ? VERDICT_NEXT : VERDICT_LEFT_TO_HOST);
			if (i < COUNT)
				assert_int_equal(packet.service->counter, i);
		}
		service_table_destroy(table);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			the_longest_prefix_of_a_client_decides_in_whatever_order_rules_are),
		cmocka_unit_test(a_service_with_rules_and_one_without_take_turns_as_all_services),
		cmocka_unit_test(an_exact_port_beats_any_port),
		cmocka_unit_test(an_exact_port_beats_any_port_in_whatever_order_they_were_added),
		cmocka_unit_test(both_families_and_protocols_have_services_of_their_own),
		cmocka_unit_test(a_packet_to_port_0_belongs_to_any_port_alone),
		cmocka_unit_test(packet_to_a_port_that_no_service_claims_has_no_service),
		cmocka_unit_test(packet_of_a_protocol_without_ports_has_no_service),
		cmocka_unit_test(packet_to_an_unknown_address_is_left_to_the_host),
		cmocka_unit_test(icmp_to_a_vip_is_left_to_the_host),
		cmocka_unit_test(icmp_of_the_other_family_has_no_service),
		cmocka_unit_test(fragment_to_a_vip_is_named_so_whatever_it_carries),
		cmocka_unit_test(fragment_to_an_unknown_address_is_left_to_the_host),
		cmocka_unit_test(an_ipv4_vip_and_the_ipv6_vip_of_the_same_bytes_are_two),
		cmocka_unit_test(a_key_is_taken_once_only),
		cmocka_unit_test(no_more_services_are_taken_than_there_is_room_for),
		cmocka_unit_test(a_vip_is_known_by_its_first_service),
		cmocka_unit_test(all_of_10000_services_are_found_and_nothing_else),
		cmocka_unit_test(services_with_a_vip_each_are_all_found),
	};

	return cmocka_run_group_tests_name("service", tests, NULL, NULL);
}
