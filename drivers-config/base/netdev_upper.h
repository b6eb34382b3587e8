/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * netdev_upper: finds devices on top of another one that receive its frames for another MAC address
 * than its own, in this network namespace. Control thread.
 */
#pragma once

#include <net/if.h>

/*
 * Finds one on `interface`: its bridge (which receives frames for any of its ports), or a macvlan
 * or VLAN device with a MAC address of its own. Returns 1 with its name, 0 if there is none, or
 * -errno.
 */
int netdev_upper_find(const char *interface, char name[static IF_NAMESIZE]);
