/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * affinity_counters: what a worker counts of packets whose slot is tracked (affinity.h). Part of
 * its block in the state file (counters.h). worker: rw, control and readers: ro.
 */
#pragma once

#include <assert.h>
#include <stdint.h>

/* Numbers that fit; a later version may count more. */
#define AFFINITY_REASON_ROOM 8
#define AFFINITY_PUT_ROOM    16
#define AFFINITY_STEP_ROOM   16

struct affinity_counters {
	uint64_t reasons[AFFINITY_REASON_ROOM]; /* by enum affinity_reason */
	uint64_t puts[AFFINITY_PUT_ROOM];       /* by enum pins_put */
	uint64_t steps[AFFINITY_STEP_ROOM];     /* by enum pins_step */
	/*
	 * Old flows that were not observed, for lack of a token or of room for a pin, or whose
	 * observed pin was evicted. Each is a lapse (transitions.h).
	 */
	uint64_t unobserved;
	uint64_t unpinned; /* flows that began without the pin they need: they may break */
	uint64_t uncopied; /* ICMP errors of which cur got no copy (balance.h) */
	uint64_t unused[5];
};

static_assert(sizeof(struct affinity_counters) % 64 == 0, "whole cache lines");
