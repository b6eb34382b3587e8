/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include <errno.h>
#include <sched.h>
#include <sys/mount.h>

#include "base/netdev.h"
#include "netns.h"

static int make_devices(void **state)
{
	if (netns_enter() < 0)
		return -1;
	return netns_run(
		"ip link add one mtu 1400 address 02:00:00:00:00:10 type veth peer name one-peer && "
		"ip link add two numrxqueues 2 numtxqueues 2 type veth peer name two-peer && "
		"ip link add switch type bridge");
}

static void a_device_tells_driver_mtu_and_mac(void **state)
{
	static const uint8_t expected[NETDEV_MAC_SIZE] = { 2, 0, 0, 0, 0, 0x10 };
	uint8_t mac[NETDEV_MAC_SIZE];
	char driver[NETDEV_DRIVER_SIZE];
	uint16_t mtu = 0;

	assert_int_equal(netdev_driver("one", driver), 0);
	assert_string_equal(driver, "veth");
	assert_int_equal(netdev_driver("switch", driver), 0);
	assert_string_equal(driver, "bridge");
	assert_int_equal(netdev_mtu("one", &mtu), 0);
	assert_int_equal(mtu, 1400);
	assert_int_equal(netdev_mac("one", mac), 0);
	assert_memory_equal(mac, expected, sizeof(mac));
}

static void an_mtu_beyond_an_ip_packet_is_cut_to_it(void **state)
{
	uint16_t mtu = 0;

	assert_int_equal(netdev_mtu("lo", &mtu), 0);
	assert_int_equal(mtu, UINT16_MAX);
}

static void receive_queues_are_those_in_use(void **state)
{
	struct netdev_queues queues = { 0 };

	assert_int_equal(netdev_rx_queues("one", &queues), 0);
	assert_int_equal(queues.rx, 1);
	assert_int_equal(netdev_rx_queues("two", &queues), 0);
	assert_int_equal(queues.rx, 2);
	assert_int_equal(queues.rx_max, 2);
	assert_string_equal(queues.channel, "rx");
}

/* A bridge says nothing by ethtool; sysfs still shows the namespace that this process came from. */
static void queues_are_not_read_from_the_sysfs_of_another_namespace(void **state)
{
	struct netdev_queues queues;

	assert_int_equal(netdev_rx_queues("switch", &queues), -ENODATA);
}

static void queues_are_read_from_sysfs_where_ethtool_does_not_tell(void **state)
{
	struct netdev_queues queues;

	assert_int_equal(unshare(CLONE_NEWNS), 0);
	assert_int_equal(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	assert_int_equal(mount("sysfs", "/sys", "sysfs", 0, NULL), 0);
	assert_int_equal(netdev_rx_queues("switch", &queues), 0);
	assert_int_equal(queues.rx, 1);
	assert_int_equal(queues.rx_max, 1);
	assert_null(queues.channel);
}

static void vlan_stripping_is_switched_off(void **state)
{
	bool on = false;

	assert_int_equal(netdev_vlan_strip_get("one", &on), 0);
	assert_true(on);
	assert_int_equal(netdev_vlan_strip_off("one"), 0);
	assert_int_equal(netdev_vlan_strip_get("one", &on), 0);
	assert_false(on);
	assert_int_equal(netdev_vlan_strip_off("one"), 0);
}

static void a_missing_device_is_named_so_by_every_question(void **state)
{
	static const char *const names[] = { "nowhere", "", "a-name-too-long-for-a-device" };

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		uint8_t mac[NETDEV_MAC_SIZE];
		char driver[NETDEV_DRIVER_SIZE];
		struct netdev_queues queues;
		uint16_t mtu;
		bool on;

		assert_int_equal(netdev_driver(names[i], driver), -ENODEV);
		assert_int_equal(netdev_rx_queues(names[i], &queues), -ENODEV);
		assert_int_equal(netdev_mtu(names[i], &mtu), -ENODEV);
		assert_int_equal(netdev_mac(names[i], mac), -ENODEV);
		assert_int_equal(netdev_vlan_strip_get(names[i], &on), -ENODEV);
		assert_int_equal(netdev_vlan_strip_off(names[i]), -ENODEV);
	}
}

static void packets_merged_on_their_way_in_are_seen(void **state)
{
	bool on = true;

	assert_int_equal(netns_run("ethtool -K one gro off"), 0);
	assert_int_equal(netdev_merges("one", &on), 0);
	assert_false(on);
	assert_int_equal(netns_run("ethtool -K one gro on"), 0);
	assert_int_equal(netdev_merges("one", &on), 0);
	assert_true(on);
	assert_int_equal(netdev_merges("nowhere", &on), -ENODEV);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_device_tells_driver_mtu_and_mac),
		cmocka_unit_test(an_mtu_beyond_an_ip_packet_is_cut_to_it),
		cmocka_unit_test(receive_queues_are_those_in_use),
		cmocka_unit_test(queues_are_not_read_from_the_sysfs_of_another_namespace),
		cmocka_unit_test(queues_are_read_from_sysfs_where_ethtool_does_not_tell),
		cmocka_unit_test(vlan_stripping_is_switched_off),
		cmocka_unit_test(packets_merged_on_their_way_in_are_seen),
		cmocka_unit_test(a_missing_device_is_named_so_by_every_question),
	};

	return cmocka_run_group_tests_name("netdev", tests, make_devices, NULL);
}
