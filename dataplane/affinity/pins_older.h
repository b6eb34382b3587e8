/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pins_older: the older tables of pins (pins.h), which empty after the number of pins has changed.
 * A pin keeps only a part of its flow's hash, so it can move to another table only when a packet of
 * the flow arrives. New pins go into the current table; a flow that is not found there is searched
 * in the older ones, the youngest first. No worker puts a pin into an older table, and the control
 * thread removes it when a sweep has found it empty.
 *
 * A pin is put into the current table before it is deleted in the older one. A worker that finds it
 * in neither searched in between, so it searches the current one again.
 *
 * Any worker.
 */
#pragma once

#include "affinity/pins.h"

static inline struct pins *pins_older(const struct pins *pins)
{
	return atomic_load_explicit(&pins->older, memory_order_acquire);
}

/*
 * Call it after pins_find() has found nothing in `pins`. Returns the pin of the flow in an older
 * table, with that table in *table and the position there; or 0, `pins` and PINS_NOWHERE. `older`
 * is the result of pins_older() from before pins_find(): that table may have been removed since,
 * after the pin moved, but stays readable for a grace period.
 */
uint64_t pins_find_older(struct pins *pins, struct pins *older, uint64_t hash, struct pins **table,
	uint32_t *position);

/*
 * Moves a pin from *table into `pins`, with class, backend and stamp unchanged. Returns the pin of
 * the flow and its new table and position. Without room in `pins`, nothing changes.
 */
uint64_t pins_move(
	struct pins *pins, uint64_t hash, uint64_t pin, struct pins **table, uint32_t *position);
