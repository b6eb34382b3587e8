/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * state_pins: the tables of pins in a state file (state.h). The first one has its place in the
 * layout; more are appended to the file, each mapped by itself, so that the number of pins can
 * change while what is there stays where it is. The header names them, the oldest first; each step
 * is one store, so that whoever finds the file after a crash finds every table that is in use.
 *
 * Control thread.
 */
#pragma once

#include "state_header.h"

struct state_pin_table {
	void *memory;
	uint64_t offset; /* in the file */
	uint32_t bucket_count;
};

struct state_pins {
	int descriptor; /* borrowed */
	struct state_header *header;
	uint64_t end;                                    /* of what is in use of the file */
	struct state_pin_table tables[STATE_PIN_TABLES]; /* the oldest first */
	uint32_t count;
};

/*
 * Makes an empty table behind all others, its space allocated, that the header does not name yet.
 * -ENOSPC: the file system is full; or another negative errno. Then nothing has changed.
 */
int state_pins_append(
	struct state_pins *pins, uint32_t bucket_count, struct state_pin_table *table);

/* Gives the space of such a table back. */
void state_pins_cancel(struct state_pins *pins, const struct state_pin_table *table);

/* From now on it is the current one. There must be fewer than STATE_PIN_TABLES. */
void state_pins_add(struct state_pins *pins, const struct state_pin_table *table);

/* The table at that place is no more, and its space is given back. It must not be the only one. */
void state_pins_drop(struct state_pins *pins, const void *memory);

/* Unmaps what was appended. */
void state_pins_close(struct state_pins *pins);
