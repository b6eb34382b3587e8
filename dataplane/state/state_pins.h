/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * state_pins: the tables of pins in a state file (state.h). The first one is part of the layout;
 * more are appended to the file and mapped separately, so that the number of pins can change
 * without moving anything. The header lists them, the oldest first; each change of the list is a
 * single store, so after a crash the file names every table in use.
 *
 * Allocating and freeing a table takes time in proportion to its pages: allocation runs in a thread
 * of its own (state_pins_fill()), freeing is done piece by piece (state_pins_trim()). Everything
 * else: control thread.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

#include "state/state_header.h"

/*
 * Tables that are freed piece by piece at a time. With more than that the first is freed at once.
 */
#define STATE_PINS_LEAVING (2 * STATE_PIN_TABLES)

struct state_pin_table {
	void *memory;    /* NULL: not allocated yet */
	uint64_t offset; /* in the file */
	uint32_t bucket_count;
};

struct state_pins {
	int descriptor; /* borrowed */
	struct state_header *header;
	uint64_t end;                                    /* end of the part of the file in use */
	struct state_pin_table tables[STATE_PIN_TABLES]; /* the oldest first */
	uint32_t count;
	atomic_bool ending;                                 /* see state_pins_end() */
	struct state_pin_table leaving[STATE_PINS_LEAVING]; /* what is left to free */
	uint32_t leaving_count;
	uint64_t left; /* bytes of the first of them */
};

/*
 * Reserves room for a table behind all others; it has no space, and the header does not list it
 * yet.
 */
void state_pins_reserve(
	struct state_pins *pins, uint32_t bucket_count, struct state_pin_table *table);

/*
 * Allocates the space of such a table, maps it, and locks it in memory where that is allowed, all
 * in pieces. -ENOSPC: the file system is full; -ECANCELED: state_pins_end() was called; or another
 * negative errno. After an error it is as before. Any one thread beside the control thread.
 */
int state_pins_fill(const struct state_pins *pins, struct state_pin_table *table);

/* Makes state_pins_fill() end soon, with -ECANCELED, now and later. Any thread. */
void state_pins_end(struct state_pins *pins);

/* Reserves and allocates a table. On failure nothing has changed. */
int state_pins_append(
	struct state_pins *pins, uint32_t bucket_count, struct state_pin_table *table);

/* Drops a table that is not listed yet; state_pins_trim() frees its space. */
void state_pins_cancel(struct state_pins *pins, const struct state_pin_table *table);

/* Makes it the current table. There must be fewer than STATE_PIN_TABLES. */
void state_pins_add(struct state_pins *pins, const struct state_pin_table *table);

/*
 * Removes the table with that index; state_pins_trim() frees its space. It must not be the only
 * one.
 */
void state_pins_drop(struct state_pins *pins, const void *memory);

/*
 * Frees some megabytes of removed tables, which takes about a millisecond. False if nothing was
 * left.
 */
bool state_pins_trim(struct state_pins *pins);

/* Unmaps what was appended. */
void state_pins_close(struct state_pins *pins);
