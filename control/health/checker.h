/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * checker: probes backends, each at its own interval, in a thread of its own: ten thousand probes a
 * second and TLS handshakes must not hold up the control loop.
 *
 * The control thread says which backends to check and takes the changes that the checks find. It is
 * woken for them by its event loop. All functions here are called in the control thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "config/config_health.h"
#include "health/check_state.h"
#include "probes/probe.h"

#define CHECKER_BACKENDS_MAX 65536 /* targets are numbered from 0, as gids are */
#define CHECKER_NUMBERS      (CHECKER_BACKENDS_MAX + 32) /* and others, of the caller's */
#define CHECKER_NAME_SIZE    (2 * CONFIG_NAME_SIZE)
#define CHECKER_FLIGHTS_MAX                                                  \
	4096 /* descriptors of probes, beside programs; files may allow less \
	      */

struct checker;
struct event_base;

/* What is checked. */
struct checker_target {
	uint32_t number;              /* who it is, for the caller; in use once at a time */
	uint32_t generation;          /* of those that have had the number */
	struct config_health *health; /* the checker takes a reference */
	struct address address;
	uint16_t port; /* host byte order */
	struct address source;
	uint32_t mark;
	char interface[16];           /* as struct probe_target's; "": none */
	char name[CHECKER_NAME_SIZE]; /* "web/web-1" */
	uint16_t mtu;                 /* as struct probe_target's */
	enum probe_reason hindrance;  /* the same: it cannot be probed */
	char why[PROBE_SENTENCE_SIZE];
	struct check_state state; /* what is known of it; a target that goes on keeps its own */
	bool is_due;              /* the first probe comes at once, else within an interval */
};

/*
 * The first result, and each that says something new: of the status, of what a backend asks for,
 * and of one that is down, whether its failures are silence (probe_reason.h).
 */
struct checker_change {
	uint32_t number, generation;
	enum health_status before;
	struct check_state state;
	struct probe_result result;
	int64_t time_ms; /* CLOCK_REALTIME */
};

/* The latest result of a target. */
struct checker_view {
	struct check_state state;
	struct probe_result result;
	int64_t time_ms; /* CLOCK_REALTIME, of its end; 0: there was none yet */
	uint64_t probes;
};

struct checker_load {
	uint64_t probes; /* since the start */
	uint32_t targets, flights;
	uint32_t waiting; /* due, but there are as many probes as there may be */
	uint32_t late_ms; /* the most that a probe of the last ten seconds began late, or waits */
	uint64_t overdue; /* probes that began an interval late, or more */
	uint64_t untried; /* probes that this node could not make: they say nothing */
	uint64_t cpu_time_ms; /* of the thread */
};

/*
 * Starts the thread. on_change() is called from `base` when changes can be taken. NULL with the
 * sentence.
 */
struct checker *checker_create(struct event_base *base, void (*on_change)(void *context),
	void *context, struct error *error);

/* Ends all probes and the thread. NULL is allowed. */
void checker_destroy(struct checker *checker);

/*
 * Checks this target from now on, or goes on with the target of that number and generation in
 * another way: its status stays, and so do the results in a row and the returns, unless its
 * settings are others by their digest. A probe that is under way goes on where it would say the
 * same. -ENOMEM: nothing changed.
 */
int checker_put(struct checker *checker, const struct checker_target *what);

/* That number is checked no more; a change of it may still come. It may be none that is checked. */
void checker_remove(struct checker *checker, uint32_t number);

/* The next change, in the order of their times; false: none is left. */
bool checker_take(struct checker *checker, struct checker_change *change);

/* False: nothing of that number is checked. */
bool checker_view(struct checker *checker, uint32_t number, struct checker_view *view);

struct checker_load checker_load(struct checker *checker);
