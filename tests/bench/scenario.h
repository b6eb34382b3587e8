/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * scenario: what is done to the backends of a pool of 100, and when. The names are those of the
 * study that the figures are compared with; the scenarios that need several nodes are not here.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define SCENARIO_BACKENDS     100
#define SCENARIO_NUMBERS      160 /* backends that there are in a scenario in all */
#define SCENARIO_EVENTS       12000
#define SCENARIO_SECONDS      2700
#define SCENARIO_SLOW_START_S 120

enum action { DRAIN, KILL, REVIVE, REMOVE, ADD, ADD_SLOWLY, REPLACE, FAIL, PASS, DYNAMIC };

struct event {
	uint32_t at_s;
	uint32_t order;
	enum action action;
	uint32_t
		number; /* of the backend; those below SCENARIO_BACKENDS are there from the start */
	double value;   /* of DYNAMIC: the factor; of REPLACE: whose seat */
};

struct schedule {
	uint64_t random;
	uint32_t event_count;
	struct event events[SCENARIO_EVENTS];
};

struct scenario {
	const char *name;
	const char *title;
	void (*plan)(struct schedule *schedule);
};

extern const struct scenario scenarios[];
extern const size_t scenario_count;

/* NULL: there is none of that name. */
const struct scenario *scenario_find(const char *name);

/* Fills the schedule, in order of time. The same every time. */
void scenario_plan(const struct scenario *scenario, struct schedule *schedule);
