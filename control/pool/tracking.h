/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tracking: the pins of the node (pins.h) as the control thread sees them: whom the gids that they
 * carry stand for, the sweep, the clock that stamps them, and whether there is a flood. It knows
 * nothing of configurations. Control thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "affinity/affinity.h"
#include "pool/live_pool.h"
#include "plan/membership.h"
#include "affinity/pins_sweep.h"
#include "tables/publish.h"
#include "state/state.h"
#include "pool/transitions.h"

struct tracking;

/* The pins stand in the state file; all is borrowed. NULL when memory is short. */
struct tracking *tracking_create(struct state *state, struct publish *publish);
void tracking_destroy(struct tracking *tracking); /* NULL is allowed */

/*
 * The number of pins is raised while workers go on: a table is reserved, then it is filled by any
 * one thread, with the reason where that cannot be (pin_tables.h), and then it is given back, or
 * taken into use if there is anything ready. tracking_end_filling() lets the filling end soon.
 */
int tracking_prepare_pins(struct tracking *tracking, uint64_t pins, struct error *error);
int tracking_fill_pins(struct tracking *tracking, struct error *error);
void tracking_end_filling(struct tracking *tracking);
void tracking_abort_pins(struct tracking *tracking);
void tracking_commit_pins(struct tracking *tracking);

/* What tables took that are no more is given back, about a millisecond long. False: nothing is. */
bool tracking_trim_pins(struct tracking *tracking);

/* What workers choose by. */
const struct affinity *tracking_affinity(const struct tracking *tracking);

/*
 * A free gid, taken; or ARENA_FULL. take_gid_at() takes that very one; false where it is taken or
 * there is none. give_gid() is for one that no worker has ever seen.
 */
uint32_t tracking_take_gid(struct tracking *tracking);
bool tracking_take_gid_at(struct tracking *tracking, uint32_t gid);
void tracking_give_gid(struct tracking *tracking, uint32_t gid);

/* From here on the gid stands for that index of that pool, and pins may name it. */
void tracking_enter(
	struct tracking *tracking, uint32_t gid, struct live_pool *pool, uint16_t index);

/* Shows workers what has become of it. */
void tracking_store(struct tracking *tracking, uint32_t gid, const struct membership_life *life);

/*
 * The gid stands for no backend any more. It is free again after a grace period, in which a worker
 * may still put a pin for it, and the sweep after that, which forgets such pins.
 */
void tracking_leave(struct tracking *tracking, uint32_t gid);

/*
 * Once a second, and whenever something changes: the workers' clock. The tokens for old flows and
 * the check for floods go by the time since they were last looked at. `with_udp`:
 * some service pins UDP flows, so that a pin on probation may have to wait for the flow's second
 * packet as long as for any.
 */
void tracking_tick(struct tracking *tracking, uint64_t now_ms, bool with_udp);

/* The number stands for a new pool from here on: what was known of the one before is forgotten. */
void tracking_begin_pool(struct tracking *tracking, uint32_t number);

/*
 * For the pool of that number, whose times these are: returns when an old flow of it may last have
 * gone unobserved, in seconds of the clock (transitions.h). While the table is crowded, the pool
 * with the most pins is promoted first, or the table could never empty: its observe_s is shortened,
 * and an old flow for whose pin there was no room does not count.
 */
uint32_t tracking_observe(
	struct tracking *tracking, uint32_t number, struct transitions_times *times);

/* What transitions_swept() has to know of the last sweep. */
uint32_t tracking_quiescent_s(const struct tracking *tracking);

/*
 * A pass over the pins: begun, and gone on with for about a millisecond at a time until that
 * returns true. It marks what it leaves in the `seen` of each pool, and clears none.
 */
void tracking_sweep_begin(struct tracking *tracking, uint64_t now_ms);
bool tracking_sweep_on(struct tracking *tracking, uint64_t now_ms);

/* Whether one has anything to find: pins that the last one has left, or a gid that waits for it. */
bool tracking_needs_sweep(const struct tracking *tracking);

/*
 * Flows of a draining backend that had a packet in the last one or two windows, estimated
 * (sketch.h). False where none are counted.
 */
#define TRACKING_WINDOW_S 60
bool tracking_flows_left(const struct tracking *tracking, uint32_t gid, uint64_t *flows);

/* Whether they have been counted for a whole window: before, there are more. */
bool tracking_flows_are_all(const struct tracking *tracking, uint32_t gid);

/* What has been counted since the start, over all workers, and what the last sweep found. */
struct tracking_report {
	uint64_t capacity;               /* pins that there is room for */
	uint64_t memory;                 /* bytes */
	uint64_t found[PIN_CLASS_COUNT]; /* by class; found[PIN_EMPTY] are free */
	uint64_t deleted;                /* by the last sweep */
	double sweep_ms;
	uint64_t sweeps;         /* that have come to their end */
	uint64_t older_capacity; /* of tables that empty after the number of pins has changed */
	uint64_t older_used;
	bool flood;   /* in some pool */
	bool crowded; /* there is hardly room for new flows */
	struct affinity_counters sum;
};
void tracking_report(const struct tracking *tracking, struct tracking_report *report);

struct tracking_pool_report {
	uint32_t pins; /* that the last sweep has left */
	bool flood;    /* none of its slots is promoted */
	bool first;    /* the table is crowded, and this pool is promoted first */
};
void tracking_report_pool(
	const struct tracking *tracking, uint32_t pool, struct tracking_pool_report *report);
