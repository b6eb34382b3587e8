/* SPDX-License-Identifier: BSD-3-Clause */
/* config_dataplane: reads the `dataplane` of a document: workers, memory, ports. */
#pragma once

#include "config.h"
#include "json.h"

/* Fills in the defaults. Returns 0 or -ENOMEM. */
int config_dataplane_init(struct config_dataplane *dataplane, struct error *error);

/* json_reader of a struct config_dataplane that was initialised. */
int config_dataplane_read(const struct json_place *place, void *field, struct error *error);
