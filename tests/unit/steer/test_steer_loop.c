/* SPDX-License-Identifier: BSD-3-Clause */
/* The filter in tc that keeps what is for a VIP from looping. Needs root. */
#include "steer_fixture.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/pkt_cls.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "netns.h"

enum position { POST = 1, GATE = 2 }; /* handles */

/* The program of a filter at our preference, 0 for none. */
static uint32_t filter_program(const char *interface, enum position position)
{
	LIBBPF_OPTS(bpf_tc_hook, ingress, .ifindex = (int)if_nametoindex(interface),
		.attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, options, .handle = position, .priority = STEER_LOOP_PREFERENCE);

	return bpf_tc_query(&ingress, &options) < 0 ? 0 : options.prog_id;
}

static void attach_filter(const char *interface, uint32_t preference, int handle, int program)
{
	LIBBPF_OPTS(bpf_tc_hook, ingress, .ifindex = (int)if_nametoindex(interface),
		.attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, options, .handle = (uint32_t)handle, .priority = preference,
		.prog_fd = program);
	int result = bpf_tc_hook_create(&ingress);

	assert_true(result == 0 || result == -EEXIST);
	assert_int_equal(bpf_tc_attach(&ingress, &options), 0);
}

static void remove_filters(const char *interface)
{
	char line[128];

	snprintf(line, sizeof(line), "tc qdisc del dev %s clsact", interface);
	assert_int_equal(netns_run(line), 0);
}

/* What the filter with that program says of a frame that came in on `edge`: dropped or not. */
static bool filter_drops(uint32_t id, const struct row *row)
{
	uint8_t copy[sizeof(((struct frame *)NULL)->bytes)];
	struct __sk_buff context = { .ifindex = if_nametoindex("edge") };
	struct frame frame;
	int program = bpf_prog_get_fd_by_id(id);

	build(&frame, row);
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame.bytes,
		.data_size_in = (uint32_t)frame.length, .data_out = copy,
		.data_size_out = sizeof(copy), .ctx_in = &context, .ctx_size_in = sizeof(context),
		.repeat = 1);
	assert_true(program >= 0);
	assert_int_equal(bpf_prog_test_run_opts(program, &options), 0);
	close(program);
	assert_int_equal(options.data_size_out, frame.length);
	assert_memory_equal(copy, frame.bytes, frame.length);
	assert_true((int)options.retval == TC_ACT_SHOT || (int)options.retval == TC_ACT_UNSPEC);
	return (int)options.retval == TC_ACT_SHOT;
}

/* Rows of which any but HOST is to be dropped. */
static void check_filter(enum position position, const struct row *rows, size_t count)
{
	uint32_t id = filter_program("edge", position);

	assert_true(id != 0);
	for (size_t i = 0; i < count; i++) {
		if (filter_drops(id, &rows[i]) == (rows[i].expected == STEER_COUNT_HOST))
			fail_msg("%s: wrong in position %d", rows[i].name, position);
	}
}

#define DROP .expected = STEER_COUNT_FILTERED

/* What no filter may touch, whatever it knows. */
static const struct row never_dropped[] = {
	{ "ssh to the host", .destination = OWN4, .protocol = TCP, HOST },
	{ "bgp over ipv6", .destination = OWN6, .protocol = TCP, HOST },
	{ "ping of the host", .destination = OWN4, .protocol = ICMP, HOST },
	{ "arp", .mac = broadcast_mac, .type = 0x0806, HOST },
	{ "neighbour discovery", .destination = "fe80::10", .protocol = ICMPV6, HOST },
	{ "to a group", .mac = group_mac, .destination = "224.0.0.5", .protocol = 89, HOST },
	{ "for another mac", .mac = other_mac, .destination = VIP4, .protocol = TCP, HOST },
	{ "vip that the kernel has too", .destination = VIP4_LOCAL, .protocol = TCP, HOST },
	{ "the same over ipv6", .destination = VIP6_LOCAL, .protocol = ICMPV6, HOST },
	{ "blackhole", .destination = VIP4_BLACK, .protocol = TCP, HOST },
	{ "not ip", .type = 0x88cc, HOST },
};

static void at_its_post_the_filter_drops_vips_that_would_be_routed_away(void **state)
{
	static const struct row rows[] = {
		{ "tcp", .destination = VIP4, .protocol = TCP, DROP },
		{ "udp over ipv6", .destination = VIP6, .protocol = UDP, DROP },
		{ "fragment", .destination = VIP4, .protocol = TCP, .fragment = 0x2010, DROP },
		{ "ping", .destination = VIP4, .protocol = ICMP, DROP },
		{ "ping over ipv6", .destination = VIP6, .protocol = ICMPV6, DROP },
		{ "what the host routes", .destination = ELSEWHERE4, .protocol = UDP, HOST },
		{ "the same over ipv6", .destination = ELSEWHERE6, .protocol = UDP, HOST },
	};

	assert_int_equal(filter_program("edge", GATE), 0);
	check_filter(POST, rows, COUNT_OF(rows));
	check_filter(POST, never_dropped, COUNT_OF(never_dropped));
}

static void until_ready_the_filter_drops_whatever_would_be_routed(void **state)
{
	static const struct row rows[] = {
		{ "vip", .destination = VIP4, .protocol = TCP, DROP },
		{ "vip over ipv6", .destination = VIP6, .protocol = UDP, DROP },
		{ "elsewhere", .destination = ELSEWHERE4, .protocol = TCP, DROP },
		{ "elsewhere over ipv6", .destination = ELSEWHERE6, .protocol = TCP, DROP },
	};
	struct steer *steer = claim("edge");

	prepare(steer, 1);
	check_filter(GATE, rows, COUNT_OF(rows));
	check_filter(GATE, never_dropped, COUNT_OF(never_dropped));
	steer_destroy(steer);
}

static void the_filter_follows_the_vips(void **state)
{
	static const struct row ours = { "added", .destination = ELSEWHERE4, .protocol = TCP,
		DROP };
	static const struct row foreign = { "removed", .destination = ELSEWHERE4, .protocol = TCP,
		HOST };
	struct port *port = *state;
	uint8_t bytes[16] = { 198, 51, 100, 1 };

	check_filter(POST, &foreign, 1);
	assert_int_equal(steer_add(port->steer, bytes, 4), 0);
	check_filter(POST, &ours, 1);
	assert_int_equal(steer_remove(port->steer, bytes, 4), 0);
	check_filter(POST, &ours, 1); /* its route may not be withdrawn yet */
	assert_int_equal(steer_release(port->steer, bytes, 4), 0);
	assert_int_equal(steer_release(port->steer, bytes, 4), -ENOENT);
	check_filter(POST, &foreign, 1);
	assert_int_equal(steer_add_former(port->steer, bytes, 4), 0);
	check_filter(POST, &ours, 1);
	assert_int_equal(steer_add(port->steer, bytes, 4), 0); /* which is none any more */
	assert_int_equal(steer_remove(port->steer, bytes, 4), 0);
	assert_int_equal(steer_release(port->steer, bytes, 4), 0);
}

static void what_the_filter_drops_is_counted(void **state)
{
	static const struct row vip = { "vip", .destination = VIP4, .protocol = TCP };
	struct port *port = *state;
	const uint8_t bytes[16] = { 203, 0, 113, 10 }, unknown[16] = { 203, 0, 113, 99 };
	uint64_t before[STEER_COUNT_MAX], after[STEER_COUNT_MAX];
	uint64_t drops_before, drops;

	assert_int_equal(steer_drops_of(port->steer, bytes, 4, &drops_before), 0);
	assert_int_equal(steer_count(port->steer, before), 0);
	assert_true(filter_drops(filter_program("edge", POST), &vip));
	assert_int_equal(steer_count(port->steer, after), 0);
	assert_int_equal(after[STEER_COUNT_FILTERED], before[STEER_COUNT_FILTERED] + 1);
	assert_int_equal(after[STEER_COUNT_HOST], before[STEER_COUNT_HOST]);
	assert_int_equal(steer_drops_of(port->steer, bytes, 4, &drops), 0);
	assert_int_equal(drops, drops_before + 1);
	add_vip(port->steer, VIP4); /* once more, which keeps the count */
	assert_int_equal(steer_drops_of(port->steer, bytes, 4, &drops), 0);
	assert_int_equal(drops, drops_before + 1);
	assert_int_equal(steer_drops_of(port->steer, unknown, 4, &drops), -ENOENT);
}

static const struct row vip_row = { "vip", .destination = VIP4, .protocol = TCP, DROP };

static void the_filter_stays_after_a_clean_end(void **state)
{
	struct port port = open_ready_port("edge");

	close_port(&port);
	assert_int_equal(attached_program("edge"), 0);
	check_filter(POST, &vip_row, 1);
	assert_int_equal(filter_program("edge", GATE), 0);
}

/* At no step is there less than one filter, and after all of them there is one. */
static void a_restart_hands_the_filter_over(void **state)
{
	struct port port;

	for (int i = 0; i < 3; i++) {
		leave_a_stale_program("edge");
		check_filter(POST, &vip_row, 1);
		port.steer = claim("edge");
		prepare(port.steer, 1);
		prepare(port.steer, 1); /* the driver tries again */
		check_filter(GATE, &vip_row, 1);
		check_filter(POST, &vip_row, 1);
		assert_int_equal(count_filters("edge"), 2);
		steer_destroy(port.steer);
		port = open_ready_port("edge");
		check_filter(POST, &vip_row, 1);
		assert_int_equal(count_filters("edge"), 1);
		close_port(&port);
	}
}

static void a_start_that_fails_leaves_the_filter_of_its_predecessor(void **state)
{
	struct steer *steer;
	uint32_t id;

	leave_a_stale_program("edge");
	id = filter_program("edge", POST);
	steer = claim("edge");
	prepare(steer, 1);
	steer_destroy(steer);
	assert_int_equal(filter_program("edge", POST), id);
	assert_int_equal(count_filters("edge"), 1);
}

static void prepare_and_die(void)
{
	prepare(claim("edge"), 1);
	kill(getpid(), SIGKILL);
}

static void a_start_that_is_killed_leaves_what_the_next_one_replaces(void **state)
{
	struct port port;
	pid_t child;

	leave_a_stale_program("edge");
	child = fork();
	if (child == 0)
		prepare_and_die();
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(count_filters("edge"), 2);
	set_sys_admin(false);
	port = open_ready_port("edge");
	set_sys_admin(true);
	check_filter(POST, &vip_row, 1);
	assert_int_equal(count_filters("edge"), 1);
	close_port(&port);
}

static int load_foreign_filter(void)
{
	const struct bpf_insn instructions[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = TC_ACT_UNSPEC },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "somebody_else", "BSD", instructions,
		COUNT_OF(instructions), NULL);
}

static void check_foreign_filter_is_refused(struct steer *steer, bool sys_admin)
{
	struct error error = { "" };
	int result;

	set_sys_admin(sys_admin);
	result = steer_prepare(steer, 1, &error);
	set_sys_admin(true);
	assert_int_equal(result, -EBUSY);
	assert_non_null(strstr(error.message, "tc filter del dev edge ingress pref 40"));
}

static void foreign_filters_are_left_alone(void **state)
{
	int program = load_foreign_filter();
	struct steer *steer = claim("edge");
	struct port port;

	remove_filters("edge");
	attach_filter("edge", STEER_LOOP_PREFERENCE, POST, program);
	check_foreign_filter_is_refused(steer, true);
	check_foreign_filter_is_refused(steer, false);
	assert_int_equal(count_filters("edge"), 1);
	steer_destroy(steer);
	remove_filters("edge");
	attach_filter("edge", STEER_LOOP_PREFERENCE, 7, program);
	attach_filter("edge", STEER_LOOP_PREFERENCE + 1, POST, program);
	port = open_ready_port("edge");
	assert_int_equal(count_filters("edge"), 3);
	close_port(&port);
	assert_int_equal(count_filters("edge"), 3);
	remove_filters("edge");
	close(program);
}

static void a_filter_that_was_removed_is_put_back(void **state)
{
	static const char *const removals[] = {
		"tc filter del dev edge ingress pref 40",
		"tc qdisc del dev edge clsact",
	};
	struct port port = open_ready_port("edge");

	assert_int_equal(steer_restore_filter(port.steer), 0);
	for (size_t i = 0; i < sizeof(removals) / sizeof(removals[0]); i++) {
		assert_int_equal(steer_find_filter(port.steer), 0);
		assert_int_equal(netns_run(removals[i]), 0);
		assert_int_equal(steer_find_filter(port.steer), -ENOENT);
		assert_int_equal(steer_restore_filter(port.steer), 1);
		assert_int_equal(count_filters("edge"), 1);
		assert_int_equal(steer_restore_filter(port.steer), 0);
	}
	assert_int_equal(netns_run(removals[0]), 0);
	assert_int_equal(
		netns_run("tc filter add dev edge ingress pref 40 handle 1 protocol all bpf da "
			  "bytecode '1,6 0 0 4294967295'"),
		0);
	assert_int_equal(steer_find_filter(port.steer), -EBUSY);
	assert_int_equal(steer_restore_filter(port.steer), -EBUSY);
	assert_int_equal(netns_run(removals[0]), 0);
	close_port(&port);
}

static void empty_run_directory(void)
{
	char line[sizeof(run_directory) + 16];

	snprintf(line, sizeof(line), "rm -rf %s", run_directory);
	assert_int_equal(netns_run(line), 0);
}

/* As systemd does it to the RuntimeDirectory of a unit that ended, well or not. */
static void what_was_left_is_known_without_the_files_and_cap_sys_admin(void **state)
{
	struct port port = open_ready_port("edge");

	close_port(&port); /* leaves its filter */
	empty_run_directory();
	set_sys_admin(false);
	port = open_ready_port("edge");
	set_sys_admin(true);
	close_port(&port);
	leave_a_stale_program("edge");
	empty_run_directory();
	set_sys_admin(false);
	port = open_ready_port("edge");
	set_sys_admin(true);
	assert_int_equal(count_filters("edge"), 1);
	close_port(&port);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(until_ready_the_filter_drops_whatever_would_be_routed),
		WITH_PORT(at_its_post_the_filter_drops_vips_that_would_be_routed_away),
		WITH_PORT(the_filter_follows_the_vips),
		WITH_PORT(what_the_filter_drops_is_counted),
		cmocka_unit_test(the_filter_stays_after_a_clean_end),
		cmocka_unit_test(a_restart_hands_the_filter_over),
		cmocka_unit_test(a_start_that_fails_leaves_the_filter_of_its_predecessor),
		cmocka_unit_test(a_start_that_is_killed_leaves_what_the_next_one_replaces),
		cmocka_unit_test(foreign_filters_are_left_alone),
		cmocka_unit_test(a_filter_that_was_removed_is_put_back),
		cmocka_unit_test(what_was_left_is_known_without_the_files_and_cap_sys_admin),
	};

	return cmocka_run_group_tests_name("steer_loop", tests, make_network, remove_files);
}
