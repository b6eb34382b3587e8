/* SPDX-License-Identifier: BSD-3-Clause */
/* Where answers to probes come in, in a network namespace of the test's own. Needs root. */
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <time.h>

#include "netns.h"
#include "probe/probe_answer.h"

#define PORT  "port0"
#define OTHER "other0"

static void parse(const char *text, uint8_t *family, uint8_t bytes[static 16])
{
	memset(bytes, 0, 16);
	*family = strchr(text, ':') != NULL ? 6 : 4;
	assert_int_equal(inet_pton(*family == 6 ? AF_INET6 : AF_INET, text, bytes), 1);
}

static void run(const char *line)
{
	assert_int_equal(netns_run(line), 0);
}

static void check_address(const char *interface, const char *expected)
{
	uint8_t wanted[16], bytes[16], family;

	parse(expected, &family, wanted);
	assert_int_equal(probe_answer_address(if_nametoindex(interface), family, bytes), 0);
	assert_memory_equal(bytes, wanted, sizeof(bytes));
}

static void check_address_towards(const char *destination, const char *expected)
{
	uint8_t wanted[16], towards[16], bytes[16], family;

	parse(destination, &family, towards);
	parse(expected, &family, wanted);
	assert_int_equal(probe_answer_address_towards(family, towards, bytes), 0);
	assert_memory_equal(bytes, wanted, sizeof(bytes));
}

static int check(const char *vip, struct error *error)
{
	uint8_t bytes[16], family;

	*error = (struct error){ "" };
	parse(vip, &family, bytes);
	return probe_answer_check(PORT, family, bytes, error);
}

/* The kernel makes the route of a new IPv6 address some time later. */
static void check_until(const char *vip, int expected)
{
	const time_t deadline = time(NULL) + 60;
	struct error error;

	while (check(vip, &error) != expected) {
		assert_true(time(NULL) < deadline);
		poll(NULL, 0, 1);
	}
}

static void probes_are_sent_from_an_address_of_the_port(void **state)
{
	uint8_t bytes[16];

	check_address(PORT, "10.2.0.10");
	check_address(PORT, "fd00:2::10");
	check_address(OTHER, "192.0.2.1");
	assert_int_equal(probe_answer_address(if_nametoindex(OTHER), 6, bytes), -EADDRNOTAVAIL);
	assert_int_equal(probe_answer_address(9999, 4, bytes), -EADDRNOTAVAIL);
}

/* Tried in turn: tentative, deprecated and link-local ones are no place to answer to. */
static void an_address_that_is_not_fit_is_passed_over(void **state)
{
	run("ip addr flush dev " PORT " &&"
	    "ip addr add fd00:3::1/64 dev " PORT " preferred_lft 0 nodad &&"
	    "ip addr add fd00:2::10/64 dev " PORT " nodad &&"
	    "ip addr add 169.254.0.1/16 dev " PORT " scope link &&"
	    "ip addr add 10.2.0.10/24 dev " PORT " &&"
	    "ip route replace default via 10.2.0.1 && ip route replace default via fd00:2::1");
	probes_are_sent_from_an_address_of_the_port(state);
}

static void without_one_the_kernel_chooses_it(void **state)
{
	uint8_t towards[16] = { 0 }, bytes[16], family;

	check_address_towards("10.2.0.21", "10.2.0.10");
	check_address_towards("203.0.113.10", "10.2.0.10");
	check_address_towards("192.0.2.9", "192.0.2.1");
	check_address_towards("2001:db8::10", "fd00:2::10");
	run("ip route add unreachable 203.0.113.99 && ip route add blackhole 203.0.113.98");
	parse("203.0.113.99", &family, towards);
	assert_int_equal(probe_answer_address_towards(4, towards, bytes), -EADDRNOTAVAIL);
	parse("203.0.113.98", &family, towards);
	assert_int_equal(probe_answer_address_towards(4, towards, bytes), -EADDRNOTAVAIL);
	run("ip route del unreachable 203.0.113.99 && ip route del blackhole 203.0.113.98");
}

static void a_vip_of_this_host_is_refused(void **state)
{
	struct error error;

	assert_int_equal(check("203.0.113.10", &error), 0);
	assert_int_equal(check("2001:db8::10", &error), 0);
	run("ip addr add 203.0.113.10/32 dev lo && ip addr add 2001:db8::10/128 dev lo nodad");
	assert_int_equal(check("203.0.113.10", &error), -EADDRINUSE);
	assert_non_null(strstr(error.message, "203.0.113.10"));
	assert_non_null(strstr(error.message, "via: direct"));
	check_until("2001:db8::10", -EADDRINUSE);
	assert_int_equal(check("203.0.113.11", &error), 0);
	run("ip addr del 203.0.113.10/32 dev lo && ip addr del 2001:db8::10/128 dev lo");
	assert_int_equal(check("203.0.113.10", &error), 0);
}

static void set_filter(const char *interface, int value)
{
	char line[128];

	snprintf(line, sizeof(line), "echo %d >/proc/sys/net/ipv4/conf/%s/rp_filter", value,
		interface);
	run(line);
}

/* The default route leads over the port, the route to 198.51.100.0/24 elsewhere. */
static void what_the_reverse_path_filter_drops_is_said(void **state)
{
	static const struct {
		int all, own;
		const char *vip;
		int expected;
	} rows[] = {
		{ 0, 0, "203.0.113.10", 0 }, { 0, 0, "198.51.100.1", 0 },
		{ 0, 0, "203.0.113.98", 0 }, /* blackhole */
		{ 0, 1, "203.0.113.10", 0 }, { 0, 1, "198.51.100.1", -EXDEV },
		{ 1, 0, "198.51.100.1", -EXDEV }, { 0, 1, "203.0.113.98", -EXDEV },
		{ 0, 2, "198.51.100.1", 0 }, { 1, 2, "198.51.100.1", 0 },
		{ 2, 0, "203.0.113.98", -EXDEV },
		{ 0, 1, "198.18.0.1", 0 }, /* by the port or another interface */
	};
	struct error error;

	run("ip route add 198.51.100.0/24 dev " OTHER " && ip route add blackhole 203.0.113.98 &&"
	    "ip route add 198.18.0.0/15 nexthop via 192.0.2.2 weight 200"
	    " nexthop via 10.2.0.1 weight 1");
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		set_filter("all", rows[i].all);
		set_filter(PORT, rows[i].own);
		if (check(rows[i].vip, &error) != rows[i].expected)
			fail_msg("row %zu: %s", i, error.message);
		if (rows[i].expected < 0)
			assert_non_null(strstr(error.message, "net.ipv4.conf.port0.rp_filter"));
	}
	set_filter("all", 0);
	set_filter(PORT, 0);
}

static int make_network(void **state)
{
	if (netns_enter() < 0)
		return -1;
	return netns_run("set -e\n"
			 "ip link add " PORT " type veth peer name wire0\n"
			 "ip link add " OTHER " type veth peer name wire1\n"
			 "for i in lo " PORT " wire0 wire1; do ip link set $i up; done\n"
			 "echo 1 >/proc/sys/net/ipv6/conf/" OTHER "/disable_ipv6\n"
			 "ip link set " OTHER " up\n"
			 "for i in all " PORT "; do\n"
			 "	echo 0 >/proc/sys/net/ipv4/conf/$i/rp_filter\n"
			 "done\n"
			 "ip addr add 10.2.0.10/24 dev " PORT "\n"
			 "ip addr add fd00:2::10/64 dev " PORT " nodad\n"
			 "ip addr add 192.0.2.1/24 dev " OTHER "\n"
			 "ip route add default via 10.2.0.1\n"
			 "ip route add default via fd00:2::1\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(probes_are_sent_from_an_address_of_the_port),
		cmocka_unit_test(an_address_that_is_not_fit_is_passed_over),
		cmocka_unit_test(without_one_the_kernel_chooses_it),
		cmocka_unit_test(a_vip_of_this_host_is_refused),
		cmocka_unit_test(what_the_reverse_path_filter_drops_is_said),
	};

	return cmocka_run_group_tests(tests, make_network, NULL);
}
