/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The XDP program is run by the kernel over built frames (BPF_PROG_TEST_RUN), as if they had come
 * in on a port of a host that routes, and struct steer works on the interface that it is attached
 * to. So is the filter behind it.
 */
#include "unit.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/if_link.h>
#include <linux/if_xdp.h>
#include <linux/pkt_cls.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "netns.h"
#include "steer/steer.h"
#include "steer/steer_program.h"

#define VIP4       "203.0.113.10"
#define VIP4_LOCAL "203.0.113.11" /* on the loopback: the kernel answers its ping */
#define VIP4_BLACK "203.0.113.12" /* has a blackhole route */
#define VIP6       "2001:db8::10"
#define VIP6_LOCAL "2001:db8::11"
#define VIP6_BLACK "2001:db8::12"
#define OWN4       "10.2.0.10"
#define OWN6       "fd00:2::10"
#define ELSEWHERE4 "198.51.100.1" /* not ours, reached by the default route */
#define ELSEWHERE6 "2001:db8:1::1"
#define UMEM_SIZE  (16 * 2048)

static const uint8_t own_mac[6] = { 2, 0, 0, 0, 0, 0x10 };
static const uint8_t other_mac[6] = { 2, 0, 0, 0, 0, 0x11 };
static const uint8_t group_mac[6] = { 1, 0, 0x5e, 0, 0, 5 };
static const uint8_t broadcast_mac[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

static const char *const vips[] = { VIP4, VIP4_LOCAL, VIP4_BLACK, VIP6, VIP6_LOCAL, VIP6_BLACK };

static char directory[] = "/tmp/test-steer-XXXXXX";
static char run_directory[sizeof(directory) + 4];

/* A port as the driver would leave it: the object loaded, its program attached, maybe a socket. */
struct port {
	struct bpf_object *object;
	int program;
	struct steer *steer;
	unsigned int ifindex;
	int socket;
	void *umem;
};

struct frame {
	uint8_t bytes[512];
	size_t length;
};

/* One line of a table of frames: what is not said is zero, which means the plainest. */
struct row {
	const char *name;
	const uint8_t *mac;      /* destination; own_mac where NULL */
	const char *tags;        /* VLAN tags: 'c' 802.1Q, 's' 802.1ad */
	uint16_t type;           /* EtherType where the destination does not imply it */
	const char *destination; /* IPv4 or IPv6 */
	uint8_t protocol;
	uint16_t fragment;       /* IPv4: flags and offset */
	const char *extensions;  /* IPv6: 'h'op-by-hop, 'd'estination, 'r'outing, 'f'ragment */
	uint8_t extension_units; /* length field of each extension header */
	uint8_t options;         /* IPv4: so many words of no operation */
	uint8_t icmp_type;       /* first byte behind the IP headers; 0: one that is no error */
	size_t length;           /* cut or grown to this; 0: as it is */
	enum steer_count expected;
};

static void put(struct frame *frame, const void *bytes, size_t length)
{
	assert_true(frame->length + length <= sizeof(frame->bytes));
	memcpy(frame->bytes + frame->length, bytes, length);
	frame->length += length;
}

static void put_16(struct frame *frame, uint16_t value)
{
	const uint8_t bytes[] = { (uint8_t)(value >> 8), (uint8_t)value };

	put(frame, bytes, sizeof(bytes));
}

static void put_ethernet(struct frame *frame, const struct row *row, uint16_t type)
{
	put(frame, row->mac != NULL ? row->mac : own_mac, 6);
	put(frame, other_mac, 6);
	for (const char *tag = row->tags; tag != NULL && *tag != '\0'; tag++) {
		put_16(frame, *tag == 's' ? 0x88a8 : 0x8100);
		put_16(frame, 100);
	}
	put_16(frame, type);
}

static void put_ipv4(struct frame *frame, const struct row *row, const struct in_addr *destination)
{
	const uint8_t source[4] = { 192, 0, 2, 1 };
	uint8_t header[12] = { 0x45 + row->options, 0, 0, 40 + 4 * row->options };

	header[6] = (uint8_t)(row->fragment >> 8);
	header[7] = (uint8_t)row->fragment;
	header[8] = 64;
	header[9] = row->protocol;
	put(frame, header, sizeof(header));
	put(frame, source, sizeof(source));
	put(frame, destination, sizeof(*destination));
	for (int i = 0; i < row->options; i++)
		put(frame, (uint8_t[4]){ 1, 1, 1, 1 }, 4);
}

static uint8_t extension_number(char extension)
{
	switch (extension) {
	case 'h': return 0;
	case 'r': return 43;
	case 'f': return 44;
	case 'd': return 60;
	default: fail(); return 0;
	}
}

static void put_extensions(struct frame *frame, const struct row *row)
{
	const char *extension = row->extensions;
	uint8_t options[8] = { 0 };

	for (; extension != NULL && *extension != '\0'; extension++) {
		options[0] = extension[1] != '\0' ? extension_number(extension[1]) : row->protocol;
		options[1] = row->extension_units;
		put(frame, options, sizeof(options));
		for (int i = 0; i < row->extension_units; i++)
			put(frame, (uint8_t[8]){ 1, 6 }, 8);
	}
}

static void put_ipv6(struct frame *frame, const struct row *row, const struct in6_addr *destination)
{
	const uint8_t source[16] = { 0x20, 1, 0x0d, 0xb8, 0, 2, [15] = 1 };
	uint8_t header[8] = { 0x60, 0, 0, 0, 0, 20, row->protocol, 64 };

	if (row->extensions != NULL)
		header[6] = extension_number(row->extensions[0]);
	put(frame, header, sizeof(header));
	put(frame, source, sizeof(source));
	put(frame, destination, sizeof(*destination));
	put_extensions(frame, row);
}

static void build(struct frame *frame, const struct row *row)
{
	uint8_t payload[20] = { 0x30, 0x39, 0, 80, [12] = 0x50 };
	struct in_addr ipv4;
	struct in6_addr ipv6;

	memset(frame, 0, sizeof(*frame));
	if (row->destination == NULL) {
		put_ethernet(frame, row, row->type);
	} else if (inet_pton(AF_INET, row->destination, &ipv4) == 1) {
		put_ethernet(frame, row, row->type != 0 ? row->type : 0x0800);
		put_ipv4(frame, row, &ipv4);
	} else {
		assert_int_equal(inet_pton(AF_INET6, row->destination, &ipv6), 1);
		put_ethernet(frame, row, row->type != 0 ? row->type : 0x86dd);
		put_ipv6(frame, row, &ipv6);
	}
	if (row->icmp_type != 0)
		payload[0] = row->icmp_type;
	put(frame, payload, sizeof(payload));
	if (row->length != 0)
		frame->length = row->length;
}

static void attach_object(struct port *port, const char *interface)
{
	char path[STEER_PROGRAM_PATH_SIZE];
	struct error error = { "" };
	int file;

	port->ifindex = if_nametoindex(interface);
	file = steer_program_open(path, &error);
	if (file < 0)
		fail_msg("%s", error.message);
	port->object = bpf_object__open_file(path, NULL);
	close(file);
	assert_non_null(port->object);
	assert_int_equal(bpf_object__load(port->object), 0);
	port->program = bpf_program__fd(bpf_object__next_program(port->object, NULL));
	assert_int_equal(bpf_xdp_attach((int)port->ifindex, port->program,
				 XDP_FLAGS_UPDATE_IF_NOEXIST, NULL),
		0);
}

static struct steer *claim(const char *interface)
{
	struct error error = { "" };
	struct steer *steer;
	int result = steer_claim(&steer, interface, run_directory, &error);

	if (result < 0)
		fail_msg("%s", error.message);
	return steer;
}

static void add_vip(struct steer *steer, const char *text)
{
	uint8_t bytes[16] = { 0 };

	if (inet_pton(AF_INET, text, bytes) == 1)
		assert_int_equal(steer_add(steer, bytes, 4), 0);
	else if (inet_pton(AF_INET6, text, bytes) == 1)
		assert_int_equal(steer_add(steer, bytes, 6), 0);
	else
		fail_msg("%s is no address", text);
}

static void prepare(struct steer *steer, unsigned int queues)
{
	struct error error = { "" };

	if (steer_prepare(steer, queues, &error) < 0)
		fail_msg("%s", error.message);
}

static struct port open_port(const char *interface)
{
	struct port port = { .socket = -1, .steer = claim(interface) };
	struct error error = { "" };
	struct netdev_queues queues;
	int result;

	assert_int_equal(netdev_rx_queues(interface, &queues), 0);
	prepare(port.steer, queues.rx);
	attach_object(&port, interface);
	result = steer_attach(port.steer, own_mac, &error);
	if (result < 0)
		fail_msg("%s", error.message);
	return port;
}

static struct port open_ready_port(const char *interface)
{
	struct port port = open_port(interface);

	for (size_t i = 0; i < COUNT_OF(vips); i++)
		add_vip(port.steer, vips[i]);
	assert_int_equal(steer_set_ready(port.steer), 0);
	return port;
}

static void close_socket(struct port *port)
{
	if (port->socket >= 0) {
		close(port->socket);
		munmap(port->umem, UMEM_SIZE);
	}
	port->socket = -1;
}

static void close_port(struct port *port)
{
	close_socket(port);
	steer_destroy(port->steer);
	bpf_object__close(port->object);
}

/* The kernel gives the queue of a socket that was just closed back only after a moment: EBUSY. */
static void bind_socket(int fd, unsigned int ifindex)
{
	struct sockaddr_xdp address = { .sxdp_family = AF_XDP, .sxdp_ifindex = ifindex };
	const time_t deadline = time(NULL) + 60;

	while (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		assert_int_equal(errno, EBUSY);
		assert_true(time(NULL) < deadline);
		poll(NULL, 0, 1);
	}
}

/* An AF_XDP socket on queue 0, as far as the kernel wants one for a map: rings, memory, bound. */
static void open_socket(struct port *port)
{
	const int ring_size = 16;
	struct xdp_umem_reg umem = { .len = UMEM_SIZE, .chunk_size = 2048 };
	uint32_t queue = 0;
	int sockets = bpf_object__find_map_fd_by_name(port->object, STEER_SOCKETS_NAME);
	int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0 && sockets >= 0);
	port->umem =
		mmap(NULL, UMEM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(port->umem, MAP_FAILED);
	umem.addr = (uintptr_t)port->umem;
	assert_int_equal(setsockopt(fd, SOL_XDP, XDP_UMEM_REG, &umem, sizeof(umem)), 0);
	for (int ring = XDP_RX_RING; ring <= XDP_UMEM_COMPLETION_RING; ring++) {
		if (ring != XDP_UMEM_REG)
			assert_int_equal(setsockopt(fd, SOL_XDP, ring, &ring_size, sizeof(int)), 0);
	}
	bind_socket(fd, port->ifindex);
	assert_int_equal(bpf_map_update_elem(sockets, &queue, &fd, BPF_ANY), 0);
	port->socket = fd;
}

static uint32_t run_program(const struct port *port, const struct frame *frame, uint32_t queue)
{
	uint8_t copy[sizeof(frame->bytes)];
	struct xdp_md context = { .data_end = (uint32_t)frame->length,
		.ingress_ifindex = port->ifindex,
		.rx_queue_index = queue };
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame->bytes,
		.data_size_in = (uint32_t)frame->length, .data_out = copy,
		.data_size_out = sizeof(copy), .ctx_in = &context, .ctx_size_in = sizeof(context),
		.repeat = 1);

	assert_int_equal(bpf_prog_test_run_opts(port->program, &options), 0);
	assert_int_equal(options.data_size_out, frame->length);
	assert_memory_equal(copy, frame->bytes, frame->length);
	return options.retval;
}

static uint32_t action_of(enum steer_count count)
{
	switch (count) {
	case STEER_COUNT_TO_WORKER: return XDP_REDIRECT;
	case STEER_COUNT_HOST: return XDP_PASS;
	default: return XDP_DROP;
	}
}

/* The frame's action, and that it was counted once, under the expected name alone. */
static void check_row_on_queue(const struct port *port, const struct row *row, uint32_t queue)
{
	uint64_t before[STEER_COUNT_MAX], after[STEER_COUNT_MAX];
	struct frame frame;
	uint32_t action;

	build(&frame, row);
	assert_int_equal(steer_count(port->steer, before), 0);
	action = run_program(port, &frame, queue);
	assert_int_equal(steer_count(port->steer, after), 0);
	for (int i = 0; i < STEER_COUNT_MAX; i++) {
		uint64_t wanted = i == (int)row->expected;

		if (after[i] - before[i] != wanted)
			fail_msg("%s: %s counted %u times, not %u", row->name,
				steer_count_name((enum steer_count)i),
				(unsigned int)(after[i] - before[i]), (unsigned int)wanted);
	}
	if (action != action_of(row->expected))
		fail_msg("%s: action %u, not %u", row->name, action, action_of(row->expected));
}

static void check_rows(const struct port *port, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		check_row_on_queue(port, &rows[i], 0);
}

#define TCP    6
#define UDP    17
#define GRE    47
#define ICMP   1
#define ICMPV6 58

#define WORKER .expected = STEER_COUNT_TO_WORKER
#define HOST   .expected = STEER_COUNT_HOST
#define LOOPED .expected = STEER_COUNT_LOOPED

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
	static const struct row theirs = { "removed", .destination = ELSEWHERE4, .protocol = TCP,
		HOST };
	struct port *port = *state;
	uint8_t bytes[16] = { 198, 51, 100, 1 };

	check_row_on_queue(port, &theirs, 0);
	assert_int_equal(steer_add(port->steer, bytes, 4), 0);
	assert_int_equal(steer_add(port->steer, bytes, 4), 0);
	check_row_on_queue(port, &ours, 0);
	assert_int_equal(steer_remove(port->steer, bytes, 4), 0);
	assert_int_equal(steer_remove(port->steer, bytes, 4), -ENOENT);
	check_row_on_queue(port, &theirs, 0);
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
	static const struct row theirs = { "theirs", .destination = ELSEWHERE4, .protocol = TCP,
		HOST };
	struct port first = open_ready_port("edge");
	struct port second = open_ready_port("core");

	add_vip(second.steer, ELSEWHERE4);
	check_row_on_queue(&first, &theirs, 0);
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

static int claim_again(const char *interface, struct error *error)
{
	struct steer *steer;
	int result = steer_claim(&steer, interface, run_directory, error);

	steer_destroy(steer);
	return result;
}

static void a_second_claim_names_the_process_that_holds_the_interface(void **state)
{
	struct error error = { "" };
	struct steer *steer = claim("edge");
	char expected[64];

	snprintf(expected, sizeof(expected), "edge is in use by process %d", getpid());
	assert_int_equal(claim_again("edge", &error), -EBUSY);
	assert_string_equal(error.message, expected);
	assert_int_equal(claim_again("core", &error), 0);
	steer_destroy(steer);
	assert_int_equal(claim_again("edge", &error), 0);
}

/*
 * Runs in a child until it is killed; says so by a byte once it has done its part. A test that
 * fails in between must not leave it behind, where it would hold the runner's pipes open.
 */
static void claim_and_wait(int done)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	claim("edge");
	if (write(done, "x", 1) == 1)
		pause();
	_exit(1);
}

static void a_killed_holder_gives_the_interface_back(void **state)
{
	struct error error = { "" };
	char byte, expected[64];
	int done[2];
	pid_t child;

	assert_int_equal(pipe(done), 0);
	child = fork();
	if (child == 0)
		claim_and_wait(done[1]);
	assert_int_equal(read(done[0], &byte, 1), 1);
	snprintf(expected, sizeof(expected), "edge is in use by process %d", child);
	assert_int_equal(claim_again("edge", &error), -EBUSY);
	assert_string_equal(error.message, expected);
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(claim_again("edge", &error), 0);
	close(done[0]);
	close(done[1]);
}

static void an_unknown_interface_cannot_be_claimed(void **state)
{
	struct error error = { "" };

	assert_int_equal(claim_again("nowhere", &error), -ENODEV);
	assert_string_equal(error.message, "there is no interface nowhere");
}

static void the_lock_is_in_a_directory_that_others_cannot_enter(void **state)
{
	struct stat status;

	steer_destroy(claim("edge"));
	assert_int_equal(stat(run_directory, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0750);
}

static void the_path_of_a_lock(char path[static 512])
{
	DIR *locks = opendir(run_directory);
	struct dirent *entry;
	char suffix[32];

	assert_non_null(locks);
	snprintf(suffix, sizeof(suffix), "-%u.lock", if_nametoindex("edge"));
	*path = '\0';
	while ((entry = readdir(locks)) != NULL) {
		if (strstr(entry->d_name, suffix) != NULL)
			snprintf(path, 512, "%s/%s", run_directory, entry->d_name);
	}
	closedir(locks);
	assert_string_not_equal(path, "");
}

static void a_lock_that_is_a_link_or_anybodys_to_write_is_refused(void **state)
{
	struct error error = { "" };
	char path[512];

	steer_destroy(claim("edge"));
	the_path_of_a_lock(path);
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(claim_again("edge", &error), -EPERM);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/dev/null", path), 0);
	assert_int_equal(claim_again("edge", &error), -ELOOP);
	assert_non_null(strstr(error.message, path));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(claim_again("edge", &error), -EPERM);
	assert_int_equal(unlink(path), 0);
}

static uint32_t attached_program(const char *interface)
{
	uint32_t id = 0;

	assert_int_equal(bpf_xdp_query_id((int)if_nametoindex(interface), 0, &id), 0);
	return id;
}

/* CAP_SYS_ADMIN of this thread: switched off and, being still permitted, on again. */
static void set_sys_admin(bool on)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	assert_int_equal(syscall(SYS_capget, &header, data), 0);
	if (on)
		data[0].effective |= 1u << CAP_SYS_ADMIN;
	else
		data[0].effective &= ~(1u << CAP_SYS_ADMIN);
	assert_int_equal(syscall(SYS_capset, &header, data), 0);
}

/* What a process that is killed while it works leaves behind: the program, and a lock let go. */
static void leave_a_stale_program(const char *interface)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		open_ready_port(interface);
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_true(attached_program(interface) != 0);
}

static void attach_foreign_program(const char *interface)
{
	const struct bpf_insn instructions[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int program = bpf_prog_load(BPF_PROG_TYPE_XDP, "somebody_else", "BSD", instructions,
		COUNT_OF(instructions), NULL);

	assert_true(program >= 0);
	assert_int_equal(bpf_xdp_attach((int)if_nametoindex(interface), program, 0, NULL), 0);
	close(program);
}

static void detach_any_program(const char *interface)
{
	assert_int_equal(bpf_xdp_detach((int)if_nametoindex(interface), 0, NULL), 0);
}

static void the_program_of_a_killed_process_is_taken_off(void **state)
{
	struct steer *steer;

	leave_a_stale_program("edge");
	steer = claim("edge");
	prepare(steer, 1);
	assert_int_equal(attached_program("edge"), 0);
	steer_destroy(steer);
}

static void it_is_taken_off_without_cap_sys_admin_too(void **state)
{
	struct steer *steer;

	leave_a_stale_program("edge");
	set_sys_admin(false);
	/* A start that got no further than this leaves the next one as wise. */
	steer_destroy(claim("edge"));
	steer = claim("edge");
	prepare(steer, 1);
	set_sys_admin(true);
	assert_int_equal(attached_program("edge"), 0);
	steer_destroy(steer);
}

static void a_foreign_program_is_refused_by_its_name_and_stays(void **state)
{
	struct error error = { "" };
	struct steer *steer = claim("edge");
	bool stripping = false;
	uint32_t id;

	assert_int_equal(netns_run("ethtool -K edge rxvlan on"), 0);
	attach_foreign_program("edge");
	id = attached_program("edge");
	assert_int_equal(steer_prepare(steer, 1, &error), -EBUSY);
	assert_non_null(strstr(error.message, "somebody_else"));
	assert_int_equal(attached_program("edge"), id);
	assert_int_equal(netdev_vlan_strip_get("edge", &stripping), 0);
	assert_true(stripping);
	steer_destroy(steer);
	assert_int_equal(attached_program("edge"), id);
	detach_any_program("edge");
}

static void a_foreign_program_is_refused_before_the_driver_begins(void **state)
{
	struct error error = { "" };

	attach_foreign_program("edge");
	assert_int_equal(claim_again("edge", &error), -EBUSY);
	assert_non_null(strstr(error.message, "somebody_else"));
	assert_true(attached_program("edge") != 0);
	detach_any_program("edge");
	assert_int_equal(claim_again("edge", &error), 0);
}

static void a_foreign_program_is_refused_without_cap_sys_admin_too(void **state)
{
	struct error error = { "" };
	struct steer *steer = claim("edge");
	char id[32];
	int result;

	attach_foreign_program("edge");
	set_sys_admin(false);
	result = steer_prepare(steer, 1, &error);
	set_sys_admin(true);
	assert_int_equal(result, -EBUSY);
	snprintf(id, sizeof(id), "(id %u)", attached_program("edge"));
	assert_non_null(strstr(error.message, id));
	detach_any_program("edge");
	steer_destroy(steer);
}

static void vlan_stripping_is_switched_off(void **state)
{
	struct steer *steer = claim("edge");
	bool on = false;

	assert_int_equal(netns_run("ethtool -K edge rxvlan on"), 0);
	assert_int_equal(netdev_vlan_strip_get("edge", &on), 0);
	assert_true(on);
	prepare(steer, 1);
	assert_int_equal(netdev_vlan_strip_get("edge", &on), 0);
	assert_false(on);
	steer_destroy(steer);
}

static void another_number_of_queues_is_refused_with_what_cures_it(void **state)
{
	struct error error = { "" };
	struct steer *steer = claim("wide");

	prepare(steer, 2);
	assert_int_equal(steer_prepare(steer, 1, &error), -EINVAL);
	assert_string_equal(error.message,
		"wide has 2 receive queues where 1 is needed, one per worker; run: "
		"ethtool -L wide rx 1");
	assert_int_equal(steer_prepare(steer, 4, &error), -EINVAL);
	assert_string_equal(error.message,
		"wide has 2 receive queues where 4 are needed, one per worker, and cannot have "
		"that many");
	steer_destroy(steer);
}

static void before_the_driver_its_own_limit_of_queues_is_named(void **state)
{
	struct error error = { "" };
	struct steer *steer = claim("wide");

	assert_int_equal(steer_check_queues(steer, 2, &error), -EINVAL);
	assert_string_equal(error.message,
		"2 workers need as many receive queues of wide, which has 2, and DPDK's af_xdp "
		"driver serves but one of an interface without combined channels: configure one "
		"worker");
	assert_int_equal(steer_check_queues(steer, 1, &error), -EINVAL);
	assert_non_null(strstr(error.message, "ethtool -L wide rx 1"));
	steer_destroy(steer);
	steer = claim("edge");
	assert_int_equal(steer_check_queues(steer, 1, &error), 0);
	assert_int_equal(steer_check_queues(steer, 2, &error), -EINVAL);
	assert_non_null(strstr(
		error.message, "2 workers need as many receive queues of edge, which has 1"));
	steer_destroy(steer);
}

enum place { POST = 1, GATE = 2 }; /* handles */

/* The program of a filter at our preference, 0 for none. */
static uint32_t filter_program(const char *interface, enum place place)
{
	LIBBPF_OPTS(bpf_tc_hook, ingress, .ifindex = (int)if_nametoindex(interface),
		.attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, options, .handle = place, .priority = STEER_LOOP_PREFERENCE);

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

/* As counted by tc itself: whatever there is beside ours would be among them. */
static int count_filters(const char *interface)
{
	char line[128];
	FILE *pipe;
	int count = -1;

	snprintf(line, sizeof(line), "tc filter show dev %s ingress | grep -c handle", interface);
	pipe = popen(line, "r");
	assert_non_null(pipe);
	assert_int_equal(fscanf(pipe, "%d", &count), 1);
	pclose(pipe);
	return count;
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
static void check_filter(enum place place, const struct row *rows, size_t count)
{
	uint32_t id = filter_program("edge", place);

	assert_true(id != 0);
	for (size_t i = 0; i < count; i++) {
		if (filter_drops(id, &rows[i]) == (rows[i].expected == STEER_COUNT_HOST))
			fail_msg("%s: wrong in place %d", rows[i].name, place);
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
	static const struct row theirs = { "removed", .destination = ELSEWHERE4, .protocol = TCP,
		HOST };
	struct port *port = *state;
	uint8_t bytes[16] = { 198, 51, 100, 1 };

	check_filter(POST, &theirs, 1);
	assert_int_equal(steer_add(port->steer, bytes, 4), 0);
	check_filter(POST, &ours, 1);
	assert_int_equal(steer_remove(port->steer, bytes, 4), 0);
	check_filter(POST, &ours, 1); /* its route may not be withdrawn yet */
	assert_int_equal(steer_release(port->steer, bytes, 4), 0);
	assert_int_equal(steer_release(port->steer, bytes, 4), -ENOENT);
	check_filter(POST, &theirs, 1);
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

static void attaching_needs_no_cap_sys_admin(void **state)
{
	struct port port;

	set_sys_admin(false);
	port = open_ready_port("edge");
	set_sys_admin(true);
	assert_true(steer_is_attached(port.steer));
	close_port(&port);
}

static void an_interface_without_a_program_of_this_process_is_refused(void **state)
{
	struct error error = { "" };
	struct steer *steer = claim("edge");

	assert_int_equal(steer_attach(steer, own_mac, &error), -ENOENT);
	assert_string_equal(error.message, "no XDP program is attached to edge");
	attach_foreign_program("edge");
	assert_int_equal(steer_attach(steer, own_mac, &error), -ENOENT);
	assert_non_null(strstr(error.message, "was not loaded by this process"));
	assert_false(steer_is_attached(steer));
	detach_any_program("edge");
	steer_destroy(steer);
}

static void a_program_that_was_taken_off_is_missed(void **state)
{
	struct port port = open_ready_port("edge");

	assert_true(steer_is_attached(port.steer));
	detach_any_program("edge");
	assert_false(steer_is_attached(port.steer));
	attach_foreign_program("edge");
	assert_false(steer_is_attached(port.steer));
	close_port(&port);
	assert_true(attached_program("edge") != 0);
	detach_any_program("edge");
}

static void a_program_that_was_taken_off_is_put_back(void **state)
{
	static const struct row vip = { "vip", .destination = VIP4, .protocol = TCP,
		.expected = STEER_COUNT_NO_SOCKET };
	struct port *port = *state;
	struct error error = { "" };
	uint32_t id = attached_program("edge");

	assert_int_equal(steer_restore(port->steer, &error), 0);
	detach_any_program("edge");
	assert_int_equal(steer_restore(port->steer, &error), 1);
	assert_int_equal(attached_program("edge"), id);
	assert_true(steer_is_attached(port->steer));
	check_row_on_queue(port, &vip, 0);
	detach_any_program("edge");
	attach_foreign_program("edge");
	assert_int_equal(steer_restore(port->steer, &error), -EBUSY);
	assert_non_null(strstr(error.message, "somebody_else"));
	detach_any_program("edge");
	assert_int_equal(steer_restore(port->steer, &error), 1);
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

static void another_mac_address_is_followed(void **state)
{
	static const struct row old = { "old", .destination = VIP4, .protocol = TCP, HOST };
	static const struct row new = { "new", .mac = other_mac, .destination = VIP4,
		.protocol = TCP, .expected = STEER_COUNT_NO_SOCKET };
	struct port *port = *state;

	assert_int_equal(steer_follow_mac(port->steer), 0);
	assert_int_equal(netns_run("ip link set edge address 02:00:00:00:00:11"), 0);
	assert_int_equal(steer_follow_mac(port->steer), 1);
	assert_int_equal(steer_follow_mac(port->steer), 0);
	check_row_on_queue(port, &new, 0);
	check_row_on_queue(port, &old, 0);
	assert_int_equal(netns_run("ip link set edge address 02:00:00:00:00:10"), 0);
	assert_int_equal(steer_follow_mac(port->steer), 1);
}

static void a_clean_end_takes_the_program_off(void **state)
{
	struct port port = open_ready_port("edge");

	close_port(&port);
	assert_int_equal(attached_program("edge"), 0);
}

static int make_network(void **state)
{
	if (netns_enter() < 0 || mkdtemp(directory) == NULL)
		return -1;
	snprintf(run_directory, sizeof(run_directory), "%s/run", directory);
	return netns_run(
		"set -e\n"
		"ip link add edge address 02:00:00:00:00:10 type veth peer name core\n"
		"ip link add wide numrxqueues 2 numtxqueues 2 type veth peer name wide-peer\n"
		/* The kernel sends nothing of its own from there (neighbour discovery, MLD), which
		   the program under test would count beside the frames of a test. */
		"for i in core wide-peer; do\n"
		"	echo 1 >/proc/sys/net/ipv6/conf/$i/disable_ipv6\n"
		"	ip link set $i arp off\n"
		"done\n"
		"for i in lo edge core wide wide-peer; do ip link set $i up; done\n"
		"ip addr add " OWN4 "/24 dev edge\n"
		"ip addr add " OWN6 "/64 dev edge nodad\n"
		"ip addr add " VIP4_LOCAL " dev lo\n"
		"ip addr add " VIP6_LOCAL " dev lo nodad\n"
		"ip route add blackhole " VIP4_BLACK "\n"
		"ip route add blackhole " VIP6_BLACK "\n"
		/* a gateway that is known (IPv4) and one whose MAC would have to be asked for
		   (IPv6) */
		"ip route add default via 10.2.0.1\n"
		"ip neigh add 10.2.0.1 lladdr 02:00:00:00:00:01 dev edge\n"
		"ip route add default via fd00:2::1\n"
		"echo 1 >/proc/sys/net/ipv4/ip_forward\n"
		"echo 1 >/proc/sys/net/ipv6/conf/all/forwarding\n");
}

static int remove_files(void **state)
{
	char line[sizeof(directory) + 16];

	snprintf(line, sizeof(line), "rm -rf %s", directory);
	return netns_run(line);
}

static int set_up_port(void **state)
{
	static struct port port;

	port = open_ready_port("edge");
	*state = &port;
	return 0;
}

static int tear_down_port(void **state)
{
	close_port(*state);
	return 0;
}

#define WITH_PORT(test) cmocka_unit_test_setup_teardown(test, set_up_port, tear_down_port)

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
		cmocka_unit_test(a_second_claim_names_the_process_that_holds_the_interface),
		cmocka_unit_test(a_killed_holder_gives_the_interface_back),
		cmocka_unit_test(an_unknown_interface_cannot_be_claimed),
		cmocka_unit_test(the_lock_is_in_a_directory_that_others_cannot_enter),
		cmocka_unit_test(a_lock_that_is_a_link_or_anybodys_to_write_is_refused),
		cmocka_unit_test(until_ready_the_filter_drops_whatever_would_be_routed),
		WITH_PORT(at_its_post_the_filter_drops_vips_that_would_be_routed_away),
		WITH_PORT(the_filter_follows_the_vips),
		WITH_PORT(what_the_filter_drops_is_counted),
		cmocka_unit_test(the_filter_stays_after_a_clean_end),
		cmocka_unit_test(a_restart_hands_the_filter_over),
		cmocka_unit_test(a_start_that_fails_leaves_the_filter_of_its_predecessor),
		cmocka_unit_test(a_start_that_is_killed_leaves_what_the_next_one_replaces),
		cmocka_unit_test(foreign_filters_are_left_alone),
		cmocka_unit_test(the_program_of_a_killed_process_is_taken_off),
		cmocka_unit_test(it_is_taken_off_without_cap_sys_admin_too),
		cmocka_unit_test(a_foreign_program_is_refused_by_its_name_and_stays),
		cmocka_unit_test(a_foreign_program_is_refused_before_the_driver_begins),
		cmocka_unit_test(a_foreign_program_is_refused_without_cap_sys_admin_too),
		cmocka_unit_test(vlan_stripping_is_switched_off),
		cmocka_unit_test(another_number_of_queues_is_refused_with_what_cures_it),
		cmocka_unit_test(before_the_driver_its_own_limit_of_queues_is_named),
		cmocka_unit_test(attaching_needs_no_cap_sys_admin),
		cmocka_unit_test(an_interface_without_a_program_of_this_process_is_refused),
		cmocka_unit_test(a_program_that_was_taken_off_is_missed),
		WITH_PORT(a_program_that_was_taken_off_is_put_back),
		cmocka_unit_test(a_filter_that_was_removed_is_put_back),
		cmocka_unit_test(what_was_left_is_known_without_the_files_and_cap_sys_admin),
		WITH_PORT(another_mac_address_is_followed),
		cmocka_unit_test(a_clean_end_takes_the_program_off),
	};

	return cmocka_run_group_tests_name("steer", tests, make_network, remove_files);
}
