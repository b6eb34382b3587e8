/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * forwarding_live: what is live now, for the files of forwarding: the committed configuration with
 * what came of it. Each file stands on those before it in this list:
 *
 *	counter_baselines	what is counted for a backend or a service
 *	gid_table		which backend has a gid
 *	build_queue		which pools wait for a table
 *	forwarding.c		what is live, as others read it
 *	forwarding_build.c	how tables follow the shares of backends
 *	forwarding_advance.c	how time changes a pool
 *	forwarding_rounds.c	when it does
 *	forwarding_losses.c	which flows a change or an update gives up
 *	forwarding_update.c	how updates change a backend
 *	forwarding_foresee.c	who serves by a configuration that is prepared
 *	forwarding_prepare.c, forwarding_commit.c	how a configuration changes all of it
 *	forwarding_adopt.c	how it outlives a process
 *
 * How these work together. The slot words of a pool say which backend its flows go to now; its
 * table says which one they are to go to. Three things ask for another table: a change of the
 * configuration (prepare, commit), an update of a backend (update) and time (rounds, advance). Each
 * first brings the backends up to date, then asks whether the shares that the table was built for
 * are still theirs (forwarding_follow_shares()). Where they are not, a table is built and stored,
 * and the transitions of the pool move one slot after the other from its word to the table.
 *
 * A table takes milliseconds, so none is built twice in FORWARDING_BUILD_MS: what asks for one
 * sooner queues the pool, and turns.c calls forwarding_build_due(), which builds one queued pool a
 * call, the one with the oldest table first. Until then the pool goes by its old table, which is
 * always a sound one. After a restart it has none: its words go on alone, and all pools are queued.
 *
 * A backend may be updated between prepare and commit. A commit therefore takes the state of
 * backends from what is live, not from what was prepared, and checks the shares of each pool that
 * it has changed again.
 *
 * Backends are known by their address in a pool and keep their index as long as anything may name
 * it; services by their name.
 */
#pragma once

#include "config/config.h"
#include "forwarding/build_queue.h"
#include "forwarding/counter_baselines.h"
#include "forwarding/forwarding.h"
#include "forwarding/gid_table.h"
#include "plan/neighbours.h"
#include "pool/live_numbers.h"
#include "pool/live_pool.h"
#include "pool/live_slots.h"

/* A pool of the committed configuration. */
struct pool_state {
	char name[CONFIG_NAME_SIZE];
	struct live_pool *live;
	struct live_backend *backends; /* in the configuration's order, then those that are going */
	size_t configured_count;
	size_t backend_count;
	struct lookup *by_name; /* of the backends; NULL until it is needed */

	/* during a change */
	struct pool_state *before; /* what it goes on from, NULL for a new one */
	bool stays;
	bool is_unchanged;   /* not looked into: all of it is as it was, its configuration too */
	bool is_left_alone;  /* its backends are those of `before` themselves */
	bool is_built_later; /* its table is not part of the plan yet */
};

struct live_service {
	char name[CONFIG_NAME_SIZE];
	uint32_t number; /* of its counters and its row in the state file */

	/* during a change */
	bool is_new;
	bool stays;
};

struct rounds;

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
	struct live_numbers *numbers;
	struct counter_baselines *baselines;
	struct gid_table *gids;
	struct build_queue *queue;
	struct rounds *rounds; /* forwarding_rounds.c */

	forwarding_foresee_t *foresee; /* NULL: none */
	void *foresee_context;

	const struct config *config;   /* committed */
	struct neighbours *neighbours; /* of that; NULL before the first change */
	struct plan *plan;
	struct pool_state *pools; /* in the order of the configuration */
	size_t pool_count;
	struct live_service *services;
	size_t service_count;
	bool with_udp;   /* some service pins UDP flows */
	bool is_adopted; /* what is live is another process's, and no change has been made since */
	bool changing;   /* a change points to what is live */
};

/* Whether some service pins UDP flows. */
bool forwarding_pins_udp(const struct config *config);

/* Enters where the backends of a pool are now. */
void forwarding_index_backends(struct forwarding *forwarding, size_t number);

/* The pool of the committed configuration of that number, for live_slots.h. */
struct live_slots forwarding_slots(const struct forwarding *forwarding, size_t number);

/* forwarding_rounds.c: the struct is its own. NULL when memory is short, which is allowed. */
struct rounds *forwarding_create_rounds(void);
void forwarding_destroy_rounds(struct rounds *rounds);
