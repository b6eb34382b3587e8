/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * probe_fixture: a prober on a loop of its own, and probes of loopback whose results are waited
 * for.
 */
#pragma once

#include "config/config_health.h"
#include "probes/probe.h"

/* Deadline of a test: it only ends what hangs. */
#define PROBE_FIXTURE_DEADLINE_S 60

/* For probes that are not to time out, and for those that are. */
#define PROBE_FIXTURE_LONG_MS  50000
#define PROBE_FIXTURE_SHORT_MS 200

/* For those that are to time out after something has come, which a busy machine may hold up. */
#define PROBE_FIXTURE_PATIENT_MS 2000

struct event_base;

struct probe_fixture {
	struct event_base *base;
	struct prober *prober;
};

/* For cmocka: *state is a struct probe_fixture. */
int probe_fixture_setup(void **state);
int probe_fixture_teardown(void **state);

/* A probe and its result. */
struct probe_watch {
	struct probe_target target;
	struct probe *probe; /* NULL once it is done */
	unsigned int done;   /* calls */
	struct probe_result result;
};

/* Begins one of 127.0.0.1 or ::1. `family` is AF_INET or AF_INET6. */
void probe_watch_start(struct probe_fixture *fixture, const struct config_health *settings,
	int family, uint16_t port, struct probe_watch *watch);

/* Begins one of watch->target. */
void probe_watch_start_target(struct probe_fixture *fixture, const struct config_health *settings,
	struct probe_watch *watch);

/* Runs the loop until `*count` of something has reached `wanted`. */
void probe_fixture_await(
	struct probe_fixture *fixture, const unsigned int *count, unsigned int wanted);

/* Probes 127.0.0.1 and waits for the result. */
struct probe_result probe_fixture_run(
	struct probe_fixture *fixture, const struct config_health *settings, uint16_t port);

/* Fails where it is not this one; `sentence` NULL: any. */
void probe_result_assert(
	const struct probe_result *result, enum probe_reason reason, const char *sentence);

/* Settings of http as they are without any key, but for a long timeout. */
struct config_health probe_settings_http(void);
