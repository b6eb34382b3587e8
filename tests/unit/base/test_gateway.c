/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>

#include "base/gateway.h"
#include "netns.h"

static int open_links(void **state)
{
	if (netns_enter() != 0)
		return -1;
	return netns_run(
		"ip link add near0 type veth peer name far0 && "
		"ip link add near1 type veth peer name far1 && "
		"ip addr add 10.7.0.2/24 dev near0 && ip addr add 10.8.0.2/24 dev near1 && "
		"ip addr add fd00:7::2/64 dev near0 nodad && "
		"ip link set near0 up && ip link set far0 up && "
		"ip link set near1 up && ip link set far1 up");
}

static int find(const char *interface, uint8_t family, char text[static INET6_ADDRSTRLEN])
{
	uint8_t bytes[16];
	int result = gateway_find(if_nametoindex(interface), family, bytes);

	if (result == 0)
		inet_ntop(family == 4 ? AF_INET : AF_INET6, bytes, text, INET6_ADDRSTRLEN);
	return result;
}

static void an_interface_without_a_route_has_none(void **state)
{
	char text[INET6_ADDRSTRLEN];

	assert_int_equal(find("near0", 4, text), -ENOENT);
	assert_int_equal(find("near0", 6, text), -ENOENT);
}

static void each_interface_has_the_gateway_of_its_own_route(void **state)
{
	char text[INET6_ADDRSTRLEN];

	assert_int_equal(netns_run("ip route add default via 10.7.0.1 && "
				   "ip route add default via 10.8.0.9 metric 50 && "
				   "ip -6 route add default via fd00:7::1"),
		0);
	assert_int_equal(find("near0", 4, text), 0);
	assert_string_equal(text, "10.7.0.1");
	assert_int_equal(find("near1", 4, text), 0);
	assert_string_equal(text, "10.8.0.9");
	assert_int_equal(find("near0", 6, text), 0);
	assert_string_equal(text, "fd00:7::1");
}

static void routes_that_drop_addresses_of_documentation_hide_no_gateway(void **state)
{
	char text[INET6_ADDRSTRLEN];

	assert_int_equal(netns_run("ip route add blackhole 192.0.2.0/24 && "
				   "ip route add prohibit 198.41.0.0/24 && "
				   "ip -6 route add unreachable 2001:db8::/32"),
		0);
	assert_int_equal(find("near0", 4, text), 0);
	assert_string_equal(text, "10.7.0.1");
	assert_int_equal(find("near0", 6, text), 0);
	assert_string_equal(text, "fd00:7::1");
	assert_int_equal(find("near1", 6, text), -ENOENT);
}

static void a_route_without_a_next_hop_is_no_gateway(void **state)
{
	char text[INET6_ADDRSTRLEN];

	assert_int_equal(netns_run("ip route del default via 10.7.0.1 && "
				   "ip route add default dev near0"),
		0);
	assert_int_equal(find("near0", 4, text), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_interface_without_a_route_has_none),
		cmocka_unit_test(each_interface_has_the_gateway_of_its_own_route),
		cmocka_unit_test(routes_that_drop_addresses_of_documentation_hide_no_gateway),
		cmocka_unit_test(a_route_without_a_next_hop_is_no_gateway),
	};

	return cmocka_run_group_tests_name("gateway", tests, open_links, NULL);
}
