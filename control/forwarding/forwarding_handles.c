/* SPDX-License-Identifier: BSD-3-Clause */
/* By what others know backends, whose places change with every commit. */
#include <errno.h>
#include <string.h>

#include "forwarding/forwarding_live.h"
#include "json/lookup.h"

void forwarding_enter_gid(struct forwarding *forwarding, uint32_t gid)
{
	forwarding->places[gid].generation++;
	forwarding->places[gid].pool = NO_POOL;
}

void forwarding_leave_gid(struct forwarding *forwarding, uint32_t gid)
{
	forwarding->places[gid].pool = NO_POOL;
}

void forwarding_place_backends(struct forwarding *forwarding, size_t number)
{
	struct member_pool *pool = &forwarding->pools[number];

	for (size_t i = 0; i < pool->backend_count; i++) {
		struct backend_place *place = &forwarding->places[pool->backends[i].gid];

		place->pool = number;
		place->place = i;
	}
	lookup_destroy(pool->by_name);
	pool->by_name = NULL;
}

/* Where two have the name, one is configured, and that is the first. Short of memory there is none.
 */
static void make_lookup(struct member_pool *pool)
{
	pool->by_name = lookup_create();
	for (size_t i = 0; pool->by_name != NULL && i < pool->backend_count; i++) {
		size_t earlier;

		if (lookup_add(pool->by_name, pool->backends[i].name, i, &earlier) != -ENOMEM)
			continue;
		lookup_destroy(pool->by_name);
		pool->by_name = NULL;
	}
}

static int search(const struct member_pool *pool, const char *name, size_t *place)
{
	for (*place = 0; *place < pool->backend_count; (*place)++)
		if (strcmp(pool->backends[*place].name, name) == 0)
			return 0;
	return -ENOENT;
}

static int find_in_pool(struct member_pool *pool, const char *name, size_t *place)
{
	if (pool->by_name == NULL)
		make_lookup(pool);
	return pool->by_name != NULL ? lookup_find(pool->by_name, name, place)
				     : search(pool, name, place);
}

int forwarding_find(const struct forwarding *forwarding, const char *pool, const char *backend,
	struct forwarding_handle *handle)
{
	const struct plan_pool *plan = plan_find_pool(forwarding->plan, pool);
	struct member_pool *found;
	size_t place;

	if (plan == NULL)
		return -ENOENT;
	found = &forwarding->pools[plan - forwarding->plan->pools];
	if (find_in_pool(found, backend, &place) != 0)
		return -ENOENT;
	handle->gid = found->backends[place].gid;
	handle->generation = forwarding->places[handle->gid].generation;
	return 0;
}

int forwarding_locate(const struct forwarding *forwarding, const struct forwarding_handle *handle,
	size_t *pool, size_t *backend)
{
	const struct backend_place *place;

	if (handle->gid >= state_layout(forwarding->state)->backends)
		return -ENOENT;
	place = &forwarding->places[handle->gid];
	if (handle->generation == 0 || place->generation != handle->generation ||
		place->pool == NO_POOL)
		return -ENOENT;
	*pool = place->pool;
	*backend = place->place;
	return 0;
}
