/* SPDX-License-Identifier: BSD-3-Clause */
/* config_unique: what may occur only once in a configuration that is read. */
#pragma once

#include "config/config.h"
#include "json/findings.h"

/*
 * Names in their lists, devices of ports, addresses and keys in a pool, and the traffic that a
 * service claims. Adds the path of the second of the two. Non-zero: stop checking.
 */
int config_unique_check(const struct config *config, struct findings *findings);

/* The part of it that is about services; and about one pool, which has that index. */
int config_unique_check_services(const struct config *config, struct findings *findings);
int config_unique_check_pool(
	const struct config_pool *pool, size_t index, struct findings *findings);
