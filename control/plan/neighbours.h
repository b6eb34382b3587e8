/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * neighbours: by which port and to which MAC address a backend is reached. For now from the
 * configuration alone: the static neighbours of a port, else a port's gateway. Control thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

struct neighbours;

struct neighbour_route {
	size_t port; /* index into config->dataplane.ports */
	const uint8_t *mac;
};

/* `config` is borrowed. NULL when memory is short. */
struct neighbours *neighbours_create(const struct config *config);
void neighbours_destroy(struct neighbours *neighbours); /* NULL is allowed */

/* The neighbour itself, as l2dsr needs it: a gateway would route the packet back. 0 or -ENOENT. */
int neighbours_find_on_link(const struct neighbours *neighbours, const struct address *address,
	struct neighbour_route *route);

/* The neighbour, or the first port's gateway that there is. 0 or -ENOENT. */
int neighbours_find(const struct neighbours *neighbours, const struct address *address,
	struct neighbour_route *route);
