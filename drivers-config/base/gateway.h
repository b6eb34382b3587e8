/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * gateway: the next hop towards everything far away, by one interface: whom this host asks whether
 * its own link works. In the network namespace of the calling thread. Control thread.
 */
#pragma once

#include <stdint.h>

/*
 * `family` is 4 or 6; the address comes in network byte order, IPv4 in the first four bytes and the
 * rest zero. -ENOENT: no route leads far away by this interface, or not through a gateway.
 * Otherwise -errno.
 */
int gateway_find(unsigned int ifindex, uint8_t family, uint8_t bytes[static 16]);
