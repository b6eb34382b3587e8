/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * neighbours: the port and MAC address by which a backend is reached. For now they come from the
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

/* Finds the neighbour itself, for l2dsr: a gateway would route the packet back. 0 or -ENOENT. */
int neighbours_find_on_link(const struct neighbours *neighbours, const struct address *address,
	struct neighbour_route *route);

/* Finds the neighbour, or else the gateway of the first port that has one. 0 or -ENOENT. */
int neighbours_find(const struct neighbours *neighbours, const struct address *address,
	struct neighbour_route *route);
