/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * probe_run: runs probes in a network namespace of the test's own, whose loopback device is up.
 * What answers them is a part of the test, in the same thread and loop. Needs root.
 */
#pragma once

#include <event2/event.h>
#include <event2/event_struct.h>

#include "config/config_health.h"
#include "probes/probe.h"
#include "unit.h"

/* Ends what hangs. */
#define PROBE_RUN_DEADLINE_S 60

struct probe_run {
	struct event_base *base;
	struct prober *prober;
	struct event deadline;
	struct config_health settings;
	struct probe_target target;
	struct probe *probe; /* under way, NULL: none */
	struct probe_result result;
	unsigned int results; /* how many have come */
	size_t descriptors;   /* open before the test */
};

/* For a group: enters the namespace. */
int probe_run_enter(void **state);

/* For each test, whose state is a struct probe_run; the second one fails where anything is left. */
int probe_run_open(void **state);
int probe_run_close(void **state);

/* Begins a probe of run->settings and run->target. */
void probe_run_begin(struct probe_run *run);

/* Runs the loop until there is a result. */
void probe_run_await(struct probe_run *run);

/* Begins and awaits it: the result must be this one. */
void probe_run_expect(struct probe_run *run, enum probe_reason reason, const char *sentence);

/* Runs the loop once, without waiting. */
void probe_run_turn(struct probe_run *run);

/* A socket bound to a port of the loopback address, which becomes the target. */
int probe_run_bind(struct probe_run *run, int type, const char *address);

void probe_run_set_target(struct probe_run *run, const char *address, uint16_t port);

/* Writes a file in /proc/sys. */
void probe_run_sysctl(const char *name, const char *value);
