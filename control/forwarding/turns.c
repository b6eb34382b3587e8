/* SPDX-License-Identifier: BSD-3-Clause */
#include "forwarding/turns.h"

#include <errno.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "common/loop.h"

#define SECOND_MS  1000
#define START_MS   20
#define REBUILD_MS 10 /* of work between two tables of a restart, while others want turns */

struct turns {
	struct forwarding *forwarding;
	struct event *second;
	struct event *build;
	struct event *slice;
	int64_t rebuilt_ms; /* by work_ms(), when the last table of a restart was done */
};

static struct timeval time_of(uint32_t delay_ms)
{
	return (struct timeval){ delay_ms / 1000, delay_ms % 1000 * 1000 };
}

static void call_in(struct event *event, uint32_t delay_ms)
{
	struct timeval delay = time_of(delay_ms);

	if (delay_ms != FORWARDING_IDLE)
		event_add(event, &delay);
}

static void on_slice(evutil_socket_t fd, short what, void *context)
{
	struct turns *turns = context;

	call_in(turns->slice, forwarding_go_on(turns->forwarding));
}

static void on_second(evutil_socket_t fd, short what, void *context)
{
	struct turns *turns = context;

	forwarding_advance(turns->forwarding);
	call_in(turns->slice, 0);
}

/* What this thread has worked: where it seldom gets a CPU, the shares stay what they are. */
static int64_t work_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

static bool is_rebuilding(const struct turns *turns)
{
	size_t pools;

	return forwarding_unbuilt(turns->forwarding, &pools) != 0;
}

/*
 * No packet waits for the tables of a restart, each of which takes milliseconds: everybody goes
 * first. But readers without end must not put them off for ever, because changes wait for them.
 */
static uint32_t rebuild(struct turns *turns)
{
	struct event_base *base = event_get_base(turns->build);
	uint32_t delay_ms;

	if (event_base_get_num_events(base, EVENT_BASE_COUNT_ACTIVE) > 0 &&
		work_ms() < turns->rebuilt_ms + REBUILD_MS)
		return 0;
	delay_ms = forwarding_build_due(turns->forwarding);
	turns->rebuilt_ms = work_ms();
	return delay_ms;
}

/* One table at a time: whoever goes first (loop.h) has a turn before the next. */
static void on_build(evutil_socket_t fd, short what, void *context)
{
	struct turns *turns = context;
	uint32_t delay_ms;

	if (is_rebuilding(turns)) {
		delay_ms = rebuild(turns);
	} else {
		delay_ms = forwarding_build_due(turns->forwarding);
		delay_ms = delay_ms == 0 ? 1 : delay_ms;
	}
	event_priority_set(turns->build, is_rebuilding(turns) ? LOOP_READERS : LOOP_CHANGES);
	call_in(turns->build, delay_ms);
}

/* What waits already is due no later: each pool waits equally long. */
static void wake(void *context, uint32_t delay_ms)
{
	struct turns *turns = context;

	if (!event_pending(turns->build, EV_TIMEOUT, NULL))
		call_in(turns->build, delay_ms);
}

static struct event *make_event(struct event_base *base, short what, event_callback_fn callback,
	enum loop_priority priority, struct turns *turns)
{
	struct event *event = event_new(base, -1, what, callback, turns);

	if (event != NULL)
		event_priority_set(event, priority);
	return event;
}

struct turns *turns_create(
	struct event_base *base, struct forwarding *forwarding, struct error *error)
{
	struct turns *turns = calloc(1, sizeof(*turns));
	struct timeval second = time_of(SECOND_MS);

	if (turns == NULL)
		goto no_memory;
	turns->forwarding = forwarding;
	turns->second = make_event(base, EV_PERSIST, on_second, LOOP_TIMERS, turns);
	turns->build = make_event(
		base, 0, on_build, is_rebuilding(turns) ? LOOP_READERS : LOOP_CHANGES, turns);
	/* not with the readers: drains have to end, however many tables are built meanwhile */
	turns->slice = make_event(base, 0, on_slice, LOOP_CHANGES, turns);
	if (turns->second == NULL || turns->build == NULL || turns->slice == NULL ||
		event_add(turns->second, &second) != 0)
		goto no_memory;
	forwarding_set_wake(forwarding, wake, turns);
	call_in(turns->build, START_MS); /* what the start has put off, when it is over */
	return turns;
no_memory:
	error_set(error, -ENOMEM, "cannot set up the event loop");
	turns_destroy(turns);
	return NULL;
}

static void free_event(struct event *event)
{
	if (event != NULL)
		event_free(event);
}

void turns_destroy(struct turns *turns)
{
	if (turns == NULL)
		return;
	forwarding_set_wake(turns->forwarding, NULL, NULL);
	free_event(turns->second);
	free_event(turns->build);
	free_event(turns->slice);
	free(turns);
}
