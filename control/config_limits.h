/* SPDX-License-Identifier: BSD-3-Clause */
/* config_limits: the plain numbers of a pool, whose bounds depend on their key alone. */
#pragma once

#include "json.h"

/* json_reader of a uint32_t field; the key must be one of those in config_limits.c. */
int config_limits_read(const struct json_place *place, void *field, struct error *error);
