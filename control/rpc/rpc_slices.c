/* SPDX-License-Identifier: BSD-3-Clause */
#include "rpc/rpc_slices.h"

#include <event2/event.h>
#include <time.h>

#include "common/loop.h"

#define OPERATORS_IN_TURN 3
#define OVERDUE_MS        50 /* so that long answers get at least a fiftieth of the time */

int64_t rpc_slices_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

static struct rpc_slice_queue *queue_of(struct rpc_slices *slices, const struct rpc_slice *slice)
{
	return slice->for_operator ? &slices->operators : &slices->readers;
}

static bool is_empty(const struct rpc_slices *slices)
{
	return TAILQ_EMPTY(&slices->operators) && TAILQ_EMPTY(&slices->readers);
}

/* Operators first; but after OPERATORS_IN_TURN slices for them, a reader gets one. */
static struct rpc_slice *choose(struct rpc_slices *slices)
{
	struct rpc_slice *first = TAILQ_FIRST(&slices->operators);
	struct rpc_slice *reader = TAILQ_FIRST(&slices->readers);

	if (first != NULL && (reader == NULL || slices->operators_in_turn < OPERATORS_IN_TURN)) {
		slices->operators_in_turn++;
		return first;
	}
	slices->operators_in_turn = 0;
	return reader;
}

static void plan(struct rpc_slices *slices)
{
	static const struct timeval now = { 0, 0 }, late = { 0, OVERDUE_MS * 1000 };

	if (is_empty(slices)) {
		event_del(slices->slice);
		event_del(slices->overdue);
		return;
	}
	evtimer_add(slices->slice, &now);
	evtimer_add(slices->overdue, &late);
}

static void enqueue(struct rpc_slices *slices, struct rpc_slice *slice)
{
	TAILQ_INSERT_TAIL(queue_of(slices, slice), slice, entry);
	slice->is_queued = true;
}

static void dequeue(struct rpc_slices *slices, struct rpc_slice *slice)
{
	TAILQ_REMOVE(queue_of(slices, slice), slice, entry);
	slice->is_queued = false;
}

/* One slice of one of them, which is the last of its kind to have another. */
static void work(evutil_socket_t fd, short what, void *argument)
{
	struct rpc_slices *slices = argument;
	struct rpc_slice *slice = choose(slices);

	if (slice != NULL) {
		dequeue(slices, slice);
		/* it may have been added meanwhile, but where it has no more to do it may be gone
		 */
		if (slice->kind->work(slice, rpc_slices_now_us() + LOOP_SLICE_US) &&
			!slice->is_queued)
			enqueue(slices, slice);
	}
	plan(slices);
}

bool rpc_slices_init(struct rpc_slices *slices, struct event_base *base)
{
	TAILQ_INIT(&slices->operators);
	TAILQ_INIT(&slices->readers);
	slices->slice = evtimer_new(base, work, slices);
	slices->overdue = evtimer_new(base, work, slices);
	if (slices->slice == NULL || slices->overdue == NULL)
		return false;
	/* a base without priorities refuses them, and needs none */
	event_priority_set(slices->slice, LOOP_READERS);
	event_priority_set(slices->overdue, LOOP_TIMERS);
	return true;
}

static void end_all(struct rpc_slices *slices, struct rpc_slice_queue *queue)
{
	struct rpc_slice *slice;

	while ((slice = TAILQ_FIRST(queue)) != NULL) {
		dequeue(slices, slice);
		slice->kind->end(slice);
	}
}

void rpc_slices_fini(struct rpc_slices *slices)
{
	end_all(slices, &slices->operators);
	end_all(slices, &slices->readers);
	if (slices->slice != NULL)
		event_free(slices->slice);
	if (slices->overdue != NULL)
		event_free(slices->overdue);
}

void rpc_slices_add(struct rpc_slices *slices, struct rpc_slice *slice)
{
	bool is_first = is_empty(slices);

	if (slice->is_queued)
		return;
	enqueue(slices, slice);
	if (is_first) /* else it is planned, and to plan it again would put it off */
		plan(slices);
}

void rpc_slices_remove(struct rpc_slices *slices, struct rpc_slice *slice)
{
	if (slice->is_queued)
		dequeue(slices, slice);
}
