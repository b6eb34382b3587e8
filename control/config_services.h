/* SPDX-License-Identifier: BSD-3-Clause */
/* config_services: reads the `services` of a document and ties them to their pools. */
#pragma once

#include "config.h"
#include "json.h"

/* json_reader of the services of a struct config; their pools are still open. */
int config_services_read(const struct json_place *place, void *field, struct error *error);

/*
 * Finds the pool of each service by the name in the document, which `root` is, once everything is
 * read: CONFIG_NO_POOL for one that is not there. 0, or not where looking is to stop.
 */
int config_services_link(
	struct config *config, const struct json_place *root, struct findings *findings);
