/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * api_watch: what takes two looks to know: rates of services and backends, and since when a pool
 * has had no backend that takes new flows. Looks once a second. Control thread.
 */
#pragma once

#include <event2/event.h>
#include <jansson.h>

#include "api/api.h"
#include "observe/rates.h"

struct watch;

/* `running` is borrowed. NULL when memory is short. */
struct watch *watch_create(struct event_base *base, const struct api_context *running);
void watch_destroy(struct watch *watch); /* NULL is allowed */

/*
 * When a probe was last found that this node could not make, within a second, by the wall clock; 0:
 * never.
 */
int64_t watch_untried_s(const struct watch *watch);

/* NULL where it is not known yet. `hint`: where the service may stand in the configuration. */
const struct rate *watch_backend(const struct watch *watch, uint32_t gid);
const struct rate *watch_service(struct watch *watch, const char *name, size_t hint);

/*
 * Adds a sentence for each pool that serves and has no backend that takes new flows; of many, for
 * the first of them and one for how many there are beside.
 */
#define WATCH_WARNINGS_MAX 50
void watch_warn(const struct watch *watch, json_t *warnings);
