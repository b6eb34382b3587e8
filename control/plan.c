/* SPDX-License-Identifier: BSD-3-Clause */
#include "plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lookup.h"
#include "maglev.h"

/*
 * A backend's key is its address in canonical form. A name may change and a configuration may be
 * reordered without moving a slot.
 */
static void make_member(struct plan_member *member, const struct config_backend *backend,
	const struct flow_secret *secret)
{
	char key[ADDRESS_TEXT_SIZE];

	snprintf(member->name, sizeof(member->name), "%s", backend->name);
	member->address = backend->address;
	member->weight = backend->state == CONFIG_BACKEND_ACTIVE ? backend->weight : 0;
	address_format(&backend->address, key);
	member->key_hash = maglev_key_hash(secret, key, strlen(key));
}

static bool same_members(const struct plan_pool *a, const struct plan_pool *b)
{
	if (a->slots != b->slots || a->backend_count != b->backend_count)
		return false;
	for (size_t i = 0; i < a->backend_count; i++)
		if (!address_equal(&a->members[i].address, &b->members[i].address) ||
			a->members[i].weight != b->members[i].weight)
			return false;
	return true;
}

static int build_table(struct plan_pool *pool)
{
	struct maglev_member *members = calloc(pool->backend_count + 1, sizeof(*members));
	char(*keys)[ADDRESS_TEXT_SIZE] = calloc(pool->backend_count + 1, sizeof(*keys));
	int code = -ENOMEM;

	if (members == NULL || keys == NULL)
		goto out;
	for (size_t i = 0; i < pool->backend_count; i++) {
		address_format(&pool->members[i].address, keys[i]);
		members[i].key_hash = pool->members[i].key_hash;
		members[i].key = keys[i];
		members[i].key_length = strlen(keys[i]);
		members[i].weight = pool->members[i].weight;
		members[i].index = i;
	}
	code = maglev_build(members, pool->backend_count, pool->slots, pool->table);
	if (code == -ENOENT) { /* nobody takes traffic */
		memset(pool->table, 0xff, pool->slots * sizeof(*pool->table));
		code = 0;
	}
out:
	free(members);
	free(keys);
	return code;
}

static void count_owned(struct plan_pool *pool)
{
	for (uint32_t slot = 0; slot < pool->slots; slot++)
		if (pool->table[slot] != PLAN_NO_BACKEND)
			pool->members[pool->table[slot]].owned++;
}

/* The digest goes over key hashes; a slot without an owner counts as 0, one past the members. */
static int make_digest(struct plan_pool *pool)
{
	uint64_t *key_hashes;

	if (pool->backend_count == 0 || pool->table[0] == PLAN_NO_BACKEND)
		return 0;
	key_hashes = calloc(pool->backend_count, sizeof(*key_hashes));
	if (key_hashes == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < pool->backend_count; i++)
		key_hashes[i] = pool->members[i].key_hash;
	pool->digest = maglev_digest(pool->table, pool->slots, key_hashes);
	free(key_hashes);
	return 0;
}

static int make_pool(struct plan_pool *pool, const struct config_pool *config,
	const struct flow_secret *secret, const struct plan *previous)
{
	const struct plan_pool *before = plan_find_pool(previous, config->name);
	int code = 0;

	snprintf(pool->name, sizeof(pool->name), "%s", config->name);
	pool->slots = config->slots;
	pool->backend_count = config->backend_count;
	pool->members = calloc(pool->backend_count + 1, sizeof(*pool->members));
	pool->table = malloc(pool->slots * sizeof(*pool->table));
	if (pool->members == NULL || pool->table == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < pool->backend_count; i++)
		make_member(&pool->members[i], &config->backends[i], secret);
	if (before != NULL && same_members(before, pool))
		memcpy(pool->table, before->table, pool->slots * sizeof(*pool->table));
	else
		code = build_table(pool);
	if (code == 0) {
		count_owned(pool);
		code = make_digest(pool);
	}
	return code;
}

struct plan *plan_create(const struct config *config, const struct flow_secret *secret,
	const struct plan *previous, struct error *error)
{
	struct plan *plan = calloc(1, sizeof(*plan));
	int code = -ENOMEM;

	if (plan == NULL)
		goto fail;
	plan->pools = calloc(config->pool_count + 1, sizeof(*plan->pools));
	plan->by_name = lookup_create();
	if (plan->pools == NULL || plan->by_name == NULL)
		goto fail;
	for (size_t i = 0; i < config->pool_count; i++) {
		struct plan_pool *pool = &plan->pools[i];
		size_t earlier;

		plan->pool_count = i + 1;
		code = make_pool(pool, &config->pools[i], secret, previous);
		if (code == 0)
			code = lookup_add(plan->by_name, pool->name, i, &earlier);
		if (code != 0)
			goto fail;
		plan->digest += XXH3_64bits_withSeed(pool->name, strlen(pool->name), pool->digest);
	}
	return plan;
fail:
	error_set(error, code, "cannot work out the tables: %s", strerror(-code));
	plan_destroy(plan);
	return NULL;
}

void plan_destroy(struct plan *plan)
{
	if (plan == NULL)
		return;
	for (size_t i = 0; i < plan->pool_count; i++) {
		free(plan->pools[i].members);
		free(plan->pools[i].table);
	}
	lookup_destroy(plan->by_name);
	free(plan->pools);
	free(plan);
}

const struct plan_pool *plan_find_pool(const struct plan *plan, const char *name)
{
	size_t place;

	if (plan == NULL || lookup_find(plan->by_name, name, &place) != 0)
		return NULL;
	return &plan->pools[place];
}

static uint64_t owner(const struct plan_pool *pool, uint32_t slot)
{
	uint16_t member = pool->table[slot];

	return member == PLAN_NO_BACKEND ? 0 : pool->members[member].key_hash;
}

uint32_t plan_slots_moved(const struct plan_pool *before, const struct plan_pool *after)
{
	uint32_t moved = 0;

	if (before == NULL || after == NULL)
		return 0;
	if (before->slots != after->slots)
		return after->slots;
	for (uint32_t slot = 0; slot < after->slots; slot++)
		moved += owner(before, slot) != owner(after, slot);
	return moved;
}
