/* SPDX-License-Identifier: BSD-3-Clause */
/* Ports of drivers without hardware. Needs root for EAL's lock file. */
#include "unit.h"

#include <unistd.h>

#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "mempools.h"
#include "port.h"

#define MBUFS 511

static int start_eal(void **state)
{
	char prefix[32];
	char *arguments[] = { "unit", "--no-huge", "--no-pci", "--no-shconf", "--no-telemetry",
		"-m64", "--log-level=error", prefix, NULL };

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buffers_are_freed_in_batches_where_all_are_of_one_pool),
		cmocka_unit_test(buffers_of_two_pools_are_freed_one_by_one),
		cmocka_unit_test(a_node_has_one_pool_only),
		cmocka_unit_test(a_port_is_set_up_with_what_the_pools_allow),
		cmocka_unit_test(a_device_string_of_any_length_is_an_error_and_no_crash),
	};

	return cmocka_run_group_tests(tests, start_eal, stop_eal);
}
