/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * workers: the worker lcores as the control thread sees them: start, stop, and once a second a look
 * at whether their loops still turn and how busy they were. Control thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "base/error.h"
#include "port.h"
#include "tables/publish.h"
#include "state/state.h"

struct workers;

/* What was seen of one worker between the last two looks. */
struct worker_health {
	unsigned int lcore;
	int cpu;                  /* -1 where the lcore may run on several */
	bool stalled;             /* its loop has not turned for a second or more */
	uint64_t packets;         /* since the start */
	double busy_percent;      /* of its time went to packets */
	double cycles_per_packet; /* TSC cycles of busy time; 0 without packets */
};

/* One on each worker lcore of the EAL. NULL with the sentence. */
struct workers *workers_start(const struct config *config, struct port *const *ports,
	struct publish *publish, struct state *state, struct error *error);

/* Waits until every loop has ended. NULL is allowed. */
void workers_stop(struct workers *workers);

/* Once a second. Logs a worker that stalls or goes on again; returns how many are stalled. */
unsigned int workers_look(struct workers *workers);

/*
 * Port `number`, in the order of workers_start(), has another MAC address, which is in `port`: from
 * their next burst on, the workers take the frames that are addressed to it.
 */
void workers_follow_mac(struct workers *workers, size_t number, const struct port *port);

unsigned int workers_count(const struct workers *workers);
const struct worker_health *workers_health(const struct workers *workers, unsigned int number);
