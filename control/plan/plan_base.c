/* SPDX-License-Identifier: BSD-3-Clause */
#include "plan/plan_base.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/lookup.h"
#include "maglev/patched.h"

struct base_seat {
	char key[CONFIG_KEY_SIZE];
	uint64_t key_hash;
	uint32_t weight;
};

/*
 * The last table of the seats that have joined. All steps of a slow start need the same one. Not
 * written again once it is made.
 */
struct joined_table {
	unsigned int references; /* under the lock of the base */
	uint16_t *seats;         /* by slot */
	bool *joining;           /* by base index: has not joined yet */
};

struct plan_base {
	unsigned int references;
	uint32_t slots;
	size_t seat_count;
	struct base_seat *seats; /* by base index */
	struct lookup *by_key;
	struct maglev_base base;

	/* A change is planned in another thread. The lock is never held while a table is built. */
	pthread_mutex_t lock;
	struct joined_table *joined; /* under the lock; NULL: none yet */
};

/* What one patch needs beside the base; all by base index. */
struct patch {
	struct maglev_member *members;
	uint32_t *shares;
	bool *joining;
	uint16_t *seat_of;
};

struct maglev_member plan_base_member(const struct plan_seat *seat, size_t index)
{
	return (struct maglev_member){
		.key_hash = seat->key_hash,
		.key = seat->key,
		.key_length = strlen(seat->key),
		.weight = seat->weight,
		.index = index,
	};
}

static struct maglev_member member_of(const struct plan_base *base, size_t base_index)
{
	const struct base_seat *seat = &base->seats[base_index];

	return (struct maglev_member){
		.key_hash = seat->key_hash,
		.key = seat->key,
		.key_length = strlen(seat->key),
		.weight = seat->weight,
		.index = base_index,
	};
}

/* Copies key and weight, and assigns the next base index. */
static int add_seat(struct plan_base *base, struct plan_seat *seat)
{
	struct base_seat *added = &base->seats[base->seat_count];
	size_t earlier;

	snprintf(added->key, sizeof(added->key), "%s", seat->key);
	added->key_hash = seat->key_hash;
	added->weight = seat->weight;
	seat->base_index = base->seat_count++;
	return lookup_add(base->by_key, seat->key, seat->base_index, &earlier);
}

static int list_seats(struct plan_base *base, struct plan_pool *pool)
{
	int code = 0;

	for (size_t i = 0; code == 0 && i < pool->seat_count; i++) {
		pool->seats[i].base_index = PLAN_NO_BASE_INDEX;
		if (pool->seats[i].weight != 0)
			code = add_seat(base, &pool->seats[i]);
	}
	return code;
}

static int fill(struct plan_base *base)
{
	struct maglev_member *members = calloc(base->seat_count + 1, sizeof(*members));
	int code;

	if (members == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < base->seat_count; i++)
		members[i] = member_of(base, i);
	code = maglev_build_base(members, base->seat_count, base->slots, &base->base);
	if (code == -ENOENT) { /* no seat has a weight: no slot has an owner */
		memset(base->base.table, 0xff, base->slots * sizeof(*base->base.table));
		code = 0;
	}
	free(members);
	return code;
}

int plan_base_create(struct plan_pool *pool)
{
	struct plan_base *base = calloc(1, sizeof(*base));
	int code = -ENOMEM;

	if (base == NULL)
		return -ENOMEM;
	pthread_mutex_init(&base->lock, NULL);
	base->references = 1;
	base->slots = pool->slots;
	base->seats = calloc(pool->seat_count + 1, sizeof(*base->seats));
	base->by_key = lookup_create();
	base->base.table = calloc(base->slots, sizeof(*base->base.table));
	base->base.ranks = calloc(base->slots, sizeof(*base->base.ranks));
	base->base.owned = calloc(pool->seat_count + 1, sizeof(*base->base.owned));
	if (base->seats != NULL && base->by_key != NULL && base->base.table != NULL &&
		base->base.ranks != NULL && base->base.owned != NULL)
		code = list_seats(base, pool);
	if (code == 0)
		code = fill(base);
	if (code == 0)
		pool->base = base;
	else
		plan_base_release(base);
	return code;
}

static void free_joined(struct joined_table *table)
{
	if (table == NULL)
		return;
	free(table->seats);
	free(table->joining);
	free(table);
}

struct plan_base *plan_base_ref(struct plan_base *base)
{
	base->references++;
	return base;
}

void plan_base_release(struct plan_base *base)
{
	if (base == NULL || --base->references != 0)
		return;
	free(base->base.table);
	free(base->base.ranks);
	free(base->base.owned);
	free_joined(base->joined);
	lookup_destroy(base->by_key);
	pthread_mutex_destroy(&base->lock);
	free(base->seats);
	free(base);
}

/* The base index of the seat, if its weight is the same; or PLAN_NO_BASE_INDEX. */
static uint16_t find_base_index(const struct plan_base *base, const struct plan_seat *seat)
{
	size_t base_index;

	if (lookup_find(base->by_key, seat->key, &base_index) != 0 ||
		base->seats[base_index].weight != seat->weight)
		return PLAN_NO_BASE_INDEX;
	return base_index;
}

static bool stands_as_before(
	const struct plan_pool *before, size_t number, const struct plan_seat *seat)
{
	const struct plan_seat *same = &before->seats[number];

	return number < before->seat_count && same->weight == seat->weight &&
	       same->key_hash == seat->key_hash && strcmp(same->key, seat->key) == 0;
}

/* Keys are unique: as many seats, each of them found, are the same seats. */
bool plan_base_fit(struct plan_base *base, const struct plan_pool *before, struct plan_pool *pool)
{
	size_t found = 0;

	for (size_t i = 0; i < pool->seat_count; i++) {
		struct plan_seat *seat = &pool->seats[i];

		if (stands_as_before(before, i, seat))
			seat->base_index = before->seats[i].base_index;
		else
			seat->base_index = seat->weight == 0 ? PLAN_NO_BASE_INDEX
							     : find_base_index(base, seat);
		if (seat->weight != 0 && seat->base_index == PLAN_NO_BASE_INDEX)
			return false;
		found += seat->weight != 0;
	}
	if (found != base->seat_count)
		return false;
	pool->base = plan_base_ref(base);
	return true;
}

static void free_patch(struct patch *patch)
{
	free(patch->members);
	free(patch->shares);
	free(patch->joining);
	free(patch->seat_of);
}

/* Builds the table of the seats that have joined: a joining seat takes its slots from these. */
static int build_joined(
	const struct plan_base *base, const struct patch *patch, struct joined_table *table)
{
	struct maglev_member *joined = calloc(base->seat_count + 1, sizeof(*joined));
	int code = -ENOMEM;

	if (joined != NULL) {
		for (size_t i = 0; i < base->seat_count; i++) {
			joined[i] = patch->members[i];
			if (patch->joining[i])
				joined[i].weight = 0;
		}
		code = maglev_build(joined, base->seat_count, base->slots, table->seats);
	}
	if (code == -ENOENT) {
		memset(table->seats, 0xff, base->slots * sizeof(*table->seats));
		code = 0;
	}
	free(joined);
	return code;
}

/* NULL when memory is short. */
static struct joined_table *make_joined(const struct plan_base *base, const struct patch *patch)
{
	size_t size = base->seat_count * sizeof(*patch->joining);
	struct joined_table *table = calloc(1, sizeof(*table));

	if (table == NULL)
		return NULL;
	table->seats = malloc(base->slots * sizeof(*table->seats));
	table->joining = malloc(size);
	if (table->seats != NULL && table->joining != NULL) {
		memcpy(table->joining, patch->joining, size);
		if (build_joined(base, patch, table) == 0)
			return table;
	}
	free_joined(table);
	return NULL;
}

/* With the lock held. */
static void release_joined(struct joined_table *table)
{
	if (table != NULL && --table->references == 0)
		free_joined(table);
}

/* The table at hand, if the same seats have joined now; or NULL. */
static struct joined_table *find_joined(struct plan_base *base, const struct patch *patch)
{
	size_t size = base->seat_count * sizeof(*patch->joining);
	struct joined_table *table;

	pthread_mutex_lock(&base->lock);
	table = base->joined;
	if (table != NULL && memcmp(table->joining, patch->joining, size) != 0)
		table = NULL;
	if (table != NULL)
		table->references++;
	pthread_mutex_unlock(&base->lock);
	return table;
}

static void keep_joined(struct plan_base *base, struct joined_table *table)
{
	pthread_mutex_lock(&base->lock);
	release_joined(base->joined);
	base->joined = table;
	table->references = 2; /* the base's and the caller's */
	pthread_mutex_unlock(&base->lock);
}

/* Release with put_joined(). NULL when memory is short. */
static struct joined_table *get_joined(struct plan_base *base, const struct patch *patch)
{
	struct joined_table *table = find_joined(base, patch);

	if (table != NULL)
		return table;
	table = make_joined(base, patch);
	if (table != NULL)
		keep_joined(base, table);
	return table;
}

static void put_joined(struct plan_base *base, struct joined_table *table)
{
	pthread_mutex_lock(&base->lock);
	release_joined(table);
	pthread_mutex_unlock(&base->lock);
}

static int make_patch(struct patch *patch, const struct plan_pool *pool, bool *some_join)
{
	struct plan_base *base = pool->base;

	patch->members = calloc(base->seat_count + 1, sizeof(*patch->members));
	patch->shares = calloc(base->seat_count + 1, sizeof(*patch->shares));
	patch->joining = calloc(base->seat_count + 1, sizeof(*patch->joining));
	patch->seat_of = calloc(base->seat_count + 1, sizeof(*patch->seat_of));
	if (patch->members == NULL || patch->shares == NULL || patch->joining == NULL ||
		patch->seat_of == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < base->seat_count; i++)
		patch->members[i] = member_of(base, i);
	for (size_t i = 0; i < pool->seat_count; i++) {
		const struct plan_seat *seat = &pool->seats[i];

		if (seat->base_index == PLAN_NO_BASE_INDEX)
			continue;
		patch->shares[seat->base_index] = seat->share;
		patch->joining[seat->base_index] = seat->joining;
		patch->seat_of[seat->base_index] = i;
		*some_join |= seat->joining;
	}
	return 0;
}

/* `joined` is NULL where no seat joins. */
static int build_patched(struct rendezvous *rendezvous, const struct plan_pool *pool,
	const struct patch *patch, const struct joined_table *joined)
{
	const struct patched_pool patched = {
		.members = patch->members,
		.factors = patch->shares,
		.member_count = pool->base->seat_count,
		.slot_count = pool->slots,
		.base = pool->base->base,
		.previous = joined == NULL ? NULL : joined->seats,
		.joining = joined == NULL ? NULL : patch->joining,
	};

	return patched_build(&patched, rendezvous, pool->table->seats);
}

static int build_with_joining(
	struct rendezvous *rendezvous, const struct plan_pool *pool, const struct patch *patch)
{
	struct joined_table *joined = get_joined(pool->base, patch);
	int code;

	if (joined == NULL)
		return -ENOMEM;
	code = build_patched(rendezvous, pool, patch, joined);
	put_joined(pool->base, joined);
	return code;
}

int plan_base_patch(struct rendezvous *rendezvous, struct plan_pool *pool)
{
	struct patch patch = { 0 };
	bool some_join = false;
	int code = make_patch(&patch, pool, &some_join);

	if (code == 0)
		code = some_join ? build_with_joining(rendezvous, pool, &patch)
				 : build_patched(rendezvous, pool, &patch, NULL);
	for (uint32_t slot = 0; code == 0 && slot < pool->slots; slot++)
		if (pool->table->seats[slot] != PATCHED_NO_BACKEND)
			pool->table->seats[slot] = patch.seat_of[pool->table->seats[slot]];
	free_patch(&patch);
	return code;
}
