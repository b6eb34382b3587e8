/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * loop: the event loop of the control thread, and the priorities of its events.
 *
 * The loop takes the events that are due in the order of their priority, and looks again for more
 * urgent ones after each callback that is not of the most urgent kind. So a timer is late by no
 * more than one callback, and a change waits for no more than one slice of a long answer. An event
 * that is given no priority has LOOP_CHANGES.
 */
#pragma once

struct event_base;

enum loop_priority {
	LOOP_TIMERS,  /* timers and signals: short, and never endless */
	LOOP_CHANGES, /* peers that may change things, new connections, a file that was written */
	LOOP_READERS, /* peers that only read, and every answer that is made in slices */
	LOOP_PRIORITY_COUNT,
};

/* The longest that a slice of work below LOOP_TIMERS is to take. */
#define LOOP_SLICE_US 1000

/* NULL: out of memory. To be freed by event_base_free(). */
struct event_base *loop_create(void);

/*
 * Runs what is ready now, and what that makes ready, without waiting for anything. It ends after
 * some hundred callbacks in any case.
 */
void loop_run_ready(struct event_base *base);
