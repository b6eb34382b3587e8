/* SPDX-License-Identifier: BSD-3-Clause */
#include "live_pool.h"

#include <errno.h>
#include <stdlib.h>

#include "record.h"
#include "slots.h"

int live_pool_no_room(struct error *error, const char *for_what)
{
	return error_set(error, -ENOSPC,
		"the state file has no room left for %s; a restart makes room for twice the "
		"configuration",
		for_what);
}

/* As wide as indices go, so that it never moves: 64 KiB for each mode. */
static int create_tables(struct live_pool *pool, struct error *error)
{
	pool->indices = arena_create(SLOT_BACKEND_MAX);
	if (pool->indices == NULL)
		return error_set(error, -ENOMEM, "out of memory");
	for (unsigned int mode = 0; mode < LIVE_POOL_MODES; mode++) {
		pool->record_of[mode] = calloc(SLOT_BACKEND_MAX, sizeof(*pool->record_of[mode]));
		if (pool->record_of[mode] == NULL)
			return error_set(error, -ENOMEM, "out of memory");
	}
	return 0;
}

struct live_pool *live_pool_create(struct state *state, uint32_t slots, struct error *error)
{
	struct live_pool *pool = calloc(1, sizeof(*pool));

	if (pool == NULL) {
		error_set(error, -ENOMEM, "out of memory");
		return NULL;
	}
	if (create_tables(pool, error) != 0) {
		live_pool_destroy(pool);
		return NULL;
	}
	if (state_slots_allocate(state, slots, &pool->first_word) != 0) {
		live_pool_no_room(error, "the slots of another pool");
		live_pool_destroy(pool);
		return NULL;
	}
	pool->state = state;
	pool->slots = slots;
	return pool;
}

void live_pool_destroy(struct live_pool *pool)
{
	if (pool == NULL)
		return;
	if (pool->slots != 0)
		state_slots_free(pool->state, pool->first_word, pool->slots);
	for (unsigned int mode = 0; mode < LIVE_POOL_MODES; mode++)
		free(pool->record_of[mode]);
	arena_destroy(pool->indices);
	free(pool);
}

void live_pool_release_index(void *pool, uint64_t index)
{
	struct live_pool *live = pool;

	for (unsigned int mode = 0; mode < LIVE_POOL_MODES; mode++)
		atomic_store_explicit(
			&live->record_of[mode][index], RECORD_NONE, memory_order_relaxed);
	arena_give(live->indices, index, 1);
}

void live_pool_release(void *pool, uint64_t unused)
{
	live_pool_destroy(pool);
}
