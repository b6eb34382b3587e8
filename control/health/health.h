/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * health: who is healthy. It has the backends of the configuration in force checked (checker.h),
 * keeps what was found in the state file, and says to forwarding what follows: which backends
 * serve, which rest, and which have failed.
 *
 * What a check finds is a status: initial, up or down. What follows is a matter of the pool: a
 * backend that is initial takes new flows only where no other can, and where all have failed the
 * pool says who takes them (serving.h). An operator's override stands above the check until it is
 * taken back.
 *
 * Backends of a pool without checks are as they were told to be, and healthy otherwise. Control
 * thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "config/config.h"
#include "forwarding/forwarding.h"
#include "health/agent.h"
#include "health/checker.h"
#include "plan/serving.h"
#include "state/health_row.h"
#include "state/state.h"

struct event_base;
struct health;
struct port;

/* All is borrowed. */
struct health_context {
	struct event_base *base;
	struct forwarding *forwarding;
	struct state *state;
	struct port *const *ports; /* in the order of the configuration */
	size_t port_count;
	bool checks; /* false: nothing is probed, whatever the configuration asks for (a fuzzer) */
};

/* NULL with the sentence. */
struct health *health_create(const struct health_context *context, struct error *error);

/* Before forwarding and state. NULL is allowed. */
void health_destroy(struct health *health);

/*
 * This is the configuration in force, as forwarding has committed it: checks go by it from now on.
 * To be called after each commit; takes a reference.
 */
void health_follow(struct health *health, struct config *config);

/* Once a second: what has gone is checked no more, and what time changes is looked at again. */
void health_look(struct health *health);

/* What an operator, or a program of theirs, says of a backend. */
struct health_update {
	bool has_override;
	enum health_override override; /* it is up or down whatever its check says; NONE: no more */
	struct forwarding_update forwarding; /* the rest of it, without health and rest */
};

/*
 * As forwarding_update(), which it calls: what follows for other backends of the pool is done, too,
 * unless it is a dry run.
 */
int health_update_backend(struct health *health, const struct forwarding_handle *handle,
	const struct health_update *wanted, bool dry_run, forwarding_report_t *report,
	void *context);

/* What is known of a backend. */
struct health_report {
	bool is_checked;
	const struct config_health *settings; /* NULL: its pool has none */
	enum health_status status;            /* by its check */
	enum health_override override;
	int64_t override_ms;          /* CLOCK_REALTIME, since when; 0: none, or not known */
	enum health_status counts_as; /* for who serves: after override, doubt, and what it asks */
	struct agent_wish
		wish; /* what it asks for, and how it rests; nothing where nobody asks it */
	struct address address; /* that is probed */
	uint16_t port;
	bool via_vip;
	bool has_result;
	struct checker_view view; /* where has_result */
	uint32_t needed;  /* where has_result: successes in a row for it to be up; 0: it is */
	uint32_t returns; /* so often it came back of late, so that it needs more; 0: it does not */
	struct health_change changes[HEALTH_CHANGES_MAX]; /* the oldest first */
	size_t change_count;
};

/* Of a backend of forwarding_backends(). */
void health_describe(
	struct health *health, size_t pool, size_t backend, struct health_report *report);

/* Why the node suspects itself, in a sentence; "" while it does not. */
const char *health_doubt(const struct health *health);

/* Who serves of a pool of the configuration in force, and why. */
struct health_pool_report {
	struct serving_outcome outcome;
	char sentence[SERVING_SENTENCE_SIZE];
	int64_t since_ms; /* CLOCK_REALTIME, of the mode; 0: it never was another one */
	/* Its active backends, by what counts for who serves (counts_as above). */
	uint32_t by_status[HEALTH_STATUS_COUNT];
	uint32_t overridden; /* backends with an override, active or not */
	uint32_t senseless;  /* backends that ask for what cannot be read */
};

void health_describe_pool(
	const struct health *health, size_t pool, struct health_pool_report *report);

/* What is looked for in a pool. */
enum health_trait {
	HEALTH_COUNTS_AS_DOWN, /* an active backend */
	HEALTH_HAS_OVERRIDE,
	HEALTH_IS_SENSELESS,
};

/* The first such backend that is configured, from *backend on, which becomes its number. */
bool health_find(
	const struct health *health, size_t pool, enum health_trait trait, size_t *backend);

struct checker_load health_load(const struct health *health);

/*
 * Packets of probes to VIPs by outcome since the way was opened, PROBE_COUNT_MAX of them (enum
 * probe_count); all 0 where none was. 0 or -errno.
 */
int health_count_packets(const struct health *health, uint64_t *counts);
