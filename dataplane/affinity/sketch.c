/* SPDX-License-Identifier: BSD-3-Clause */
#include "affinity/sketch.h"

#include <math.h>
#include <stdlib.h>

#define REGISTER_BITS 10
#define RANK_BITS     (64 - REGISTER_BITS)
#define ALPHA         (0.7213 / (1 + 1.079 / SKETCH_REGISTERS)) /* corrects the bias */

static_assert(SKETCH_REGISTERS == 1 << REGISTER_BITS, "a register for each value of its bits");

struct sketch *sketch_create(void)
{
	return calloc(1, sizeof(struct sketch));
}

void sketch_destroy(struct sketch *sketch)
{
	free(sketch);
}

/*
 * Flows of one backend share its slots, so the upper half of their hashes has a pattern. Mixes the
 * hash so that each bit depends on all others (the finalizer of MurmurHash3, A. Appleby).
 */
static uint64_t mix(uint64_t hash)
{
	hash = (hash ^ hash >> 33) * 0xff51afd7ed558ccd;
	hash = (hash ^ hash >> 33) * 0xc4ceb9fe1a85ec53;
	return hash ^ hash >> 33;
}

void sketch_add(struct sketch *sketch, uint64_t hash)
{
	uint32_t window = atomic_load_explicit(&sketch->current, memory_order_relaxed);
	uint64_t mixed = mix(hash);
	_Atomic uint8_t *cell = &sketch->windows[window & 1][mixed >> RANK_BITS];
	/* the lowest bit is set, which bounds the rank of all zeroes */
	uint8_t rank =
		1 + __builtin_clzll(mixed << REGISTER_BITS | UINT64_C(1) << (REGISTER_BITS - 1));

	if (atomic_load_explicit(cell, memory_order_relaxed) < rank)
		atomic_store_explicit(cell, rank, memory_order_relaxed);
}

void sketch_turn(struct sketch *sketch)
{
	uint32_t next = 1 - atomic_load_explicit(&sketch->current, memory_order_relaxed);

	for (uint32_t i = 0; i < SKETCH_REGISTERS; i++)
		atomic_store_explicit(&sketch->windows[next][i], 0, memory_order_relaxed);
	atomic_store_explicit(&sketch->current, next, memory_order_release);
}

/* The rank of a register over both windows, as if all flows had been added to one. */
static uint8_t highest_rank(const struct sketch *sketch, uint32_t index)
{
	uint8_t one = atomic_load_explicit(&sketch->windows[0][index], memory_order_relaxed);
	uint8_t other = atomic_load_explicit(&sketch->windows[1][index], memory_order_relaxed);

	return one > other ? one : other;
}

uint64_t sketch_estimate(const struct sketch *sketch)
{
	const double count = SKETCH_REGISTERS;
	double sum = 0, estimate;
	uint32_t zeroes = 0;

	for (uint32_t i = 0; i < SKETCH_REGISTERS; i++) {
		uint8_t rank = highest_rank(sketch, i);

		sum += ldexp(1, -rank);
		zeroes += rank == 0;
	}
	estimate = ALPHA * count * count / sum;
	if (estimate <= 2.5 * count && zeroes != 0)
		estimate = count * log(count / zeroes); /* linear counting */
	return llround(estimate);
}
