/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mac_watch: follows the MAC addresses of our ports. Workers take frames for the new one, and what
 * leaves by that port has it as its source. Control thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct config;
struct forwarding;
struct port;
struct workers;

/* All borrowed, and set by the caller; the rest starts as zeroes. */
struct mac_watch {
	struct port *const *ports; /* in the order of the configuration */
	size_t port_count;
	struct workers *workers;
	struct forwarding *forwarding;
	bool owes_records; /* some backends still have the old address in their records */
};

/* Once a second, with the configuration in force. */
void mac_watch_look(struct mac_watch *watch, const struct config *config);
