/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pace: makes the port that is made of memory (source.h) one on which packets arrive at a steady
 * rate, whether anybody looks or not, as from a wire: what has arrived waits in a queue, and what
 * finds it full is lost. Each packet carries the time of its arrival in the last 8 bytes of its
 * payload, which it has to have: UDP. Queue 0 only, and all in the thread that measures.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#define PACE_QUEUE 1024 /* packets that may wait */

/* Puts itself between the port and whoever polls it. After source_open(), once. */
void pace_begin(void);

/* So many packets arrive, `interval` TSC cycles apart, from now on; then `stop` is set. */
void pace_set(double interval, uint64_t packets, atomic_bool *stop);

uint64_t pace_lost(void);
uint64_t pace_sent(void);

/* TSC cycles from arrival to transmission that `share` (0 to 1) of the packets took at most; within
 * 3 %. */
uint64_t pace_delay(double share);
