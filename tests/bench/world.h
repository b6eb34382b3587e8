/* SPDX-License-Identifier: BSD-3-Clause */
/* world: what a worker looks things up in: services, one pool of backends, counters. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "record.h"
#include "tables.h"
#include "worker.h"

#define WORLD_BACKENDS 100
#define WORLD_SLOTS    65537

struct world_options {
	const char *vip; /* IPv4; the first service's, the others have the addresses behind it */
	uint16_t vip_port;
	enum record_encap encap;
	uint32_t services;
};

struct world {
	struct tables *tables;
	struct publish *publish; /* of `tables` */
	struct worker worker;    /* number 0, of port SOURCE_PORT (source.h) */
	atomic_bool stop;        /* the worker's */
	_Atomic uint32_t slots[WORLD_SLOTS];
	_Atomic uint32_t record_of[WORLD_BACKENDS];
	struct backend_record records[WORLD_BACKENDS + 1] __attribute__((aligned(128)));
};

/* NULL when memory is short. Stays until the process ends. */
struct world *world_create(const struct world_options *options);
