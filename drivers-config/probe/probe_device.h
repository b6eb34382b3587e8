/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * probe_device: the network device that probes are sent to. It is a TUN device that nobody reads:
 * the program at its egress (probe_path.bpf.c) sends every packet out by a port or drops it.
 *
 * A socket's packets get there by its mark (SO_MARK): a rule for the marks of this device leads to
 * a routing table whose only route is a default route over the device. The socket is not bound to
 * the device, because the answers come in by the port's interface and would not be for it then.
 *
 * Device and routes are gone when the process ends, however it ends. The rules are removed at a
 * clean end, or by the next process that opens a device in this network namespace: until then they
 * lead to an empty table, which is the same as no rule. Rules and routes carry PROBE_PROTOCOL as
 * their origin (`ip rule list protocol 83`).
 *
 * Needs CAP_NET_ADMIN and /dev/net/tun. Control thread.
 */
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#define PROBE_DEVICE_NAME "sluice-probe" /* and a number */
#define PROBE_PROTOCOL    83          /* not used by any routing daemon of iproute2's rt_protos */
#define PROBE_PREFERENCE  83          /* of the rules: before what other rules say of marks */
#define PROBE_TABLE_BASE  0x536c0000u /* plus the number of the device */

struct probe_device {
	int fd; /* the device lives as long as this is open; -1: there is none */
	char name[IF_NAMESIZE];
	unsigned int ifindex;
	unsigned int number; /* in its name; below PROBE_DEVICES_MAX */
	bool has_ipv6;       /* false: the kernel does not want IPv6 on the device */
	uint16_t mtu;        /* bytes of L3 packet that the device takes */
	uint16_t least;      /* of all ports' MTU */
};

/*
 * Makes the device, with rules and routes. `mtu` is the largest of all ports, `least` the smallest.
 * Ordinary probes keep to packets that fit every port behind the longest outer header, and answers
 * to what fits every port. Only a socket that does not care for the path MTU (IP_PMTUDISC_PROBE)
 * may send up to `mtu`. On error device->fd is -1, and the sentence says what is missing.
 */
int probe_device_open(
	struct probe_device *device, uint16_t mtu, uint16_t least, struct error *error);

/*
 * Sees to it that the device is there and up with its rules and routes, all of which other programs
 * can remove. A device that is made again has another ifindex and no program. 1 if something was
 * missing and is back, 0, or -errno with the sentence.
 */
int probe_device_restore(struct probe_device *device, struct error *error);

void probe_device_close(struct probe_device *device); /* one that is not open is allowed */
