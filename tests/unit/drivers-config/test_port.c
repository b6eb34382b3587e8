/* SPDX-License-Identifier: BSD-3-Clause */
/* Ports of drivers without hardware. Needs root for EAL's lock file. */
#include "unit.h"

#include <unistd.h>

#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "mempools.h"
#include "netns.h"
#include "port.h"

#define MBUFS 511

static int start_eal(void **state)
{
	char prefix[32];
	char *arguments[] = { "unit", "--no-huge", "--no-pci", "--no-shconf", "--no-telemetry",
		"-m64", "--log-level=error", prefix, NULL };

	if (netns_enter() != 0)
		return -1;
	snprintf(prefix, sizeof(prefix), "--file-prefix=port-%d", getpid());
	return rte_eal_init(COUNT_OF(arguments) - 1, arguments) < 0 ? -1 : 0;
}

static int stop_eal(void **state)
{
	return rte_eal_cleanup();
}

static struct mempools *one_pool(void)
{
	struct error error = { "" };
	struct mempools *mempools = mempools_create(MBUFS, 1500, &error);

	assert_string_equal(error.message, "");
	assert_int_equal(mempools_count(mempools), 1);
	return mempools;
}

/* As a machine has them with workers on two NUMA nodes; both are of this node's memory. */
static struct mempools *two_pools(void)
{
	struct mempools *mempools = one_pool();
	unsigned int node = mempools_get(mempools, 1) == mempools_get(mempools, 0) ? 1 : 2;
	struct rte_mempool *second =
		rte_pktmbuf_pool_create("second", MBUFS, 0, 0, 2048, SOCKET_ID_ANY);

	assert_non_null(second);
	assert_int_equal(mempools_add(mempools, node, second), 0);
	assert_int_equal(mempools_count(mempools), 2);
	return mempools;
}

static void buffers_are_freed_in_batches_where_all_are_of_one_pool(void **state)
{
	struct mempools *mempools = one_pool();

	assert_int_equal(port_transmit_offloads(mempools), RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE);
	mempools_destroy(mempools);
}

static void buffers_of_two_pools_are_freed_one_by_one(void **state)
{
	struct mempools *mempools = two_pools();

	assert_int_equal(port_transmit_offloads(mempools) & RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE, 0);
	mempools_destroy(mempools);
}

static void a_node_has_one_pool_only(void **state)
{
	struct mempools *mempools = two_pools();

	assert_int_equal(mempools_add(mempools, 0, NULL), -EEXIST);
	assert_int_equal(mempools_add(mempools, RTE_MAX_NUMA_NODES, NULL), -EEXIST);
	mempools_destroy(mempools);
}

static uint64_t offloads_of_port(const struct mempools *mempools, uint64_t *capable)
{
	const struct port_options options = {
		.name = "edge",
		.device = "net_null0",
		.mtu = 1500,
		.queues = 1,
		.host_path = PORT_HOST_PATH_DEFAULT,
	};
	struct error error = { "" };
	struct port *port = port_open(&options, mempools, &error);
	struct rte_eth_dev_info info;
	struct rte_eth_conf conf;

	assert_string_equal(error.message, "");
	assert_int_equal(rte_eth_dev_conf_get(port_id(port), &conf), 0);
	assert_int_equal(rte_eth_dev_info_get(port_id(port), &info), 0);
	*capable = info.tx_offload_capa;
	port_close(port);
	return conf.txmode.offloads;
}

static void a_port_is_set_up_with_what_the_pools_allow(void **state)
{
	struct mempools *(*const kinds[])(void) = { one_pool, two_pools };

	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		struct mempools *mempools = kinds[i]();
		uint64_t capable, used = offloads_of_port(mempools, &capable);

		assert_int_equal(used, capable & port_transmit_offloads(mempools));
		mempools_destroy(mempools);
	}
}

/* As long as a configuration may have them, and with two arguments to be added by us. */
static void a_device_string_of_any_length_is_an_error_and_no_crash(void **state)
{
	struct mempools *mempools = one_pool();

	for (size_t length = 1005; length <= 1023; length++) {
		char device[1024] = "net_af_xdp0,iface=lo,";
		struct error error = { "" };
		struct port_options options = {
			.name = "edge",
			.device = device,
			.mtu = 1500,
			.queues = 2,
			.host_path = HOST_PATH_DROP,
		};

		memset(device + strlen(device), 'x', length - strlen(device));
		device[length] = '\0';
		assert_null(port_open(&options, mempools, &error));
		assert_non_null(strstr(error.message, "port edge: "));
	}
	mempools_destroy(mempools);
}

#define WIDE_MTU 3600 /* more than XDP of a veth takes */

/* On one end of a cable of that width, with buffers for `buffers_mtu`. The refusal, or "". */
static struct error open_xdp_port(uint16_t mtu, uint16_t interface_mtu, uint16_t buffers_mtu)
{
	const struct port_options options = {
		.name = "edge",
		.device = "net_af_xdp0,iface=edge0",
		.mtu = mtu,
		.queues = 1,
		.host_path = HOST_PATH_DROP,
	};
	struct error error = { "" };
	struct mempools *mempools = mempools_create(MBUFS, buffers_mtu, &error);
	struct port *port;
	char line[128];

	assert_non_null(mempools);
	snprintf(line, sizeof(line),
		"ip link add edge0 mtu %u type veth peer name far mtu %u && ip link set edge0 up",
		interface_mtu, interface_mtu);
	assert_int_equal(netns_run(line), 0);
	port = port_open(&options, mempools, &error);
	if (port != NULL)
		port_close(port);
	assert_int_equal(netns_run("ip link del edge0"), 0);
	mempools_destroy(mempools);
	return error;
}

/* The sentence ends with, or has in it, the largest MTU that does work. */
static void expect_most(const struct error *error, const char *before, const char *behind)
{
	char sentence[512];

	snprintf(sentence, sizeof(sentence), "port edge: %s%u%s", before, mempools_mtu_in_page(),
		behind);
	assert_string_equal(error->message, sentence);
}

static void an_mtu_beyond_what_af_xdp_can_use_is_refused_with_the_largest(void **state)
{
	struct error error = open_xdp_port(WIDE_MTU, WIDE_MTU, WIDE_MTU);

	expect_most(&error, "an mtu of 3600 is more than the ", " whose buffers AF_XDP can use");
}

static void an_interface_too_wide_for_xdp_is_refused_with_the_command_that_cures_it(void **state)
{
	struct error error = open_xdp_port(1500, WIDE_MTU, 1500);

	expect_most(&error,
		"cannot set up its queues: Invalid argument; interface edge0 has an MTU of 3600, "
		"and XDP of most drivers takes what fits in a page: ip link set edge0 mtu 1500 (at "
		"most ",
		")");
}

/* All ports have their buffers from the same pools. */
static void buffers_too_long_for_af_xdp_are_refused_with_the_largest_mtu(void **state)
{
	struct error error = open_xdp_port(1500, 1500, 9000);

	expect_most(&error,
		"the largest mtu of all ports makes buffers longer than a page, which AF_XDP cannot "
		"use: it is ",
		" at most");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buffers_are_freed_in_batches_where_all_are_of_one_pool),
		cmocka_unit_test(buffers_of_two_pools_are_freed_one_by_one),
		cmocka_unit_test(a_node_has_one_pool_only),
		cmocka_unit_test(a_port_is_set_up_with_what_the_pools_allow),
		cmocka_unit_test(a_device_string_of_any_length_is_an_error_and_no_crash),
		cmocka_unit_test(an_mtu_beyond_what_af_xdp_can_use_is_refused_with_the_largest),
		cmocka_unit_test(
			an_interface_too_wide_for_xdp_is_refused_with_the_command_that_cures_it),
		cmocka_unit_test(buffers_too_long_for_af_xdp_are_refused_with_the_largest_mtu),
	};

	return cmocka_run_group_tests(tests, start_eal, stop_eal);
}
