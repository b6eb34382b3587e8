/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * arena: hands out runs of numbers from 0 to size - 1, first fit, and takes them back. It only
 * keeps account; what the numbers stand for is elsewhere. Control thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct arena;

#define ARENA_FULL UINT32_MAX

/* NULL when memory is short. */
struct arena *arena_create(uint32_t size);
void arena_destroy(struct arena *arena); /* NULL is allowed */

/* First number of the lowest run of `count` (not 0) free numbers, now taken; or ARENA_FULL. */
uint32_t arena_take(struct arena *arena, uint32_t count);

/* Takes exactly these numbers. False, with nothing taken, unless all of them exist and are free. */
bool arena_take_at(struct arena *arena, uint32_t first, uint32_t count);

/* Gives back `count` numbers from `first` on, all of them taken. */
void arena_give(struct arena *arena, uint32_t first, uint32_t count);
