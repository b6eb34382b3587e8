/* SPDX-License-Identifier: BSD-3-Clause */
#include "steer_fixture.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/if_xdp.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "capability.h"
#include "netns.h"
#include "steer/steer_program.h"

#define UMEM_SIZE (16 * 2048)

const uint8_t own_mac[6] = { 2, 0, 0, 0, 0, 0x10 };
const uint8_t other_mac[6] = { 2, 0, 0, 0, 0, 0x11 };
const uint8_t group_mac[6] = { 1, 0, 0x5e, 0, 0, 5 };
const uint8_t broadcast_mac[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

static const char *const vips[] = { VIP4, VIP4_LOCAL, VIP4_BLACK, VIP6, VIP6_LOCAL, VIP6_BLACK };

static char directory[] = "/tmp/test-steer-XXXXXX";
char run_directory[32];

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

void build(struct frame *frame, const struct row *row)
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

void attach_object(struct port *port, const char *interface)
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

struct steer *claim(const char *interface)
{
	struct error error = { "" };
	struct steer *steer;
	int result = steer_claim(&steer, interface, run_directory, &error);

	if (result < 0)
		fail_msg("%s", error.message);
	return steer;
}

void add_vip(struct steer *steer, const char *text)
{
	uint8_t bytes[16] = { 0 };

	if (inet_pton(AF_INET, text, bytes) == 1)
		assert_int_equal(steer_add(steer, bytes, 4), 0);
	else if (inet_pton(AF_INET6, text, bytes) == 1)
		assert_int_equal(steer_add(steer, bytes, 6), 0);
	else
		fail_msg("%s is no address", text);
}

void prepare(struct steer *steer, unsigned int queues)
{
	struct error error = { "" };

	if (steer_prepare(steer, queues, &error) < 0)
		fail_msg("%s", error.message);
}

struct port open_port(const char *interface)
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

struct port open_ready_port(const char *interface)
{
	struct port port = open_port(interface);

	for (size_t i = 0; i < COUNT_OF(vips); i++)
		add_vip(port.steer, vips[i]);
	assert_int_equal(steer_set_ready(port.steer), 0);
	return port;
}

void close_socket(struct port *port)
{
	if (port->socket >= 0) {
		close(port->socket);
		munmap(port->umem, UMEM_SIZE);
	}
	port->socket = -1;
}

void close_port(struct port *port)
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

void open_socket(struct port *port)
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

uint32_t run_program(const struct port *port, const struct frame *frame, uint32_t queue)
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

void check_row_on_queue(const struct port *port, const struct row *row, uint32_t queue)
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

void check_rows(const struct port *port, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		check_row_on_queue(port, &rows[i], 0);
}

int claim_again(const char *interface, struct error *error)
{
	struct steer *steer;
	int result = steer_claim(&steer, interface, run_directory, error);

	steer_destroy(steer);
	return result;
}

uint32_t attached_program(const char *interface)
{
	uint32_t id = 0;

	assert_int_equal(bpf_xdp_query_id((int)if_nametoindex(interface), 0, &id), 0);
	return id;
}

void set_sys_admin(bool on)
{
	capability_set(CAP_SYS_ADMIN, on);
}

void leave_a_stale_program(const char *interface)
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

void attach_foreign_program(const char *interface)
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

void detach_any_program(const char *interface)
{
	assert_int_equal(bpf_xdp_detach((int)if_nametoindex(interface), 0, NULL), 0);
}

int count_filters(const char *interface)
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

int make_network(void **state)
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

int remove_files(void **state)
{
	char line[sizeof(directory) + 16];

	snprintf(line, sizeof(line), "rm -rf %s", directory);
	return netns_run(line);
}

int set_up_port(void **state)
{
	static struct port port;

	port = open_ready_port("edge");
	*state = &port;
	return 0;
}

int tear_down_port(void **state)
{
	close_port(*state);
	return 0;
}
