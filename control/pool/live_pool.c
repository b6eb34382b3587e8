/* SPDX-License-Identifier: BSD-3-Clause */
#include "pool/live_pool.h"

#include <errno.h>
#include <stdlib.h>

#include "encap/record.h"

int live_pool_no_room(struct error *error, const char *for_what)
{
	return error_set(error, -ENOSPC,
		"the state file has no room left for %s; a restart makes room for twice the "
		"configuration, up to the limits of a state file",
		for_what);
}

/* As wide as indices go, so that it never moves: 64 KiB for records, 128 KiB for members. */
static int create_tables(struct live_pool *pool, struct error *error)
{
	pool->indices = arena_create(SLOT_BACKEND_MAX);
	pool->record_of = calloc(SLOT_BACKEND_MAX, sizeof(*pool->record_of));
	pool->members = calloc(SLOT_BACKEND_MAX, sizeof(*pool->members));
	pool->table = malloc(pool->slots * sizeof(*pool->table));
	pool->seen = calloc(pool->slots, sizeof(*pool->seen));
	if (pool->indices == NULL || pool->record_of == NULL || pool->members == NULL ||
		pool->table == NULL || pool->seen == NULL)
		return error_set(error, -ENOMEM, "out of memory");
	return 0;
}

/* What stands in the state file, or would name it there. */
static int take_room(struct live_pool *pool, struct arena *numbers, struct error *error)
{
	pool->number = arena_take(numbers, 1);
	if (pool->number == ARENA_FULL)
		return live_pool_no_room(error, "another pool");
	pool->numbers = numbers;
	if (state_slots_allocate(pool->state, pool->slots, &pool->first_word) != 0)
		return live_pool_no_room(error, "the slots of another pool");
	return 0;
}

struct live_pool *live_pool_create(struct state *state, struct arena *numbers, uint32_t slots,
	uint32_t now_s, struct error *error)
{
	struct live_pool *pool = calloc(1, sizeof(*pool));
	int code;

	if (pool == NULL) {
		error_set(error, -ENOMEM, "out of memory");
		return NULL;
	}
	pool->state = state;
	pool->slots = slots;
	pool->first_word = UINT32_MAX;
	code = create_tables(pool, error);
	if (code == 0)
		code = take_room(pool, numbers, error);
	if (code == 0) {
		pool->transitions =
			transitions_create(live_pool_words(pool), slots, pool->members, now_s);
		if (pool->transitions == NULL)
			code = error_set(error, -ENOMEM, "out of memory");
	}
	if (code == 0) {
		pool->summary.slots[TRANSITIONS_QUIET] = slots;
		return pool;
	}
	live_pool_destroy(pool);
	return NULL;
}

void live_pool_destroy(struct live_pool *pool)
{
	if (pool == NULL)
		return;
	transitions_destroy(pool->transitions);
	if (pool->first_word != UINT32_MAX)
		state_slots_free(pool->state, pool->first_word, pool->slots);
	if (pool->numbers != NULL)
		arena_give(pool->numbers, pool->number, 1);
	free(pool->record_of);
	arena_destroy(pool->indices);
	free(pool->members);
	free(pool->table);
	free(pool->seen);
	free(pool);
}

_Atomic uint32_t *live_pool_words(const struct live_pool *pool)
{
	return state_slots(pool->state, pool->first_word);
}

void live_pool_find_named(const struct live_pool *pool, bool named[SLOT_NO_BACKEND + 1])
{
	const _Atomic uint32_t *words = live_pool_words(pool);

	for (uint32_t slot = 0; slot < pool->slots; slot++) {
		uint32_t word = slot_load(&words[slot]);

		named[slot_cur(word)] = named[slot_home(word)] = true;
	}
}

void live_pool_release_index(void *pool, uint64_t index)
{
	struct live_pool *live = pool;

	atomic_store_explicit(&live->record_of[index], RECORD_NONE, memory_order_relaxed);
	live->members[index] = NULL;
	arena_give(live->indices, index, 1);
}

void live_pool_release(void *pool, uint64_t unused)
{
	live_pool_destroy(pool);
}
