/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * state: the one file, mapped into memory, that workers, the control thread and attached readers
 * share: slot words (slots.h), backend records (record.h) and the counters of each worker
 * (counters.h). It holds offsets and numbers and never a pointer.
 *
 *	header | slot words | backend records | block of worker 0 | block of worker 1 | ...
 *
 * Each part begins on a page. One process owns the file (state_file.h). A start is always a cold
 * one: whatever an existing file holds is thrown away unread, so nothing in it can do harm.
 *
 * Opening, closing, allocating and freeing: control thread.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "counters.h"
#include "state_file.h"
#include "state_header.h"

struct backend_record;

#define STATE_RECORD_NONE 0 /* this cell is never handed out */

/* Bytes that a file of this layout takes; 0 when there can be no such file. */
uint64_t state_memory(const struct state_layout *layout);

struct state;

/*
 * Opens the file at `path`, making it (0640) and its directory (0750; only the last one) where
 * they are absent, allocates all of its space, and starts it empty: slot words and counters are
 * zero. Neither the directory nor the file may be a symbolic link. Returns 0 and the state, or a
 * negative errno with the reason in `refusal`; a file that was there before is then left in place.
 */
int state_open(const char *path, const struct state_layout *layout, struct state **opened,
	struct state_refusal *refusal);

/* Lets go of the file and leaves it where it is. NULL is allowed. */
void state_close(struct state *state);

/* Removes the file, unless another has taken its place, and lets go of it. */
void state_discard(struct state *state);

const struct state_layout *state_layout(const struct state *state);

/* Words that a table of `count` slots takes: every table begins on a cache line. */
static inline uint32_t state_slots_room(uint32_t count)
{
	return (count + 15) / 16 * 16;
}

/*
 * Takes room for a table of `count` slot words, the first that is wide enough, and stores the
 * number of its first word. Every word says SLOT_NO_BACKEND. -ENOSPC: no gap is wide enough.
 */
int state_slots_allocate(struct state *state, uint32_t count, uint32_t *first);

/* Gives the room back, once no worker can reach it any more. */
void state_slots_free(struct state *state, uint32_t first, uint32_t count);

/* The slot word with that number; the rest of its table follows. */
_Atomic uint32_t *state_slots(struct state *state, uint32_t first);

/* Zeroes a free cell for a backend record. Returns its number; STATE_RECORD_NONE: none is left. */
uint32_t state_record_allocate(struct state *state);

/* Gives a cell back, once no worker can reach it any more. */
void state_record_free(struct state *state, uint32_t record);

/* The cell with that number; number 0 is the first of an array that workers may index. */
struct backend_record *state_record(struct state *state, uint32_t record);

/* The block of one worker, to which that worker alone may write. */
struct worker_counters *state_counters(struct state *state, uint32_t worker);

/* Tells readers that services, backends, slots or records now stand for other things. */
void state_generation_advance(struct state *state);
