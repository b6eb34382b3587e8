/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The decapsulator on an interface, and the program sluice-decap: attached, replaced and detached
 * in a network namespace of the test's own, with frames out of a veth pair. Needs root.
 */
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <linux/pkt_cls.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "decap/decap.h"
#include "decap/decap_address.h"
#include "tunnel_fixture.h"
#include "version.h"

#define INTERFACE   "backend0" /* where the decapsulator stands */
#define PEER        "wire0"    /* what is sent here comes in there */
#define DEADLINE_MS 60000

#define LONG_OPTIONS 120 /* bytes of an extension header, more than tc looks at at once */

static const char *sluice_decap; /* the program; set by main, read by tests */

static void run_command(const char *command)
{
	if (system(command) != 0)
		fail_msg("failed: %s", command);
}

static void attach(enum decap_mode mode, const struct decap_rules *rules, enum decap_mode expected)
{
	struct error error = { "" };
	enum decap_mode attached;

	if (decap_attach(INTERFACE, mode, rules, &attached, &error) < 0)
		fail_msg("%s", error.message);
	assert_string_equal(decap_mode_name(attached), decap_mode_name(expected));
}

static void attach_usual(enum decap_mode mode)
{
	struct decap_rules rules = tunnel_rules();

	attach(mode, &rules, mode);
}

/* Static: it is too big for a stack that cmocka shares. */
static struct decap_status *read_status(void)
{
	static struct decap_status status;
	struct error error = { "" };

	if (decap_status(INTERFACE, &status, &error) < 0)
		fail_msg("%s", error.message);
	return &status;
}

static int open_vip(int family)
{
	struct sockaddr_in ipv4 = { .sin_family = AF_INET, .sin_port = htons(TUNNEL_VIP_PORT) };
	struct sockaddr_in6 ipv6 = { .sin6_family = AF_INET6, .sin6_port = htons(TUNNEL_VIP_PORT) };
	int fd = socket(family == 4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET, "203.0.113.10", &ipv4.sin_addr);
	inet_pton(AF_INET6, "2001:db8::10", &ipv6.sin6_addr);
	assert_true(fd >= 0);
	if (family == 4)
		assert_int_equal(bind(fd, (struct sockaddr *)&ipv4, sizeof(ipv4)), 0);
	else
		assert_int_equal(bind(fd, (struct sockaddr *)&ipv6, sizeof(ipv6)), 0);
	return fd;
}

static void send_frame(const struct tunnel_frame *frame)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
		.sll_ifindex = (int)if_nametoindex(PEER) };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(
		sendto(fd, frame->bytes, frame->length, 0, (struct sockaddr *)&to, sizeof(to)),
		frame->length);
	close(fd);
}

/* Sends a tunnel packet down the wire; the VIP's socket must get what was in it. */
static void check_delivery(const struct tunnel_shape *shape)
{
	struct tunnel_frame frame = tunnel_build(shape);
	struct pollfd ready = { .fd = open_vip(shape->inner), .events = POLLIN };
	char payload[TUNNEL_FRAME_MAX];

	send_frame(&frame);
	assert_int_equal(poll(&ready, 1, DEADLINE_MS), 1);
	assert_int_equal(recv(ready.fd, payload, sizeof(payload), 0), strlen(TUNNEL_PAYLOAD));
	assert_memory_equal(payload, TUNNEL_PAYLOAD, strlen(TUNNEL_PAYLOAD));
	close(ready.fd);
}

static void check_deliveries(void)
{
	for (size_t i = 0; i < 2 * TUNNEL_MIX_COUNT; i++) {
		struct tunnel_shape shape = tunnel_mixes[i / 2];

		shape.tagged = i % 2 != 0;
		shape.outer_ecn = CE;
		shape.inner_ecn = ECT_0;
		check_delivery(&shape);
	}
	assert_int_equal(
		read_status()->program.verdicts[DECAP_VERDICT_DECAPSULATED], 2 * TUNNEL_MIX_COUNT);
}

static void check_rules(const struct decap_rules *rules, const char *source, const char *vip)
{
	char text[DECAP_PREFIX_TEXT_SIZE];

	assert_int_equal(rules->source_count, 1);
	assert_string_equal(decap_prefix_format(&rules->sources[0], text), source);
	assert_int_equal(rules->vip_count, 1);
	assert_string_equal(decap_address_format(&rules->vips[0], text), vip);
}

static void check_nothing_attached(void)
{
	static struct decap_status status;

	assert_int_equal(decap_status(INTERFACE, &status, NULL), -ENOENT);
	assert_int_equal(decap_detach(INTERFACE, NULL), -ENOENT);
}

static void check_life_cycle(enum decap_mode mode)
{
	struct decap_rules others = { .source_count = 0 };
	uint32_t first;

	check_nothing_attached();
	attach_usual(mode);
	assert_int_equal(read_status()->mode, mode);
	assert_memory_equal(
		read_status()->program.mac, tunnel_backend_mac, sizeof(tunnel_backend_mac));
	assert_int_equal(read_status()->program.rules.source_count, 2);
	check_deliveries();
	first = read_status()->program_id;
	tunnel_add_source(&others, "192.0.2.0/25");
	tunnel_add_vip(&others, "2001:db8::99");
	attach(mode, &others, mode);
	assert_int_not_equal(read_status()->program_id, first);
	assert_int_equal(read_status()->mode, mode);
	assert_int_equal(read_status()->program.verdicts[DECAP_VERDICT_DECAPSULATED], 0);
	check_rules(&read_status()->program.rules, "192.0.2.0/25", "2001:db8::99");
	assert_int_equal(decap_detach(INTERFACE, NULL), 0);
	check_nothing_attached();
}

static void native_xdp_attaches_replaces_and_detaches(void **state)
{
	check_life_cycle(DECAP_MODE_XDP);
}

static void generic_xdp_attaches_replaces_and_detaches(void **state)
{
	check_life_cycle(DECAP_MODE_XDPGENERIC);
}

static void tc_attaches_replaces_and_detaches(void **state)
{
	check_life_cycle(DECAP_MODE_TC);
}

static void wait_for_verdicts(enum decap_verdict verdict, uint64_t count)
{
	struct timespec pause = { .tv_nsec = 1000000 };
	int waited_ms = 0;

	while (read_status()->program.verdicts[verdict] < count && waited_ms++ < DEADLINE_MS)
		nanosleep(&pause, NULL);
	assert_int_equal(read_status()->program.verdicts[verdict], count);
}

static void headers_cut_short_pass_tc_unopened(void **state)
{
	uint64_t sent = 0;

	attach_usual(DECAP_MODE_TC);
	for (size_t i = 0; i < TUNNEL_MIX_COUNT; i++) {
		struct tunnel_frame frame = tunnel_build(&tunnel_mixes[i]);

		for (frame.length = ETH_HLEN; frame.length < frame.inner; frame.length++, sent++)
			send_frame(&frame);
	}
	wait_for_verdicts(DECAP_VERDICT_NOT_TUNNEL, sent);
	check_delivery(&tunnel_mixes[0]);
	assert_int_equal(read_status()->program.verdicts[DECAP_VERDICT_DECAPSULATED], 1);
	assert_int_equal(decap_detach(INTERFACE, NULL), 0);
}

/* By wire, where the program has to ask for what lies beyond its usual look at a packet. */
static void chain_beyond_the_first_bytes_hides_no_tunnel_from_tc(void **state)
{
	struct tunnel_frame frame = tunnel_build(&tunnel_mixes[TUNNEL_MIX_COUNT - 1]);
	uint8_t *ip = frame.bytes + frame.outer, *options = ip + IPV6_SIZE;
	const uint8_t padding[LONG_OPTIONS] = { ip[6], LONG_OPTIONS / 8 - 1, 1, LONG_OPTIONS - 4 };

	assert_int_equal(tunnel_mixes[TUNNEL_MIX_COUNT - 1].outer, 6);
	memmove(options + LONG_OPTIONS, options, frame.length - frame.inner);
	memcpy(options, padding, sizeof(padding));
	ip[6] = IPPROTO_DSTOPTS;
	tunnel_put16(ip + 4, tunnel_get16(ip + 4) + LONG_OPTIONS);
	frame.length += LONG_OPTIONS;
	attach_usual(DECAP_MODE_TC);
	send_frame(&frame);
	wait_for_verdicts(DECAP_VERDICT_MALFORMED, 1);
	options[0] = IPPROTO_UDP;
	send_frame(&frame);
	wait_for_verdicts(DECAP_VERDICT_NOT_TUNNEL, 1);
	assert_int_equal(decap_detach(INTERFACE, NULL), 0);
}

static int open_raw(int protocol)
{
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, protocol);

	assert_true(fd >= 0);
	return fd;
}

/* From 10.2.0.11, which is no balancer of the usual rules. */
static struct tunnel_frame build_of_a_stranger(void)
{
	struct tunnel_frame frame = tunnel_build(&tunnel_mixes[0]);
	uint8_t *ip = frame.bytes + frame.outer;

	assert_int_equal(tunnel_mixes[0].outer, 4);
	ip[15] ^= 1;
	tunnel_write_checksum(ip);
	return frame;
}

/* The host's stack has what came, its outer header included. */
static void assert_host_gets(int raw, const struct tunnel_frame *frame)
{
	struct pollfd ready = { .fd = raw, .events = POLLIN };
	uint8_t packet[TUNNEL_FRAME_MAX];

	assert_int_equal(poll(&ready, 1, DEADLINE_MS), 1);
	assert_int_equal(recv(raw, packet, sizeof(packet), 0), frame->length - frame->outer);
	assert_memory_equal(packet, frame->bytes + frame->outer, frame->length - frame->outer);
}

/* A raw socket stands for the tunnel device of an overlay network. */
static void check_beside_other_tunnels(enum decap_mode mode)
{
	struct tunnel_frame strange = build_of_a_stranger();
	struct decap_rules rules = tunnel_rules();
	int raw = open_raw(IPPROTO_IPIP);
	char packet;

	attach(mode, &rules, mode);
	assert_false(read_status()->program.rules.pass_unknown);
	send_frame(&strange);
	wait_for_verdicts(DECAP_VERDICT_UNKNOWN_SOURCE, 1);
	check_delivery(&tunnel_mixes[0]);
	assert_int_equal(recv(raw, &packet, 1, MSG_DONTWAIT), -1);
	rules.pass_unknown = true;
	attach(mode, &rules, mode);
	assert_true(read_status()->program.rules.pass_unknown);
	send_frame(&strange);
	wait_for_verdicts(DECAP_VERDICT_UNKNOWN_SOURCE, 1);
	assert_host_gets(raw, &strange);
	check_delivery(&tunnel_mixes[0]);
	assert_int_equal(recv(raw, &packet, 1, MSG_DONTWAIT), -1);
	assert_int_equal(decap_detach(INTERFACE, NULL), 0);
	close(raw);
}

static void other_tunnels_of_the_host_go_on_where_that_is_asked_for(void **state)
{
	check_beside_other_tunnels(DECAP_MODE_XDP);
	check_beside_other_tunnels(DECAP_MODE_XDPGENERIC);
	check_beside_other_tunnels(DECAP_MODE_TC);
}

static void assert_alone(enum decap_mode mode)
{
	int ifindex = (int)if_nametoindex(INTERFACE);
	struct decap_hook xdp, tc;

	assert_int_equal(decap_hook_find_xdp(ifindex, &xdp, NULL), 0);
	assert_int_equal(decap_hook_find_tc(ifindex, &tc, NULL), 0);
	assert_int_equal(xdp.fd >= 0, mode != DECAP_MODE_TC);
	assert_int_equal(tc.fd >= 0, mode == DECAP_MODE_TC);
	if (mode != DECAP_MODE_TC)
		assert_int_equal(xdp.mode, mode);
	decap_hook_fini(&xdp);
	decap_hook_fini(&tc);
}

/* Every ordered pair of modes is in this walk. */
static void change_of_mode_leaves_one_program(void **state)
{
	static const enum decap_mode walk[] = { DECAP_MODE_XDP, DECAP_MODE_TC,
		DECAP_MODE_XDPGENERIC, DECAP_MODE_XDP, DECAP_MODE_XDPGENERIC, DECAP_MODE_TC,
		DECAP_MODE_XDP };

	for (size_t i = 0; i < COUNT_OF(walk); i++) {
		attach_usual(walk[i]);
		assert_alone(walk[i]);
		check_delivery(&tunnel_mixes[i % TUNNEL_MIX_COUNT]);
	}
	assert_int_equal(decap_detach(INTERFACE, NULL), 0);
}

static void auto_takes_native_xdp_where_the_driver_has_it(void **state)
{
	struct decap_rules rules = tunnel_rules();

	attach(DECAP_MODE_AUTO, &rules, DECAP_MODE_XDP);
	assert_int_equal(decap_detach(INTERFACE, NULL), 0);
}

/* veth refuses native XDP while its peer may send more than fits in a page. */
static void auto_takes_tc_where_native_xdp_is_refused(void **state)
{
	struct decap_rules rules = tunnel_rules();
	struct error error = { "" };
	enum decap_mode attached;

	run_command("ip link set " PEER " mtu 9000");
	assert_int_equal(decap_attach(INTERFACE, DECAP_MODE_AUTO, &rules, &attached, &error), 0);
	run_command("ip link set " PEER " mtu 1500");
	assert_int_equal(attached, DECAP_MODE_TC);
	assert_non_null(strstr(error.message, "native XDP"));
	check_delivery(&tunnel_mixes[0]);
	assert_int_equal(decap_detach(INTERFACE, NULL), 0);
}

static void refused_change_leaves_the_old_decapsulator(void **state)
{
	struct decap_rules rules = tunnel_rules();
	enum decap_mode attached;

	attach_usual(DECAP_MODE_XDPGENERIC);
	run_command("ip link set " PEER " mtu 9000");
	assert_true(decap_attach(INTERFACE, DECAP_MODE_XDP, &rules, &attached, NULL) < 0);
	run_command("ip link set " PEER " mtu 1500");
	assert_alone(DECAP_MODE_XDPGENERIC);
	check_delivery(&tunnel_mixes[0]);
	assert_int_equal(decap_detach(INTERFACE, NULL), 0);
}

/* A namesake that lets everything pass, for XDP or tc. */
static int load_foreign(enum bpf_prog_type type, const char *name, int answer)
{
	const struct bpf_insn instructions[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = answer },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int fd = bpf_prog_load(type, name, "BSD", instructions, COUNT_OF(instructions), NULL);

	assert_true(fd >= 0);
	return fd;
}

static uint32_t find_xdp_id(void)
{
	uint32_t id = 0;

	assert_int_equal(bpf_xdp_query_id((int)if_nametoindex(INTERFACE), 0, &id), 0);
	return id;
}

static void check_refused(enum decap_mode mode)
{
	struct decap_rules rules = tunnel_rules();
	struct error error = { "" };
	enum decap_mode attached;

	assert_int_equal(decap_attach(INTERFACE, mode, &rules, &attached, &error), -EBUSY);
	assert_non_null(strstr(error.message, DECAP_XDP_NAME));
	check_nothing_attached();
}

static void foreign_xdp_program_is_refused_and_left_alone(void **state)
{
	int ifindex = (int)if_nametoindex(INTERFACE);
	int fd = load_foreign(BPF_PROG_TYPE_XDP, DECAP_XDP_NAME, XDP_PASS);
	uint32_t id;

	assert_int_equal(bpf_xdp_attach(ifindex, fd, XDP_FLAGS_DRV_MODE, NULL), 0);
	id = find_xdp_id();
	check_refused(DECAP_MODE_AUTO);
	check_refused(DECAP_MODE_XDP);
	check_refused(DECAP_MODE_XDPGENERIC);
	attach_usual(DECAP_MODE_TC);
	check_delivery(&tunnel_mixes[0]);
	assert_int_equal(decap_detach(INTERFACE, NULL), 0);
	assert_int_equal(find_xdp_id(), id);
	assert_int_equal(bpf_xdp_detach(ifindex, XDP_FLAGS_DRV_MODE, NULL), 0);
	close(fd);
}

/* Where ours would go, and next to it. */
static void foreign_tc_filters_are_left_alone(void **state)
{
	LIBBPF_OPTS(bpf_tc_hook, ingress, .ifindex = (int)if_nametoindex(INTERFACE),
		.attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, ours, .handle = 1, .priority = 41);
	LIBBPF_OPTS(bpf_tc_opts, next, .handle = 1, .priority = 42);
	int result = bpf_tc_hook_create(&ingress);

	assert_true(result == 0 || result == -EEXIST);
	ours.prog_fd = load_foreign(BPF_PROG_TYPE_SCHED_CLS, DECAP_TC_NAME, TC_ACT_UNSPEC);
	next.prog_fd = load_foreign(BPF_PROG_TYPE_SCHED_CLS, "next", TC_ACT_OK);
	assert_int_equal(bpf_tc_attach(&ingress, &ours), 0);
	assert_int_equal(bpf_tc_attach(&ingress, &next), 0);
	check_refused(DECAP_MODE_TC);
	close(ours.prog_fd);
	ours.prog_fd = 0;
	ours.flags = ours.prog_id = 0;
	assert_int_equal(bpf_tc_detach(&ingress, &ours), 0);
	attach_usual(DECAP_MODE_TC);
	check_delivery(&tunnel_mixes[0]);
	assert_int_equal(decap_detach(INTERFACE, NULL), 0);
	close(next.prog_fd);
	next.prog_fd = 0;
	next.flags = next.prog_id = 0;
	assert_int_equal(bpf_tc_query(&ingress, &next), 0);
	next.prog_id = 0;
	assert_int_equal(bpf_tc_detach(&ingress, &next), 0);
}

static void what_is_no_ethernet_interface_is_refused(void **state)
{
	struct decap_rules rules = tunnel_rules();
	enum decap_mode attached;

	assert_int_equal(decap_attach("lo", DECAP_MODE_AUTO, &rules, &attached, NULL), -EINVAL);
	assert_int_equal(
		decap_attach("nowhere0", DECAP_MODE_AUTO, &rules, &attached, NULL), -ENODEV);
	assert_int_equal(decap_detach("nowhere0", NULL), -ENODEV);
}

/* A bridge takes in what is for its own address and those of its other ports. */
static void port_of_a_bridge_is_refused_and_the_bridge_is_not(void **state)
{
	struct decap_rules rules = tunnel_rules();
	struct error error = { "" };
	enum decap_mode attached;
	int on_port, on_bridge;

	run_command("ip link add name switch0 type bridge && ip link set switch0 up");
	run_command("ip link set " INTERFACE " master switch0");
	on_port = decap_attach(INTERFACE, DECAP_MODE_AUTO, &rules, &attached, &error);
	on_bridge = decap_attach("switch0", DECAP_MODE_TC, &rules, &attached, NULL);
	run_command("ip link del switch0");
	assert_int_equal(on_port, -EBUSY);
	assert_non_null(strstr(error.message, "switch0 above it takes frames"));
	assert_int_equal(on_bridge, 0);
	check_nothing_attached();
}

static void interface_below_another_mac_address_is_refused(void **state)
{
	struct decap_rules rules = tunnel_rules();
	struct error error = { "" };
	enum decap_mode attached;
	int result;

	run_command("ip link add link " INTERFACE " name upper0 address 02:00:00:00:00:99 "
		    "type macvlan");
	result = decap_attach(INTERFACE, DECAP_MODE_AUTO, &rules, &attached, &error);
	run_command("ip link del upper0");
	assert_int_equal(result, -EBUSY);
	assert_non_null(strstr(error.message, "upper0 above it takes frames"));
	attach_usual(DECAP_MODE_XDP);
	assert_int_equal(decap_detach(INTERFACE, NULL), 0);
}

/* Runs sluice-decap with these arguments; its exit status, and the beginning of what it says. */
static int run_program(const char *arguments, char *output, size_t size)
{
	char command[512];
	size_t length;
	FILE *pipe;

	snprintf(command, sizeof(command), "'%s' %s 2>&1", sluice_decap, arguments);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	length = fread(output, 1, size - 1, pipe);
	output[length] = '\0';
	return WEXITSTATUS(pclose(pipe));
}

static void assert_program(const char *arguments, int status, const char *part)
{
	char output[8192];

	assert_int_equal(run_program(arguments, output, sizeof(output)), status);
	if (strstr(output, part) == NULL)
		fail_msg("no \"%s\" in: %s", part, output);
}

static void wrong_usage_is_told_apart_from_refusal(void **state)
{
	assert_program("", 2, "usage:");
	assert_program("--help", 0, "usage:");
	assert_program("--version", 0, "sluice-decap " SLUICE_VERSION "\n");
	assert_program("remove --interface " INTERFACE, 2, "usage:");
	assert_program("remove --interface " INTERFACE, 2, "\"remove\" is no command");
	assert_program("attach --source 10.2.0.10 --vip 203.0.113.10", 2, "--interface is missing");
	assert_program("attach --interface " INTERFACE " --vip 203.0.113.10", 2, "--source");
	assert_program("attach --interface " INTERFACE " --source 10.2.0.10", 2, "--vip");
	assert_program("attach --interface " INTERFACE " --source 10.2.0.1/8", 2, "10.2.0.1/8");
	assert_program("attach --interface " INTERFACE " --vip web", 2, "\"web\"");
	assert_program("attach --interface " INTERFACE " --mode fast", 2, "\"fast\"");
	assert_program("detach --interface " INTERFACE " --mode tc", 2, "--mode");
	assert_program("detach --interface " INTERFACE " now", 2, "\"now\"");
	assert_program("detach --interface " INTERFACE, 1, "no decapsulator");
	assert_program("status --interface " INTERFACE, 1, "no decapsulator");
	assert_program("status --interface nowhere0", 1, "no such interface");
	assert_program(
		"attach --interface lo --source 10.2.0.10 --vip 203.0.113.10", 1, "no Ethernet");
}

static void attach_hints_at_what_the_host_lacks(void **state)
{
	const char *arguments = "attach --interface " INTERFACE " --mode tc --source 10.2.0.10 "
				"--vip 203.0.113.10 --vip 192.0.2.1 --vip 10.2.0.21";
	char output[8192];

	run_command("cd /proc/sys/net/ipv4/conf && echo 0 > all/arp_ignore && "
		    "echo 2 > all/arp_announce");
	assert_int_equal(run_program(arguments, output, sizeof(output)), 0);
	assert_null(strstr(output, "203.0.113.10"));
	assert_non_null(strstr(output, "ip address add 192.0.2.1/32 dev lo"));
	assert_non_null(strstr(output, "10.2.0.21 is on " INTERFACE));
	assert_non_null(strstr(output, "arp_ignore=1"));
	assert_null(strstr(output, "arp_announce"));
	assert_program("detach --interface " INTERFACE, 0, "detached");
}

static void status_prints_the_whole_truth_as_json(void **state)
{
	const char *interface, *mode, *source, *vip, *local;
	int decapsulated, pass_unknown;
	char output[8192];
	json_t *document;

	assert_program("attach --interface " INTERFACE " --mode xdp --source fd00:2::/64 "
		       "--vip 2001:db8::10 --local fd00:2::21 --pass-unknown",
		0, "other tunnel traffic passes");
	check_delivery(&tunnel_mixes[3]);
	assert_int_equal(
		run_program("status --json --interface " INTERFACE, output, sizeof(output)), 0);
	document = json_loads(output, JSON_REJECT_DUPLICATES, NULL);
	assert_int_equal(json_unpack(document, "{s:s, s:s, s:[s], s:[s], s:[s], s:b, s:{s:i}}",
				 "interface", &interface, "mode", &mode, "sources", &source, "vips",
				 &vip, "locals", &local, "pass_unknown", &pass_unknown, "verdicts",
				 "decapsulated", &decapsulated),
		0);
	assert_string_equal(interface, INTERFACE);
	assert_string_equal(mode, "xdp");
	assert_string_equal(source, "fd00:2::/64");
	assert_string_equal(vip, "2001:db8::10");
	assert_string_equal(local, "fd00:2::21");
	assert_int_equal(decapsulated, 1);
	assert_true(pass_unknown);
	json_decref(document);
	assert_program("status --interface " INTERFACE, 0, "unknown_source");
	assert_program("status --interface " INTERFACE, 0, "passed to the host");
	assert_program("detach --interface " INTERFACE, 0, "detached");
}

static int keep_quiet(enum libbpf_print_level level, const char *format, va_list arguments)
{
	return 0;
}

/* A backend: an interface with its addresses, VIPs on the loopback, a peer that never speaks. */
static int make_backend(void **state)
{
	if (geteuid() != 0) {
		fprintf(stderr, "this test loads BPF programs: it must run as root\n");
		return -1;
	}
	if (unshare(CLONE_NEWNET) < 0) {
		perror("unshare");
		return -1;
	}
	libbpf_set_print(keep_quiet);
	return system("set -e\n"
		      "ip link set lo up\n"
		      "ip link add " INTERFACE " address 02:00:00:00:00:21 type veth"
		      " peer name " PEER " address 02:00:00:00:00:10\n"
		      "cd /proc/sys/net/ipv4/conf\n"
		      "echo 0 > all/rp_filter\n"
		      "echo 0 > " INTERFACE "/rp_filter\n"
		      "echo 1 > ../../ipv6/conf/" PEER "/disable_ipv6\n"
		      "ip link set " PEER " up\n"
		      "ip link set " INTERFACE " up\n"
		      "ip address add 10.2.0.21/24 dev " INTERFACE "\n"
		      "ip address add 203.0.113.10/32 dev lo\n"
		      "ip address add 2001:db8::10/128 dev lo nodad\n");
}

int main(int count, char **arguments)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(native_xdp_attaches_replaces_and_detaches),
		cmocka_unit_test(generic_xdp_attaches_replaces_and_detaches),
		cmocka_unit_test(tc_attaches_replaces_and_detaches),
		cmocka_unit_test(headers_cut_short_pass_tc_unopened),
		cmocka_unit_test(chain_beyond_the_first_bytes_hides_no_tunnel_from_tc),
		cmocka_unit_test(other_tunnels_of_the_host_go_on_where_that_is_asked_for),
		cmocka_unit_test(change_of_mode_leaves_one_program),
		cmocka_unit_test(auto_takes_native_xdp_where_the_driver_has_it),
		cmocka_unit_test(auto_takes_tc_where_native_xdp_is_refused),
		cmocka_unit_test(refused_change_leaves_the_old_decapsulator),
		cmocka_unit_test(foreign_xdp_program_is_refused_and_left_alone),
		cmocka_unit_test(foreign_tc_filters_are_left_alone),
		cmocka_unit_test(what_is_no_ethernet_interface_is_refused),
		cmocka_unit_test(port_of_a_bridge_is_refused_and_the_bridge_is_not),
		cmocka_unit_test(interface_below_another_mac_address_is_refused),
		cmocka_unit_test(wrong_usage_is_told_apart_from_refusal),
		cmocka_unit_test(attach_hints_at_what_the_host_lacks),
		cmocka_unit_test(status_prints_the_whole_truth_as_json),
	};

	if (count != 2) {
		fprintf(stderr, "usage: %s PATH-OF-SLUICE-DECAP\n", arguments[0]);
		return 2;
	}
	sluice_decap = arguments[1];
	return cmocka_run_group_tests_name("decap", tests, make_backend, NULL);
}
