/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * state: the one file, mapped into memory, that workers, the control thread and attached readers
 * share: slot words (slots.h), backend records (record.h) and the counters of each worker
 * (counters.h). It holds offsets and numbers and never a pointer.
 *
 *	header | slot words | backend records | counters, a block for each worker | pins | rows
 *
 * Each part begins on a page. One process owns the file (state_file.h). A start makes a new file
 * and, where what an earlier process of the same boot has left is sound and means the same, keeps
 * that at hand for the caller to adopt, judged row by row (identity.h); the pins are copied whole,
 * because any bytes are a table. Where they were of another number, their table stays as an older
 * one beside the new one, until it is empty (pins_older.h). The new file takes the place of the old
 * one when all is adopted.
 *
 * Opening, settling, closing, allocating and freeing: control thread.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "state/counters.h"
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
	STATE_COLD_UNFINISHED, /* a start that never came to its end */
	STATE_COLD_DAMAGED,
	STATE_COLD_VERSION,
	STATE_COLD_BOOT,
	STATE_COLD_KEY,
	STATE_START_COUNT,
};

/* A sentence. Static text. */
const char *state_start_text(enum state_start start);

/*
 * Takes the name `path`, making a file (0640) and its directory (0750; only the last one) where
 * they are absent, and makes the new file, all of its space allocated: slot words, rows and
 * counters are zero, and so are the pins unless there are some to adopt. Where there is something
 * to adopt, slot words have their space only from state_allocate_adoptable() on or, beyond those
 * of its pools, state_allocate_rest(), or when they are handed out; that there is as much has been
 * seen. It has room for at least as many services and backends as the file before, so that their
 * numbers can be kept. Neither the directory nor the file may be a symbolic link. Returns 0 and the
 * state, or a negative errno with the reason in `refusal`; a file that was there before is left as
 * it was.
 */
int state_open(const char *path, const struct state_layout *layout, uint64_t key_fingerprint,
	struct state **opened, struct state_refusal *refusal);

/*
 * Members of `group` may read the file from now on, and enter its directory where that was made by
 * state_open(). Before it is settled. 0, or a negative errno: the process neither is in the group
 * nor may give files away.
 */
int state_set_group(struct state *state, gid_t group);

enum state_start state_start(const struct state *state);

/*
 * Pins that were not adopted: the file system has no space for their older tables. Where it has
 * none for the table in use beside one of another size, state_open() refuses.
 */
uint64_t state_pins_lost(const struct state *state);

/* What an earlier process has left, until that is let go of; NULL: nothing. */
const struct state_reader *state_before(const struct state *state);

/*
 * The new file takes the name. Readers of the old one see generation 0 from now on. 0, or a
 * negative errno with the reason: then nothing has changed.
 */
int state_commit(struct state *state, struct state_refusal *refusal);

/*
 * Once settled: lets go of what an earlier process has left. Its file has no name any more, so that
 * all of its pages are freed: that takes a while. Any thread, while no other looks into it.
 */
void state_forget_before(struct state *state);

/*
 * Allocates slot words for all pools that can be adopted, which takes as long as there are pages:
 * afterwards none of them can fail for want of space in the file. 0, or a negative errno: the file
 * system has filled up meanwhile. Before it is settled.
 */
int state_allocate_adoptable(struct state *state);

/*
 * Once settled: allocates what state_open() has left. 0, or a negative errno: what is handed out
 * has its space all the same. Any one thread, beside the control thread.
 */
int state_allocate_rest(struct state *state);

/*
 * Once settled: maps every page of what is laid out and has space, and locks it in memory, so that
 * a packet meets no page fault and waits for no swap; on a file system of a disk, the first write
 * to a page may still wait for that. Not tables of pins that are added later. 0; -EPERM or -ENOMEM:
 * RLIMIT_MEMLOCK forbids it; or another negative errno. Takes as long as there are pages. Any one
 * thread.
 */
int state_lock(struct state *state);

/* Lets the two end soon, with -ECANCELED. Any thread. */
void state_end_tidying(struct state *state);

/* Lets go of the file and leaves it where it is, once settled. NULL is allowed. */
void state_close(struct state *state);

/*
 * Removes the file, unless another has taken its place, and lets go of it. Before it is settled,
 * what was there before stays.
 */
void state_discard(struct state *state);

const struct state_layout *state_layout(const struct state *state);

/* Words that a table of `count` slots takes: every table begins on a cache line. */
static inline uint32_t state_slots_room(uint32_t count)
{
	return (count + 15) / 16 * 16;
}

/*
 * Takes room for a table of `count` slot words, the first that is wide enough, and stores the
 * number of its first word. The words are what they were: all of them are stored before anything
 * can reach the table, and a large table is not written twice. -ENOSPC: no gap is wide
 * enough, or the file system is full.
 */
int state_slots_allocate(struct state *state, uint32_t count, uint32_t *first);

/* Gives the room back, once no worker can reach it any more. */
void state_slots_free(struct state *state, uint32_t first, uint32_t count);

/* The slot word with that number; the rest of its table follows. */
_Atomic uint32_t *state_slots(struct state *state, uint32_t first);

/*
 * Stores words that nothing reaches yet, from that number on. Goes past the mapping: a page that is
 * written whole needs no fault and is not zeroed first.
 */
void state_slots_write(struct state *state, uint32_t first, const uint32_t *words, uint32_t count);

/*
 * Zeroes free cells for the records of a backend, one for each mode (RECORD_MODE_COUNT), that
 * follow each other. Returns the number of the first; STATE_RECORD_NONE: there is no room.
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
 * The tables of pins, the oldest first and the current one last. At a start that is one of the
 * layout's number of buckets, after those of the process before that had another number; they may
 * be had added and dropped as state_pins.h has it.
 */
struct state_pins *state_pin_tables(struct state *state);

/* The memory of the current one. */
void *state_pins(struct state *state);

/* The row with that number (identity.h). */
struct identity_pool *state_pool_row(struct state *state, uint32_t number);
struct identity_backend *state_backend_row(struct state *state, uint32_t gid);
struct identity_service *state_service_row(struct state *state, uint32_t cell);

/*
 * Around what is written to rows and names, so that a reader in another process can tell that it
 * has read half of it. Not nested.
 */
void state_rows_begin(struct state *state);
void state_rows_end(struct state *state);

/* What the counters of that place belong to, for readers of the file. At most 63 bytes of name. */
void state_name_port(struct state *state, uint32_t index, const char *name);
void state_name_lcore(struct state *state, uint32_t worker, uint32_t lcore);
