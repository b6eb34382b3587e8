/* SPDX-License-Identifier: BSD-3-Clause */
#include "affinity/pins_sweep.h"

void pins_sweep_begin(
	struct pins_sweep *sweep, struct pins *pins, const struct pins_sweep_rules *rules)
{
	*sweep = (struct pins_sweep){ .pins = pins, .rules = rules };
}

static bool exchange(struct pins_sweep *sweep, uint32_t position, uint64_t pin, uint64_t next)
{
	return atomic_compare_exchange_strong_explicit(&sweep->pins->words[position], &pin, next,
		memory_order_release, memory_order_relaxed);
}

bool pins_sweep_delete(struct pins_sweep *sweep, uint32_t position, uint64_t pin)
{
	bool gone = exchange(sweep, position, pin, 0);

	if (gone)
		sweep->deleted[pin_class(pin)]++;
	else
		sweep->lost++;
	return gone;
}

/* If the exchange fails, a worker has given the pin a new stamp. */
void pins_sweep_saturate(struct pins_sweep *sweep, uint32_t position, uint64_t pin, uint16_t now)
{
	if (exchange(sweep, position, pin, pin_restamp(pin, now - PIN_AGE_MAX)))
		sweep->saturated++;
}
