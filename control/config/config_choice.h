/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * config_choice: the words of the configuration that stand for an enum, with those that a later
 * version will know, in one table per enum for both directions. Each ends with a NULL name. The
 * names for the outside are declared in config.h.
 */
#pragma once

#include "config/config.h"
#include "json/json.h"

extern const struct json_choice config_choice_idles[];
extern const struct json_choice config_choice_host_paths[]; /* no word: by driver */
extern const struct json_choice config_choice_protocols[];
extern const struct json_choice config_choice_forwards[];
extern const struct json_choice config_choice_states[];
extern const struct json_choice config_choice_builders[];
extern const struct json_choice config_choice_udps[];
extern const struct json_choice config_choice_all_downs[];
extern const struct json_choice config_choice_flows[];
extern const struct json_choice config_choice_zone_states[];
extern const struct json_choice config_choice_families[];
