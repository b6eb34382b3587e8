/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * port: a NIC or vdev, from its device string to one receive and one transmit queue for each
 * worker. What is special about a driver is handled here or in quirks.c, so that workers see only
 * queues. Control thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_ether.h>

#include "base/error.h"
#include "mempools.h"
#include "quirks.h"

struct port;
struct steer;

#define PORT_HOST_PATH_DEFAULT (-1)

struct port_options {
	const char *name;   /* as the configuration calls it */
	const char *device; /* DPDK device string */
	uint16_t mtu;       /* bytes of L3 packet */
	uint16_t queues;    /* one for each worker */
	int host_path;      /* enum host_path, or PORT_HOST_PATH_DEFAULT: that of the driver */
};

/*
 * Finds or creates the device, sets it up and starts it. On error NULL, with a sentence that begins
 * with the port's name, and everything is undone.
 */
struct port *port_open(
	const struct port_options *options, const struct mempools *mempools, struct error *error);

/* Stops the port, detaches our XDP program and releases the device. No worker may poll it. */
void port_close(struct port *port); /* NULL is allowed */

const char *port_name(const struct port *port);
const char *port_device(const struct port *port);
const char *port_driver(const struct port *port);    /* as DPDK names it */
const char *port_interface(const struct port *port); /* of the kernel beneath it; "" for none */
uint16_t port_id(const struct port *port);           /* DPDK's number */
uint16_t port_mtu(const struct port *port);
enum host_path port_host_path(const struct port *port);
const struct rte_ether_addr *port_mac(const struct port *port);

/*
 * Checks whether the MAC address of the port has changed, and updates port and XDP program. Returns
 * 1 if it has, 0 if not, or -errno: then call it again.
 */
int port_follow_mac(struct port *port);
bool port_link_up(const struct port *port); /* with a carrier */

/*
 * Whether the kernel interface of the port is still the one that was opened, under the same name.
 * 0, or -ENODEV with the sentence; 0 for other devices.
 */
int port_check_interface(const struct port *port, struct error *error);

/* Whether each queue of the interface still has a worker: `ethtool -L` may change that. 0 or
 * -errno. */
int port_check_queues(const struct port *port, struct error *error);

/* The kernel hands over TCP and UDP checksums unfinished: AF_PACKET, and veth in any case. */
bool port_has_unfinished_checksums(const struct port *port);

/* The XDP program of a port with HOST_PATH_XDP; NULL for others. Owned by the port. */
struct steer *port_steer(const struct port *port);

/*
 * The offloads to use for sending, as RTE_ETH_TX_OFFLOAD_*. MBUF_FAST_FREE needs packets that are
 * sent once and whole, which all are, and all buffers of a queue from one mempool (rte_ethdev.h),
 * which is so only if there is only one mempool.
 */
uint64_t port_transmit_offloads(const struct mempools *mempools);

/*
 * Whether the kernel interface of an AF_XDP device has a queue for each of `queues` workers:
 * -EINVAL with the sentence if not. 0 also if that is unknown, and for other devices.
 */
int port_check_device_queues(const char *device, uint16_t queues, struct error *error);

/*
 * Whether the kernel interface of a device exists and takes packets of `mtu` bytes: -errno with the
 * sentence if not. 0 also for a device without one.
 */
int port_check_device_interface(const char *device, uint16_t mtu, struct error *error);

/* Packet buffers that the rings of `queues` queues of this device can hold at once. */
uint32_t port_mbufs_held(const char *device, uint16_t queues);
