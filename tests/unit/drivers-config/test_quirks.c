/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include <errno.h>

#include "quirks.h"

static void a_driver_and_its_devices_have_the_same_row(void **state)
{
	static const char *const drivers[] = { "net_af_xdp", "net_af_packet", "net_pcap",
		"net_null" };

	for (size_t i = 0; i < COUNT_OF(drivers); i++) {
		const struct quirk *quirk = quirk_find(drivers[i]);
		char device[64];

		assert_string_equal(quirk->driver, drivers[i]);
		snprintf(device, sizeof(device), "%s3,iface=l0", drivers[i]);
		assert_ptr_equal(quirk_find(device), quirk);
		assert_true(strlen(quirk->too_few_queues) > 0);
	}
}

static void host_paths_are_what_the_drivers_offer(void **state)
{
	assert_int_equal(quirk_find("net_af_xdp0,iface=l0")->host_path, HOST_PATH_XDP);
	assert_int_equal(quirk_find("net_af_packet0,iface=l0")->host_path, HOST_PATH_COPY);
	assert_int_equal(quirk_find("net_pcap0,rx_pcap=a")->host_path, HOST_PATH_DROP);
	assert_int_equal(quirk_find("net_null0")->host_path, HOST_PATH_DROP);
}

static void only_drivers_of_kernel_interfaces_want_one_named(void **state)
{
	assert_true(quirk_find("net_af_xdp0,iface=l0")->kernel_interface);
	assert_true(quirk_find("net_af_packet0,iface=l0")->kernel_interface);
	assert_false(quirk_find("net_tap0,iface=t0")->kernel_interface);
	assert_false(quirk_find("net_null0")->kernel_interface);
}

static void any_other_device_has_the_general_row(void **state)
{
	static const char *const others[] = { "0000:03:00.0", "net_mlx5", "net_tap0", "net_af_",
		"" };
	const struct quirk *general = quirk_find("mlx5_pci");

	assert_string_equal(general->driver, "");
	assert_int_equal(general->host_path, HOST_PATH_DROP);
	assert_false(general->holds_no_mbufs);
	assert_false(general->queues_by_argument);
	assert_null(general->arguments);
	for (size_t i = 0; i < COUNT_OF(others); i++)
		assert_ptr_equal(quirk_find(others[i]), general);
}

static void probes_need_an_interface_whose_packets_the_kernel_sees(void **state)
{
	static const struct {
		const char *device;
		int host_path;
		const char *refusal; /* NULL: they pass */
	} rows[] = {
		{ "net_af_xdp0,iface=edge0", -1, NULL },
		{ "net_af_xdp0,iface=edge0", HOST_PATH_XDP, NULL },
		{ "net_af_xdp0,iface=edge0", HOST_PATH_DROP, "host_path drop" },
		{ "net_af_packet0,iface=edge0", HOST_PATH_COPY, NULL },
		{ "net_af_packet0,iface=edge0", HOST_PATH_DROP, NULL }, /* it sees them anyway */
		{ "net_pcap0,iface=edge0", -1, "net_pcap0" },
		{ "net_null0", -1, "net_null0" },
		{ "0000:3b:00.0", -1, "0000:3b:00.0" },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct error error = { "" };
		int code = quirk_check_probes(rows[i].device, rows[i].host_path, &error);

		assert_int_equal(code, rows[i].refusal == NULL ? 0 : -EOPNOTSUPP);
		if (rows[i].refusal != NULL)
			assert_non_null(strstr(error.message, rows[i].refusal));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(probes_need_an_interface_whose_packets_the_kernel_sees),
		cmocka_unit_test(a_driver_and_its_devices_have_the_same_row),
		cmocka_unit_test(host_paths_are_what_the_drivers_offer),
		cmocka_unit_test(only_drivers_of_kernel_interfaces_want_one_named),
		cmocka_unit_test(any_other_device_has_the_general_row),
	};

	return cmocka_run_group_tests_name("quirks", tests, NULL, NULL);
}
