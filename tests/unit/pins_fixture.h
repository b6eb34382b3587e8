/* SPDX-License-Identifier: BSD-3-Clause */
/* pins_fixture: tables of pins to try things on, and the flows that go into them. */
#pragma once

#include "unit.h"

#include "affinity/pins.h"

/* SplitMix64 (S. Vigna): the same numbers in every run. */
static inline uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* An empty table. */
static inline void make_pins(struct pins *pins, uint32_t bucket_count)
{
	void *memory = aligned_alloc(PINS_BUCKET_SIZE, pins_memory(bucket_count));

	assert_non_null(memory);
	memset(memory, 0, pins_memory(bucket_count));
	pins_init(pins, memory, bucket_count);
}

static inline void free_pins(struct pins *pins)
{
	free((void *)pins->words);
}

/* The pin of a flow, or 0, where its position does not matter. */
static inline uint64_t pin_of(const struct pins *pins, uint64_t hash)
{
	uint32_t position;

	return pins_find(pins, hash, &position);
}

/* Steps of a flow that has a pin. */
static inline enum pins_step continue_flow(
	struct pins *pins, uint64_t hash, enum pin_class established, uint16_t now)
{
	uint32_t position;
	uint64_t pin = pins_find(pins, hash, &position);

	assert_int_not_equal(pin, 0);
	return pins_continue(pins, position, pin, established, now);
}

static inline enum pins_step finish_flow(struct pins *pins, uint64_t hash, uint16_t now)
{
	uint32_t position;
	uint64_t pin = pins_find(pins, hash, &position);

	assert_int_not_equal(pin, 0);
	return pins_finish(pins, position, pin, now);
}

static inline uint32_t ways_of_class(const struct pins *pins, uint32_t bucket, enum pin_class class)
{
	uint32_t count = 0;

	for (uint32_t way = 0; way < PINS_WAYS; way++)
		count += pin_class(pins_load(pins, bucket * PINS_WAYS + way)) == class;
	return count;
}

static inline uint32_t most_ways_of_class(const struct pins *pins, enum pin_class class)
{
	uint32_t most = 0;

	for (uint32_t bucket = 0; bucket < pins->bucket_count; bucket++) {
		uint32_t count = ways_of_class(pins, bucket, class);

		most = count > most ? count : most;
	}
	return most;
}
