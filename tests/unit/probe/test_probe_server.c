/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A TCP server on a VIP behind a decapsulator, in a network namespace of its own, reached by the
 * way of probes. Needs root.
 */
#include "unit.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "decap/decap.h"
#include "decap/decap_address.h"
#include "encap/record.h"
#include "netns.h"
#include "probe/probe_answer.h"
#include "probe/probe_path.h"
#include "tunnel_fixture.h"

#define PORT        "port0"
#define SERVER      "srv0"
#define VIP4        "203.0.113.10"
#define VIP6        "2001:db8::10"
#define MTU         1500
#define UPLOAD      20000 /* bytes: several segments */
#define DEADLINE_MS 60000
#define NUMBER      5

enum outer { OUTER_NONE, OUTER_IPV4, OUTER_IPV6, OUTER_COUNT };

static const uint16_t outer_sizes[] = { [OUTER_NONE] = 0, [OUTER_IPV4] = 20, [OUTER_IPV6] = 40 };

static pid_t backend;

/* Answers each connection with one byte once it has read UPLOAD bytes. */
static void serve(int listener)
{
	static char buffer[UPLOAD];

	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			_exit(1);
		if (recv(fd, buffer, sizeof(buffer), MSG_WAITALL) == UPLOAD &&
			send(fd, "!", 1, MSG_NOSIGNAL) != 1)
			_exit(1);
		close(fd);
	}
}

static int listen_on_vips(void)
{
	const struct sockaddr_in6 address = { .sin6_family = AF_INET6, .sin6_port = htons(80) };
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
		listen(fd, 16) < 0)
		_exit(1);
	return fd;
}

static void set_up_backend(void)
{
	struct decap_rules rules = tunnel_rules();
	enum decap_mode mode = DECAP_MODE_AUTO;
	struct error error = { "" };

	if (netns_run("set -e\n"
		      "ip link set lo up\n"
		      "ip link set " SERVER " up\n"
		      "ip addr add 10.2.0.21/24 dev " SERVER "\n"
		      "ip addr add fd00:2::21/64 dev " SERVER " nodad\n"
		      "ip addr add " VIP4 "/32 dev lo\n"
		      "ip addr add " VIP6 "/128 dev lo nodad\n") < 0)
		_exit(1);
	if (decap_attach(SERVER, mode, &rules, &mode, &error) < 0) {
		fprintf(stderr, "%s\n", error.message);
		_exit(1);
	}
}

/* The parent writes to `go` once the interface is here; `ready` says that the server listens. */
static void run_backend(int go, int ready)
{
	char byte;
	int listener;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (unshare(CLONE_NEWNET) < 0 || write(ready, "n", 1) != 1 || read(go, &byte, 1) != 1)
		_exit(1);
	set_up_backend();
	listener = listen_on_vips();
	if (write(ready, "r", 1) != 1)
		_exit(1);
	serve(listener);
}

static int start_backend(void)
{
	char byte, line[256];
	int go[2], ready[2];

	if (pipe(go) < 0 || pipe(ready) < 0)
		return -1;
	backend = fork();
	if (backend == 0)
		run_backend(go[0], ready[1]);
	close(go[0]);
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		return -1;
	snprintf(line, sizeof(line), "ip link set " SERVER " netns %d", backend);
	if (netns_run(line) < 0 || write(go[1], "g", 1) != 1 || read(ready[0], &byte, 1) != 1)
		return -1;
	close(go[1]);
	close(ready[0]);
	return 0;
}

static int make_network(void **state)
{
	if (netns_enter() < 0 || netns_run("set -e\n"
					   "ip link add " PORT
					   " address 02:00:00:00:00:10 type veth peer name " SERVER
					   " address 02:00:00:00:00:21\n"
					   "for i in all " PORT "; do\n"
					   "	echo 0 >/proc/sys/net/ipv4/conf/$i/rp_filter\n"
					   "done\n"
					   "ip link set lo up\n"
					   "ip link set " PORT " up\n"
					   "ip addr add 10.2.0.10/24 dev " PORT "\n"
					   "ip addr add fd00:2::10/64 dev " PORT " nodad\n") < 0)
		return -1;
	return start_backend();
}

static int end_backend(void **state)
{
	kill(backend, SIGKILL);
	waitpid(backend, NULL, 0);
	return 0;
}

static struct probe_entry make_entry(enum outer outer)
{
	static const char *const sources[] = { NULL, "10.2.0.10", "fd00:2::10" };
	static const char *const destinations[] = { NULL, "10.2.0.21", "fd00:2::21" };
	const struct record_route route = { .mtu = MTU,
		.destination_mac = { 2, 0, 0, 0, 0, 0x21 },
		.source_mac = { 2, 0, 0, 0, 0, 0x10 } };
	struct probe_entry entry = {
		.ifindex = if_nametoindex(PORT), .mtu = MTU, .outer_size = outer_sizes[outer]
	};
	struct address source, destination;
	struct backend_record record;

	record_make_l2dsr(&record, &route);
	if (outer != OUTER_NONE) {
		assert_int_equal(address_parse(sources[outer], &source), 0);
		assert_int_equal(address_parse(destinations[outer], &destination), 0);
		record_make_ipip(&record, &route, &source, &destination);
	}
	memcpy(entry.headers.ethernet, (const uint8_t *)&record + RECORD_HEADERS,
		PROBE_ETHERNET_SIZE + entry.outer_size);
	return entry;
}

static void wait_until(int fd, short events)
{
	struct pollfd ready = { .fd = fd, .events = events };

	assert_int_equal(poll(&ready, 1, DEADLINE_MS), 1);
}

static int connect_marked(uint32_t mark, int family, const char *vip)
{
	union {
		struct sockaddr any;
		struct sockaddr_in ipv4;
		struct sockaddr_in6 ipv6;
	} own = { .any.sa_family = (sa_family_t)family }, other = own;
	const bool ipv4 = family == AF_INET;
	const socklen_t size = ipv4 ? sizeof(own.ipv4) : sizeof(own.ipv6);
	void *own_bytes = ipv4 ? (void *)&own.ipv4.sin_addr : (void *)&own.ipv6.sin6_addr;
	void *vip_bytes = ipv4 ? (void *)&other.ipv4.sin_addr : (void *)&other.ipv6.sin6_addr;
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uint8_t bytes[16];

	assert_true(fd >= 0);
	assert_int_equal(probe_answer_address(if_nametoindex(PORT), ipv4 ? 4 : 6, bytes), 0);
	memcpy(own_bytes, bytes, ipv4 ? 4 : 16);
	assert_int_equal(inet_pton(family, vip, vip_bytes), 1);
	other.ipv4.sin_port = htons(80); /* at the same place in both */
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)), 0);
	assert_int_equal(bind(fd, &own.any, size), 0);
	assert_int_equal(connect(fd, &other.any, size), 0);
	return fd;
}

/* Connects by the way of the entry and has UPLOAD bytes acknowledged by the server itself. */
static void check_upload(struct probe_path *path, int family, const char *vip)
{
	static const char bytes[UPLOAD];
	int fd = connect_marked(probe_path_mark(path, NUMBER), family, vip);
	char answer;

	assert_int_equal(send(fd, bytes, sizeof(bytes), 0), sizeof(bytes));
	wait_until(fd, POLLIN);
	assert_int_equal(recv(fd, &answer, 1, 0), 1);
	close(fd);
}

static void check_uploads(const char *setting)
{
	const struct probe_path_options options = { .entries = 10, .mtu = MTU, .least = MTU };
	uint64_t counts[PROBE_COUNT_MAX];
	struct error error = { "" };
	struct probe_path *path;

	assert_int_equal(netns_run(setting), 0);
	if (probe_path_open(&path, &options, &error) < 0)
		fail_msg("%s", error.message);
	for (enum outer outer = 0; outer < OUTER_COUNT; outer++) {
		const struct probe_entry entry = make_entry(outer);

		assert_int_equal(probe_path_set(path, NUMBER, &entry), 0);
		check_upload(path, AF_INET, VIP4);
		check_upload(path, AF_INET6, VIP6);
	}
	assert_int_equal(probe_path_count(path, counts), 0);
	assert_true(counts[PROBE_COUNT_SENT] > 6 * UPLOAD / MTU);
	assert_int_equal(counts[PROBE_COUNT_MTU_EXCEEDED], 0);
	assert_int_equal(counts[PROBE_COUNT_UNSEGMENTED], 0);
	assert_int_equal(counts[PROBE_COUNT_NO_ROOM], 0);
	probe_path_close(path);
}

static void a_server_behind_a_decapsulator_answers(void **state)
{
	check_uploads("true");
}

/* The port's interface finishes checksums or does not: either way they are right. */
static void it_answers_whatever_the_interface_can_do(void **state)
{
	check_uploads("ethtool -K " PORT " tx off");
	check_uploads("ethtool -K " PORT " tx on tso on");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_server_behind_a_decapsulator_answers),
		cmocka_unit_test(it_answers_whatever_the_interface_can_do),
	};

	return cmocka_run_group_tests(tests, make_network, end_backend);
}
