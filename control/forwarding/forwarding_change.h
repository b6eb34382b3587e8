/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * forwarding_change: a change under way, from prepare to commit or abort. Pools and services that
 * stay point to what is live (`before`).
 */
#pragma once

#include "base/error.h"
#include "forwarding/forwarding_live.h"
#include "plan/finder.h"

/* The new state, beside the live one until commit. */
struct forwarding_change {
	const struct config *config;
	const struct live_terms *terms;
	uint64_t now_ms;
	struct planner *planner;       /* borrowed */
	bool same_ways;                /* to backends: records are as they are */
	struct tracking *tracking;     /* the same; of a new table of pins */
	int code;                      /* of the tables */
	struct error error;            /* of that */
	struct neighbours *neighbours; /* the forwarding's from the commit on */
	struct zones *zones;           /* of `config`; NULL: nobody asks for them */
	struct plan *plan;
	struct pool_state *pools;
	size_t pool_count;
	struct live_service *services;
	size_t service_count; /* so far, as that of pools */
	struct finder pool_finder, service_finder;
	struct tables *tables;
};

/*
 * The place of a backend of a derived pool in its own pool, which is prepared before; NULL: it is
 * of no other, or configured no more.
 */
const struct live_backend *forwarding_change_own(
	const struct forwarding_change *change, size_t pool, size_t backend);
