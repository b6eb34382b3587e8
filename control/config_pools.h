/* SPDX-License-Identifier: BSD-3-Clause */
/* config_pools: reads the `pools` of a document with their backends. */
#pragma once

#include "config.h"
#include "json.h"

/* json_reader of the pools of a struct config. */
int config_pools_read(const struct json_place *place, void *field, struct error *error);
