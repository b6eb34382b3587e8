/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * probe_answer: where the answers to probes come in. A backend answers directly to the address that
 * the probe came from, which therefore is one of this host; and the kernel has to let in what comes
 * from a VIP. In the network namespace of the calling thread. Control thread.
 *
 * Addresses are in network byte order, IPv4 in the first four bytes and the rest zero; `family` is
 * 4 or 6.
 */
#pragma once

#include <stdint.h>

#include "base/error.h"

/*
 * The address of this host that probes by this interface are sent from: the first global one of the
 * interface that is fit for it. -EADDRNOTAVAIL: it has none of that family. Otherwise -errno.
 */
int probe_answer_address(unsigned int ifindex, uint8_t family, uint8_t bytes[static 16]);

/*
 * The one that the kernel would use towards another address, for an interface without one.
 * -EADDRNOTAVAIL: it has no route or no address for it. Otherwise -errno.
 */
int probe_answer_address_towards(
	uint8_t family, const uint8_t destination[static 16], uint8_t bytes[static 16]);

/*
 * Whether the kernel lets probes to a VIP out, and what comes from it in by this interface. 0, or
 * with a sentence that says what to do: -EADDRINUSE if the VIP is an address of this host, -EXDEV
 * if its reverse path filter (RFC 3704) drops the answers.
 */
int probe_answer_check(
	const char *interface, uint8_t family, const uint8_t vip[static 16], struct error *error);
