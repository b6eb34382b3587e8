/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pins_sweep: one pass over the table of pins (pins.h), in as many pieces as the control thread
 * likes. It deletes pins whose backend is unknown, that were idle for too long, or that is_needed()
 * rejects; marks the slots of all others; keeps stamps from wrapping; and counts.
 *
 * A pin is deleted only if its word has not changed since it was checked: a packet in between saves
 * it. A pass may miss a pin that is put while it runs.
 *
 * Control thread; workers go on meanwhile.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "affinity/pins.h"

/* The pool of a backend, as its pins need it. */
struct pins_sweep_pool {
	uint8_t *
		seen; /* a byte for each slot: 1 once a pin of it was kept; NULL: no such backend */
	uint32_t slot_count;
};

/* The caller's. Must not change during a pass, except for the bytes at `seen`. */
struct pins_sweep_rules {
	const struct pins_sweep_pool *pool_of; /* by gid; several may have the same `seen` */
	uint32_t gid_count;                    /* gids from here on are unknown */
	uint32_t idle_limit_seconds[PIN_CLASS_COUNT];
	void *context; /* for is_needed() */
};

/* Buckets whose classes one sum of units can count: below 256 pins. */
#define PINS_SWEEP_RUN 31

/* A limit above it has no effect: the age of a pin saturates earlier. */
#define PINS_SWEEP_IDLE_MAX_SECONDS ((PIN_AGE_MAX - 1) * PIN_TICK_SECONDS)

/* Of the pass so far. */
struct pins_sweep {
	struct pins *pins;
	const struct pins_sweep_rules *rules;
	uint32_t next_bucket;
	uint64_t found[PIN_CLASS_COUNT];   /* words by class, found[PIN_EMPTY] of them free */
	uint64_t deleted[PIN_CLASS_COUNT]; /* of those */
	uint64_t saturated;                /* kept, with a stamp that was kept from wrapping */
	uint64_t lost;                     /* to be deleted, but changed meanwhile: kept */
};

/*
 * Whether to keep a pin whose backend is known and that is within its idle limit. It has been idle
 * for at least `idle_seconds`; that is up to 8 s too low, because a stamp is a tick. Called for
 * each pin: pass a function that the compiler can inline.
 */
typedef bool pins_is_needed_t(void *context, uint64_t pin, uint32_t slot, uint32_t idle_seconds);

/* Begins a pass. Both must outlive it. */
void pins_sweep_begin(
	struct pins_sweep *sweep, struct pins *pins, const struct pins_sweep_rules *rules);

/* Deletes a pin, or counts it as lost if it has changed. Returns whether it is gone. */
bool pins_sweep_delete(struct pins_sweep *sweep, uint32_t position, uint64_t pin);

/* Gives a pin whose age is about to wrap the greatest age. */
void pins_sweep_saturate(struct pins_sweep *sweep, uint32_t position, uint64_t pin, uint16_t now);

static inline uint32_t pins_sweep_idle_seconds(uint32_t age)
{
	return age == 0 ? 0 : (age - 1) * PIN_TICK_SECONDS;
}

/* One pin, not empty. */
static inline __attribute__((always_inline)) void pins_sweep_pin(struct pins_sweep *sweep,
	uint32_t position, uint64_t pin, uint16_t now, pins_is_needed_t *is_needed)
{
	const struct pins_sweep_rules *rules = sweep->rules;
	const struct pins_sweep_pool *pool = &rules->pool_of[pin_gid(pin)];
	uint32_t age = pin_age(pin, now);
	uint32_t idle_seconds = pins_sweep_idle_seconds(age);
	uint32_t slot;

	if (unlikely(pin_gid(pin) >= rules->gid_count || pool->seen == NULL)) {
		pins_sweep_delete(sweep, position, pin);
		return;
	}
	slot = pin_slot(pin, pool->slot_count);
	if (unlikely(idle_seconds > rules->idle_limit_seconds[pin_class(pin)] ||
		     !is_needed(rules->context, pin, slot, idle_seconds)) &&
		pins_sweep_delete(sweep, position, pin))
		return;
	pool->seen[slot] = 1;
	if (unlikely(age > PIN_AGE_MAX))
		pins_sweep_saturate(sweep, position, pin, now);
}

/*
 * Sweeps the buckets from `first` up to but excluding `end`, at most PINS_SWEEP_RUN of them.
 * Returns the sum of pin_class_unit(). Free ways are filtered out first, branch-free, because
 * occupancy is unpredictable.
 */
static inline __attribute__((always_inline)) uint64_t pins_sweep_buckets(struct pins_sweep *sweep,
	uint32_t first, uint32_t end, uint16_t now, pins_is_needed_t *is_needed)
{
	uint64_t pins[PINS_SWEEP_RUN * PINS_WAYS];
	uint32_t positions[PINS_SWEEP_RUN * PINS_WAYS];
	uint64_t units = 0;
	uint32_t count = 0;

	for (uint32_t position = first * PINS_WAYS; position < end * PINS_WAYS; position++) {
		uint64_t pin = pins_load(sweep->pins, position);

		units += pin_class_unit(pin);
		pins[count] = pin;
		positions[count] = position;
		count += pin_class(pin) != PIN_EMPTY;
	}
	for (uint32_t i = 0; i < count; i++)
		pins_sweep_pin(sweep, positions[i], pins[i], now, is_needed);
	return units;
}

/*
 * Sweeps up to `bucket_count` more buckets. Returns whether the pass is complete; the next pass
 * starts with pins_sweep_begin(). `now` is the workers' tick.
 */
static inline __attribute__((always_inline)) bool pins_sweep_run(
	struct pins_sweep *sweep, uint32_t bucket_count, uint16_t now, pins_is_needed_t *is_needed)
{
	uint32_t left = sweep->pins->bucket_count - sweep->next_bucket;
	uint32_t end = sweep->next_bucket + (bucket_count < left ? bucket_count : left);

	while (sweep->next_bucket < end) {
		uint32_t first = sweep->next_bucket;
		uint64_t units;

		sweep->next_bucket = end - first > PINS_SWEEP_RUN ? first + PINS_SWEEP_RUN : end;
		units = pins_sweep_buckets(sweep, first, sweep->next_bucket, now, is_needed);
		for (unsigned int class = 0; class < PIN_CLASS_COUNT; class ++)
			sweep->found[class] += pin_class_sum(units, class);
	}
	return end == sweep->pins->bucket_count;
}
