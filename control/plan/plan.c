/* SPDX-License-Identifier: BSD-3-Clause */
#include "plan/plan.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/lookup.h"
#include "plan/plan_base.h"
#include "plan/plan_parts.h"

struct planner {
	const struct flow_secret *secret;
	struct rendezvous *rendezvous;
	_Atomic uint64_t own_count;
	_Atomic uint64_t *table_count; /* built so far by all planners that share the count */
};

struct planner *planner_create(const struct flow_secret *secret)
{
	struct planner *planner = calloc(1, sizeof(*planner));

	if (planner == NULL)
		return NULL;
	planner->secret = secret;
	planner->table_count = &planner->own_count;
	planner->rendezvous = rendezvous_create();
	if (planner->rendezvous != NULL)
		return planner;
	planner_destroy(planner);
	return NULL;
}

struct planner *planner_create_beside(struct planner *other)
{
	struct planner *planner = planner_create(other->secret);

	if (planner != NULL)
		planner->table_count = other->table_count;
	return planner;
}

void planner_destroy(struct planner *planner)
{
	if (planner == NULL)
		return;
	rendezvous_destroy(planner->rendezvous);
	free(planner);
}

/* Seats. */

struct seat_list {
	unsigned int references;
	struct plan_seat seats[];
};

/* Zeroed, with one reference; NULL when memory is short. */
static struct plan_seat *create_seats(size_t count)
{
	struct seat_list *list = calloc(1, sizeof(*list) + count * sizeof(list->seats[0]));

	if (list == NULL)
		return NULL;
	list->references = 1;
	return list->seats;
}

static struct seat_list *list_of(struct plan_seat *seats)
{
	return (struct seat_list *)((char *)seats - offsetof(struct seat_list, seats));
}

static struct plan_seat *share_seats(struct plan_seat *seats)
{
	list_of(seats)->references++;
	return seats;
}

static void release_seats(struct plan_seat *seats)
{
	if (seats != NULL && --list_of(seats)->references == 0)
		free(list_of(seats));
}

static void hash_seat(struct plan_seat *seat, const struct flow_secret *secret)
{
	char text[ADDRESS_TEXT_SIZE];

	address_format(&seat->address, text);
	seat->owner_hash = maglev_key_hash(secret, text, strlen(text));
	seat->key_hash = maglev_key_hash(secret, seat->key, strlen(seat->key));
}

/* `before`: of the previous seat at this index, mostly the same one; NULL for none. */
static void take_seat(struct plan_seat *seat, const struct config_backend *backend,
	const struct plan_share *share, const struct plan_seat *before,
	const struct flow_secret *secret)
{
	memcpy(seat->name, backend->name, sizeof(seat->name));
	memcpy(seat->key, backend->key, sizeof(seat->key));
	seat->address = backend->address;
	seat->weight = backend->weight != 0 ? backend->weight : backend->seat_weight;
	seat->share = share->share;
	seat->joining = share->joining;
	seat->holds = share->holds;
	if (before == NULL || !address_equal(&seat->address, &before->address) ||
		strcmp(seat->key, before->key) != 0) {
		hash_seat(seat, secret);
		return;
	}
	seat->owner_hash = before->owner_hash;
	seat->key_hash = before->key_hash;
}

static void leave_vacant(struct plan_seat *seat, const struct config_vacant *vacant,
	const struct flow_secret *secret)
{
	snprintf(seat->key, sizeof(seat->key), "%s", vacant->key);
	seat->weight = vacant->weight;
	seat->key_hash = maglev_key_hash(secret, seat->key, strlen(seat->key));
}

static int make_seats(struct plan_pool *pool, const struct config_pool *config,
	const struct plan_pool *before, const struct plan_share *shares,
	const struct flow_secret *secret)
{
	pool->backend_count = config->backend_count;
	pool->seat_count = config->backend_count + config->vacant_count;
	pool->seats = create_seats(pool->seat_count);
	if (pool->seats == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < config->backend_count; i++)
		take_seat(&pool->seats[i], &config->backends[i], &shares[i],
			before != NULL && i < before->backend_count ? &before->seats[i] : NULL,
			secret);
	for (size_t i = 0; i < config->vacant_count; i++)
		leave_vacant(&pool->seats[config->backend_count + i], &config->vacant[i], secret);
	if (pool->builder == CONFIG_BUILDER_RENDEZVOUS || config->part_count != 0)
		return 0;
	if (before != NULL && before->base != NULL)
		plan_base_fit(before->base, before, pool);
	return 0;
}

/* Tables. */

/* The digest goes over hashes of addresses, so that nodes which number backends differently agree.
 */
static int make_digest(struct plan_pool *pool)
{
	uint64_t *hashes;

	pool->digest = 0;
	if (pool->seat_count == 0 || pool->table->seats[0] == PLAN_NO_BACKEND)
		return 0;
	hashes = calloc(pool->seat_count, sizeof(*hashes));
	if (hashes == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < pool->seat_count; i++)
		hashes[i] = pool->seats[i].owner_hash;
	pool->digest = maglev_digest(pool->table->seats, pool->slots, hashes);
	free(hashes);
	return 0;
}

static void count_owned(struct plan_pool *pool)
{
	for (size_t i = 0; i < pool->seat_count; i++)
		pool->seats[i].owned = 0;
	for (uint32_t slot = 0; slot < pool->slots; slot++)
		if (pool->table->seats[slot] != PLAN_NO_BACKEND)
			pool->seats[pool->table->seats[slot]].owned++;
}

static int build_rendezvous(struct planner *planner, struct plan_pool *pool)
{
	struct maglev_member *members = calloc(pool->seat_count + 1, sizeof(*members));
	uint32_t *shares = calloc(pool->seat_count + 1, sizeof(*shares));
	int code = -ENOMEM;

	if (members != NULL && shares != NULL) {
		for (size_t i = 0; i < pool->seat_count; i++) {
			members[i] = plan_base_member(&pool->seats[i], i);
			shares[i] = pool->seats[i].share;
		}
		code = rendezvous_set_candidates(
			planner->rendezvous, members, shares, pool->seat_count);
	}
	if (code == 0)
		rendezvous_build(planner->rendezvous, pool->slots, pool->table->seats);
	free(members);
	free(shares);
	return code;
}

static int fill_table(struct planner *planner, struct plan_pool *pool)
{
	if (pool->part_count != 0)
		return plan_parts_compose(planner->rendezvous, pool);
	return pool->base == NULL ? build_rendezvous(planner, pool)
				  : plan_base_patch(planner->rendezvous, pool);
}

static int build_table(struct planner *planner, struct plan_pool *pool)
{
	int code;

	pool->table = plan_table_create(pool->slots, atomic_fetch_add(planner->table_count, 1) + 1);
	if (pool->table == NULL)
		return -ENOMEM;
	code = fill_table(planner, pool);
	if (code == 0)
		count_owned(pool);
	if (code == 0)
		code = make_digest(pool);
	if (code == 0)
		return 0;
	plan_table_release(pool->table);
	pool->table = NULL;
	return code;
}

int plan_pool_build(struct planner *planner, struct plan_pool *pool)
{
	int code = 0;

	if (pool->table != NULL)
		return 0;
	for (size_t i = 0; code == 0 && i < pool->part_count; i++)
		code = plan_pool_build(planner, &pool->parts[i].pool);
	if (code == 0 && pool->part_count == 0 && pool->builder == CONFIG_BUILDER_MAGLEV &&
		pool->base == NULL)
		code = plan_base_create(pool);
	return code == 0 ? build_table(planner, pool) : code;
}

/* Whether a table of `a` is also right for `b`: the same seats with the same shares. */
static bool serves_alike(const struct plan_pool *a, const struct plan_pool *b)
{
	if (a->table == NULL || a->builder != b->builder || a->base != b->base ||
		a->seat_count != b->seat_count || !plan_parts_alike(a, b))
		return false;
	for (size_t i = 0; i < a->part_count; i++)
		if (!serves_alike(&a->parts[i].pool, &b->parts[i].pool))
			return false;
	for (size_t i = 0; i < a->seat_count; i++)
		if (a->seats[i].key_hash != b->seats[i].key_hash ||
			a->seats[i].owner_hash != b->seats[i].owner_hash ||
			a->seats[i].weight != b->seats[i].weight ||
			a->seats[i].share != b->seats[i].share ||
			a->seats[i].joining != b->seats[i].joining)
			return false;
	return true;
}

static void share_table(struct plan_pool *pool, const struct plan_pool *before)
{
	pool->table = plan_table_ref(before->table);
	for (size_t i = 0; i < pool->seat_count; i++)
		pool->seats[i].owned = before->seats[i].owned;
	pool->digest = before->digest;
}

/* The part of that name, where it has as many slots. */
static const struct plan_pool *find_part(
	const struct plan_pool *pool, const char *name, uint32_t slots)
{
	for (size_t i = 0; pool != NULL && i < pool->part_count; i++)
		if (strcmp(pool->parts[i].pool.name, name) == 0)
			return pool->parts[i].pool.slots == slots ? &pool->parts[i].pool : NULL;
	return NULL;
}

static int outline_one(struct planner *planner, struct plan_pool *pool,
	const struct config_pool *config, const struct plan_pool *before,
	const struct plan_share *shares)
{
	snprintf(pool->name, sizeof(pool->name), "%s", config->name);
	pool->slots = config->slots;
	pool->builder = config->builder;
	return make_seats(pool, config, before, shares, planner->secret);
}

/* A hash that is no backend's key: these are texts of [A-Za-z0-9._:-]. */
static uint64_t hash_part(const struct flow_secret *secret, const char *name)
{
	char text[CONFIG_NAME_SIZE + 8];

	return maglev_key_hash(secret, text, snprintf(text, sizeof(text), "pool %s", name));
}

static int outline_part(struct planner *planner, struct plan_pool *pool,
	const struct config *config, const struct config_pool_part *part,
	const struct plan_pool *before, const struct plan_share *shares)
{
	const struct config_pool *written = &config->pools[part->part.pool];
	const struct plan_pool *same = find_part(before, written->name, written->slots);
	struct plan_part *added = &pool->parts[pool->part_count++];
	int code;

	added->key_hash = hash_part(planner->secret, written->name);
	added->weight = part->part.weight;
	added->backup = part->part.backup;
	added->first_seat = part->first_backend;
	code = outline_one(planner, &added->pool, written, same, shares + part->first_backend);
	if (code == 0 && same != NULL && serves_alike(same, &added->pool))
		share_table(&added->pool, same);
	return code;
}

static int outline_parts(struct planner *planner, struct plan_pool *pool,
	const struct config *config, size_t number, const struct plan_pool *before,
	const struct plan_share *shares)
{
	const struct config_pool *own = &config->pools[number];
	int code = 0;

	if (own->part_count == 0)
		return 0;
	pool->parts = calloc(own->part_count, sizeof(*pool->parts));
	if (pool->parts == NULL)
		return -ENOMEM;
	for (size_t i = 0; code == 0 && i < own->part_count; i++)
		code = outline_part(planner, pool, config, &own->parts[i], before, shares);
	return code;
}

static int outline_pool(struct planner *planner, struct plan_pool *pool,
	const struct config *config, size_t number, const struct plan *previous,
	const struct plan_share *shares)
{
	const struct config_pool *own = &config->pools[number];
	const struct plan_pool *before = plan_find_pool(previous, own->name);
	int code;

	if (before != NULL && before->slots != own->slots)
		before = NULL;
	code = outline_one(planner, pool, own, before, shares);
	if (code == 0)
		code = outline_parts(planner, pool, config, number, before, shares);
	if (code != 0)
		return code;
	if (before != NULL && serves_alike(before, pool))
		share_table(pool, before);
	return 0;
}

static int ask_and_outline_pool(struct planner *planner, struct plan *plan, size_t number,
	const struct config *config, const struct plan *previous, plan_share_t *share_of,
	void *context)
{
	size_t count = config->pools[number].backend_count;
	struct plan_share *shares = calloc(count + 1, sizeof(*shares));
	int code;

	if (shares == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		shares[i] = share_of(context, number, i);
	code = outline_pool(planner, &plan->pools[number], config, number, previous, shares);
	free(shares);
	return code;
}

/* 0 or -ENOMEM, and then it can be destroyed. */
static int share_pool(struct plan_pool *pool, const struct plan_pool *before)
{
	int code = 0;

	*pool = *before;
	pool->seats = share_seats(before->seats);
	pool->base = before->base == NULL ? NULL : plan_base_ref(before->base);
	pool->table = plan_table_ref(before->table);
	pool->part_count = 0;
	if (before->part_count == 0)
		return 0;
	pool->parts = calloc(before->part_count, sizeof(*pool->parts));
	if (pool->parts == NULL)
		return -ENOMEM;
	for (size_t i = 0; code == 0 && i < before->part_count; i++) {
		pool->parts[i] = before->parts[i];
		code = share_pool(&pool->parts[i].pool, &before->parts[i].pool);
		pool->part_count++;
	}
	return code;
}

/* Plans. */

/* What a pool adds to the digest of its plan. A sum: one pool can be replaced in it alone. */
static uint64_t summand(const struct plan_pool *pool)
{
	return XXH3_64bits_withSeed(pool->name, strlen(pool->name), pool->digest);
}

void plan_sum_digests(struct plan *plan)
{
	plan->digest = 0;
	for (size_t i = 0; i < plan->pool_count; i++)
		plan->digest += summand(&plan->pools[i]);
}

static int name_pool(struct plan *plan, size_t number)
{
	size_t earlier;

	return lookup_add(plan->by_name, plan->pools[number].name, number, &earlier);
}

static struct plan *refuse(struct plan *plan, int code, struct error *error)
{
	error_set(error, code, "cannot work out the tables: %s", strerror(-code));
	plan_destroy(plan);
	return NULL;
}

struct plan *plan_outline(struct planner *planner, const struct config *config,
	const struct plan *previous, plan_share_t *share_of, plan_alike_t *is_alike, void *context,
	struct error *error)
{
	struct plan *plan = calloc(1, sizeof(*plan));
	int code = 0;

	if (plan == NULL)
		return refuse(plan, -ENOMEM, error);
	plan->pools = calloc(config->pool_count + 1, sizeof(*plan->pools));
	plan->by_name = lookup_create();
	if (plan->pools == NULL || plan->by_name == NULL)
		return refuse(plan, -ENOMEM, error);
	for (size_t i = 0; code == 0 && i < config->pool_count; i++) {
		plan->pool_count = i + 1;
		if (is_alike != NULL && is_alike(context, i))
			code = share_pool(
				&plan->pools[i], plan_find_pool(previous, config->pools[i].name));
		else
			code = ask_and_outline_pool(
				planner, plan, i, config, previous, share_of, context);
		if (code == 0)
			code = name_pool(plan, i);
	}
	return code == 0 ? plan : refuse(plan, code, error);
}

struct plan *plan_create(struct planner *planner, const struct config *config,
	const struct plan *previous, plan_share_t *share_of, void *context, struct error *error)
{
	struct plan *plan = plan_outline(planner, config, previous, share_of, NULL, context, error);

	for (size_t i = 0; plan != NULL && i < plan->pool_count; i++) {
		int code = plan_pool_build(planner, &plan->pools[i]);

		if (code != 0)
			return refuse(plan, code, error);
	}
	if (plan != NULL)
		plan_sum_digests(plan);
	return plan;
}

void plan_pool_destroy(struct plan_pool *pool)
{
	for (size_t i = 0; i < pool->part_count; i++)
		plan_pool_destroy(&pool->parts[i].pool);
	free(pool->parts);
	plan_base_release(pool->base);
	release_seats(pool->seats);
	plan_table_release(pool->table);
}

void plan_destroy(struct plan *plan)
{
	if (plan == NULL)
		return;
	for (size_t i = 0; i < plan->pool_count; i++)
		plan_pool_destroy(&plan->pools[i]);
	lookup_destroy(plan->by_name);
	free(plan->pools);
	free(plan);
}

static void set_shares(struct plan_seat *seats, const struct plan_share *shares, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		seats[i].share = shares[i].share;
		seats[i].joining = shares[i].joining;
		seats[i].holds = shares[i].holds;
	}
}

void plan_pool_set_shares(struct plan_pool *pool, const struct plan_share *shares)
{
	set_shares(pool->seats, shares, pool->backend_count);
	for (size_t i = 0; i < pool->part_count; i++)
		plan_pool_set_shares(&pool->parts[i].pool, shares + pool->parts[i].first_seat);
}

static bool has_shares(const struct plan_pool *pool, const struct plan_share *shares)
{
	for (size_t i = 0; i < pool->backend_count; i++)
		if (pool->seats[i].share != shares[i].share ||
			pool->seats[i].joining != shares[i].joining)
			return false;
	return true;
}

/* A part in which nothing changes goes on with its table. */
static int follow_parts(struct planner *planner, const struct plan_pool *pool,
	const struct plan_share *shares, struct plan_pool *next)
{
	int code = 0;

	if (pool->part_count == 0)
		return 0;
	next->parts = calloc(pool->part_count, sizeof(*next->parts));
	if (next->parts == NULL)
		return -ENOMEM;
	for (size_t i = 0; code == 0 && i < pool->part_count; i++) {
		const struct plan_part *part = &pool->parts[i];
		struct plan_part *same = &next->parts[i];

		*same = *part;
		code = has_shares(&part->pool, shares + part->first_seat)
			       ? share_pool(&same->pool, &part->pool)
			       : plan_pool_follow(planner, &part->pool, shares + part->first_seat,
					 &same->pool);
		if (code != 0)
			memset(same, 0, sizeof(*same));
		next->part_count++;
	}
	return code;
}

int plan_pool_follow(struct planner *planner, const struct plan_pool *pool,
	const struct plan_share *shares, struct plan_pool *next)
{
	int code = -ENOMEM;

	*next = *pool;
	next->table = NULL;
	next->parts = NULL;
	next->part_count = 0;
	next->base = pool->base == NULL ? NULL : plan_base_ref(pool->base);
	next->seats = create_seats(pool->seat_count);
	if (next->seats != NULL) {
		memcpy(next->seats, pool->seats, pool->seat_count * sizeof(*next->seats));
		code = follow_parts(planner, pool, shares, next);
	}
	if (code == 0) {
		set_shares(next->seats, shares, next->backend_count);
		code = build_table(planner, next);
	}
	if (code != 0)
		plan_pool_destroy(next);
	return code;
}

void plan_replace_pool(struct plan *plan, size_t number, const struct plan_pool *next)
{
	plan->digest += summand(next) - summand(&plan->pools[number]);
	plan_pool_destroy(&plan->pools[number]);
	plan->pools[number] = *next;
}

const struct plan_pool *plan_find_pool(const struct plan *plan, const char *name)
{
	size_t index;

	if (plan == NULL || lookup_find(plan->by_name, name, &index) != 0)
		return NULL;
	return &plan->pools[index];
}
