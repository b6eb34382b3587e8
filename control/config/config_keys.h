/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * config_keys: all that a configuration may contain, in one table. Reading, printing, comparing and
 * documenting a configuration is done by json_key.h with this table.
 */
#pragma once

#include "json/json_key.h"

/* The keys of the document, whose owner is struct config. */
extern const struct json_key config_keys[];

/* Those of its parts, whose owners are struct config_service, config_pool and config_backend. */
extern const struct json_key config_service_keys[];
extern const struct json_key config_pool_keys[];
extern const struct json_key config_backend_keys[];
