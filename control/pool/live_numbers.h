/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * live_numbers: the numbers by which pools, backends and services go in the state file. A number is
 * free, taken, or retired: then it is free again, and its row erased, after a grace period. When
 * memory for the note is short it stays taken: that leaks a number, while reusing one that a worker
 * may still hold would misroute packets. Control thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "pool/live_backend.h"
#include "pool/live_pool.h"
#include "pool/tracking.h"
#include "state/arena.h"
#include "state/state.h"
#include "tables/publish.h"

struct live_numbers;

/* All are borrowed. NULL when memory is short. */
struct live_numbers *live_numbers_create(
	struct state *state, struct publish *publish, struct tracking *tracking);
void live_numbers_destroy(struct live_numbers *numbers); /* NULL is allowed */

/* Those of pools, for live_pool_create(). */
struct arena *live_numbers_of_pools(const struct live_numbers *numbers);

/* The pool's number, words and whatever it has; not its backends. */
void live_numbers_retire_pool(struct live_numbers *numbers, struct live_pool *pool);

/*
 * The gid of a backend and its index in the pool. take: new ones; 0, or -ENOSPC with the sentence,
 * in which the pool has this name. take_at: the ones that it has; false where one is taken, and
 * then both are as they were. give: back, when no worker has seen them. retire: its records, too.
 */
int live_numbers_take_backend(struct live_numbers *numbers, struct live_pool *pool,
	const char *pool_name, struct live_backend *backend, struct error *error);
bool live_numbers_take_backend_at(
	struct live_numbers *numbers, struct live_pool *pool, uint32_t gid, uint32_t index);
void live_numbers_give_backend(
	struct live_numbers *numbers, struct live_pool *pool, const struct live_backend *backend);
void live_numbers_retire_backend(
	struct live_numbers *numbers, struct live_pool *pool, const struct live_backend *backend);

/* The same for a service. take: ARENA_FULL where none is free. */
uint32_t live_numbers_take_service(struct live_numbers *numbers);
bool live_numbers_take_service_at(struct live_numbers *numbers, uint32_t number);
void live_numbers_give_service(struct live_numbers *numbers, uint32_t number);
void live_numbers_retire_service(struct live_numbers *numbers, uint32_t number);
