/* SPDX-License-Identifier: BSD-3-Clause */
/* config_links: resolves names of other parts of a document: the pools of a service. */
#pragma once

#include "config/config.h"
#include "json/json.h"

/*
 * Sets the index of each pool that a service names, or CONFIG_NO_POOL with a finding. Non-zero:
 * stop checking.
 */
int config_links_resolve(
	struct config *config, const struct json_path *root, struct findings *findings);

/* The same for one service, which has that path. */
int config_links_resolve_one(const struct config *config, const struct json_path *path,
	struct config_service *service, struct findings *findings);
