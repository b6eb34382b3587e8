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
 * The table of those who have settled, as it was worked out last: it is the same for all the steps
 * of a slow start. Never written again.
 */
struct settled_table {
	unsigned int references; /* under the lock of the base */
	uint16_t *seats;         /* by slot */
	bool *joining;           /* by place: who has not settled in it */
};

struct plan_base {
	unsigned int references;
	uint32_t slots;
	size_t seat_count;
	struct base_seat *seats; /* by place */
	struct lookup *by_key;
	struct maglev_base base;

	/* A change is planned in another thread; neither waits for a table of the other's. */
	pthread_mutex_t lock;
	struct settled_table *settled; /* under the lock; NULL: none yet */
};

/* What one patching needs beside the base; all by place. */
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

static struct maglev_member member_of(const struct plan_base *base, size_t place)
{
	const struct base_seat *seat = &base->seats[place];

	return (struct maglev_member){
		.key_hash = seat->key_hash,
		.key = seat->key,
		.key_length = strlen(seat->key),
		.weight = seat->weight,
		.index = place,
	};
}

/* Takes over a key and a weight, and gives the next place. */
static int add_seat(struct plan_base *base, struct plan_seat *seat)
{
	struct base_seat *added = &base->seats[base->seat_count];
	size_t earlier;

	snprintf(added->key, sizeof(added->key), "%s", seat->key);
	added->key_hash = seat->key_hash;
	added->weight = seat->weight;
	seat->place = base->seat_count++;
	return lookup_add(base->by_key, seat->key, seat->place, &earlier);
}

static int list_seats(struct plan_base *base, struct plan_pool *pool)
{
	int code = 0;

	for (size_t i = 0; code == 0 && i < pool->seat_count; i++) {
		pool->seats[i].place = PLAN_NO_PLACE;
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

static void free_settled(struct settled_table *table)
{
	if (table == NULL)
		return;
	free(table->seats);
	free(table->joining);
	free(table);
}

struct plan_base *plan_base_share(struct plan_base *base)
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
	free_settled(base->settled);
	lookup_destroy(base->by_key);
	pthread_mutex_destroy(&base->lock);
	free(base->seats);
	free(base);
}

/* Where the base has the seat as it is, or PLAN_NO_PLACE. */
static uint16_t find_place(const struct plan_base *base, const struct plan_seat *seat)
{
	size_t place;

	if (lookup_find(base->by_key, seat->key, &place) != 0 ||
		base->seats[place].weight != seat->weight)
		return PLAN_NO_PLACE;
	return place;
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
			seat->place = before->seats[i].place;
		else
			seat->place = seat->weight == 0 ? PLAN_NO_PLACE : find_place(base, seat);
		if (seat->weight != 0 && seat->place == PLAN_NO_PLACE)
			return false;
		found += seat->weight != 0;
	}
	if (found != base->seat_count)
		return false;
	pool->base = plan_base_share(base);
	return true;
}

static void free_patch(struct patch *patch)
{
	free(patch->members);
	free(patch->shares);
	free(patch->joining);
	free(patch->seat_of);
}

/* Whose slots a joining seat takes, one after the other. */
static int build_settled(
	const struct plan_base *base, const struct patch *patch, struct settled_table *table)
{
	struct maglev_member *settled = calloc(base->seat_count + 1, sizeof(*settled));
	int code = -ENOMEM;

	if (settled != NULL) {
		for (size_t i = 0; i < base->seat_count; i++) {
			settled[i] = patch->members[i];
			if (patch->joining[i])
				settled[i].weight = 0;
		}
		code = maglev_build(settled, base->seat_count, base->slots, table->seats);
	}
	if (code == -ENOENT) {
		memset(table->seats, 0xff, base->slots * sizeof(*table->seats));
		code = 0;
	}
	free(settled);
	return code;
}

/* NULL when memory is short. */
static struct settled_table *make_settled(const struct plan_base *base, const struct patch *patch)
{
	size_t size = base->seat_count * sizeof(*patch->joining);
	struct settled_table *table = calloc(1, sizeof(*table));

	if (table == NULL)
		return NULL;
	table->seats = malloc(base->slots * sizeof(*table->seats));
	table->joining = malloc(size);
	if (table->seats != NULL && table->joining != NULL) {
		memcpy(table->joining, patch->joining, size);
		if (build_settled(base, patch, table) == 0)
			return table;
	}
	free_settled(table);
	return NULL;
}

/* With the lock held. */
static void release_settled(struct settled_table *table)
{
	if (table != NULL && --table->references == 0)
		free_settled(table);
}

/* The one at hand, where it is of those who have settled now; or NULL. */
static struct settled_table *find_settled(struct plan_base *base, const struct patch *patch)
{
	size_t size = base->seat_count * sizeof(*patch->joining);
	struct settled_table *table;

	pthread_mutex_lock(&base->lock);
	table = base->settled;
	if (table != NULL && memcmp(table->joining, patch->joining, size) != 0)
		table = NULL;
	if (table != NULL)
		table->references++;
	pthread_mutex_unlock(&base->lock);
	return table;
}

static void keep_settled(struct plan_base *base, struct settled_table *table)
{
	pthread_mutex_lock(&base->lock);
	release_settled(base->settled);
	base->settled = table;
	table->references = 2; /* the base's and the caller's */
	pthread_mutex_unlock(&base->lock);
}

/* To be given back by put_settled(). NULL when memory is short. */
static struct settled_table *get_settled(struct plan_base *base, const struct patch *patch)
{
	struct settled_table *table = find_settled(base, patch);

	if (table != NULL)
		return table;
	table = make_settled(base, patch);
	if (table != NULL)
		keep_settled(base, table);
	return table;
}

static void put_settled(struct plan_base *base, struct settled_table *table)
{
	pthread_mutex_lock(&base->lock);
	release_settled(table);
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

		if (seat->place == PLAN_NO_PLACE)
			continue;
		patch->shares[seat->place] = seat->share;
		patch->joining[seat->place] = seat->joining;
		patch->seat_of[seat->place] = i;
		*some_join |= seat->joining;
	}
	return 0;
}

/* `settled` is NULL where nobody joins. */
static int build_patched(struct rendezvous *rendezvous, const struct plan_pool *pool,
	const struct patch *patch, const struct settled_table *settled)
{
	const struct patched_pool patched = {
		.members = patch->members,
		.factors = patch->shares,
		.member_count = pool->base->seat_count,
		.slot_count = pool->slots,
		.base = pool->base->base,
		.previous = settled == NULL ? NULL : settled->seats,
		.joining = settled == NULL ? NULL : patch->joining,
	};

	return patched_build(&patched, rendezvous, pool->table->seats);
}

static int build_with_joining(
	struct rendezvous *rendezvous, const struct plan_pool *pool, const struct patch *patch)
{
	struct settled_table *settled = get_settled(pool->base, patch);
	int code;

	if (settled == NULL)
		return -ENOMEM;
	code = build_patched(rendezvous, pool, patch, settled);
	put_settled(pool->base, settled);
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
