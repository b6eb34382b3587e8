/* SPDX-License-Identifier: BSD-3-Clause */
#include "state/arena.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

struct arena {
	uint32_t size;
	uint32_t lowest; /* no number below it is free */
	uint64_t taken[];
};

struct arena *arena_create(uint32_t size)
{
	struct arena *arena =
		calloc(1, sizeof(*arena) + ((size_t)size / 64 + 1) * sizeof(arena->taken[0]));

	if (arena)
		arena->size = size;
	return arena;
}

void arena_destroy(struct arena *arena)
{
	free(arena);
}

static bool is_taken(const struct arena *arena, uint32_t number)
{
	return arena->taken[number / 64] >> (number % 64) & 1;
}

/* The first free number from `number` on, or the size of the arena. */
static uint32_t next_free(const struct arena *arena, uint32_t number)
{
	while (number < arena->size && is_taken(arena, number)) {
		uint64_t free_above = ~arena->taken[number / 64] >> (number % 64);

		number += free_above ? (uint32_t)__builtin_ctzll(free_above) : 64 - number % 64;
	}
	return number < arena->size ? number : arena->size;
}

/* A mask of the bits from `number` on in its word, at most `count` of them. */
static uint64_t bits_from(uint32_t number, uint32_t count)
{
	uint64_t low = count < 64 ? (UINT64_C(1) << count) - 1 : UINT64_MAX;

	return low << (number % 64);
}

/* How many numbers from the free number `first` on are free, or `enough`. */
static uint32_t free_run(const struct arena *arena, uint32_t first, uint32_t enough)
{
	uint32_t run = 0, most = enough < arena->size - first ? enough : arena->size - first;

	while (run < most) {
		uint64_t taken = arena->taken[(first + run) / 64] >> ((first + run) % 64);

		if (taken != 0) {
			run += __builtin_ctzll(taken);
			break;
		}
		run += 64 - (first + run) % 64;
	}
	return run < most ? run : most;
}

static void mark_taken(struct arena *arena, uint32_t first, uint32_t count)
{
	for (uint32_t end = first + count; first < end; first += 64 - first % 64)
		arena->taken[first / 64] |= bits_from(first, end - first);
}

uint32_t arena_take(struct arena *arena, uint32_t count)
{
	uint32_t first = next_free(arena, arena->lowest);

	arena->lowest = first;
	while (count <= arena->size - first) {
		uint32_t run = free_run(arena, first, count);

		if (run == count) {
			mark_taken(arena, first, count);
			return first;
		}
		first = next_free(arena, first + run);
	}
	return ARENA_FULL;
}

bool arena_take_at(struct arena *arena, uint32_t first, uint32_t count)
{
	if (count == 0 || count > arena->size || first > arena->size - count)
		return false;
	if (is_taken(arena, first) || free_run(arena, first, count) < count)
		return false;
	mark_taken(arena, first, count);
	return true;
}

void arena_give(struct arena *arena, uint32_t first, uint32_t count)
{
	assert(count <= arena->size && first <= arena->size - count);
	if (first < arena->lowest)
		arena->lowest = first;
	for (uint32_t end = first + count; first < end; first += 64 - first % 64) {
		uint64_t bits = bits_from(first, end - first);

		assert((arena->taken[first / 64] & bits) == bits);
		arena->taken[first / 64] &= ~bits;
	}
}
