/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * netdev_upper: the devices of this network namespace that stand on another one and receive what
 * comes in on it under a MAC address that is not its own. Control thread.
 */
#pragma once

#include <net/if.h>

/*
 * Finds one on `interface`: its bridge (which takes what is for any of its ports), or a macvlan or
 * VLAN device with a MAC address of its own. Returns 1 with its name, 0 where there is none, or
 * -errno.
 */
int netdev_upper_find(const char *interface, char name[static IF_NAMESIZE]);
