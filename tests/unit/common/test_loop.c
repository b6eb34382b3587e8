/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A crowd of readers that always have something to do, each for as long as a slice may take. What
 * is counted is callbacks and not milliseconds, so that a busy machine changes nothing.
 */
#include "unit.h"

#include <event2/event.h>
#include <time.h>

#include "common/loop.h"

#define READERS        50
#define ROUNDS         20
#define TIMER_US       5000
#define LATE_CALLBACKS 3 /* the one that was under way, and some for the clock's steps */

struct crowd {
	struct event_base *base;
	struct event *readers[READERS];
	struct event *timer, *change;
	int64_t due_us;
	unsigned int late, most_late; /* callbacks that began although the timer was due */
	unsigned int rounds;
	unsigned int changes;
	unsigned int since_change, most_since_change; /* readers' callbacks before a change's */
};

static int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

static void work(struct crowd *crowd)
{
	int64_t start_us = now_us();

	if (start_us > crowd->due_us)
		crowd->late++;
	while (now_us() < start_us + LOOP_SLICE_US)
		;
}

static void on_reader(evutil_socket_t fd, short what, void *context)
{
	struct crowd *crowd = context;

	work(crowd);
	crowd->since_change++;
}

static void on_change(evutil_socket_t fd, short what, void *context)
{
	struct crowd *crowd = context;

	crowd->changes++;
	if (crowd->since_change > crowd->most_since_change)
		crowd->most_since_change = crowd->since_change;
}

static void arm(struct crowd *crowd)
{
	struct timeval period = { 0, TIMER_US };

	for (int i = 0; i < READERS; i++)
		event_active(crowd->readers[i], EV_READ, 0);
	crowd->late = 0;
	crowd->due_us = now_us() + TIMER_US;
	evtimer_add(crowd->timer, &period);
	crowd->since_change = 0;
	event_active(crowd->change, EV_READ, 0);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
	struct crowd *crowd = context;

	if (crowd->late > crowd->most_late)
		crowd->most_late = crowd->late;
	if (++crowd->rounds == ROUNDS)
		event_base_loopbreak(crowd->base);
	else
		arm(crowd);
}

static struct event *event_of(
	struct crowd *crowd, event_callback_fn callback, enum loop_priority priority)
{
	struct event *event = event_new(crowd->base, -1, 0, callback, crowd);

	assert_int_equal(event_priority_set(event, priority), 0);
	return event;
}

static void run_crowd(struct crowd *crowd)
{
	*crowd = (struct crowd){ .base = loop_create() };
	assert_non_null(crowd->base);
	for (int i = 0; i < READERS; i++)
		crowd->readers[i] = event_of(crowd, on_reader, LOOP_READERS);
	crowd->timer = event_of(crowd, on_timer, LOOP_TIMERS);
	crowd->change = event_of(crowd, on_change, LOOP_CHANGES);
	arm(crowd);
	assert_int_equal(event_base_dispatch(crowd->base), 0);
	for (int i = 0; i < READERS; i++)
		event_free(crowd->readers[i]);
	event_free(crowd->timer);
	event_free(crowd->change);
	event_base_free(crowd->base);
}

static void a_timer_waits_for_one_slice_however_many_readers_there_are(void **state)
{
	struct crowd crowd;

	run_crowd(&crowd);
	assert_in_range(crowd.most_late, 0, LATE_CALLBACKS);
}

static void a_change_goes_before_all_readers(void **state)
{
	struct crowd crowd;

	run_crowd(&crowd);
	assert_int_equal(crowd.changes, ROUNDS);
	assert_in_range(crowd.most_since_change, 0, 1);
}

static void count(evutil_socket_t fd, short what, void *context)
{
	unsigned int *called = context;

	(*called)++;
}

static void all_that_is_ready_runs_without_waiting(void **state)
{
	struct event_base *base = loop_create();
	struct timeval hour = { 3600, 0 }, now = { 0, 0 };
	struct event *ready[READERS], *later;
	unsigned int called = 0, too_early = 0;

	later = evtimer_new(base, count, &too_early);
	evtimer_add(later, &hour);
	for (int i = 0; i < READERS; i++) {
		ready[i] = evtimer_new(base, count, &called);
		event_priority_set(ready[i], LOOP_READERS);
		evtimer_add(ready[i], &now);
	}
	loop_run_ready(base);
	assert_int_equal(called, READERS);
	assert_int_equal(too_early, 0);
	for (int i = 0; i < READERS; i++)
		event_free(ready[i]);
	event_free(later);
	event_base_free(base);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_timer_waits_for_one_slice_however_many_readers_there_are),
		cmocka_unit_test(a_change_goes_before_all_readers),
		cmocka_unit_test(all_that_is_ready_runs_without_waiting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
