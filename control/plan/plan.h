/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * plan: computes the tables that a configuration calls for, with the backends that serve now. They
 * are built beside the tables in use, so that what a change would move is known before it is made.
 * Touches nothing that runs. Control thread, but for plan_pool_build().
 *
 * A table depends on the configuration of its pool and on which backends serve now, and on nothing
 * else. Nodes that agree on these two have the same tables, whatever their history, and the digest
 * shows whether they do. Each table is patched (patched.h): a base over all seats that have a
 * weight, vacant ones included, in which shares move some slots.
 *
 * The table of a derived pool (config_derive.h) is put together from those of its parts. Each part
 * has the table that its seats would have by themselves; each slot goes to one of the parts, by
 * weighted rendezvous hashing among those that take new flows, and there to the seat that the
 * part's table has for it. So the parts have new flows in proportion to their weights, whatever
 * their backends weigh; a change of weights moves as many slots as it must; a backend that comes,
 * goes or ramps moves slots of its own part alone; and slots that stay in a part go where they went
 * when it was the only one. What a part gets differs from its weight by chance: by about
 * sqrt(slots it gets).
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

/* A seat of the pool: slots that belong to a key, whichever backend has that key, if any. */
struct plan_seat {
	char name[CONFIG_MEMBER_SIZE]; /* of the backend; "" for a vacant one: no address */
	char key[CONFIG_KEY_SIZE];
	struct address address;
	uint64_t key_hash;
	uint64_t owner_hash; /* of the address, to compare which backend a slot's flows go to */
	uint32_t weight;     /* in the base; 0: it is not in the base */
	uint32_t share;      /* part of the weight, of FACTOR_ONE; 0: takes no new flows */
	bool joining;        /* in its first slow start (patched.h) */
	bool holds;          /* its old flows stay, whether or not it takes new ones */
	uint16_t base_index; /* in the base; PLAN_NO_BASE_INDEX */
	uint32_t owned;      /* slots */
};

#define PLAN_NO_BASE_INDEX UINT16_MAX

struct plan_part;

struct plan_pool {
	char name[CONFIG_NAME_SIZE];
	uint32_t slots; /* M */
	enum config_builder builder;
	size_t backend_count;    /* of the configuration; their seats come first, in its order */
	size_t seat_count;       /* backends and vacant seats */
	struct plan_seat *seats; /* shared by plans between which nothing in the pool has changed */
	/* shared with other plans; NULL for builder `rendezvous`, and for a derived pool */
	struct plan_base *base;
	struct plan_table *table; /* shared with other plans; NULL: not built (plan_outline()) */
	uint64_t digest;
	struct plan_part *parts; /* of a derived pool, its own (plan_parts.h) */
	size_t part_count;
};

struct plan {
	struct plan_pool *pools; /* in the order of the configuration */
	size_t pool_count;
	struct lookup *by_name; /* of pools */
	uint64_t digest; /* over all pools, whatever their order: equal on nodes that agree */
};

/* A planner makes plans; keep one. NULL when memory is short. `secret` is borrowed. */
struct planner;
struct planner *planner_create(const struct flow_secret *secret);

/* A planner for another thread. It shares the numbering of tables with `other`, and is destroyed
 * before `other`. */
struct planner *planner_create_beside(struct planner *other);
void planner_destroy(struct planner *planner); /* NULL is allowed */

/* How much of its weight a backend has now. */
struct plan_share {
	uint32_t share; /* of FACTOR_ONE */
	bool joining;
	bool holds;
};

/* Called for each backend, with its index and the pool's in the configuration. */
typedef struct plan_share plan_share_t(void *context, size_t pool, size_t backend);

/* Whether shares and configuration of the pool are as they were in the previous plan. */
typedef bool plan_alike_t(void *context, size_t pool);

/*
 * Builds every pool's table. Bases and tables that would be the same as in `previous` (NULL for
 * none) are shared with it instead, which only saves time. NULL with the sentence.
 */
struct plan *plan_create(struct planner *planner, const struct config *config,
	const struct plan *previous, plan_share_t *share_of, void *context, struct error *error);

/*
 * plan_create() in pieces. The outline has all seats, but where a base or table is to be built it
 * has none (NULL, with `owned` and `digest` 0). plan_pool_build() builds them for one pool, with
 * the shares that its seats have now: 0, or -errno with the pool unchanged. It touches only the
 * pool and the planner, so it may run in another thread with its own planner, while the control
 * thread follows plans that share bases with this one. plan_sum_digests() updates the digest of the
 * plan. Pools for which is_alike() is true (NULL: none) are shared whole.
 */
struct plan *plan_outline(struct planner *planner, const struct config *config,
	const struct plan *previous, plan_share_t *share_of, plan_alike_t *is_alike, void *context,
	struct error *error);
int plan_pool_build(struct planner *planner, struct plan_pool *pool);
void plan_sum_digests(struct plan *plan);

/* Sets the shares of the seats of a pool that has no table yet, one for each backend. */
void plan_pool_set_shares(struct plan_pool *pool, const struct plan_share *shares);

void plan_destroy(struct plan *plan); /* NULL is allowed */

/*
 * Makes `next`: the same pool with other shares, one for each backend. `pool` is unchanged. 0 or
 * -ENOMEM, and then there is nothing to destroy.
 */
int plan_pool_follow(struct planner *planner, const struct plan_pool *pool,
	const struct plan_share *shares, struct plan_pool *next);
void plan_pool_destroy(struct plan_pool *pool);

/* Replaces the plan's pool with that number by `next`, which is taken over. */
void plan_replace_pool(struct plan *plan, size_t number, const struct plan_pool *next);

/* By name; NULL if there is none, or if `plan` is NULL. */
const struct plan_pool *plan_find_pool(const struct plan *plan, const char *name);
