/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sketch: estimates how many different flows had a packet lately, without a list of them:
 * HyperLogLog (P. Flajolet et al., 2007), with linear counting for small numbers.
 *
 * A flow's hash names one of 1,024 registers and a rank that half of all flows reach, a quarter
 * exceeds, and so on; a register keeps the highest rank of its flows. The standard error of the
 * estimate is 1.04 / sqrt(1,024), 3.25 %; without flows the estimate is exactly 0.
 *
 * There are two windows: workers write to one, control reads both and swaps them from time to time.
 * So an estimate covers the last one to two windows.
 *
 * Workers add with plain loads and stores of single bytes. If two of them raise one register at
 * once, the lower rank may win. That is harmless: the next packet of the other flow raises it
 * again. The same goes for a packet that is added while the windows are swapped.
 */
#pragma once

#include <assert.h>
#include <stdatomic.h>
#include <stdint.h>

#define SKETCH_REGISTERS 1024

/* Standard error of an estimate, in hundredths of a percent. */
#define SKETCH_ERROR_BASIS_POINTS 325

struct sketch {
	_Atomic uint32_t current; /* the window that workers write to */
	_Atomic uint8_t windows[2][SKETCH_REGISTERS];
};

static_assert(sizeof(_Atomic uint8_t) == 1 && sizeof(struct sketch) == 2052, "a byte a register");

/* An empty one, or NULL when memory is short. Destroyed when no worker can reach it any more. */
struct sketch *sketch_create(void);
void sketch_destroy(struct sketch *sketch); /* NULL is allowed */

/* A packet of the flow with that hash (flow.h). Any worker. */
void sketch_add(struct sketch *sketch, uint64_t hash);

/* Forgets the previous window and begins a new one. Control thread. */
void sketch_turn(struct sketch *sketch);

/* The number of flows in both windows together. Any thread. */
uint64_t sketch_estimate(const struct sketch *sketch);
