/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * memory: estimates what a configuration takes, component by component. DPDK's own share and the
 * page tables are not in it. Pure.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

struct memory_part {
	const char *name; /* "packet buffers", ... static text */
	uint64_t bytes;
	const char *key; /* in JSON */
};

#define MEMORY_PARTS_MAX 9

/* Writes the parts and returns how many. The largest part may be an upper bound. */
size_t memory_list(const struct config *config, struct memory_part parts[MEMORY_PARTS_MAX]);

/* "8.0 MiB" and the like; returns `text`. */
const char *memory_format(uint64_t bytes, char text[static 16]);
