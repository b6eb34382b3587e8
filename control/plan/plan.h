/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * plan: the tables that a configuration calls for while its backends serve as they do now, worked
 * out beside the running ones, so that what a change would move is known before it is made. Touches
 * nothing that runs. Control thread, but for plan_pool_build().
 *
 * A table is a function of what the configuration says of its pool and of who serves now, and of
 * nothing else: nodes that agree on these have the same tables, whatever each has been through, and
 * the digest says whether they do. It is a patched one (patched.h): a base over all seats that have
 * a weight, the vacant ones included, and what the shares of the seats make of it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "base/error.h"
#include "maglev/factor.h"
#include "packet/flow.h"
#include "plan/plan_table.h"

/* A seat in the pool: the slots that go with a key, whichever backend has it, or none. */
struct plan_seat {
	char name[CONFIG_NAME_SIZE]; /* of the backend; "" for a vacant one, which has no address */
	char key[CONFIG_KEY_SIZE];
	struct address address;
	uint64_t key_hash;
	uint64_t owner_hash; /* of the address: who a slot's flows go to */
	uint32_t weight;     /* of the base; 0: it is not in it */
	uint32_t share;      /* of it, FACTOR_ONE being the whole; 0: takes no new flows */
	bool joining;        /* in slow start, and never was whole (patched.h) */
	bool holds;          /* its flows stay with it, whether or not it takes new ones */
	uint16_t base_index; /* in the base; PLAN_NO_BASE_INDEX */
	uint32_t owned;      /* slots */
};

#define PLAN_NO_BASE_INDEX UINT16_MAX

struct plan_pool {
	char name[CONFIG_NAME_SIZE];
	uint32_t slots; /* M */
	enum config_builder builder;
	size_t backend_count;    /* of the configuration, in its order: the first of the seats */
	size_t seat_count;       /* with the vacant ones */
	struct plan_seat *seats; /* shared by plans between which nothing in the pool has changed */
	struct plan_base *base;  /* shared with other plans; NULL for builder `rendezvous` */
	struct plan_table *table; /* shared as well; NULL: not built yet (plan_outline()) */
	uint64_t digest;
};

struct plan {
	struct plan_pool *pools; /* in the order of the configuration */
	size_t pool_count;
	struct lookup *by_name; /* of pools */
	uint64_t digest; /* over all pools, whatever their order: equal on nodes that agree */
};

/* What makes plans; keep one. NULL when memory is short. `secret` is borrowed. */
struct planner;
struct planner *planner_create(const struct flow_secret *secret);

/* One for another thread, which numbers its tables together with `other` and ends before it. */
struct planner *planner_create_beside(struct planner *other);
void planner_destroy(struct planner *planner); /* NULL is allowed */

/* How much of its weight a backend has now. */
struct plan_share {
	uint32_t share; /* of FACTOR_ONE */
	bool joining;
	bool holds;
};

/* Asked for each backend by its numbers in the configuration. */
typedef struct plan_share plan_share_t(void *context, size_t pool, size_t backend);

/* Whether all of that is as it was in the previous plan, and so is the configuration of the pool.
 */
typedef bool plan_alike_t(void *context, size_t pool);

/*
 * Works out every pool's table. What comes out the same as in `previous` (NULL for none) is shared
 * with it instead of built: that makes it faster, and nothing else. NULL with the sentence.
 */
struct plan *plan_create(struct planner *planner, const struct config *config,
	const struct plan *previous, plan_share_t *share_of, void *context, struct error *error);

/*
 * The same in pieces: the outline has all seats, but no base and no table (NULL, owned and digest
 * 0) where they are to be built; plan_pool_build() builds those of one pool for the shares that its
 * seats have. It touches the pool and the planner alone, so that it may run in another thread with
 * a planner of its own, while plans that share bases with this one are followed in the control
 * thread. 0, or -errno, and then it is as it was.
 * plan_sum_digests() brings the digest of the plan up to date. Pools that are alike (NULL: none is
 * known to be) are shared whole.
 */
struct plan *plan_outline(struct planner *planner, const struct config *config,
	const struct plan *previous, plan_share_t *share_of, plan_alike_t *is_alike, void *context,
	struct error *error);
int plan_pool_build(struct planner *planner, struct plan_pool *pool);
void plan_sum_digests(struct plan *plan);

/* Other shares for the seats of a pool that has no table yet, one for each backend. */
void plan_pool_set_shares(struct plan_pool *pool, const struct plan_share *shares);

void plan_destroy(struct plan *plan); /* NULL is allowed */

/*
 * The same pool with other shares, one for each backend; `pool` stays as it is. 0 or -ENOMEM, and
 * then there is nothing to destroy.
 */
int plan_pool_follow(struct planner *planner, const struct plan_pool *pool,
	const struct plan_share *shares, struct plan_pool *next);
void plan_pool_destroy(struct plan_pool *pool);

/* Replaces by `next` the plan's pool with that number, and takes it over. */
void plan_replace_pool(struct plan *plan, size_t number, const struct plan_pool *next);

/* By name; NULL where there is none, or in no plan. */
const struct plan_pool *plan_find_pool(const struct plan *plan, const char *name);
