/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * build_queue: the pools whose tables are out of date, and when each is to be built. A table takes
 * milliseconds, so that none is built twice in FORWARDING_BUILD_MS. Control thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "forwarding/forwarding.h"
#include "pool/live_pool.h"

struct build_queue;

struct build_queue *build_queue_create(void);        /* NULL when memory is short */
void build_queue_destroy(struct build_queue *queue); /* NULL is allowed */

/* wake() is called when a pool is queued; it may be NULL (forwarding_set_wake()). */
void build_queue_set_wake(struct build_queue *queue, forwarding_wake_t *wake, void *context);

/* Queues a pool, once. Returns in how many milliseconds it may be built. */
uint32_t build_queue_add(struct build_queue *queue, struct live_pool *pool, uint64_t now_ms);

/* The pool has a table that is up to date, or is gone. It need not be queued. */
void build_queue_remove(struct build_queue *queue, struct live_pool *pool);

bool build_queue_is_empty(const struct build_queue *queue);

/* Whether the pool's next table is to wait for further updates. */
bool build_queue_is_busy(const struct live_pool *pool, uint64_t now_ms);

/* In how many milliseconds the pool may be built; 0: now. */
uint32_t build_queue_wait_ms(const struct live_pool *pool, uint64_t now_ms);
