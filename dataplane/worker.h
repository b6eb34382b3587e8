/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * worker: the loop of one poll-mode lcore, the only caller of receive burst. It polls its queue of
 * every port, takes each burst through balance.h and finishes it (finish.h, the only caller of
 * transmit burst).
 *
 * Takes no lock, makes no system call (but to rest, where configured), allocates and logs nothing.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "state/counters.h"
#include "tables/publish.h"
#include "packet/station.h"

#define WORKER_PORTS_MAX COUNTERS_PORT_ROOM

struct worker_port {
	uint16_t id;         /* DPDK's number */
	bool leaves_to_host; /* the host has a copy of every packet */
	/*
	 * Only frames for this station are ours. On a port where the host gets a copy of our
	 * packets we also get copies of the host's: what the host sends, and what is for other
	 * stations.
	 */
	struct station station;
	bool unfinished_checksums; /* checksum.h */
};

/* The control thread writes it before it launches the lcore; later only `stop` changes. */
struct worker {
	unsigned int number; /* from 0: its reader number and its block of counters */
	unsigned int lcore;
	uint16_t queue; /* of every port */
	bool rests;     /* sleeps between empty polls instead of spinning */
	unsigned int port_count;
	struct worker_port ports[WORKER_PORTS_MAX]; /* counted in this order */
	uint8_t port_of[RTE_MAX_ETHPORTS];          /* index in `ports` by DPDK's number */
	struct publish *publish;
	struct worker_counters *counters;
	atomic_bool *stop; /* the control thread sets it */
};

/* What rte_eal_remote_launch() runs: returns 0 when told to stop. `argument` is a struct worker. */
int worker_run(void *argument);
