/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pin_tables: the tables of pins that workers look into, the current one and the older ones that
 * still empty (pins_older.h), all of them in the state file. The number of pins grows by a new
 * table that becomes the current one; the one before goes when a sweep has found it empty.
 *
 * Control thread.
 */
#pragma once

#include "base/error.h"
#include "affinity/pins.h"
#include "tables/publish.h"
#include "state/state.h"

struct pin_tables;

/* Of what the state file has; both are borrowed. NULL when memory is short. */
struct pin_tables *pin_tables_create(struct state *state, struct publish *publish);
void pin_tables_destroy(struct pin_tables *tables); /* NULL is allowed */

struct pins *pin_tables_current(const struct pin_tables *tables);
struct pins *pin_tables_oldest(const struct pin_tables *tables);

/* The table that came after that one; NULL: it is the current one. */
struct pins *pin_tables_younger(const struct pin_tables *tables, const struct pins *pins);

/*
 * Reserves room for a larger table. 0, with nothing to do where there are that many buckets; or
 * -EBUSY: older tables are still in use; `left` pins were in them when that was last seen. Or
 * -ENOMEM.
 */
int pin_tables_prepare(
	struct pin_tables *tables, uint32_t bucket_count, uint64_t left, struct error *error);

/*
 * Gives the one that was prepared, if there is one, its space, which takes as long as it is large
 * (state_pins_fill()). 0, or a negative errno: there is no room. Any one thread, while the control
 * thread does anything but to abort or commit it.
 */
int pin_tables_fill(struct pin_tables *tables, struct error *error);

/* pin_tables_fill() ends soon with -ECANCELED, from now on: the process ends. */
void pin_tables_end(struct pin_tables *tables);

/* Gives some space of tables back that are no more, about a millisecond long. False: none. */
bool pin_tables_trim(struct pin_tables *tables);

/* The one that was prepared, if there is one, is given back. */
void pin_tables_abort(struct pin_tables *tables);

/* Once filled: it is the current one from now on. False: none was prepared. */
bool pin_tables_commit(struct pin_tables *tables);

/*
 * No worker looks into that older table any more; it goes after a grace period. `pins` is empty,
 * and no worker can put a pin into it: a grace period has passed since it was the current one.
 */
void pin_tables_retire(struct pin_tables *tables, struct pins *pins);
