/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pins_older: the tables of pins (pins.h) that still empty after the number of pins has changed. A
 * pin keeps only a part of its flow's hash, so that it can change its table only when a packet of
 * the flow comes by. Until then it stays where it is: new pins go into the current table, and what
 * is not found there is looked for in the older ones, the youngest first. The control thread takes
 * an older table away when a sweep has found it empty; no worker puts a pin into one.
 *
 * A pin is put into the current table before it is deleted in the older one. Who finds it in
 * neither has come by in between, and looks into the current one again.
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
 * After pins_find() has found nothing in `pins`: the pin of the flow in an older table, told in
 * *table, and its position there; or 0, and `pins` and PINS_NOWHERE. `older` is what pins_older()
 * said before pins_find(): the table may have been taken away since, after the pin had moved, and
 * stays readable for a grace period.
 */
uint64_t pins_find_older(struct pins *pins, struct pins *older, uint64_t hash, struct pins **table,
	uint32_t *position);

/*
 * Moves a pin that was found in *table into `pins`, its class, backend and stamp as they are.
 * Returns the pin of the flow and tells its new place; or the same, where there is no room for it.
 */
uint64_t pins_move(
	struct pins *pins, uint64_t hash, uint64_t pin, struct pins **table, uint32_t *position);
