/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * neighbours: by which port and to which MAC address a backend is reached. For now from the
 * configuration alone: the static neighbours of a port, else a port's gateway. Control thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "config.h"

struct neighbour_route {
	size_t port; /* index into config->dataplane.ports */
	const uint8_t *mac;
};

/*
 * 0, or -ENOENT. `on_link` asks for the neighbour itself, as l2dsr needs it: a gateway would route
 * the packet back to us.
 */
int neighbours_find(const struct config *config, const struct address *address, bool on_link,
	struct neighbour_route *route);
