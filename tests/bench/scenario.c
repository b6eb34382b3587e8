/* SPDX-License-Identifier: BSD-3-Clause */
#include "scenario.h"

#include <stdlib.h>
#include <string.h>

#include "random.h"

#define CHANGES_BEGIN 300

static void plan(
	struct schedule *schedule, uint32_t at_s, enum action action, uint32_t number, double value)
{
	if (schedule->event_count == SCENARIO_EVENTS || number >= SCENARIO_NUMBERS)
		abort();
	schedule->events[schedule->event_count] =
		(struct event){ at_s, schedule->event_count, action, number, value };
	schedule->event_count++;
}

static void plan_quiet(struct schedule *schedule)
{
	(void)schedule;
}

static void plan_rolling_restart(struct schedule *schedule)
{
	for (uint32_t batch = 0; batch < 20; batch++)
		for (uint32_t i = 0; i < 5; i++) {
			uint32_t at_s = 60 + 80 * batch;

			plan(schedule, at_s, DRAIN, batch * 5 + i, 0);
			plan(schedule, at_s + 60, KILL, batch * 5 + i, 0);
			plan(schedule, at_s + 80, REVIVE, batch * 5 + i, 0);
		}
}

static void plan_failure(struct schedule *schedule, uint32_t back_s)
{
	for (uint32_t i = 0; i < 10; i++) {
		plan(schedule, CHANGES_BEGIN, KILL, i * 10, 0);
		plan(schedule, back_s, REVIVE, i * 10, 0);
	}
}

static void plan_failure_within_hold(struct schedule *schedule)
{
	plan_failure(schedule, 600);
}

static void plan_failure_beyond_hold(struct schedule *schedule)
{
	plan_failure(schedule, 900);
}

static void plan_scale_up(struct schedule *schedule)
{
	for (uint32_t i = 0; i < 20; i++)
		plan(schedule, CHANGES_BEGIN, ADD, SCENARIO_BACKENDS + i, 0);
}

static void plan_slow_start(struct schedule *schedule)
{
	for (uint32_t i = 0; i < 5; i++)
		plan(schedule, CHANGES_BEGIN, ADD_SLOWLY, SCENARIO_BACKENDS + i, 0);
}

static void plan_flapping(struct schedule *schedule)
{
	for (uint32_t i = 0; i < 3; i++)
		for (uint32_t k = 0; k < 30; k++) {
			uint32_t at_s = CHANGES_BEGIN + 20 * k + 6 * i;

			plan(schedule, at_s, FAIL, 10 + 30 * i, 0);
			plan(schedule, at_s + 5, PASS, 10 + 30 * i, 0);
		}
}

static void plan_dynamic_weights(struct schedule *schedule)
{
	for (uint32_t k = 0; k < 90; k++)
		for (uint32_t i = 0; i < SCENARIO_BACKENDS; i++)
			plan(schedule, CHANGES_BEGIN + 10 * k, DYNAMIC, i,
				0.8 + 0.2 * random_uniform(&schedule->random));
	for (uint32_t i = 0; i < SCENARIO_BACKENDS; i++)
		plan(schedule, 1200, DYNAMIC, i, 1);
}

static void plan_replacement(struct schedule *schedule, enum action comes)
{
	for (uint32_t batch = 0; batch < 6; batch++)
		for (uint32_t i = 0; i < 5; i++) {
			uint32_t number = batch * 5 + i, at_s = CHANGES_BEGIN + 100 * batch;

			plan(schedule, at_s, comes, SCENARIO_BACKENDS + number, number);
			plan(schedule, at_s + 30, DRAIN, number, 0);
			plan(schedule, at_s + 90, KILL, number, 0);
			plan(schedule, at_s + 91, REMOVE, number, 0);
		}
}

static void plan_replacement_without_seats(struct schedule *schedule)
{
	plan_replacement(schedule, ADD);
}

static void plan_replacement_with_seats(struct schedule *schedule)
{
	plan_replacement(schedule, REPLACE);
}

static void plan_overlapping(struct schedule *schedule)
{
	for (uint32_t i = 0; i < 10; i++) {
		plan(schedule, 300, ADD, SCENARIO_BACKENDS + i, 0);
		plan(schedule, 450, ADD, SCENARIO_BACKENDS + 10 + i, 0);
	}
	for (uint32_t i = 0; i < 5; i++) {
		plan(schedule, 400, DRAIN, i * 7, 0);
		plan(schedule, 500, KILL, i * 7, 0);
		plan(schedule, 501, REMOVE, i * 7, 0);
	}
}

const struct scenario scenarios[] = {
	{ "S0", "quiet", plan_quiet },
	{ "S1", "rolling restart: all 100 by fives, drain 60 s, down 20 s", plan_rolling_restart },
	{ "S2", "10 % fail at once, back after 300 s", plan_failure_within_hold },
	{ "S3", "20 % more at once", plan_scale_up },
	{ "S4", "slow start of 5 more over 120 s", plan_slow_start },
	{ "S5", "checks of 3 live ones flap, 5 s down and 15 s up", plan_flapping },
	{ "S7", "all weights tremble by 20 % every 10 s", plan_dynamic_weights },
	{ "S8", "30 % replaced in 10 min", plan_replacement_without_seats },
	{ "S9", "30 % replaced in 10 min in their seats", plan_replacement_with_seats },
	{ "S12", "10 % fail at once, back after 600 s", plan_failure_beyond_hold },
	{ "S13", "10 % more, 5 % less and 10 % more, overlapping", plan_overlapping },
};

const size_t scenario_count = sizeof(scenarios) / sizeof(scenarios[0]);

const struct scenario *scenario_find(const char *name)
{
	for (size_t i = 0; i < scenario_count; i++)
		if (strcmp(scenarios[i].name, name) == 0)
			return &scenarios[i];
	return NULL;
}

/* By time, then as planned. */
static int compare_events(const void *left, const void *right)
{
	const struct event *a = left, *b = right;

	if (a->at_s != b->at_s)
		return a->at_s < b->at_s ? -1 : 1;
	return a->order < b->order ? -1 : 1;
}

void scenario_plan(const struct scenario *scenario, struct schedule *schedule)
{
	*schedule = (struct schedule){ .random = 1 };
	scenario->plan(schedule);
	qsort(schedule->events, schedule->event_count, sizeof(schedule->events[0]), compare_events);
}
