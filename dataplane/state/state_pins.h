/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * state_pins: the tables of pins in a state file (state.h). The first one has its place in the
 * layout; more are appended to the file, each mapped by itself, so that the number of pins can
 * change while what is there stays where it is. The header names them, the oldest first; each step
 * is one store, so that whoever finds the file after a crash finds every table that is in use.
 *
 * To give a table its space, and to take that back, takes as long as there are pages: the one is
 * for a thread of its own (state_pins_fill()), the other is done piece by piece
 * (state_pins_trim()). All else: control thread.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

#include "state/state_header.h"

/* Tables that are given back at a time. Where there are more, the first goes at once. */
#define STATE_PINS_LEAVING (2 * STATE_PIN_TABLES)

struct state_pin_table {
	void *memory;    /* NULL: it has no space yet */
	uint64_t offset; /* in the file */
	uint32_t bucket_count;
};

struct state_pins {
	int descriptor; /* borrowed */
	struct state_header *header;
	uint64_t end;                                    /* of what is in use of the file */
	struct state_pin_table tables[STATE_PIN_TABLES]; /* the oldest first */
	uint32_t count;
	atomic_bool ending;                                 /* see state_pins_end() */
	struct state_pin_table leaving[STATE_PINS_LEAVING]; /* what is to be given back of each */
	uint32_t leaving_count;
	uint64_t left; /* bytes of the first of them */
};

/* The place of a table behind all others, without space, that the header does not name yet. */
void state_pins_reserve(
	struct state_pins *pins, uint32_t bucket_count, struct state_pin_table *table);

/*
 * Allocates the space of such a table, maps it, and locks it in memory where that is allowed, all
 * in pieces. -ENOSPC: the file system is full; -ECANCELED: state_pins_end() was called; or another
 * negative errno. Then its place is as it was. Any one thread, beside the control thread.
 */
int state_pins_fill(const struct state_pins *pins, struct state_pin_table *table);

/* Lets state_pins_fill() end soon, with -ECANCELED, from now on. Any thread. */
void state_pins_end(struct state_pins *pins);

/* Both at once. On failure nothing has changed. */
int state_pins_append(
	struct state_pins *pins, uint32_t bucket_count, struct state_pin_table *table);

/* Gives the place of such a table back, and its space by state_pins_trim(). */
void state_pins_cancel(struct state_pins *pins, const struct state_pin_table *table);

/* From now on it is the current one. There must be fewer than STATE_PIN_TABLES. */
void state_pins_add(struct state_pins *pins, const struct state_pin_table *table);

/*
 * The table at that place is no more; its space is given back by state_pins_trim(). It must not be
 * the only one.
 */
void state_pins_drop(struct state_pins *pins, const void *memory);

/*
 * Gives some megabytes back of the tables that are no more: about a millisecond. False: there was
 * nothing left.
 */
bool state_pins_trim(struct state_pins *pins);

/* Unmaps what was appended. */
void state_pins_close(struct state_pins *pins);
