/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * live_backend: a backend in a pool for as long as flows, slot words or pins may know it, which is
 * longer than it is configured. Its address tells who it is, its key which seat it has. Control
 * thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "maglev/factor.h"
#include "pool/live_pool.h"
#include "plan/membership.h"
#include "plan/plan.h"

struct live_backend {
	char name[CONFIG_MEMBER_SIZE];
	char key[CONFIG_KEY_SIZE];
	struct address address;
	uint16_t index;   /* in its pool: what slot words say */
	uint32_t gid;     /* on this node: what pins say, its counters, its row in the state file */
	uint32_t weight;  /* as configured, or when it was last */
	uint32_t records; /* first cell (live_records.h); RECORD_NONE: there is no way to it */

	struct membership_facts facts;
	struct membership_life life;
	uint32_t ramp_s;               /* when its slow start began; 0: none */
	bool joining;                  /* was never whole since it has come to the pool */
	uint32_t asked_share;          /* of FACTOR_ONE: its dynamic weight as last asked for */
	struct factor_dynamic dynamic; /* and as it is applied */

	/* during a change */
	const struct live_backend *before; /* as it was, NULL for a new one */
	bool stays;                        /* it is in the new state */
	bool has_new_records;
};

/* How a change is meant, where the document does not say. */
struct live_terms {
	bool force;          /* although it moves more than it may */
	bool now;            /* what is removed is cut off instead of drained */
	uint32_t deadline_s; /* seconds that drains which begin now may last; 0: as configured */
	bool again;          /* the drain is asked for by name: it gets its end anew, from now */
	/*
	 * The backend that `now` and the deadline are for, whose drain may have begun before; NULL:
	 * all that drain or go by this change. Borrowed while it is prepared.
	 */
	const char *pool, *name;
};

/* Whether it is configured no more. */
static inline bool live_backend_is_removed(const struct live_backend *backend)
{
	return backend->facts.wish == MEMBERSHIP_REMOVED ||
	       backend->facts.wish == MEMBERSHIP_REMOVED_DRAIN;
}

/* Whether its flows are being seen out: it takes none, and has a future. */
static inline bool live_backend_drains(const struct live_backend *backend)
{
	return backend->life.state == MEMBER_DRAIN;
}

/* Whether it would take new flows, were it not that others do for now. */
static inline bool live_backend_rests(const struct live_backend *backend)
{
	return backend->facts.rests && backend->facts.wish == MEMBERSHIP_ACTIVE &&
	       backend->weight != 0 && backend->life.state == MEMBER_DRAIN;
}

/*
 * What has become of it, in one word for answers and log. A backend that is well is not called dead
 * because it is not wanted now: it is "off", "drained" or "removed". One that would take new flows
 * if it were not for others "rests".
 */
const char *live_backend_life_name(const struct live_backend *backend);

/* A new one: healthy and whole, its life not begun. */
void live_backend_init(
	struct live_backend *backend, const struct address *address, uint64_t now_ms);

/* One in a derived pool begins with what checks have found of `own`, its place in its own pool. */
void live_backend_inherit(struct live_backend *backend, const struct live_backend *own);

/* Takes over what the configuration says of it, or that this says nothing of it any more. */
void live_backend_configure(struct live_backend *backend, const struct config_pool *pool,
	const struct config_backend *config, const struct live_terms *terms, uint32_t now_s);
void live_backend_remove(struct live_backend *backend, const struct config_pool *pool,
	const struct live_terms *terms, uint32_t now_s);

/* Its life begins, in a pool that runs by a slow start where the pool has one. */
void live_backend_begin(struct live_backend *backend, const struct config_pool *pool,
	bool in_running_pool, uint32_t now_s);

/* The same in a running pool with checks: it takes no flow before it has passed one. */
void live_backend_begin_unchecked(
	struct live_backend *backend, const struct config_pool *pool, uint32_t now_s);

/* Its life goes on: once a second, and when a fact has changed. */
void live_backend_go_on(
	struct live_backend *backend, const struct config_pool *pool, uint64_t now_ms);

/* What it has learned since from time and checks, where `backend` was prepared from an older one.
 */
void live_backend_catch_up(struct live_backend *backend, const struct live_backend *newer);

/*
 * Of one backend, as it was at two times: whether facts, life and share are the same, which time
 * and checks change; and whether that and all that a configuration says of it is.
 */
bool live_backend_lives_alike(const struct live_backend *a, const struct live_backend *b);
bool live_backend_is_alike(const struct live_backend *a, const struct live_backend *b);

/* How much of its weight it has now. */
struct plan_share live_backend_share(
	const struct live_backend *backend, const struct config_pool *pool, uint64_t now_ms);
