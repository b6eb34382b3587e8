/* SPDX-License-Identifier: BSD-3-Clause */
#include "pool/live_numbers.h"

#include <errno.h>
#include <stdlib.h>

#include "pool/live_records.h"
#include "pool/live_rows.h"

struct live_numbers {
	struct state *state;
	struct publish *publish;
	struct tracking *tracking; /* has the gids */
	struct arena *pools;
	struct arena *services;
};

struct live_numbers *live_numbers_create(
	struct state *state, struct publish *publish, struct tracking *tracking)
{
	struct live_numbers *numbers = calloc(1, sizeof(*numbers));

	if (numbers == NULL)
		return NULL;
	numbers->state = state;
	numbers->publish = publish;
	numbers->tracking = tracking;
	numbers->pools = arena_create(state_layout(state)->pools);
	numbers->services = arena_create(state_layout(state)->services);
	if (numbers->pools != NULL && numbers->services != NULL)
		return numbers;
	live_numbers_destroy(numbers);
	return NULL;
}

void live_numbers_destroy(struct live_numbers *numbers)
{
	if (numbers == NULL)
		return;
	arena_destroy(numbers->pools);
	arena_destroy(numbers->services);
	free(numbers);
}

struct arena *live_numbers_of_pools(const struct live_numbers *numbers)
{
	return numbers->pools;
}

static void erase_pool(void *context, uint64_t number)
{
	struct live_numbers *numbers = context;

	live_rows_erase_pool(numbers->state, number);
}

void live_numbers_retire_pool(struct live_numbers *numbers, struct live_pool *pool)
{
	publish_retire(numbers->publish, erase_pool, numbers, pool->number);
	publish_retire(numbers->publish, live_pool_release, pool, 0);
}

int live_numbers_take_backend(struct live_numbers *numbers, struct live_pool *pool,
	const char *pool_name, struct live_backend *backend, struct error *error)
{
	uint32_t index;

	backend->gid = tracking_take_gid(numbers->tracking);
	if (backend->gid == ARENA_FULL)
		return live_pool_no_room(error, "another backend");
	index = arena_take(pool->indices, 1);
	if (index == ARENA_FULL) {
		tracking_give_gid(numbers->tracking, backend->gid);
		return error_set(error, -ENOSPC,
			"pool \"%s\": %u backends is all that a pool can know at a time, those that go "
			"included: remove some first",
			pool_name, SLOT_BACKEND_MAX);
	}
	backend->index = index;
	return 0;
}

bool live_numbers_take_backend_at(
	struct live_numbers *numbers, struct live_pool *pool, uint32_t gid, uint32_t index)
{
	if (!tracking_take_gid_at(numbers->tracking, gid))
		return false;
	if (arena_take_at(pool->indices, index, 1))
		return true;
	tracking_give_gid(numbers->tracking, gid);
	return false;
}

void live_numbers_give_backend(
	struct live_numbers *numbers, struct live_pool *pool, const struct live_backend *backend)
{
	tracking_give_gid(numbers->tracking, backend->gid);
	arena_give(pool->indices, backend->index, 1);
}

static void erase_backend(void *context, uint64_t gid)
{
	struct live_numbers *numbers = context;

	live_rows_erase_backend(numbers->state, gid);
}

void live_numbers_retire_backend(
	struct live_numbers *numbers, struct live_pool *pool, const struct live_backend *backend)
{
	live_records_retire(numbers->state, backend->records, numbers->publish);
	publish_retire(numbers->publish, erase_backend, numbers, backend->gid);
	publish_retire(numbers->publish, live_pool_release_index, pool, backend->index);
	tracking_leave(numbers->tracking, backend->gid);
}

uint32_t live_numbers_take_service(struct live_numbers *numbers)
{
	return arena_take(numbers->services, 1);
}

bool live_numbers_take_service_at(struct live_numbers *numbers, uint32_t number)
{
	return arena_take_at(numbers->services, number, 1);
}

void live_numbers_give_service(struct live_numbers *numbers, uint32_t number)
{
	arena_give(numbers->services, number, 1);
}

static void release_service(void *context, uint64_t number)
{
	struct live_numbers *numbers = context;

	live_rows_erase_service(numbers->state, number);
	live_numbers_give_service(numbers, number);
}

void live_numbers_retire_service(struct live_numbers *numbers, uint32_t number)
{
	publish_retire(numbers->publish, release_service, numbers, number);
}
