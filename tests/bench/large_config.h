/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * large_config: configurations of any size, of pools that are all alike: backends "w0" and so on
 * behind the gateway of the first port of small_config.h, each service of the next pool in turn.
 *
 * What cannot be made or read ends the program.
 */
#pragma once

#include <stdint.h>

#include "config/config.h"

struct large_config {
	uint32_t pools;
	uint32_t backends; /* of each pool */
	uint32_t slots;    /* of each pool: a prime */
	uint32_t services;
	const char *builder;
};

/* As described; or the same with the first backend of the first pool drained. */
struct config *large_config_read(const struct large_config *large);
struct config *large_config_read_drained(const struct large_config *large);
