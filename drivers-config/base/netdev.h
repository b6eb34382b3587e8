/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * netdev: properties of a network device of the kernel, by name, in the network namespace of the
 * calling thread. Control thread only; every call opens and closes its own socket. All return 0 or
 * -errno (-ENODEV: there is no such device).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define NETDEV_DRIVER_SIZE 32 /* a driver's name with its NUL */
#define NETDEV_MAC_SIZE    6

struct netdev_queues {
	unsigned int rx;     /* receive queues in use now */
	unsigned int rx_max; /* how many it could use */
	/* The word by which `ethtool -L` changes them; NULL where the number is fixed. */
	const char *channel;
};

/* "veth", "ixgbe", "mlx5_core", ... */
int netdev_driver(const char *interface, char name[static NETDEV_DRIVER_SIZE]);

/* -ENODATA: the driver does not report it, and sysfs here shows another namespace. */
int netdev_rx_queues(const char *interface, struct netdev_queues *queues);

/* Whether the device takes the VLAN tag out of the frame (`rx-vlan-hw-parse` of ethtool). */
int netdev_vlan_strip_get(const char *interface, bool *on);

/* -EOPNOTSUPP: the driver cannot switch it off. -EPERM: without CAP_NET_ADMIN. */
int netdev_vlan_strip_off(const char *interface);

/* Whether it merges received packets (GRO, LRO); merged ones may be longer than the MTU. */
int netdev_merges(const char *interface, bool *on);

/* In bytes of L3 packet. */
int netdev_mtu(const char *interface, uint16_t *mtu);

/* Whether it is switched on and has a carrier. */
int netdev_link(const char *interface, bool *up);

int netdev_mac(const char *interface, uint8_t mac[static NETDEV_MAC_SIZE]);
