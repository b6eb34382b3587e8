/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * state_reader: the state file (state.h) seen from outside, read-only: by `sluicectl`, a metrics
 * exporter or a post-mortem. Any process; one reader is used by one thread at a time.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "state/counters.h"
#include "state/health_row.h"
#include "state/identity.h"
#include "state/state_header.h"

struct backend_record;
struct state_reader;

/*
 * Maps the file at `path` for reading, in any process, beside its owner or after it. Everything in
 * the header is checked against the size of the file before it is used. Returns 0 and the reader;
 * -EINVAL: not a state file, damaged, or not a regular file; -EPROTONOSUPPORT: of another version;
 * -EAGAIN: its owner is still starting; otherwise what open(2) or mmap(2) said.
 */
int state_attach(const char *path, struct state_reader **attached);

/* Same, for an open file: used by its next owner. `descriptor` stays the caller's. */
int state_attach_file(int descriptor, struct state_reader **attached);

void state_detach(struct state_reader *reader); /* NULL is allowed */

/* What was checked at the time of attaching; `reader_generation` and `ready` are not set in it. */
const struct state_header *state_reader_header(const struct state_reader *reader);

/*
 * A number that changes when things are renumbered and when another owner starts; 0 while an owner
 * is starting. What was read between two equal answers, not 0, belongs together. After a change of
 * owner the reader has to attach anew.
 */
uint64_t state_reader_generation(const struct state_reader *reader);

/* Whether a process owns the file that was attached: it may not be the one at `path` any more. */
bool state_reader_has_owner(const struct state_reader *reader);

/*
 * Copies `length` bytes of the file as they were before or after a write, never during one
 * (state_rows_begin()). Waits a little for a writer. If a writer died while writing, the copy is
 * half old and half new: each field by itself is right. 0; -EAGAIN: a writer is writing all the
 * time, or was stopped; -ESTALE: another owner has made a file of its own.
 */
int state_reader_copy_row(
	const struct state_reader *reader, const void *row, size_t length, void *copy);

/* The header in the mapping. Read from it only what changes, with the function above. */
const struct state_header *state_reader_live_header(const struct state_reader *reader);

/* As the functions above; NULL for a number that the file has no room for. */
const _Atomic uint32_t *state_reader_slots(const struct state_reader *reader, uint32_t first);

/*
 * Copies `count` slot words from `first` on; the file must have room for all of them. For many
 * words: reads the file, because each page of the mapping would cost a fault.
 */
void state_reader_copy_slots(
	const struct state_reader *reader, uint32_t first, uint32_t count, uint32_t *words);

const struct backend_record *state_reader_record(
	const struct state_reader *reader, uint32_t record);
const struct worker_counters *state_reader_counters(
	const struct state_reader *reader, uint32_t worker);

/* Rows (identity.h, health_row.h), not validated. NULL for a number that the file has no room for.
 */
const struct identity_pool *state_reader_pool_row(
	const struct state_reader *reader, uint32_t number);
const struct identity_backend *state_reader_backend_row(
	const struct state_reader *reader, uint32_t gid);
const struct identity_service *state_reader_service_row(
	const struct state_reader *reader, uint32_t cell);
const struct state_health *state_reader_health_row(const struct state_reader *reader, uint32_t gid);

/* A table of pins; any bytes are one. */
struct state_reader_pins {
	const void *memory;
	uint32_t bucket_count;
};

/* The tables of pins that there were at the time of attaching, the current one first: at least it.
 */
uint32_t state_reader_list_pins(
	const struct state_reader *reader, struct state_reader_pins pins[STATE_PIN_TABLES]);

/* Copies a table of them to where all is zero: what has never been written is not even read. */
void state_reader_copy_pins(
	const struct state_reader *reader, const struct state_reader_pins *pins, void *to);
