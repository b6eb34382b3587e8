/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * world: what workers look things up in: services, pools of backends, slots of which some may be
 * unstable, pins, counters. Memory stands in small pages, as the state file's does, unless huge
 * ones are asked for.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "affinity/affinity.h"
#include "encap/record.h"
#include "tables/tables.h"
#include "worker.h"

#define WORLD_BACKENDS    100 /* of a pool */
#define WORLD_SLOTS       65537
#define WORLD_WORKERS_MAX 2
#define WORLD_TICK        5 /* the time at which all pins have their last packet */

struct world_options {
	struct address vip; /* the first service's, the others have the addresses behind it */
	rte_be16_t vip_port;
	uint8_t protocol;
	enum record_encap encap;
	uint32_t services;
	uint32_t pools;           /* services take them in turn; at most 655 */
	uint32_t workers;         /* at most WORLD_WORKERS_MAX */
	uint32_t tracked_percent; /* of the slots: cur is not home */
	uint64_t pins;            /* there is room for */
	bool huge_pages;
};

struct world_pool {
	_Atomic uint32_t *slots;
	_Atomic uint32_t *record_of;
};

struct world {
	struct world_options options;
	struct flow_secret secret;
	struct tables *tables; /* the first generation, which stays */
	struct publish *publish;
	struct worker workers[WORLD_WORKERS_MAX]; /* each on the queue of its number (source.h) */
	atomic_bool stop[WORLD_WORKERS_MAX];
	struct world_pool *pools;
	_Atomic uint32_t *slots; /* of all pools */
	_Atomic uint32_t *record_of;
	struct backend_record *records;
	struct member *members;
	struct affinity_pool *affinity_pools;
	struct pins pins;
	struct affinity affinity;
};

/* NULL when memory is short. Stays until the process ends. */
struct world *world_create(const struct world_options *options);

/* Another generation of tables that says the same. NULL when memory is short. */
struct tables *world_make_tables(const struct world *world);

/*
 * Pins flows 0 to `flows` - 1 of the source (source.h), each `step`th of those whose slots are not
 * quiet, to where their slots say now, through one mbuf of `pool`. Returns how many were pinned.
 */
uint64_t world_pin_flows(
	struct world *world, struct rte_mempool *pool, uint32_t flows, uint32_t step);

/* Pins of that class in the table. */
uint64_t world_count_pins(const struct world *world, enum pin_class class);
