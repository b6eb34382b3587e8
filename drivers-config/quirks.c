/* SPDX-License-Identifier: BSD-3-Clause */
#include "quirks.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

static const struct quirk quirks[] = {
	{
		/*
		 * Offers no offload, no RSS hash and no receive interrupt. One system call per
		 * empty poll with its default busy_budget of 64, which costs more than it gains
		 * without a NIC that can busy-poll. Its frames lose 256 bytes of room to XDP.
		 */
		.driver = "net_af_xdp",
		.host_path = HOST_PATH_XDP,
		.kernel_interface = true,
		.queues_by_argument = true,
		.arguments = "busy_budget=0",
		.too_few_queues = "the interface has to have as many queues (ethtool -L)",
	},
	{
		/* The kernel sees every packet too; frames longer than its slots are cut off
		   silently. */
		.driver = "net_af_packet",
		.host_path = HOST_PATH_COPY,
		.kernel_interface = true,
		.holds_no_mbufs = true,
		.mtu_max =
			1964, /* slots of 2,048 bytes less their header, Ethernet and a VLAN tag */
		.too_few_queues = "add qpairs= to the device",
	},
	{
		/* Ends a file by having no more packets; refuses an MTU and says nothing about it.
		 */
		.driver = "net_pcap",
		.host_path = HOST_PATH_DROP,
		.holds_no_mbufs = true,
		.too_few_queues = "give rx_pcap= and tx_pcap= once for each worker",
	},
	{
		.driver = "net_null",
		.host_path = HOST_PATH_DROP,
		.holds_no_mbufs = true,
		.too_few_queues = "the driver has a fixed number",
	},
	{
		.driver = "",
		.host_path = HOST_PATH_DROP,
		.too_few_queues = "the device offers no more",
	},
};

const struct quirk *quirk_find(const char *driver_or_device)
{
	const struct quirk *quirk = quirks;

	while (strncmp(driver_or_device, quirk->driver, strlen(quirk->driver)) != 0)
		quirk++;
	return quirk;
}

int quirk_check_probes(const char *device, int host_path, struct error *error)
{
	const struct quirk *quirk = quirk_find(device);

	if (!quirk->kernel_interface)
		return error_set(error, -EOPNOTSUPP,
			"the kernel has no network interface for the device %s", device);
	if (quirk->host_path == HOST_PATH_XDP && host_path == HOST_PATH_DROP)
		return error_set(error, -EOPNOTSUPP,
			"with host_path drop the kernel would not see the answers");
	return 0;
}
