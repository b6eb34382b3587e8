/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * port: a NIC or vdev, from its device string to one receive and one transmit queue for each
 * worker. Everything a driver needs said is said here or in quirks.c, so that workers see queues
 * and nothing else. Control thread.
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
	int host_path; /* enum host_path, or PORT_HOST_PATH_DEFAULT for what the driver calls for */
};

/*
 * Finds the device or makes it, sets it up and starts it. NULL with a sentence that begins with
 * the port's name; nothing is left behind then.
 */
struct port *port_open(
	const struct port_options *options, const struct mempools *mempools, struct error *error);

/* Stops it, takes our XDP program off, gives the device back. No worker polls it any more. */
void port_close(struct port *port); /* NULL is allowed */

const char *port_name(const struct port *port);
const char *port_device(const struct port *port);
const char *port_driver(const struct port *port);    /* DPDK's name of it */
const char *port_interface(const struct port *port); /* of the kernel beneath it; "" for none */
uint16_t port_id(const struct port *port);           /* DPDK's number */
uint16_t port_mtu(const struct port *port);
enum host_path port_host_path(const struct port *port);
const struct rte_ether_addr *port_mac(const struct port *port);

/*
 * Looks whether the port has another MAC address now, and takes it over, its XDP program included.
 * Returns 1 where it has, 0, or -errno: then it is to be asked again.
 */
int port_follow_mac(struct port *port);
bool port_link_up(const struct port *port); /* with a carrier */

/*
 * Whether the kernel interface of the port still has its name and is the one that was opened. 0, or
 * -ENODEV with the sentence; 0 for other devices.
 */
int port_check_interface(const struct port *port, struct error *error);

/* Whether each queue of the interface still has a worker, which may change under us. 0 or -errno.
 */
int port_check_queues(const struct port *port, struct error *error);

/* The kernel hands over TCP and UDP checksums unfinished: AF_PACKET, and veth in any case. */
bool port_has_unfinished_checksums(const struct port *port);

/* The XDP program of a port with HOST_PATH_XDP; NULL for others. Owned by the port. */
struct steer *port_steer(const struct port *port);

/*
 * What a driver may be asked to do when it sends, as RTE_ETH_TX_OFFLOAD_*. Every packet is sent
 * once and whole; MBUF_FAST_FREE wants all buffers of a queue to be of one mempool as well
 * (rte_ethdev.h), which they are only where there is one.
 */
uint64_t port_transmit_offloads(const struct mempools *mempools);

/*
 * Whether the kernel's interface beneath a device of AF_XDP has a queue for each of `queues`
 * workers: -EINVAL with the sentence; 0 where that cannot be told, or another device is meant.
 */
int port_check_device_queues(const char *device, uint16_t queues, struct error *error);

/*
 * Whether the kernel's interface beneath a device is there and takes packets of `mtu` bytes: -errno
 * with the sentence; 0 also where the device has none.
 */
int port_check_device_interface(const char *device, uint16_t mtu, struct error *error);

/* Packet buffers that the rings of `queues` queues of this device can hold at once. */
uint32_t port_mbufs_held(const char *device, uint16_t queues);
