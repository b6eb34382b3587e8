/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The way of probes, in a network namespace of the test's own: packets are sent with a mark, and
 * what comes out at the other end of the port's cable is held against what a worker makes of the
 * same packet. Needs root.
 */
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <linux/capability.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "capability.h"
#include "encap/encap.h"
#include "frames.h"
#include "netns.h"
#include "packet/parse.h"
#include "probe/probe_path.h"

#define PORT        "port0" /* interface of the port */
#define WIRE        "wire0" /* what leaves by the port comes in there */
#define MTU         1500
#define DEADLINE_MS 60000
#define NUMBER      77 /* of an entry */

enum outer { OUTER_NONE, OUTER_IPV4, OUTER_IPV6, OUTER_COUNT };

static const uint16_t outer_sizes[] = { [OUTER_NONE] = 0, [OUTER_IPV4] = 20, [OUTER_IPV6] = 40 };

typedef void make_t(struct frame *frame, uint16_t source_port, size_t payload);

static make_t *const inners[] = { frame_make_tcp4, frame_make_udp4, frame_make_tcp6,
	frame_make_udp6 };

static struct backend_record make_record(enum outer outer)
{
	static const char *const sources[] = { NULL, "10.2.0.10", "fd00:2::10" };
	static const char *const destinations[] = { NULL, "10.2.0.21", "fd00:2::21" };
	struct record_route route = { .mtu = MTU,
		.destination_mac = { 2, 0, 0, 0, 0, 0x21 },
		.source_mac = { 2, 0, 0, 0, 0, 0x10 } };
	struct address source, destination;
	struct backend_record record;

	if (outer == OUTER_NONE) {
		record_make_l2dsr(&record, &route);
		return record;
	}
	assert_int_equal(address_parse(sources[outer], &source), 0);
	assert_int_equal(address_parse(destinations[outer], &destination), 0);
	record_make_ipip(&record, &route, &source, &destination);
	return record;
}

static struct probe_entry make_entry(enum outer outer)
{
	const struct backend_record record = make_record(outer);
	struct probe_entry entry = {
		.ifindex = if_nametoindex(PORT), .mtu = record.mtu, .outer_size = outer_sizes[outer]
	};

	memcpy(entry.headers.ethernet, (const uint8_t *)&record + RECORD_HEADERS,
		PROBE_ETHERNET_SIZE + outer_sizes[outer]);
	return entry;
}

static struct probe_path *open_path(void)
{
	const struct probe_path_options options = { .entries = 100, .mtu = MTU, .least = MTU };
	struct error error = { "" };
	struct probe_path *path;

	if (probe_path_open(&path, &options, &error) < 0)
		fail_msg("%s", error.message);
	return path;
}

static void set(struct probe_path *path, uint32_t number, enum outer outer)
{
	const struct probe_entry entry = make_entry(outer);

	assert_int_equal(probe_path_set(path, number, &entry), 0);
}

static uint64_t count_of(struct probe_path *path, enum probe_count count)
{
	uint64_t counts[PROBE_COUNT_MAX];

	assert_int_equal(probe_path_count(path, counts), 0);
	return counts[count];
}

/* Sends the frame's IP packet as it is from a socket with that mark. 0 or -errno. */
static int send_marked(uint32_t mark, const struct frame *frame)
{
	const uint8_t *ip = frame->bytes + frame->l3;
	struct sockaddr_in ipv4 = { .sin_family = AF_INET };
	struct sockaddr_in6 ipv6 = { .sin6_family = AF_INET6 };
	const bool is_ipv4 = frame->version == 4;
	const struct sockaddr *to = is_ipv4 ? (void *)&ipv4 : (void *)&ipv6;
	int fd = socket(is_ipv4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	ssize_t sent;

	assert_true(fd >= 0);
	memcpy(&ipv4.sin_addr, ip + 16, 4);
	memcpy(&ipv6.sin6_addr, ip + 24, 16);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)), 0);
	assert_int_equal(is_ipv4 ? setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER,
					   &(int){ IP_PMTUDISC_PROBE }, sizeof(int))
				 : setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER,
					   &(int){ IPV6_PMTUDISC_PROBE }, sizeof(int)),
		0);
	sent = sendto(
		fd, ip, frame->length - frame->l3, 0, to, is_ipv4 ? sizeof(ipv4) : sizeof(ipv6));
	close(fd);
	return sent < 0 ? -errno : 0;
}

static int open_wire(void)
{
	const struct sockaddr_ll address = { .sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)if_nametoindex(WIRE) };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* The next frame that comes in. The port's interface has neither ARP nor IPv6 of its own. */
static void receive(int wire, struct frame *frame)
{
	struct pollfd ready = { .fd = wire, .events = POLLIN };
	ssize_t length;

	memset(frame, 0, sizeof(*frame));
	assert_int_equal(poll(&ready, 1, DEADLINE_MS), 1);
	length = recv(wire, frame->bytes, sizeof(frame->bytes), 0);
	assert_true(length > 0);
	frame->length = (size_t)length;
	frame->l3 = 14;
}

/* What a worker makes of the IP packet in a frame that has come out. */
static void encapsulate(const struct frame *seen, enum outer outer, struct frame *expected)
{
	const struct backend_record record = make_record(outer);
	const uint8_t *inner = seen->bytes + seen->l3 + outer_sizes[outer];
	const bool is_ipv4 = inner[0] >> 4 == 4;
	struct frame plain = { .length = seen->length - outer_sizes[outer] };
	struct packet packet = { 0 };

	memcpy(plain.bytes + 14, inner, plain.length - 14);
	frame_write16(plain.bytes + 12, is_ipv4 ? ETH_P_IP : ETH_P_IPV6);
	packet.mbuf = frame_mbuf_create(&plain, 128, 0);
	assert_int_equal(parse(&packet), VERDICT_NEXT);
	if (outer == OUTER_IPV6) /* the label is of the flow: any will do, but for 0 */
		packet.hash = frame_read32(seen->bytes + seen->l3) & 0xfffff;
	assert_int_equal(encap(&packet, &record), VERDICT_NEXT);
	frame_from_mbuf(expected, packet.mbuf);
	frame_mbuf_free(packet.mbuf);
}

/* Sends a packet, which must come out as from a worker. */
static void check_way(
	struct probe_path *path, int wire, const struct frame *frame, enum outer outer)
{
	uint64_t sent = count_of(path, PROBE_COUNT_SENT);
	struct frame seen, expected;

	assert_int_equal(send_marked(probe_path_mark(path, NUMBER), frame), 0);
	receive(wire, &seen);
	encapsulate(&seen, outer, &expected);
	assert_int_equal(seen.length, expected.length);
	assert_memory_equal(seen.bytes, expected.bytes, expected.length);
	assert_int_equal(seen.length - outer_sizes[outer], frame->length);
	if (outer == OUTER_IPV6)
		assert_true((frame_read32(seen.bytes + 14) & 0xfffff) != 0);
	assert_int_equal(count_of(path, PROBE_COUNT_SENT), sent + 1);
}

static void check_simple_way(struct probe_path *path)
{
	int wire = open_wire();
	struct frame frame;

	set(path, NUMBER, OUTER_IPV4);
	frame_make_udp4(&frame, 40000, 10);
	check_way(path, wire, &frame, OUTER_IPV4);
	frame_make_udp6(&frame, 40000, 10);
	check_way(path, wire, &frame, OUTER_IPV4);
	close(wire);
}

static void a_probe_leaves_as_a_worker_sends_it(void **state)
{
	struct probe_path *path = open_path();
	int wire = open_wire();

	for (enum outer outer = 0; outer < OUTER_COUNT; outer++)
		for (size_t i = 0; i < COUNT_OF(inners); i++) {
			struct frame frame;

			set(path, NUMBER, outer);
			inners[i](&frame, 40000, 100);
			check_way(path, wire, &frame, outer);
			frame_set_traffic_class(&frame, 0xb9);
			frame_finish(&frame);
			check_way(path, wire, &frame, outer);
		}
	close(wire);
	probe_path_close(path);
}

/* The sum of the outer header carries in other places for each length. */
static void a_probe_of_any_length_leaves_as_a_worker_sends_it(void **state)
{
	struct probe_path *path = open_path();
	int wire = open_wire();

	for (enum outer outer = 0; outer < OUTER_COUNT; outer++)
		for (size_t payload = 0; payload <= MTU - 28u - outer_sizes[outer]; payload += 3) {
			struct frame frame;

			set(path, NUMBER, outer);
			frame_make_udp4(&frame, 40000, payload);
			check_way(path, wire, &frame, outer);
		}
	close(wire);
	probe_path_close(path);
}

static void the_largest_probe_is_the_largest_packet_of_the_port(void **state)
{
	struct probe_path *path = open_path();
	int wire = open_wire();
	struct frame frame;

	for (enum outer outer = OUTER_IPV4; outer < OUTER_COUNT; outer++) {
		uint64_t dropped = count_of(path, PROBE_COUNT_MTU_EXCEEDED);

		set(path, NUMBER, outer);
		frame_make_udp4(&frame, 40000, MTU - 28u - outer_sizes[outer]);
		check_way(path, wire, &frame, outer);
		frame_make_udp4(&frame, 40000, MTU - 28u - outer_sizes[outer] + 1);
		assert_int_equal(send_marked(probe_path_mark(path, NUMBER), &frame), 0);
		assert_int_equal(count_of(path, PROBE_COUNT_MTU_EXCEEDED), dropped + 1);
	}
	close(wire);
	probe_path_close(path);
}

static void without_an_entry_nothing_leaves(void **state)
{
	struct probe_path *path = open_path();
	uint64_t dropped = count_of(path, PROBE_COUNT_UNMARKED);
	struct frame frame;

	frame_make_udp4(&frame, 40000, 10);
	assert_int_equal(send_marked(probe_path_mark(path, NUMBER), &frame), 0);
	set(path, NUMBER, OUTER_IPV4);
	assert_int_equal(send_marked(probe_path_mark(path, NUMBER + 1), &frame), 0);
	assert_int_equal(probe_path_remove(path, NUMBER), 0);
	assert_int_equal(probe_path_remove(path, NUMBER), -ENOENT);
	assert_int_equal(send_marked(probe_path_mark(path, NUMBER), &frame), 0);
	assert_true(count_of(path, PROBE_COUNT_UNMARKED) >= dropped + 3);
	assert_int_equal(count_of(path, PROBE_COUNT_SENT), 0);
	check_simple_way(path); /* it was the entry alone that was missing */
	probe_path_close(path);
}

static void more_entries_than_asked_for_are_refused(void **state)
{
	struct probe_path *path = open_path();
	const struct probe_entry entry = make_entry(OUTER_IPV4);

	for (uint32_t number = 0; number < 100; number++)
		assert_int_equal(probe_path_set(path, 1000 + number, &entry), 0);
	assert_int_equal(probe_path_set(path, 5, &entry), -E2BIG);
	assert_int_equal(probe_path_set(path, 1000, &entry), 0);
	assert_int_equal(probe_path_remove(path, 1000), 0);
	assert_int_equal(probe_path_set(path, 5, &entry), 0);
	probe_path_close(path);
}

static int count_lines(const char *command)
{
	FILE *pipe = popen(command, "r");
	int count = 0, character;

	assert_non_null(pipe);
	while ((character = fgetc(pipe)) != EOF)
		count += character == '\n';
	pclose(pipe);
	return count;
}

#define RULES4  "ip -4 rule list | grep 'proto 83'"
#define RULES6  "ip -6 rule list | grep 'proto 83'"
#define DEVICES "ip -o link | grep sluice-probe"
#define ROUTES  "ip -4 route list table all proto 83; ip -6 route list table all proto 83"

/* So many devices exist, each with what belongs to it. */
static void check_present(int count)
{
	assert_int_equal(count_lines(DEVICES), count);
	assert_int_equal(count_lines(RULES4), count);
	assert_int_equal(count_lines(RULES6), count);
	assert_int_equal(count_lines(ROUTES), 2 * count);
}

static void nothing_is_left_after_a_clean_end(void **state)
{
	struct probe_path *path = open_path();

	check_present(1);
	probe_path_close(path);
	check_present(0);
}

static void two_processes_in_one_namespace_do_not_meet(void **state)
{
	struct probe_path *first = open_path(), *second = open_path();
	struct frame frame;

	check_present(2);
	assert_true(probe_path_mark(first, NUMBER) != probe_path_mark(second, NUMBER));
	assert_string_not_equal(probe_path_device(first), probe_path_device(second));
	check_simple_way(first);
	check_simple_way(second);
	assert_int_equal(count_of(first, PROBE_COUNT_SENT), 2);
	probe_path_close(first);
	check_present(1);
	check_simple_way(second);
	frame_make_udp4(&frame, 40000, 10);
	probe_path_close(second);
	check_present(0);
}

/* probe_maps.h: kube-proxy, Cilium, Calico and others would take them for marks of theirs. */
static void marks_have_no_bit_that_others_test(void **state)
{
	static const uint32_t foreign = 0x000fef00;
	struct probe_path *first = open_path(), *second = open_path();
	uint32_t before = 0;

	for (uint32_t number = 0; number < PROBE_NUMBERS_MAX; number++) {
		uint32_t mark = probe_path_mark(second, number);

		assert_int_equal(mark & foreign, 0);
		assert_int_equal(mark & 0x1000, 0x1000);
		assert_true(mark > before); /* so they all differ */
		before = mark;
	}
	probe_path_close(second);
	probe_path_close(first);
}

static void open_and_die(void)
{
	open_path();
	kill(getpid(), SIGKILL);
}

static void what_a_killed_process_leaves_is_removed_by_the_next(void **state)
{
	struct probe_path *path;
	int status;
	pid_t child = fork();

	if (child == 0)
		open_and_die();
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(count_lines(DEVICES), 0);
	assert_int_equal(count_lines(ROUTES), 0);
	assert_int_equal(count_lines(RULES4), 1);
	path = open_path();
	check_present(1);
	check_simple_way(path);
	probe_path_close(path);
	check_present(0);
}

/* Rules of a device that lives, and rules of others, are not ours to remove. */
static void the_rules_of_others_are_left_alone(void **state)
{
	struct probe_path *first = open_path(), *second;

	assert_int_equal(netns_run("ip rule add fwmark 0x1007 lookup 77 pref 77 proto 84 &&"
				   "ip rule add fwmark 0x1107 lookup 77 pref 78 proto 83"),
		0);
	second = open_path();
	probe_path_close(second);
	assert_int_equal(count_lines("ip rule list pref 77"), 1);
	assert_int_equal(count_lines("ip rule list pref 78"), 1);
	assert_int_equal(netns_run("ip rule del pref 77; ip rule del pref 78"), 0);
	check_present(1);
	check_simple_way(first);
	probe_path_close(first);
}

/* Whatever is changed is told to routing daemons and network managers. */
static void a_look_at_what_is_in_place_changes_nothing(void **state)
{
	static const int groups[] = { RTNLGRP_LINK, RTNLGRP_TC, RTNLGRP_IPV4_ROUTE,
		RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE, RTNLGRP_IPV6_IFINFO };
	struct sockaddr_nl own = { .nl_family = AF_NETLINK };
	struct probe_path *path = open_path();
	struct error error = { "" };
	const time_t deadline = time(NULL) + 10;
	char message[8192];
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	assert_int_equal(bind(fd, (struct sockaddr *)&own, sizeof(own)), 0);
	for (size_t i = 0; i < COUNT_OF(groups); i++)
		assert_int_equal(setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &groups[i],
					 sizeof(groups[i])),
			0);
	/* the kernel itself may still have to say of the device that it is new */
	do {
		assert_true(time(NULL) < deadline);
		while (recv(fd, message, sizeof(message), MSG_DONTWAIT) > 0)
			continue;
		assert_int_equal(probe_path_restore(path, &error), 0);
	} while (recv(fd, message, sizeof(message), MSG_DONTWAIT) > 0);
	assert_int_equal(netns_run("ip link set sluice-probe0 mtu 1300"), 0);
	assert_true(recv(fd, message, sizeof(message), MSG_DONTWAIT) > 0); /* it does hear */
	close(fd);
	probe_path_close(path);
}

static void what_was_removed_is_put_back(void **state)
{
	static const char *const removals[] = {
		"ip -4 rule del pref 83",
		"ip -6 rule del pref 83",
		"ip -4 route flush table all proto 83",
		"ip -6 route flush table all proto 83",
		"ip link set sluice-probe0 down",
		"ip link set sluice-probe0 mtu 1300",
		"ip link set sluice-probe0 gso_max_segs 9",
		"ip link set sluice-probe0 addrgenmode eui64",
		"tc qdisc del dev sluice-probe0 clsact",
		"tc filter del dev sluice-probe0 egress",
		"ip link del sluice-probe0",
	};
	struct probe_path *path = open_path();
	struct error error = { "" };

	for (size_t i = 0; i < COUNT_OF(removals); i++) {
		assert_int_equal(probe_path_restore(path, &error), 0);
		assert_int_equal(netns_run(removals[i]), 0);
		if (probe_path_restore(path, &error) != 1)
			fail_msg("not put back after %s: %s", removals[i], error.message);
		assert_int_equal(probe_path_restore(path, &error), 0);
		check_present(1);
		check_simple_way(path);
	}
	probe_path_close(path);
}

static void it_needs_no_cap_sys_admin(void **state)
{
	struct probe_path *path;
	struct error error = { "" };

	capability_set(CAP_SYS_ADMIN, false);
	path = open_path();
	assert_int_equal(probe_path_restore(path, &error), 0);
	capability_set(CAP_SYS_ADMIN, true);
	check_simple_way(path);
	probe_path_close(path);
}

static void what_it_may_not_do_is_said(void **state)
{
	const struct probe_path_options options = { .entries = 100, .mtu = MTU, .least = MTU };
	struct error error = { "" };
	struct probe_path *path;

	capability_set(CAP_NET_ADMIN, false);
	capability_set(CAP_SYS_ADMIN, false);
	assert_int_equal(probe_path_open(&path, &options, &error), -EPERM);
	capability_set(CAP_SYS_ADMIN, true);
	capability_set(CAP_NET_ADMIN, true);
	assert_null(path);
	assert_true(strlen(error.message) > 20);
	check_present(0);
}

static void without_ipv6_it_serves_ipv4(void **state)
{
	struct probe_path *path;
	int wire = open_wire();
	struct frame frame;

	assert_int_equal(netns_run("echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6"), 0);
	path = open_path();
	assert_int_equal(netns_run("echo 0 >/proc/sys/net/ipv6/conf/default/disable_ipv6"), 0);
	assert_false(probe_path_has_ipv6(path));
	set(path, NUMBER, OUTER_IPV6);
	frame_make_udp4(&frame, 40000, 10);
	check_way(path, wire, &frame, OUTER_IPV6);
	close(wire);
	probe_path_close(path);
}

static int make_network(void **state)
{
	if (netns_enter() < 0)
		return -1;
	return netns_run("set -e\n"
			 "ip link add " PORT " type veth peer name " WIRE "\n"
			 "for i in " PORT " " WIRE "; do\n"
			 "	echo 1 >/proc/sys/net/ipv6/conf/$i/disable_ipv6\n"
			 "	ip link set $i arp off\n"
			 "done\n"
			 "for i in lo " PORT " " WIRE "; do ip link set $i up; done\n"
			 "ip addr add 10.2.0.10/24 dev " PORT "\n"
			 "ip addr add fd00:2::10/128 dev lo nodad\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_probe_leaves_as_a_worker_sends_it),
		cmocka_unit_test(a_probe_of_any_length_leaves_as_a_worker_sends_it),
		cmocka_unit_test(the_largest_probe_is_the_largest_packet_of_the_port),
		cmocka_unit_test(without_an_entry_nothing_leaves),
		cmocka_unit_test(more_entries_than_asked_for_are_refused),
		cmocka_unit_test(nothing_is_left_after_a_clean_end),
		cmocka_unit_test(two_processes_in_one_namespace_do_not_meet),
		cmocka_unit_test(marks_have_no_bit_that_others_test),
		cmocka_unit_test(what_a_killed_process_leaves_is_removed_by_the_next),
		cmocka_unit_test(the_rules_of_others_are_left_alone),
		cmocka_unit_test(a_look_at_what_is_in_place_changes_nothing),
		cmocka_unit_test(what_was_removed_is_put_back),
		cmocka_unit_test(it_needs_no_cap_sys_admin),
		cmocka_unit_test(what_it_may_not_do_is_said),
		cmocka_unit_test(without_ipv6_it_serves_ipv4),
	};

	return cmocka_run_group_tests(tests, make_network, NULL);
}
