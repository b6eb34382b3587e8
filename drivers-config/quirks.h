/* SPDX-License-Identifier: BSD-3-Clause */
/* quirks: what each driver does not report, or reports wrongly; one row per driver. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* How traffic that is not for a VIP reaches the kernel (sluice(7), HOST PATH). */
enum host_path {
	HOST_PATH_XDP,  /* our XDP program passes it to the kernel; workers never see it */
	HOST_PATH_COPY, /* the kernel gets a copy of every packet from the driver anyway */
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
	const char *too_few_queues; /* a phrase: how the user gets more queues */
};

/* The row of a driver or of a vdev's name ("net_af_xdp0"); the last, general row for all others. */
const struct quirk *quirk_find(const char *driver_or_device);

/*
 * Whether probes can take the way of users' packets through this device (probe_path.h): the kernel
 * has to have its interface, and to see what comes in there. `host_path` is an enum host_path, or
 * -1 for that of the driver. -EOPNOTSUPP with a sentence that says why not.
 */
int quirk_check_probes(const char *device, int host_path, struct error *error);
