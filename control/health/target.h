/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * target: where the probes of a backend go: to the VIP of a service of its pool, the way that
 * users' packets take (ways.h), or to an address of the backend. Control thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"
#include "forwarding/forwarding.h"
#include "health/checker.h"
#include "health/ways.h"
#include "state/state.h"

/* All is borrowed. */
struct target_source {
	const struct config *config; /* in force */
	const size_t *services;      /* of it: config_health_services() */
	const size_t *vias;          /* of it: config_via_services() */
	struct forwarding *forwarding;
	struct state *state;
	struct ways *ways;
};

/*
 * Fills in what is probed of a backend of the configuration in force, but for number, generation
 * and state; the number is set already. False: nothing is, because no service of the pool says at
 * which port.
 *
 * Where the pool does not say which way and the VIP can never be probed by this node as it is set
 * up, `detour` says why its address is probed instead; else it is "". Where the pool does say, or
 * something is lacking for now, that is the result of each probe (target->hindrance).
 */
bool target_find(const struct target_source *source, size_t pool, size_t backend,
	struct checker_target *target, struct error *detour);

/* Whether a checker that has the one need not be told the other. */
bool target_is_same(const struct checker_target *a, const struct checker_target *b);
