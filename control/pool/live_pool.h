/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * live_pool: what a pool has taken in the state file and in memory while workers can reach it: its
 * number, its slot words with what they wait for, the indices of its backends, and where the
 * records of each backend are. It outlives the configurations that mention it and is
 * released after a grace period. Control thread.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "state/arena.h"
#include "config/config.h"
#include "base/error.h"
#include "affinity/member.h"
#include "affinity/slots.h"
#include "state/state.h"
#include "pool/transitions.h"

struct live_pool {
	struct state *state;   /* where its words are */
	struct arena *numbers; /* where its number is from */
	uint32_t
		number; /* on this node: what services and members say, its row in the state file */
	uint32_t slots; /* M */
	uint32_t first_word;
	struct arena *indices;         /* of its backends; reused after grace */
	_Atomic uint32_t *record_of;   /* by index: SLOT_BACKEND_MAX (live_records.h) */
	const struct member **members; /* the same; NULL where there is no backend */
	struct transitions *transitions;
	struct transitions_summary summary; /* as it was left last */
	uint16_t *table;                    /* scratch: by slot, the index that cur is to be */
	uint64_t table_number;              /* of the plan's table that cur has; 0: of none yet */
	uint64_t built_ms; /* when its last table was built, or was to be; 0: never */
	bool is_dirty;     /* its table is out of date */
	uint8_t *seen;     /* by slot, what a sweep leaves (pins_sweep.h) */
};

/*
 * Its words are to be stored before anything can reach it. `numbers` is borrowed, one of them
 * taken. NULL with the sentence.
 */
struct live_pool *live_pool_create(struct state *state, struct arena *numbers, uint32_t slots,
	uint32_t now_s, struct error *error);
void live_pool_destroy(struct live_pool *pool); /* no worker can reach it; NULL is allowed */

_Atomic uint32_t *live_pool_words(const struct live_pool *pool);

/* Whether any slot costs more than one load. */
static inline bool live_pool_is_quiet(const struct live_pool *pool)
{
	return pool->summary.slots[TRANSITIONS_QUIET] == pool->slots;
}

/* Marks all indices that words name, as cur or home. */
void live_pool_find_named(const struct live_pool *pool, bool named[SLOT_NO_BACKEND + 1]);

/* Both as publish_release_t: an index that nothing names any more, a pool that no worker can reach
 * any more. */
void live_pool_release_index(void *pool, uint64_t index);
void live_pool_release(void *pool, uint64_t unused);

/* The sentence for a state file that is full; returns -ENOSPC. */
int live_pool_no_room(struct error *error, const char *for_what);
