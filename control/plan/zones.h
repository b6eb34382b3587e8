/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * zones: the zones that a configuration mentions, by number: that of the node, those of backends,
 * and those whose state is listed. Numbers are good for this configuration alone. Control thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"

#define ZONES_NONE UINT16_MAX /* a node or backend without a zone */

struct zones;

/* Copies what it needs. NULL when memory is short. */
struct zones *zones_create(const struct config *config);
void zones_destroy(struct zones *zones); /* NULL is allowed */

/* The number of a zone by its name; ZONES_NONE for "" and for one that is not mentioned. */
uint16_t zones_find(const struct zones *zones, const char *name);

/* Of a number below zones_count(). */
uint16_t zones_count(const struct zones *zones);
const char *zones_name(const struct zones *zones, uint16_t zone);

/* The node's own, or ZONES_NONE. */
uint16_t zones_own(const struct zones *zones);

/* By number: whether the zone is drained. */
const bool *zones_drained(const struct zones *zones);
