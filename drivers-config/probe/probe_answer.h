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

#include <stdbool.h>
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

/* The values of net.ipv4.conf.*.rp_filter (RFC 3704). */
enum probe_reverse_path {
	PROBE_REVERSE_PATH_OFF,
	PROBE_REVERSE_PATH_STRICT,
	PROBE_REVERSE_PATH_LOOSE,
};

/* What holds for an interface: the larger of its own value and that of "all". */
enum probe_reverse_path probe_answer_reverse_path(const char *interface);

/* The kernel's route to a VIP, as far as it matters for what comes from there. */
struct probe_answer_route {
	uint8_t type;         /* RTN_*; RTN_UNREACHABLE without a route */
	bool is_by_interface; /* that it was asked about: by it alone, or among others */
};

/* One question to the kernel. 0, or -errno if it could not be asked. */
int probe_answer_find_route(unsigned int ifindex, uint8_t family, const uint8_t vip[static 16],
	struct probe_answer_route *route);

/* As probe_answer_check(), of what is known: asks nothing. `interface` is for the sentence. */
int probe_answer_judge(const char *interface, enum probe_reverse_path reverse_path, uint8_t family,
	const uint8_t vip[static 16], const struct probe_answer_route *route, struct error *error);

/*
 * Whether the kernel lets probes to a VIP out, and what comes from it in by this interface. 0, or
 * with a sentence that says what to do: -EADDRINUSE if the VIP is an address of this host, -EXDEV
 * if its reverse path filter (RFC 3704) drops the answers.
 */
int probe_answer_check(
	const char *interface, uint8_t family, const uint8_t vip[static 16], struct error *error);
