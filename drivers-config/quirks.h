/* SPDX-License-Identifier: BSD-3-Clause */
/* quirks: what each driver lies about or leaves out, one row per driver. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* How traffic that is not ours reaches the kernel (sluice(7), HOST PATH). */
enum host_path {
	HOST_PATH_XDP,  /* our XDP program leaves it to the kernel before it gets to us */
	HOST_PATH_COPY, /* the driver gives the kernel a copy of every packet anyway */
	HOST_PATH_DROP, /* nothing reaches the kernel */
};

struct quirk {
	const char *driver; /* as DPDK names it; also how a vdev's name begins */
	enum host_path
		host_path;       /* what the driver allows beside HOST_PATH_DROP, and its default */
	bool kernel_interface;   /* sits on a kernel network device, named by "iface=" */
	bool holds_no_mbufs;     /* copies: its rings take nothing from the mempool */
	bool queues_by_argument; /* has as many queues as "queue_count=" says, whatever the device
				  */
	uint16_t mtu_max;        /* bytes of L3 packet; 0: what the device says of itself */
	const char *arguments;   /* added to the device string unless it says otherwise, or NULL */
	const char *too_few_queues; /* how the user gets more queues, a half sentence */
};

/* The row of a driver or of a vdev's name ("net_af_xdp0"); the last, general row for all others. */
const struct quirk *quirk_find(const char *driver_or_device);
