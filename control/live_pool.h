/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * live_pool: what a pool has taken in the state file and in memory while workers can reach it: its
 * slot words, the numbers of its backends, and the record cell of each backend in each forwarding
 * mode. It outlives the configurations that mention it and is released after a grace period.
 * Control thread.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "arena.h"
#include "config.h"
#include "error.h"
#include "state.h"

#define LIVE_POOL_MODES 2 /* of enum config_forward */

struct live_pool {
	struct state *state; /* where its words are */
	uint32_t slots;      /* M */
	uint32_t first_word;
	struct arena *indices;                        /* of its backends; reused after grace */
	_Atomic uint32_t *record_of[LIVE_POOL_MODES]; /* by index: SLOT_BACKEND_MAX each */
};

/* With every slot owned by nobody. NULL with the sentence. */
struct live_pool *live_pool_create(struct state *state, uint32_t slots, struct error *error);
void live_pool_destroy(struct live_pool *pool); /* no worker can reach it; NULL is allowed */

/* Both as publish_release_t: an index nobody names any more, a pool nobody can reach any more. */
void live_pool_release_index(void *pool, uint64_t index);
void live_pool_release(void *pool, uint64_t unused);

/* The sentence for a state file that is full; returns -ENOSPC. */
int live_pool_no_room(struct error *error, const char *for_what);
