/* SPDX-License-Identifier: BSD-3-Clause */
/* The ways of probes by a port of AF_PACKET, in a network namespace. Needs root. */
#include "unit.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <rte_eal.h>

#include "health/ways.h"
#include "mempools.h"
#include "netns.h"
#include "port.h"
#include "probe/probe_maps.h"
#include "probes/probe_reason.h"

#define MTU   1500
#define VIP4  "203.0.113.10"
#define VIP6  "2001:db8::10"
#define MBUFS 2047

static struct mempools *mempools;
static struct port *port;

static void run(const char *line)
{
	assert_int_equal(netns_run(line), 0);
}

static struct address parse(const char *text)
{
	struct address address;

	assert_int_equal(address_parse(text, &address), 0);
	return address;
}

static struct backend_record make_record(const char *destination)
{
	const struct record_route route = { .mtu = MTU,
		.port = (uint8_t)port_id(port),
		.destination_mac = { 2, 0, 0, 0, 0, 0x21 },
		.source_mac = { 2, 0, 0, 0, 0, 0x10 } };
	struct backend_record record;
	struct address source, to;

	if (destination == NULL) {
		record_make_l2dsr(&record, &route);
		return record;
	}
	to = parse(destination);
	source = parse(to.family == ADDRESS_IPV4 ? "10.2.0.10" : "fd00:2::10");
	record_make_ipip(&record, &route, &source, &to);
	return record;
}

static struct ways *create(void)
{
	struct ways *ways = ways_create(&port, 1);

	assert_non_null(ways);
	return ways;
}

static void find(struct ways *ways, uint32_t number, const char *destination, const char *vip,
	struct way *way)
{
	const struct backend_record record = make_record(destination);
	const struct address address = parse(vip);
	struct error error = { "" };

	if (ways_find(ways, number, &record, &address, way, &error) != 0)
		fail_msg("%s", error.message);
}

static int find_code(struct ways *ways, const struct backend_record *record, const char *vip,
	struct error *error)
{
	const struct address address = parse(vip);
	struct way way;

	*error = (struct error){ "" };
	return ways_find(ways, 1, record, &address, &way, error);
}

/* A datagram to the VIP by that way. */
static void send_by(const struct way *way)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(80) };
	const struct address vip = parse(VIP4);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	memcpy(&to.sin_addr, vip.bytes, 4);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_MARK, &way->mark, sizeof(way->mark)), 0);
	assert_int_equal(sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)), 1);
	close(fd);
}

static uint64_t count_of(struct ways *ways, enum probe_count count)
{
	uint64_t counts[PROBE_COUNT_MAX];

	assert_int_equal(ways_count(ways, counts), 0);
	return counts[count];
}

static void a_way_has_the_headers_of_its_record(void **state)
{
	static const struct {
		const char *destination; /* of the outer header; NULL: none */
		uint16_t mtu;
	} rows[] = { { NULL, MTU }, { "10.2.0.21", MTU - 20 }, { "fd00:2::21", MTU - 40 } };
	const struct address own4 = parse("10.2.0.10"), own6 = parse("fd00:2::10");
	struct ways *ways = create();

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct way way;

		find(ways, 7, rows[i].destination, VIP6, &way);
		assert_true(address_equal(&way.source, &own6));
		find(ways, 7, rows[i].destination, VIP4, &way);
		assert_true(address_equal(&way.source, &own4));
		assert_int_equal(way.mtu, rows[i].mtu);
		send_by(&way);
		assert_int_equal(count_of(ways, PROBE_COUNT_SENT), i + 1);
	}
	ways_destroy(ways);
}

static void each_backend_has_a_way_of_its_own(void **state)
{
	struct ways *ways = create();
	struct way first, second;
	uint64_t dropped;

	find(ways, 0, "10.2.0.21", VIP4, &first);
	find(ways, WAYS_MAX - 1, "10.2.0.22", VIP4, &second);
	assert_true(first.mark != second.mark);
	ways_remove(ways, 0);
	ways_remove(ways, 5); /* which has none */
	dropped = count_of(ways, PROBE_COUNT_UNMARKED);
	send_by(&first);
	assert_int_equal(count_of(ways, PROBE_COUNT_SENT), 0);
	assert_true(count_of(ways, PROBE_COUNT_UNMARKED) > dropped);
	send_by(&second);
	assert_int_equal(count_of(ways, PROBE_COUNT_SENT), 1);
	find(ways, 0, "10.2.0.21", VIP4, &first);
	send_by(&first);
	assert_int_equal(count_of(ways, PROBE_COUNT_SENT), 2);
	ways_destroy(ways);
}

/* No device, no rule: nobody probes a VIP here. */
static void nothing_is_opened_before_it_is_needed(void **state)
{
	const struct backend_record none = { .mtu = 0 };
	struct ways *ways = create();
	struct error error;

	assert_int_equal(ways_look(ways, &error), 0);
	assert_int_equal(find_code(ways, &none, VIP4, &error), -EHOSTUNREACH);
	assert_string_equal(ways_device(ways), "");
	assert_int_equal(count_of(ways, PROBE_COUNT_UNMARKED), 0);
	run("! ip -o link | grep sluice-probe");
	ways_destroy(ways);
}

static void what_is_in_the_way_is_said(void **state)
{
	const struct backend_record record = make_record("10.2.0.21");
	struct backend_record elsewhere = record;
	struct ways *ways = create();
	struct error error;

	elsewhere.port = 200;
	assert_int_equal(find_code(ways, &elsewhere, VIP4, &error), -ENODEV);
	assert_true(strlen(error.message) > 0);
	ways_destroy(ways);

	ways = create();
	run("ip addr add " VIP4 "/32 dev lo");
	assert_int_equal(find_code(ways, &record, VIP4, &error), -EADDRINUSE);
	assert_non_null(strstr(error.message, VIP4));
	assert_int_equal(find_code(ways, &record, "203.0.113.11", &error), 0);
	run("ip addr del " VIP4 "/32 dev lo");
	ways_destroy(ways);

	ways = create();
	run("echo 1 >/proc/sys/net/ipv4/conf/port0/rp_filter");
	assert_int_equal(find_code(ways, &record, VIP4, &error), -EXDEV);
	assert_non_null(strstr(error.message, "rp_filter"));
	run("echo 0 >/proc/sys/net/ipv4/conf/port0/rp_filter");
	ways_destroy(ways);
}

/* They are results of probes, which have room for so much. */
/* Else it would be found after some seconds. */
static void what_comes_into_the_way_is_found_at_once_where_it_is_doubted(void **state)
{
	const struct backend_record record = make_record("10.2.0.21");
	struct ways *ways = create();
	struct error error;

	assert_int_equal(find_code(ways, &record, VIP4, &error), 0);
	run("ip addr add " VIP4 "/32 dev lo");
	ways_doubt(ways);
	assert_true(ways_look(ways, &error) >= 0);
	assert_int_equal(find_code(ways, &record, VIP4, &error), -EADDRINUSE);
	run("ip addr del " VIP4 "/32 dev lo");
	ways_destroy(ways);
}

static void what_is_in_the_way_fits_a_result(void **state)
{
	static const char longest[] = "2001:db8:1111:2222:3333:4444:5555:6666";
	const struct backend_record record = make_record("10.2.0.21");
	const time_t deadline = time(NULL) + 60;
	struct ways *ways = create();
	struct error error;

	run("ip addr add 2001:db8:1111:2222:3333:4444:5555:6666/128 dev lo");
	while (find_code(ways, &record, longest, &error) != -EADDRINUSE) {
		assert_true(time(NULL) < deadline); /* its route comes a moment later */
		ways_destroy(ways);
		ways = create();
	}
	assert_true(strlen(error.message) < PROBE_SENTENCE_SIZE);
	run("ip addr del 2001:db8:1111:2222:3333:4444:5555:6666/128 dev lo");
	ways_destroy(ways);

	ways = create();
	run("echo 1 >/proc/sys/net/ipv4/conf/port0/rp_filter");
	assert_int_equal(find_code(ways, &record, "203.113.113.255", &error), -EXDEV);
	assert_true(strlen(error.message) + IF_NAMESIZE - sizeof("port0") < PROBE_SENTENCE_SIZE);
	run("echo 0 >/proc/sys/net/ipv4/conf/port0/rp_filter");
	ways_destroy(ways);
}

static void without_an_address_of_the_family_the_kernel_chooses_or_it_is_said(void **state)
{
	const struct backend_record record = make_record("10.2.0.21");
	const struct address other = parse("192.0.2.1");
	struct ways *ways;
	struct error error;
	struct way way;

	run("ip addr del 10.2.0.10/24 dev port0");
	ways = create();
	assert_int_equal(find_code(ways, &record, VIP4, &error), -EADDRNOTAVAIL);
	assert_non_null(strstr(error.message, "IPv4"));
	ways_destroy(ways);

	run("ip addr add 192.0.2.1/32 dev lo && ip route add default dev port0");
	ways = create();
	find(ways, 1, "10.2.0.21", VIP4, &way);
	assert_true(address_equal(&way.source, &other));
	ways_destroy(ways);
	run("ip route del default dev port0 && ip addr del 192.0.2.1/32 dev lo &&"
	    "ip addr add 10.2.0.10/24 dev port0");
}

static void what_others_remove_is_put_back(void **state)
{
	struct ways *ways = create();
	struct error error = { "" };
	struct way way;

	find(ways, 7, "10.2.0.21", VIP4, &way);
	assert_int_equal(ways_look(ways, &error), 0);
	run("ip link del sluice-probe0");
	assert_int_equal(ways_look(ways, &error), 1);
	assert_int_equal(ways_look(ways, &error), 0);
	send_by(&way);
	assert_int_equal(count_of(ways, PROBE_COUNT_SENT), 1);
	ways_destroy(ways);
}

static int start(void **state)
{
	char prefix[32];
	char *arguments[] = { "unit", "--no-huge", "--no-pci", "--no-shconf", "--no-telemetry",
		"-m64", "--log-level=error", prefix, NULL };
	const struct port_options options = { .name = "edge",
		.device = "net_af_packet0,iface=port0",
		.mtu = MTU,
		.queues = 1,
		.host_path = PORT_HOST_PATH_DEFAULT };
	struct error error = { "" };

	if (netns_enter() < 0 || netns_run("set -e\n"
					   "ip link add port0 type veth peer name wire0\n"
					   "for i in lo port0 wire0; do ip link set $i up; done\n"
					   "for i in all port0; do\n"
					   "	echo 0 >/proc/sys/net/ipv4/conf/$i/rp_filter\n"
					   "done\n"
					   "ip addr add 10.2.0.10/24 dev port0\n"
					   "ip addr add fd00:2::10/64 dev port0 nodad\n") < 0)
		return -1;
	snprintf(prefix, sizeof(prefix), "--file-prefix=ways-%d", getpid());
	if (rte_eal_init(COUNT_OF(arguments) - 1, arguments) < 0)
		return -1;
	mempools = mempools_create(MBUFS, MTU, &error);
	port = mempools == NULL ? NULL : port_open(&options, mempools, &error);
	if (port == NULL)
		fprintf(stderr, "%s\n", error.message);
	return port == NULL ? -1 : 0;
}

static int stop(void **state)
{
	port_close(port);
	mempools_destroy(mempools);
	return rte_eal_cleanup();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_way_has_the_headers_of_its_record),
		cmocka_unit_test(each_backend_has_a_way_of_its_own),
		cmocka_unit_test(nothing_is_opened_before_it_is_needed),
		cmocka_unit_test(what_is_in_the_way_is_said),
		cmocka_unit_test(what_comes_into_the_way_is_found_at_once_where_it_is_doubted),
		cmocka_unit_test(what_is_in_the_way_fits_a_result),
		cmocka_unit_test(without_an_address_of_the_family_the_kernel_chooses_or_it_is_said),
		cmocka_unit_test(what_others_remove_is_put_back),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
