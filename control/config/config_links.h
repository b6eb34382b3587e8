/* SPDX-License-Identifier: BSD-3-Clause */
/* config_links: what one part of a document names in another one, a service its pool. */
#pragma once

#include "config/config.h"
#include "json/json.h"

/*
 * Sets the index of each service's pool by its name, or CONFIG_NO_POOL with a finding. Returns 0
 * where judging can go on.
 */
int config_links_resolve(
	struct config *config, const struct json_path *root, struct findings *findings);

/* The same for one service, which is at that place. */
int config_links_resolve_one(const struct config *config, const struct json_path *path,
	struct config_service *service, struct findings *findings);
