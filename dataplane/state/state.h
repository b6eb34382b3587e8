/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * state: the one file, mapped into memory, that workers, the control thread and attached readers
 * share: slot words (slots.h), backend records (record.h) and the counters of each worker
 * (counters.h). It holds offsets and numbers and never a pointer.
 *
 *	header | slot words | backend records | counters, a block for each worker | pins | rows
 *
 * Each part begins on a page. One process owns the file (state_file.h). A start makes a new file.
 * If the file of an earlier process of the same boot is sound and means the same, it stays open for
 * the caller, who validates and adopts it row by row (identity.h). The pins are copied whole,
 * because any bytes are a valid table; if the number of pins has changed, the old table stays
 * beside the new one until it is empty (pins_older.h). The new file replaces the old one when
 * everything is adopted (state_commit()).
 *
 * Opening, committing, closing, allocating and freeing: control thread.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "state/counters.h"
#include "state/health_row.h"
#include "state/identity.h"
#include "state/state_file.h"
#include "state/state_header.h"
#include "state/state_pins.h"

struct backend_record;
struct state_reader;

#define STATE_RECORD_NONE 0 /* the first cells are never handed out (record.h) */

/* Bytes that a file of this layout takes; 0 when there can be no such file. */
uint64_t state_memory(const struct state_layout *layout);

struct state;

/* Whether there is something to adopt, or why not. */
enum state_start {
	STATE_WARM,
	STATE_COLD_ABSENT,
	STATE_COLD_UNFINISHED, /* a start that was not completed */
	STATE_COLD_DAMAGED,
	STATE_COLD_VERSION,
	STATE_COLD_BOOT,
	STATE_COLD_BOOT_UNKNOWN,
	STATE_COLD_KEY,
	STATE_START_COUNT,
};

/* A sentence. Static text. */
const char *state_start_text(enum state_start start);

/*
 * Locks the file at `path`, which it makes (0640) together with its directory (0750; only the last
 * one) if they are missing, and prepares the new file. All of its space is allocated. Slot words,
 * rows and counters are zero, and so are the pins unless there are some to adopt. A warm start
 * allocates slot words later: those of adoptable pools in state_allocate_adoptable(), the others in
 * state_allocate_rest() or when they are handed out; that there is enough space has been checked.
 * The new file has room for at least as many services and backends as the previous one, so that
 * their numbers can be kept. Neither directory nor file may be a symbolic link. Returns 0 and the
 * state, or a negative errno with the reason in `refusal`; an existing file is unchanged.
 */
int state_open(const char *path, const struct state_layout *layout, uint64_t key_fingerprint,
	struct state **opened, struct state_refusal *refusal);

/*
 * Lets members of `group` read the file, and enter its directory if state_open() made it. Call it
 * before state_commit(). 0, or a negative errno: the process is neither in the group nor allowed to
 * give files away.
 */
int state_set_group(struct state *state, gid_t group);

enum state_start state_start(const struct state *state);

/*
 * The number of pins that were not adopted, because the file system has no space for their older
 * tables. If it has none for the table in use beside one of another size, state_open() refuses.
 */
uint64_t state_pins_lost(const struct state *state);

/* The file of an earlier process, until state_forget_before(); NULL: none. */
const struct state_reader *state_before(const struct state *state);

/*
 * Commits: the new file gets the name. Readers of the old one see generation 0 from now on. 0, or a
 * negative errno with the reason; then nothing has changed.
 */
int state_commit(struct state *state, struct state_refusal *refusal);

/*
 * After state_commit(): closes the file of the earlier process. It has no name any more, so this
 * frees all of its pages, which takes a while. Any thread, while no other reads that file.
 */
void state_forget_before(struct state *state);

/*
 * Before state_commit(): allocates slot words for all pools that can be adopted, so that none of
 * them fails later for lack of space. Takes time in proportion to the pages. 0, or a negative
 * errno: the file system has filled up meanwhile.
 */
int state_allocate_adoptable(struct state *state);

/*
 * After state_commit(): allocates what state_open() has left out. 0, or a negative errno; whatever
 * was handed out has its space anyway. Any one thread beside the control thread.
 */
int state_allocate_rest(struct state *state);

/*
 * After state_commit(): maps every allocated page of the layout and locks it in memory, so that no
 * packet waits for a page fault or for swap. On a disk the first write to a page may still wait for
 * the file system. Does not cover tables of pins that are added later. 0; -EPERM or -ENOMEM:
 * RLIMIT_MEMLOCK forbids it; or another negative errno. Takes time in proportion to the pages. Any
 * one thread.
 */
int state_lock(struct state *state);

/* Makes state_allocate_rest() and state_lock() end soon, with -ECANCELED. Any thread. */
void state_end_tidying(struct state *state);

/* After state_commit(): closes the file and leaves it in place. NULL is allowed. */
void state_close(struct state *state);

/*
 * Removes the file, unless another one has replaced it, and closes it. Before state_commit() the
 * previous file stays.
 */
void state_discard(struct state *state);

const struct state_layout *state_layout(const struct state *state);

/* Words that a table of `count` slots takes: every table begins on a cache line. */
static inline uint32_t state_slots_room(uint32_t count)
{
	return (count + 15) / 16 * 16;
}

/*
 * Takes the first gap with room for a table of `count` slot words and stores the number of its
 * first word. The words keep their old content: the caller stores all of them before anything can
 * reach the table, so a large table is not written twice. -ENOSPC: no gap is wide enough, or the
 * file system is full.
 */
int state_slots_allocate(struct state *state, uint32_t count, uint32_t *first);

/* Gives the room back, once no worker can reach it any more. */
void state_slots_free(struct state *state, uint32_t first, uint32_t count);

/* The slot word with that number; the rest of its table follows. */
_Atomic uint32_t *state_slots(struct state *state, uint32_t first);

/*
 * Stores words from number `first` on that nothing can reach yet. Writes to the file and not
 * through the mapping: a page that is written whole causes no fault and is not zeroed first.
 */
void state_slots_write(struct state *state, uint32_t first, const uint32_t *words, uint32_t count);

/*
 * Takes and zeroes consecutive free cells for the records of a backend, one for each mode
 * (RECORD_MODE_COUNT). Returns the number of the first, or STATE_RECORD_NONE without room.
 */
uint32_t state_records_allocate(struct state *state);

/* Gives those cells back, once no worker can reach them any more. */
void state_records_free(struct state *state, uint32_t first);

/* The cell with that number; number 0 is the first of an array that workers may index. */
struct backend_record *state_record(struct state *state, uint32_t record);

/* The block of one worker, to which that worker alone may write. */
struct worker_counters *state_counters(struct state *state, uint32_t worker);

/* Tells readers that services, backends, slots or records now stand for other things. */
void state_generation_advance(struct state *state);

/* What state_generation_advance() counts. */
uint64_t state_generation(const struct state *state);

/*
 * The tables of pins, the oldest first and the current one last. At a start the current one has the
 * layout's number of buckets; older ones are those of the previous process with another number.
 * state_pins.h adds and drops tables.
 */
struct state_pins *state_pin_tables(struct state *state);

/* The memory of the current one. */
void *state_pins(struct state *state);

/* The row with that number (identity.h). */
struct identity_pool *state_pool_row(struct state *state, uint32_t number);
struct identity_backend *state_backend_row(struct state *state, uint32_t gid);
struct identity_service *state_service_row(struct state *state, uint32_t cell);

/* What the check of that backend has found (health_row.h); zeroes while the gid is free. */
struct state_health *state_health_row(struct state *state, uint32_t gid);

/*
 * Call these around writes to rows and names, so that a reader in another process notices a
 * half-written one. Not nested.
 */
void state_rows_begin(struct state *state);
void state_rows_end(struct state *state);

/*
 * Names the port of an index and the lcore of a worker, for readers of the file. A name has at most
 * 63 bytes.
 */
void state_name_port(struct state *state, uint32_t index, const char *name);
void state_name_lcore(struct state *state, uint32_t worker, uint32_t lcore);
