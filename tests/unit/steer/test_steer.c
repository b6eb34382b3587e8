/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the XDP program does with each kind of frame. Needs root, as all of these: the program is
 * loaded into the kernel and run there.
 */
#include "steer_fixture.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>

#include "netns.h"

static void what_is_for_a_vip_goes_to_the_worker(void **state)
{
	static const struct row rows[] = {
		{ "tcp", .destination = VIP4, .protocol = TCP, WORKER },
		{ "udp", .destination = VIP4, .protocol = UDP, WORKER },
		{ "tcp over ipv6", .destination = VIP6, .protocol = TCP, WORKER },
		{ "udp over ipv6", .destination = VIP6, .protocol = UDP, WORKER },
		{ "tagged tcp", .tags = "c", .destination = VIP4, .protocol = TCP, WORKER },
		{ "tagged udp", .tags = "c", .destination = VIP4, .protocol = UDP, WORKER },
		{ "tagged tcp over ipv6", .tags = "c", .destination = VIP6, .protocol = TCP,
			WORKER },
		{ "tagged udp over ipv6", .tags = "c", .destination = VIP6, .protocol = UDP,
			WORKER },
		{ "a vip that the kernel has too", .destination = VIP4_LOCAL, .protocol = TCP,
			WORKER },
		{ "a protocol of no service", .destination = VIP4, .protocol = GRE, WORKER },
		{ "icmpv6 in ipv4", .destination = VIP4, .protocol = ICMPV6, WORKER },
		{ "icmp in ipv6", .destination = VIP6, .protocol = ICMP, WORKER },
		{ "a header without anything after it", .destination = VIP4, .protocol = TCP,
			.length = 34, WORKER },
		{ "the same over ipv6", .destination = VIP6, .protocol = TCP, .length = 54,
			WORKER },
	};
	struct port *port = *state;

	open_socket(port);
	check_rows(port, rows, COUNT_OF(rows));
}

static void fragments_for_a_vip_go_to_the_worker(void **state)
{
	static const struct row rows[] = {
		{ "first", .destination = VIP4, .protocol = TCP, .fragment = 0x2000, WORKER },
		{ "later", .destination = VIP4, .protocol = UDP, .fragment = 0x2010, WORKER },
		{ "last", .destination = VIP4, .protocol = TCP, .fragment = 0x0010, WORKER },
		{ "icmp", .destination = VIP4, .protocol = ICMP, .fragment = 0x2000, WORKER },
		{ "last of icmp", .destination = VIP4, .protocol = ICMP, .fragment = 1, WORKER },
		{ "ipv6", .destination = VIP6, .protocol = TCP, .extensions = "f", WORKER },
		{ "icmpv6", .destination = VIP6, .protocol = ICMPV6, .extensions = "f", WORKER },
		{ "after options", .destination = VIP6, .protocol = ICMPV6, .extensions = "hf",
			WORKER },
		{ "tagged", .tags = "c", .destination = VIP4, .protocol = TCP, .fragment = 0x2000,
			WORKER },
		{ "for the host", .destination = OWN4, .protocol = UDP, .fragment = 0x2000, HOST },
	};
	struct port *port = *state;

	open_socket(port);
	check_rows(port, rows, COUNT_OF(rows));
}

static void what_is_for_no_vip_is_left_to_the_host(void **state)
{
	static const struct row rows[] = {
		{ "arp", .type = 0x0806, HOST },
		{ "arp request", .mac = broadcast_mac, .type = 0x0806, HOST },
		{ "lldp", .mac = group_mac, .type = 0x88cc, HOST },
		{ "ssh to the host", .destination = OWN4, .protocol = TCP, HOST },
		{ "bgp to the host over ipv6", .destination = OWN6, .protocol = TCP, HOST },
		{ "ping of the host", .destination = OWN4, .protocol = ICMP, HOST },
		{ "neighbour advertisement", .destination = OWN6, .protocol = ICMPV6, HOST },
		{ "what the host routes", .destination = ELSEWHERE4, .protocol = UDP, HOST },
		{ "the same over ipv6", .destination = ELSEWHERE6, .protocol = UDP, HOST },
		{ "ipv4 bytes of a vip as ipv6", .destination = "cb00:710a::", .protocol = TCP,
			HOST },
	};
	struct port *port = *state;

	open_socket(port);
	check_rows(port, rows, COUNT_OF(rows));
}

static void frames_for_another_mac_are_left_to_the_host(void **state)
{
	static const struct row rows[] = {
		{ "flooded", .mac = other_mac, .destination = VIP4, .protocol = TCP, HOST },
		{ "flooded ipv6", .mac = other_mac, .destination = VIP6, .protocol = UDP, HOST },
		{ "tagged", .mac = other_mac, .tags = "c", .destination = VIP4, .protocol = TCP,
			HOST },
		{ "broadcast", .mac = broadcast_mac, .destination = VIP4, .protocol = UDP, HOST },
		{ "multicast", .mac = group_mac, .destination = VIP4, .protocol = UDP, HOST },
		{ "ping", .mac = other_mac, .destination = VIP4, .protocol = ICMP, HOST },
	};
	struct port *port = *state;

	open_socket(port);
	check_rows(port, rows, COUNT_OF(rows));
}

static void frames_that_end_too_early_or_have_two_tags_are_left_to_the_host(void **state)
{
	static const struct row rows[] = {
		{ "ethernet alone", .destination = VIP4, .length = 14, HOST },
		{ "ipv4 cut short", .destination = VIP4, .protocol = TCP, .length = 33, HOST },
		{ "ipv6 cut short", .destination = VIP6, .protocol = TCP, .length = 53, HOST },
		{ "tag cut short", .tags = "c", .destination = VIP4, .length = 17, HOST },
		{ "tag alone", .tags = "c", .destination = VIP4, .length = 18, HOST },
		{ "two tags", .tags = "cc", .destination = VIP4, .protocol = TCP, HOST },
		{ "service tag", .tags = "s", .destination = VIP4, .protocol = TCP, HOST },
		{ "both tags", .tags = "sc", .destination = VIP4, .protocol = TCP, HOST },
	};
	struct port *port = *state;

	open_socket(port);
	check_rows(port, rows, COUNT_OF(rows));
}

static void ping_of_a_vip_is_never_routed_away_by_the_host(void **state)
{
	static const struct row rows[] = {
		{ "by the default route", .destination = VIP4, .protocol = ICMP, LOOPED },
		{ "over ipv6", .destination = VIP6, .protocol = ICMPV6, LOOPED },
		{ "tagged", .tags = "c", .destination = VIP4, .protocol = ICMP, LOOPED },
		{ "vip of the host", .destination = VIP4_LOCAL, .protocol = ICMP, HOST },
		{ "vip of the host, ipv6", .destination = VIP6_LOCAL, .protocol = ICMPV6, HOST },
		{ "blackhole", .destination = VIP4_BLACK, .protocol = ICMP, HOST },
		{ "blackhole, ipv6", .destination = VIP6_BLACK, .protocol = ICMPV6, HOST },
	};
	struct port *port = *state;

	open_socket(port);
	check_rows(port, rows, COUNT_OF(rows));
}

static void ping_of_a_vip_is_left_to_a_host_that_does_not_route_on_that_port(void **state)
{
	static const struct row rows[] = {
		{ "ipv4", .destination = VIP4, .protocol = ICMP, HOST },
		{ "ipv6", .destination = VIP6, .protocol = ICMPV6, HOST },
	};
	struct port *port = *state;
	int result;

	assert_int_equal(netns_run("echo 0 >/proc/sys/net/ipv4/conf/edge/forwarding && "
				   "echo 0 >/proc/sys/net/ipv6/conf/edge/forwarding"),
		0);
	check_rows(port, rows, COUNT_OF(rows));
	result = netns_run("echo 1 >/proc/sys/net/ipv4/conf/edge/forwarding && "
			   "echo 1 >/proc/sys/net/ipv6/conf/edge/forwarding");
	assert_int_equal(result, 0);
}

static void icmpv6_is_found_behind_extension_headers(void **state)
{
	static const struct row rows[] = {
		{ "hop-by-hop", .destination = VIP6, .protocol = ICMPV6, .extensions = "h",
			LOOPED },
		{ "all three", .destination = VIP6, .protocol = ICMPV6, .extensions = "hdr",
			LOOPED },
		{ "long ones", .destination = VIP6, .protocol = ICMPV6, .extensions = "hd",
			.extension_units = 7, LOOPED },
		{ "for the host's vip", .destination = VIP6_LOCAL, .protocol = ICMPV6,
			.extensions = "hdr", HOST },
		{ "tcp", .destination = VIP6, .protocol = TCP, .extensions = "hdr", WORKER },
		{ "seven", .destination = VIP6, .protocol = ICMPV6, .extensions = "hdddddd",
			LOOPED },
		{ "too many", .destination = VIP6, .protocol = ICMPV6, .extensions = "hdddddddd",
			WORKER },
		{ "cut short", .destination = VIP6, .protocol = ICMPV6, .extensions = "h",
			.length = 61, WORKER },
		{ "second one cut short", .destination = VIP6, .protocol = ICMPV6,
			.extensions = "hd", .length = 69, WORKER },
		{ "beyond the frame", .destination = VIP6, .protocol = ICMPV6, .extensions = "hd",
			.extension_units = 7, .length = 100, WORKER },
	};
	struct port *port = *state;

	open_socket(port);
	check_rows(port, rows, COUNT_OF(rows));
}

static bool is_error_type(bool ipv6, unsigned int type)
{
	return ipv6 ? type >= 1 && type <= 4 : type == 3 || type == 11 || type == 12;
}

static void icmp_errors_for_a_vip_go_to_the_worker_and_other_types_do_not(void **state)
{
	static const struct row icmp = { "icmp", .destination = VIP4, .protocol = ICMP };
	static const struct row icmpv6 = { "icmpv6", .destination = VIP6, .protocol = ICMPV6 };
	struct port *port = *state;

	open_socket(port);
	for (unsigned int type = 1; type < 256; type++) {
		struct row rows[] = { icmp, icmpv6 };

		for (int i = 0; i < 2; i++) {
			rows[i].icmp_type = type;
			rows[i].expected = is_error_type(i == 1, type) ? STEER_COUNT_TO_WORKER
								       : STEER_COUNT_LOOPED;
		}
		check_rows(port, rows, COUNT_OF(rows));
	}
}

static void icmp_errors_are_found_wherever_they_begin(void **state)
{
	static const struct row rows[] = {
		{ "tagged", .tags = "c", .destination = VIP4, .protocol = ICMP, .icmp_type = 3,
			WORKER },
		{ "options", .destination = VIP4, .protocol = ICMP, .options = 1, .icmp_type = 3,
			WORKER },
		{ "as many as there can be", .destination = VIP4, .protocol = ICMP, .options = 10,
			.icmp_type = 11, WORKER },
		{ "ping with options", .destination = VIP4, .protocol = ICMP, .options = 1,
			LOOPED },
		{ "vip of the host", .destination = VIP4_LOCAL, .protocol = ICMP, .icmp_type = 12,
			WORKER },
		{ "type alone", .destination = VIP4, .protocol = ICMP, .icmp_type = 3, .length = 35,
			WORKER },
		{ "not even a type", .destination = VIP4, .protocol = ICMP, .icmp_type = 3,
			.length = 34, LOOPED },
		{ "cut in the options", .destination = VIP4, .protocol = ICMP, .icmp_type = 3,
			.options = 2, .length = 36, LOOPED },
		{ "hop-by-hop", .destination = VIP6, .protocol = ICMPV6, .extensions = "h",
			.icmp_type = 2, WORKER },
		{ "all three", .destination = VIP6, .protocol = ICMPV6, .extensions = "hdr",
			.extension_units = 3, .icmp_type = 1, WORKER },
		{ "ipv6, type alone", .destination = VIP6, .protocol = ICMPV6, .icmp_type = 4,
			.length = 55, WORKER },
		{ "ipv6, not even a type", .destination = VIP6, .protocol = ICMPV6, .icmp_type = 4,
			.length = 54, LOOPED },
		{ "for the host", .destination = OWN4, .protocol = ICMP, .icmp_type = 3, HOST },
		{ "for the host, ipv6", .destination = OWN6, .protocol = ICMPV6, .icmp_type = 1,
			HOST },
	};
	struct port *port = *state;

	open_socket(port);
	check_rows(port, rows, COUNT_OF(rows));
}

static void without_a_live_socket_what_is_for_a_vip_is_dropped(void **state)
{
	static const struct row tcp = { "tcp", .destination = VIP4, .protocol = TCP,
		.expected = STEER_COUNT_NO_SOCKET };
	static const struct row ipv6 = { "ipv6", .destination = VIP6, .protocol = UDP,
		.expected = STEER_COUNT_NO_SOCKET };
	static const struct row host = { "ssh", .destination = OWN4, .protocol = TCP, HOST };
	struct row live = tcp;
	struct port *port = *state;

	check_row_on_queue(port, &tcp, 0);
	check_row_on_queue(port, &ipv6, 0);
	live.expected = STEER_COUNT_TO_WORKER;
	open_socket(port);
	check_row_on_queue(port, &live, 0);
	close_socket(port);
	check_row_on_queue(port, &tcp, 0);
	check_row_on_queue(port, &host, 0);
}

static void a_queue_without_a_socket_does_not_borrow_that_of_another(void **state)
{
	static const struct row served = { "queue 0", .destination = VIP4, .protocol = TCP,
		WORKER };
	static const struct row deaf = { "queue 1", .destination = VIP4, .protocol = TCP,
		.expected = STEER_COUNT_NO_SOCKET };
	struct port port = open_ready_port("wide");

	open_socket(&port);
	check_row_on_queue(&port, &served, 0);
	check_row_on_queue(&port, &deaf, 1);
	close_port(&port);
}

#define NOT_READY .expected = STEER_COUNT_NOT_READY

static void until_ready_nothing_is_routed_and_the_host_lives_on(void **state)
{
	static const struct row rows[] = {
		{ "vip", .destination = VIP4, .protocol = TCP, NOT_READY },
		{ "vip over ipv6", .destination = VIP6, .protocol = UDP, NOT_READY },
		{ "tagged", .tags = "c", .destination = VIP4, .protocol = TCP, NOT_READY },
		{ "ping of a vip", .destination = VIP4, .protocol = ICMP, NOT_READY },
		{ "elsewhere", .destination = ELSEWHERE4, .protocol = TCP, NOT_READY },
		{ "ssh to the host", .destination = OWN4, .protocol = TCP, HOST },
		{ "bgp over ipv6", .destination = OWN6, .protocol = TCP, HOST },
		{ "arp", .mac = broadcast_mac, .type = 0x0806, HOST },
		{ "neighbour discovery", .destination = "fe80::10", .protocol = ICMPV6, HOST },
		{ "to a group", .mac = group_mac, .destination = "224.0.0.5", .protocol = 89,
			HOST },
		{ "vip that the kernel has too", .destination = VIP4_LOCAL, .protocol = TCP, HOST },
		{ "cut short", .destination = VIP4, .protocol = TCP, .length = 33, HOST },
	};
	static const struct row afterwards = { "elsewhere", .destination = ELSEWHERE4,
		.protocol = TCP, HOST };
	struct port port = open_port("edge");

	add_vip(port.steer, VIP4); /* a part of the VIPs changes nothing */
	check_rows(&port, rows, COUNT_OF(rows));
	assert_int_equal(steer_set_ready(port.steer), 0);
	check_row_on_queue(&port, &afterwards, 0);
	close_port(&port);
}

static void before_control_found_the_program_it_is_not_ready(void **state)
{
	static const struct row vip = { "vip", .destination = VIP4, .protocol = TCP };
	static const struct row ssh = { "ssh", .destination = OWN4, .protocol = TCP };
	struct port port = { .socket = -1 };
	struct frame frame;

	attach_object(&port, "edge");
	build(&frame, &vip);
	assert_int_equal(run_program(&port, &frame, 0), XDP_DROP);
	build(&frame, &ssh);
	assert_int_equal(run_program(&port, &frame, 0), XDP_PASS);
	assert_int_equal(bpf_xdp_detach((int)port.ifindex, 0, NULL), 0);
	close_port(&port);
}

static void a_vip_comes_and_goes(void **state)
{
	static const struct row ours = { "added", .destination = ELSEWHERE4, .protocol = TCP,
		.expected = STEER_COUNT_NO_SOCKET };
	static const struct row foreign = { "removed", .destination = ELSEWHERE4, .protocol = TCP,
		HOST };
	struct port *port = *state;
	uint8_t bytes[16] = { 198, 51, 100, 1 };

	check_row_on_queue(port, &foreign, 0);
	assert_int_equal(steer_add(port->steer, bytes, 4), 0);
	assert_int_equal(steer_add(port->steer, bytes, 4), 0);
	check_row_on_queue(port, &ours, 0);
	assert_int_equal(steer_remove(port->steer, bytes, 4), 0);
	assert_int_equal(steer_remove(port->steer, bytes, 4), -ENOENT);
	check_row_on_queue(port, &foreign, 0);
}

static void one_vip_too_many_is_refused(void **state)
{
	struct port port = open_port("edge");
	uint8_t bytes[16] = { 0xfd };

	for (uint32_t i = 0; i < STEER_VIPS_MAX; i++) {
		memcpy(bytes + 4, &i, sizeof(i));
		assert_int_equal(steer_add(port.steer, bytes, 6), 0);
	}
	bytes[15] = 1;
	assert_int_equal(steer_add(port.steer, bytes, 6), -E2BIG);
	close_port(&port);
}

static void two_ports_of_one_process_do_not_share_their_maps(void **state)
{
	static const struct row ours = { "ours", .destination = ELSEWHERE4, .protocol = TCP,
		.expected = STEER_COUNT_NO_SOCKET };
	static const struct row foreign = { "foreign", .destination = ELSEWHERE4, .protocol = TCP,
		HOST };
	struct port first = open_ready_port("edge");
	struct port second = open_ready_port("core");

	add_vip(second.steer, ELSEWHERE4);
	check_row_on_queue(&first, &foreign, 0);
	check_row_on_queue(&second, &ours, 0);
	close_port(&first);
	assert_true(steer_is_attached(second.steer));
	close_port(&second);
}

static void every_count_has_a_name_and_a_text(void **state)
{
	assert_string_equal(steer_count_name(STEER_COUNT_TO_WORKER), "to_worker");
	assert_string_equal(steer_count_name(STEER_COUNT_NOT_READY), "not_ready");
	for (int i = 0; i < STEER_COUNT_MAX; i++)
		assert_true(strlen(steer_count_text((enum steer_count)i)) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_PORT(what_is_for_a_vip_goes_to_the_worker),
		WITH_PORT(fragments_for_a_vip_go_to_the_worker),
		WITH_PORT(what_is_for_no_vip_is_left_to_the_host),
		WITH_PORT(frames_for_another_mac_are_left_to_the_host),
		WITH_PORT(frames_that_end_too_early_or_have_two_tags_are_left_to_the_host),
		WITH_PORT(ping_of_a_vip_is_never_routed_away_by_the_host),
		WITH_PORT(ping_of_a_vip_is_left_to_a_host_that_does_not_route_on_that_port),
		WITH_PORT(icmpv6_is_found_behind_extension_headers),
		WITH_PORT(icmp_errors_for_a_vip_go_to_the_worker_and_other_types_do_not),
		WITH_PORT(icmp_errors_are_found_wherever_they_begin),
		WITH_PORT(without_a_live_socket_what_is_for_a_vip_is_dropped),
		WITH_PORT(a_vip_comes_and_goes),
		cmocka_unit_test(a_queue_without_a_socket_does_not_borrow_that_of_another),
		cmocka_unit_test(until_ready_nothing_is_routed_and_the_host_lives_on),
		cmocka_unit_test(before_control_found_the_program_it_is_not_ready),
		cmocka_unit_test(one_vip_too_many_is_refused),
		cmocka_unit_test(two_ports_of_one_process_do_not_share_their_maps),
		cmocka_unit_test(every_count_has_a_name_and_a_text),
	};

	return cmocka_run_group_tests_name("steer", tests, make_network, remove_files);
}
