/* SPDX-License-Identifier: BSD-3-Clause */
/* config_unique: what may occur only once in a configuration that is read. */
#pragma once

#include "config.h"

/*
 * Names in their lists, devices of ports, addresses and keys in a pool, and the traffic that a
 * service claims. Returns 0; -EINVAL with the place of the second of the two; or -ENOMEM.
 */
int config_unique_check(const struct config *config, struct error *error);
