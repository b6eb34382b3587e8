/* SPDX-License-Identifier: BSD-3-Clause */
#include "plan_base.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lookup.h"
#include "patched.h"

struct base_seat {
	char key[CONFIG_KEY_SIZE];
	uint64_t key_hash;
	uint32_t weight;
};

struct plan_base {
	unsigned int references;
	uint32_t slots;
	size_t seat_count;
	struct base_seat *seats; /* by place */
	struct lookup *by_key;
	struct maglev_base base;

	/*
	 * The table of those who have settled, as it was worked out last: it is the same for all
	 * the steps of a slow start. Under the lock: a change is planned in another thread.
	 */
	pthread_mutex_t lock;
	uint16_t *previous; /* by slot; NULL: of none yet */
	bool *joining;      /* by place: who has not settled in it */
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
	free(base->previous);
	free(base->joining);
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
static int build_previous(struct plan_base *base, const struct patch *patch)
{
	struct maglev_member *settled = calloc(base->seat_count + 1, sizeof(*settled));
	int code = -ENOMEM;

	if (settled != NULL) {
		for (size_t i = 0; i < base->seat_count; i++) {
			settled[i] = patch->members[i];
			if (patch->joining[i])
				settled[i].weight = 0;
		}
		code = maglev_build(settled, base->seat_count, base->slots, base->previous);
	}
	if (code == -ENOENT) {
		memset(base->previous, 0xff, base->slots * sizeof(*base->previous));
		code = 0;
	}
	free(settled);
	return code;
}

static void forget_previous(struct plan_base *base)
{
	free(base->previous);
	free(base->joining);
	base->previous = NULL;
	base->joining = NULL;
}

/* Sees to it that the base has the table of those who have settled now. */
static int follow_joining(struct plan_base *base, const struct patch *patch)
{
	size_t size = base->seat_count * sizeof(*base->joining);
	int code = -ENOMEM;

	if (base->previous != NULL && memcmp(base->joining, patch->joining, size) == 0)
		return 0;
	forget_previous(base);
	base->previous = malloc(base->slots * sizeof(*base->previous));
	base->joining = malloc(size);
	if (base->previous != NULL && base->joining != NULL) {
		memcpy(base->joining, patch->joining, size);
		code = build_previous(base, patch);
	}
	if (code != 0)
		forget_previous(base);
	return code;
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

static int build_patched(struct rendezvous *rendezvous, const struct plan_pool *pool,
	const struct patch *patch, bool some_join)
{
	const struct patched_pool patched = {
		.members = patch->members,
		.factors = patch->shares,
		.member_count = pool->base->seat_count,
		.slot_count = pool->slots,
		.base = pool->base->base,
		.previous = some_join ? pool->base->previous : NULL,
		.joining = some_join ? patch->joining : NULL,
	};

	return patched_build(&patched, rendezvous, pool->table->seats);
}

static int build_with_joining(
	struct rendezvous *rendezvous, const struct plan_pool *pool, const struct patch *patch)
{
	int code;

	pthread_mutex_lock(&pool->base->lock);
	code = follow_joining(pool->base, patch);
	if (code == 0)
		code = build_patched(rendezvous, pool, patch, true);
	pthread_mutex_unlock(&pool->base->lock);
	return code;
}

int plan_base_patch(struct rendezvous *rendezvous, struct plan_pool *pool)
{
	struct patch patch = { 0 };
	bool some_join = false;
	int code = make_patch(&patch, pool, &some_join);

	if (code == 0)
		code = some_join ? build_with_joining(rendezvous, pool, &patch)
				 : build_patched(rendezvous, pool, &patch, false);
	for (uint32_t slot = 0; code == 0 && slot < pool->slots; slot++)
		if (pool->table->seats[slot] != PATCHED_NO_BACKEND)
			pool->table->seats[slot] = patch.seat_of[pool->table->seats[slot]];
	free_patch(&patch);
	return code;
}
