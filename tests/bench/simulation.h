/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * simulation: what a scenario does to flows, under a virtual clock: broken flows, and what had to
 * be remembered to break no more. All policies see the same flows:
 *
 *	maglev      a Maglev table of all that serve, and nothing else
 *	tracking    the same table, and a place in memory for each flow
 *	sluice-q0   the real modules (virtual_node.h), settle_s = 0
 *	sluice      the same with the default, settle_s = 60
 *
 * For 100,000 flows at once 3,500 new ones come in a second, for 45 minutes. A fifth of those there
 * are at once are short (median 2 s), three tenths middling (1 min), half long (30 min); of the
 * long ones 70 % have a packet every 30 s, 20 % every 2 min, 8 % every 10 min, 2 % every hour. A
 * flow is broken when a packet of it goes to another backend while its own is alive; flows that die
 * with their backend do not count.
 */
#pragma once

#include <stdint.h>

#include "scenario.h"

#define SIMULATION_SLOTS_MAX 65537

enum policy {
	POLICY_MAGLEV,
	POLICY_TRACKING,
	POLICY_SLUICE_Q0,
	POLICY_SLUICE,
	POLICY_COUNT,
};

extern const char *const policy_names[POLICY_COUNT];

enum flow_class { FLOW_SHORT, FLOW_MIDDLING, FLOW_LONG, FLOW_CLASSES };

struct tally {
	uint64_t broken[FLOW_CLASSES];
	double peak_live;      /* pins whose flows have not ended, of all flows */
	double peak;           /* all pins, of all flows */
	uint64_t inserts;      /* so far */
	uint64_t peak_inserts; /* in a second */
	uint64_t last_inserts;
	uint64_t unpinned; /* flows without the pin they need */
};

struct simulation_size {
	uint32_t flows; /* at once */
	uint32_t slots; /* a prime, at most SIMULATION_SLOTS_MAX */
};

struct simulation_result {
	uint64_t arrivals; /* flows that began */
	struct tally tallies[POLICY_COUNT];
};

/* Plays the scenario once, with the same random numbers every time. Ends the process where memory
 * is short. */
void simulation_play(const struct scenario *scenario, const struct simulation_size *size,
	struct simulation_result *result);

/* Of all classes. */
uint64_t simulation_broken(const struct tally *tally);
