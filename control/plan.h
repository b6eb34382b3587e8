/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * plan: the tables that a configuration calls for, worked out beside the running ones, so that what
 * a change would move is known before it is made. Touches nothing that runs. Control thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "error.h"
#include "flow.h"

#define PLAN_NO_BACKEND UINT16_MAX /* a slot that nobody owns: the pool has no active backend */

struct plan_pool {
	char name[CONFIG_NAME_SIZE];
	uint32_t slots;              /* M */
	size_t backend_count;        /* of the configuration, in its order */
	struct plan_member *members; /* by index in the configuration */
	uint16_t *table;             /* slot -> index in the configuration, or PLAN_NO_BACKEND */
	uint64_t digest;
};

struct plan_member {
	char name[CONFIG_NAME_SIZE];
	struct address address; /* its text is the key: the identity that tables go by */
	uint64_t key_hash;
	uint32_t weight; /* 0 while the backend takes no traffic */
	uint32_t owned;  /* slots */
};

struct plan {
	struct plan_pool *pools; /* in the order of the configuration */
	size_t pool_count;
	struct lookup *by_name; /* of pools */
	uint64_t digest; /* over all pools, whatever their order: equal on nodes that agree */
};

/*
 * Works out every pool's table. A pool whose members are those of `previous` (NULL for none) takes
 * its table from there. NULL with the sentence.
 */
struct plan *plan_create(const struct config *config, const struct flow_secret *secret,
	const struct plan *previous, struct error *error);
void plan_destroy(struct plan *plan); /* NULL is allowed */

/* By name; NULL where there is none, or in no plan. */
const struct plan_pool *plan_find_pool(const struct plan *plan, const char *name);

/*
 * Slots whose owner differs between two states of one pool. All of them when the number of slots
 * changed; none when the pool is new or gone, because no flow moves from one backend to another.
 */
uint32_t plan_slots_moved(const struct plan_pool *before, const struct plan_pool *after);
