/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * counters: what one worker has counted, in a block of its own in the state file (state.h).
 *
 * worker: rw, control and readers: ro. Each block is on pages of its own, so that no two workers
 * write to one cache line. The worker adds with plain stores to aligned 64-bit words: no other
 * thread writes them, and no processor that DPDK runs on tears such a store. Others read with
 * counter_read(): each number by itself is right, two numbers may be from different moments.
 * Counters only grow and are never reset while a worker runs.
 */
#pragma once

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "affinity/affinity_counters.h"
#include "packet/verdict.h"

#define COUNTERS_VERDICT_ROOM 32 /* verdicts and ports that fit; a later version may name more */
#define COUNTERS_PORT_ROOM    16

/* For a service or a backend. */
struct counter {
	uint64_t packets;
	uint64_t bytes;     /* of whole frames as received, without FCS */
	uint64_t new_flows; /* TCP SYN without ACK */
	uint64_t unused;
};

struct port_counter {
	uint64_t rx_packets;
	uint64_t rx_bytes;
	uint64_t tx_packets;
	uint64_t tx_bytes;
};

struct worker_counters {
	/* health of the loop: the first cache line changes in every iteration */
	uint64_t iterations;
	uint64_t packets;     /* received; at rest the sum of all verdicts */
	uint64_t bursts;      /* receive calls that brought any */
	uint64_t busy_cycles; /* TSC cycles of iterations that had packets */
	uint64_t idle_cycles; /* TSC cycles of the others */
	uint64_t copies;      /* sent in addition to their packets; no verdict counts them */
	uint64_t unused[2];
	uint64_t verdicts[COUNTERS_VERDICT_ROOM]; /* by enum verdict */
	struct port_counter ports[COUNTERS_PORT_ROOM];
	struct affinity_counters affinity;
	struct counter counters[]; /* the services, then the backends */
};

static_assert(VERDICT_COUNT <= COUNTERS_VERDICT_ROOM, "every verdict has its counter");
static_assert(sizeof(struct counter) == 32 && sizeof(struct port_counter) == 32, "half a line");
static_assert(offsetof(struct worker_counters, verdicts) == 64, "the loop has a line of its own");
static_assert(offsetof(struct worker_counters, affinity) % 64 == 0, "in lines of its own");
static_assert(offsetof(struct worker_counters, counters) % 64 == 0, "no counter in two lines");

/* Cell in worker_counters.counters of a service or a backend, by its number. */
static inline uint32_t counters_service_cell(uint32_t service)
{
	return service;
}

static inline uint32_t counters_backend_cell(uint32_t services, uint32_t backend)
{
	return services + backend;
}

/* Bytes of a block for so many services and backends. */
static inline uint64_t counters_size(uint32_t services, uint32_t backends)
{
	return sizeof(struct worker_counters) +
	       ((uint64_t)services + backends) * sizeof(struct counter);
}

/* Reads a number that a worker may be writing. Any thread, any process. */
static inline uint64_t counter_read(const uint64_t *number)
{
	return __atomic_load_n(number, __ATOMIC_RELAXED);
}
