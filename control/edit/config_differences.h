/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * config_differences: which keys differ between a configuration and the one that is to replace it,
 * each with its old and its new value. Elements with a name are compared by name, in any order. The
 * hash key is left out. Any thread.
 */
#pragma once

#include <jansson.h>

#include "config/config.h"

#define CONFIG_DIFFERENCES_MAX 50 /* that are listed */

/*
 * Returns `{"keys": [{"path": "pools[web].backends[web-1].weight", "before": 100, "after": 50},
 * ...], "left_out": 0}`; a key that is missing on one side has no value for it. New reference; NULL
 * without memory.
 */
json_t *config_differences(const struct config *before, const struct config *after);

/* The same without pools and services, of which there may be thousands. */
json_t *config_differences_of_rest(const struct config *before, const struct config *after);
