/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rpc_slices: work for clients that is done a slice at a time, LOOP_SLICE_US each, after everything
 * that is more urgent (loop.h). Whatever there is of it, it gets one slice a pass of the event
 * loop. All works take turns: those for operators get three slices of four while there are any.
 * Control thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct event;
struct event_base;
struct rpc_slice;

struct rpc_slice_kind {
	/*
	 * Works until rpc_slices_now_us() is `end_us`. Returns whether there is more to do; only
	 * where there is not, the slice may be gone.
	 */
	bool (*work)(struct rpc_slice *slice, int64_t end_us);
	/* In place of all further work, when the queues end. It may be gone afterwards. */
	void (*end)(struct rpc_slice *slice);
};

/* Part of what wants to be worked on. */
struct rpc_slice {
	const struct rpc_slice_kind *kind;
	bool for_operator;
	bool is_queued;
	TAILQ_ENTRY(rpc_slice) entry;
};

TAILQ_HEAD(rpc_slice_queue, rpc_slice);

struct rpc_slices {
	struct rpc_slice_queue operators;
	struct rpc_slice_queue readers;
	unsigned int operators_in_turn; /* slices for them since the last one for a reader */
	struct event *slice;
	struct event *overdue; /* sees to it that there is one now and then in any case */
};

/* False where memory is short; rpc_slices_fini() is due in either case. */
bool rpc_slices_init(struct rpc_slices *slices, struct event_base *base);
void rpc_slices_fini(struct rpc_slices *slices);

/* Both do nothing where it is so already. */
void rpc_slices_add(struct rpc_slices *slices, struct rpc_slice *slice);
void rpc_slices_remove(struct rpc_slices *slices, struct rpc_slice *slice);

int64_t rpc_slices_now_us(void); /* CLOCK_MONOTONIC */
