/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The order of stores is what makes a change invisible to traffic:
 *
 *   1. records: a worker that follows a word, old or new, finds a whole record;
 *   2. the generation of tables: it points to words that are in place;
 *   3. slot words, each by itself: a packet goes by the old owner or by the new one;
 *   4. what nobody can reach from now on is retired, and reused only after a grace period
 *      (words gone, grace period, reuse).
 */
#include <stdlib.h>
#include <string.h>

#include "forwarding_live.h"
#include "slots.h"

static void release_cell(void *context, uint64_t cell)
{
	state_record_free(((struct forwarding *)context)->state, cell);
}

static void release_backend_place(void *context, uint64_t place)
{
	arena_give(((struct forwarding *)context)->backend_places, place, 1);
}

static void release_service_place(void *context, uint64_t place)
{
	arena_give(((struct forwarding *)context)->service_places, place, 1);
}

/*
 * Out of memory for the note, a thing stays taken for good: that leaks a number, while reusing one
 * that a worker may still hold would misroute packets.
 */
static void retire(
	struct forwarding *forwarding, publish_release_t *release, void *context, uint64_t value)
{
	publish_retire(forwarding->publish, release, context, value);
}

static void retire_backend(
	struct forwarding *forwarding, struct live_pool *live, const struct live_backend *backend)
{
	for (unsigned int mode = 0; mode < LIVE_POOL_MODES; mode++)
		if (backend->cells[mode] != RECORD_NONE)
			retire(forwarding, release_cell, forwarding, backend->cells[mode]);
	retire(forwarding, release_backend_place, forwarding, backend->place);
	retire(forwarding, live_pool_release_index, live, backend->index);
}

/* Step 1. The old cell of a record that changed is retired at once: no word names it any more. */
static void store_backend_records(
	struct forwarding *forwarding, struct member_pool *pool, struct live_backend *backend)
{
	for (unsigned int mode = 0; mode < LIVE_POOL_MODES; mode++) {
		if (!backend->is_new_cell[mode])
			continue;
		atomic_store_explicit(&pool->live->record_of[mode][backend->index],
			backend->cells[mode], memory_order_release);
		if (backend->before != NULL && backend->before->cells[mode] != RECORD_NONE)
			retire(forwarding, release_cell, forwarding, backend->before->cells[mode]);
	}
}

static void store_records(struct forwarding *forwarding, struct member_pool *pool)
{
	for (size_t i = 0; i < pool->backend_count; i++) {
		struct live_backend *backend = &pool->backends[i];

		if (backend->before == NULL)
			forwarding_sum(forwarding,
				forwarding_backend_place(forwarding, backend->place),
				&forwarding->backend_baselines[backend->place]);
		store_backend_records(forwarding, pool, backend);
	}
}

/* Step 3, and for a pool that nobody can reach yet part of step 1. */
static void store_slots(
	struct forwarding *forwarding, struct member_pool *pool, const struct plan_pool *plan)
{
	_Atomic uint32_t *words = state_slots(forwarding->state, pool->live->first_word);

	for (uint32_t slot = 0; slot < pool->live->slots; slot++) {
		uint16_t member = plan->table[slot];
		uint32_t index =
			member == PLAN_NO_BACKEND ? SLOT_NO_BACKEND : pool->backends[member].index;
		uint32_t word = slot_pack(index, index);

		if (slot_load(&words[slot]) != word)
			slot_store(&words[slot], word);
	}
}

/* Step 4. */
static void retire_removed_backends(struct forwarding *forwarding, const struct member_pool *before)
{
	for (size_t i = 0; i < before->backend_count; i++)
		if (!before->backends[i].stays)
			retire_backend(forwarding, before->live, &before->backends[i]);
}

static void retire_removed(struct forwarding *forwarding)
{
	for (size_t i = 0; i < forwarding->service_count; i++)
		if (!forwarding->services[i].stays)
			retire(forwarding, release_service_place, forwarding,
				forwarding->services[i].place);
	for (size_t i = 0; i < forwarding->pool_count; i++) {
		const struct member_pool *pool = &forwarding->pools[i];

		retire_removed_backends(forwarding, pool);
		if (!pool->stays)
			retire(forwarding, live_pool_release, pool->live, 0);
	}
}

static void store_services(struct forwarding *forwarding, struct forwarding_change *change)
{
	for (size_t i = 0; i < change->config->service_count; i++) {
		struct live_service *service = &change->services[i];

		if (service->is_new)
			forwarding_sum(forwarding, counters_service_place(service->place),
				&forwarding->service_baselines[service->place]);
		service->is_new = false;
	}
	publish_tables(forwarding->publish, change->tables);
}

/* The change is over for those who are live from now on. */
static void settle_pool(struct member_pool *pool)
{
	pool->before = NULL;
	for (size_t i = 0; i < pool->backend_count; i++) {
		struct live_backend *backend = &pool->backends[i];

		backend->before = NULL;
		memset(backend->is_new_cell, 0, sizeof(backend->is_new_cell));
	}
}

/* The shells go; what was live in them has gone on or is retired. */
static void adopt(struct forwarding *forwarding, struct forwarding_change *change)
{
	for (size_t i = 0; i < forwarding->pool_count; i++)
		free(forwarding->pools[i].backends);
	free(forwarding->pools);
	free(forwarding->services);
	for (size_t i = 0; i < change->pool_count; i++)
		settle_pool(&change->pools[i]);
	forwarding->pools = change->pools;
	forwarding->pool_count = change->pool_count;
	forwarding->services = change->services;
	forwarding->service_count = change->config->service_count;
	free(change);
}

void forwarding_commit(struct forwarding *forwarding, struct forwarding_change *change)
{
	for (size_t i = 0; i < change->pool_count; i++) {
		store_records(forwarding, &change->pools[i]);
		if (change->pools[i].before == NULL)
			store_slots(forwarding, &change->pools[i], &change->plan->pools[i]);
	}
	store_services(forwarding, change);
	for (size_t i = 0; i < change->pool_count; i++)
		if (change->pools[i].before != NULL)
			store_slots(forwarding, &change->pools[i], &change->plan->pools[i]);
	retire_removed(forwarding);
	state_generation_advance(forwarding->state);
	adopt(forwarding, change);
}
