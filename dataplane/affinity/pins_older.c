/* SPDX-License-Identifier: BSD-3-Clause */
#include "affinity/pins_older.h"

#include <rte_atomic.h>

uint64_t pins_find_older(struct pins *pins, struct pins *older, uint64_t hash, struct pins **table,
	uint32_t *position)
{
	struct pins *next;

	for (; older != NULL; older = next) {
		uint64_t pin;

		next = pins_older(older); /* before the search: afterwards the link may be gone */
		pin = pins_find(older, hash, position);
		if (pin != 0) {
			*table = older;
			return pin;
		}
	}
	rte_smp_rmb();
	*table = pins;
	return pins_find(pins, hash, position);
}

uint64_t pins_move(
	struct pins *pins, uint64_t hash, uint64_t pin, struct pins **table, uint32_t *position)
{
	enum pins_put outcome = pins_put_moved(pins, hash, pin);
	uint32_t moved_to;
	uint64_t moved;

	if (outcome == PINS_PUT_REFUSED || outcome == PINS_PUT_LOST)
		return pin;
	pins_delete(*table, *position, pin);
	moved = pins_find(pins, hash, &moved_to);
	if (moved == 0)
		return pin; /* already gone again: this packet still follows the old pin */
	*table = pins;
	*position = moved_to;
	return moved;
}
