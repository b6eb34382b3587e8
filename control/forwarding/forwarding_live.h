/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * forwarding_live: the insides of forwarding, for its own files only: forwarding.c (what is live),
 * forwarding_handles.c (by which name others know it), forwarding_prepare.c and forwarding_commit.c
 * (how it changes), forwarding_rounds.c and forwarding_advance.c (how time changes it),
 * forwarding_tell.c (how news do), forwarding_build.c (how tables follow both), forwarding_adopt.c
 * (how it outlives a process), forwarding_rows.c (where that is written down).
 *
 * How these work together. The slot words of a pool say which backend its flows go to now; its
 * table says which one they are to go to. Three things ask for another table: a change of the
 * configuration (prepare, commit), news of a backend (tell) and time (rounds, advance). Each first
 * brings the backends up to date, then asks whether the shares that the table was built for are
 * still theirs (forwarding_follow_shares()). Where they are not, a table is built and stored, and
 * the transitions of the pool move one slot after the other from its word to the table.
 *
 * A table takes milliseconds, so none is built twice in FORWARDING_BUILD_MS: what asks for one
 * sooner makes the pool dirty, and turns.c calls forwarding_build_due(), which builds one dirty
 * pool a call, the one with the oldest table first. A dirty pool goes by its old table, which is
 * always a sound one. After a restart it has none: its words go on alone, and all pools are dirty.
 *
 * News may come between prepare and commit. A commit therefore takes the lives of backends from
 * what is live, not from what was prepared, and judges the shares of each pool that it has changed
 * again.
 *
 * Backends are known by their address in a pool and keep their index as long as anything may name
 * it; services by their name. An index, gid or cell is in one of three states: free, live, or
 * retired and waiting for its grace period.
 */
#pragma once

#include "state/arena.h"
#include "plan/finder.h"
#include "forwarding/forwarding.h"
#include "pool/live_pool.h"
#include "plan/neighbours.h"

/* A pool of the committed configuration. */
struct member_pool {
	char name[CONFIG_NAME_SIZE];
	struct live_pool *live;
	struct live_backend *backends; /* in the configuration's order, then those that are going */
	size_t configured_count;
	size_t backend_count;
	struct lookup *by_name; /* of the backends; NULL until somebody asks */

	/* during a change */
	struct member_pool *before; /* what it goes on from, NULL for a new one */
	bool stays;
	bool is_unchanged;   /* not looked into: all of it is as it was, its configuration too */
	bool is_left_alone;  /* its backends are those of `before` themselves */
	bool is_built_later; /* its table is not part of the plan yet */
};

struct live_service {
	char name[CONFIG_NAME_SIZE];
	uint32_t place;

	/* during a change */
	bool is_new;
	bool stays;
};

/* Who has a gid, and where in the committed configuration. */
struct backend_place {
	uint32_t generation;
	uint32_t pool; /* NO_POOL: it is nobody's */
	uint32_t place;
};
#define NO_POOL UINT32_MAX

/* forwarding_rounds.c: how far what goes on all the time has got. Pools by their number. */
enum sweep_stage { SWEEP_NONE, SWEEP_CLEAR, SWEEP_PINS, SWEEP_SLOTS };
struct rounds {
	bool lives; /* a round over them is under way */
	size_t lives_pool;
	enum sweep_stage stage;
	size_t sweep_pool;
	uint32_t swept_s;    /* when the last sweep began, or was found to be needless */
	bool swept_in_quiet; /* every slot was quiet when it began */
};

struct forwarding {
	struct state *state;
	struct publish *publish;
	const struct flow_secret *secret;
	struct port *const *ports;
	size_t port_count;
	forwarding_clock_t *clock;
	struct tracking *tracking;
	struct planner *planner;
	struct planner *change_planner; /* of the change that is being planned, in any thread */
	struct arena *pool_numbers;
	struct arena *service_places;

	const struct config *config;   /* committed */
	struct neighbours *neighbours; /* of that; NULL before the first change */
	struct plan *plan;
	struct member_pool *pools; /* in the order of the configuration */
	size_t pool_count;
	struct live_service *services;
	size_t service_count;
	bool with_udp; /* some service pins UDP flows */
	struct rounds rounds;
	bool is_adopted; /* what is live is another process's, and no change has been made since */
	bool changing;   /* a change points to what is live */
	size_t dirty_count;      /* of pools (live_pool.h) */
	forwarding_wake_t *wake; /* may be NULL */
	void *wake_context;
	struct backend_place *places; /* by gid */

	/* by place: what it had counted when it was handed out */
	struct counter *backend_baselines;
	struct counter *service_baselines;
	/* and what its owner had counted when this process began */
	struct counter *backend_epochs;
	struct counter *service_epochs;
};

/* The state to come, beside the live one until commit. */
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
	struct plan *plan;
	struct member_pool *pools;
	size_t pool_count;
	struct live_service *services;
	size_t service_count; /* so far, as that of pools */
	struct finder pool_finder, service_finder;
	struct tables *tables;
};

/* The place of a backend in every worker's counters, by its gid. */
uint32_t forwarding_backend_place(const struct forwarding *forwarding, uint32_t gid);

/* What all workers have counted at a place since the state file was made. */
void forwarding_sum(const struct forwarding *forwarding, uint32_t place, struct counter *sum);

/*
 * forwarding_losses.c: whose flows are given up where a backend becomes `next`; to be destroyed.
 * NULL: nobody's, or memory is short.
 */
struct impact *forwarding_find_loss(const struct forwarding *forwarding, size_t number,
	size_t place, const struct live_backend *next, uint32_t now_s);

/*
 * forwarding_commit.c: the words of a pool that nobody can reach yet: it has no flows, so its slots
 * are quiet from the start. Any one thread.
 */
void forwarding_fill_slots(struct member_pool *pool, const struct plan_pool *plan);

/* Whether some service pins UDP flows. */
bool forwarding_pins_udp(const struct config *config);

/* forwarding_handles.c: another backend has the gid from now on; nobody has. */
void forwarding_enter_gid(struct forwarding *forwarding, uint32_t gid);
void forwarding_leave_gid(struct forwarding *forwarding, uint32_t gid);

/* The backends of the pool stand where they stand now. */
void forwarding_place_backends(struct forwarding *forwarding, size_t number);

/*
 * forwarding_build.c: the shares of a pool's seats now, `place` being as `other` has it (NULL: as
 * it is). To be freed; NULL when memory is short.
 */
struct plan_share *forwarding_list_shares(const struct forwarding *forwarding, size_t number,
	const struct live_backend *other, size_t place, uint64_t now_ms);

/* Whether the table was built for another share of this backend. */
bool forwarding_share_differs(const struct forwarding *forwarding, size_t number, size_t place,
	const struct live_backend *backend, uint64_t now_ms);

/*
 * Brings the slots of a pool to where its backends' shares are now: builds a table where these have
 * changed, stores it where the slots have another one, and applies the rules otherwise. A table
 * that the shares have overtaken is never stored. `report` (NULL: the log) is called with the plans
 * of before and after, once. 0, or -ENOMEM: the slots are as they were, and the pool is dirty.
 */
int forwarding_follow_shares(struct forwarding *forwarding, size_t number, uint64_t now_ms,
	forwarding_report_t *report, void *context);

/* The pool has news that its table does not have: builds it later. Returns in how many ms. */
uint32_t forwarding_make_dirty(struct forwarding *forwarding, size_t number, uint64_t now_ms);

/* Whether its next table is to wait for more news. */
bool forwarding_is_busy(const struct forwarding *forwarding, size_t number, uint64_t now_ms);

/* forwarding_advance.c: what time makes of a pool and its backends; once a second, and after
 * changes.
 */
void forwarding_advance_pool(struct forwarding *forwarding, size_t number, uint64_t now_ms);

/* The backends of the pool that nothing names any more give their numbers back. */
void forwarding_release_gone(struct forwarding *forwarding, size_t number);

/* The same: takes over what has become of a backend, and tells workers of it. */
void forwarding_install_backend(struct forwarding *forwarding, size_t number, size_t place,
	const struct live_backend *next);

/*
 * forwarding_commit.c: stores the plan of one pool as what its slots' cur is to be. Returns how
 * many slots that moved.
 */
uint32_t forwarding_store_table(
	struct forwarding *forwarding, struct member_pool *pool, const struct plan_pool *plan);

/* The rules over the slots of a pool that is not quiet; after a table was stored, too. */
void forwarding_advance_slots(struct forwarding *forwarding, struct member_pool *pool);

/* The words of the pool and the numbers of the backend are free after a grace period. */
void forwarding_retire_backend(
	struct forwarding *forwarding, struct live_pool *live, const struct live_backend *backend);

/*
 * forwarding_rows.c: what the state file says of things, for the next process. A row is written
 * before any word or pin that names its number, and erased after the last one is gone.
 */
void forwarding_write_pool(struct forwarding *forwarding, const struct member_pool *pool);
void forwarding_write_backend(struct forwarding *forwarding, const struct live_pool *pool,
	const struct live_backend *backend);
void forwarding_write_service(struct forwarding *forwarding, const struct live_service *service);
void forwarding_erase_pool(struct forwarding *forwarding, uint32_t number);
void forwarding_erase_backend(struct forwarding *forwarding, uint32_t gid);
void forwarding_erase_service(struct forwarding *forwarding, uint32_t place);
