/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * forwarding_live: the insides of forwarding, for its three files only: forwarding.c (what is
 * live), forwarding_prepare.c and forwarding_commit.c (how it changes).
 *
 * Backends are known by their address in a pool and keep their index as long as they are
 * configured; services by their name. An index, counter place or cell is in one of three states:
 * free, live, or retired and waiting for its grace period.
 */
#pragma once

#include "arena.h"
#include "forwarding.h"
#include "live_pool.h"
#include "neighbours.h"

struct live_backend {
	struct address address;
	uint16_t index;
	uint32_t place; /* of its counters among those of backends */
	uint32_t
		cells[LIVE_POOL_MODES]; /* RECORD_NONE where no service of the mode uses the pool */

	/* during a change */
	const struct live_backend *before; /* as it was, NULL for a new one */
	bool stays;                        /* it is in the state to come */
	bool is_new_cell[LIVE_POOL_MODES];
};

/* A pool of the committed configuration, its backends in the configuration's order. */
struct member_pool {
	char name[CONFIG_NAME_SIZE];
	struct live_pool *live;
	struct live_backend *backends;
	size_t backend_count;

	/* during a change */
	struct member_pool *before; /* what it goes on from, NULL for a new one */
	bool stays;
};

struct live_service {
	char name[CONFIG_NAME_SIZE];
	uint32_t place;

	/* during a change */
	bool is_new;
	bool stays;
};

struct forwarding {
	struct state *state;
	struct publish *publish;
	const struct flow_secret *secret;
	struct port *const *ports;
	size_t port_count;
	struct arena *backend_places;
	struct arena *service_places;
	struct counter *backend_baselines; /* what a place had counted when it was handed out */
	struct counter *service_baselines;

	struct member_pool *pools; /* in the order of the configuration */
	size_t pool_count;
	struct live_service *services;
	size_t service_count;
};

/* The state to come, beside the live one until commit. */
struct forwarding_change {
	const struct config *config;
	struct neighbours *neighbours; /* during prepare */
	const struct plan *plan;
	struct member_pool *pools;
	size_t pool_count;
	struct live_service *services;
	struct tables *tables;
};

/* The place of a backend in every worker's counters, by its number among backends. */
uint32_t forwarding_backend_place(const struct forwarding *forwarding, uint32_t place);

/* What all workers have counted at a place since the state file was made. */
void forwarding_sum(const struct forwarding *forwarding, uint32_t place, struct counter *sum);
