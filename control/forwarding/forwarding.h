/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * forwarding: what the workers run on now, and how it becomes what a configuration calls for. Owns
 * the slot words, record and counter cells of the state file, the numbers by which pools,
 * backends and services go in them, and the state of backends.
 *
 * A change has two halves. prepare() takes all the room that it needs and may fail, with nothing
 * changed; commit() only stores words and cannot fail. In between the change can be written to
 * disk, or dropped by abort(). One change at a time. Control thread, but forwarding_plan_change().
 */
#pragma once

#include <stdint.h>

#include "config/config.h"
#include "base/error.h"
#include "packet/flow.h"
#include "impact/impact.h"
#include "pool/live_backend.h"
#include "plan/plan.h"
#include "plan/serving.h"
#include "plan/zones.h"
#include "port.h"
#include "tables/publish.h"
#include "state/state.h"
#include "pool/tracking.h"

/*
 * Of the control thread, for each slot: its clocks, its base table with ranks, two tables by seat,
 * one by index, a byte for the sweep. Clocks, index and byte take pages once slots have moved.
 */
#define FORWARDING_BYTES_PER_SLOT (20 + 2 + 4 + 2 * 2 + 2 + 1)

/* The same of a derived pool, for each of its parts beside that: base with ranks, two tables. */
#define FORWARDING_BYTES_PER_PART_SLOT (2 + 4 + 2 * 2)

struct forwarding;
struct forwarding_change;

#define FORWARDING_SLOT_WORDS_MAX (1u << 30)

/* Words of the slots that this configuration takes in the state file, each pool's on its own lines.
 */
uint64_t forwarding_slot_words(const struct config *config);

/*
 * Room in the state file for this configuration and for growth by the socket until a restart: for
 * twice as much, within what a state file may hold.
 */
void forwarding_layout(const struct config *config, uint32_t workers, struct state_layout *layout);

/* A clock as clock_ms() is one. */
typedef uint64_t forwarding_clock_t(void);

/* `ports` in the order of the configuration; everything is borrowed. NULL when memory is short. */
struct forwarding *forwarding_create(struct state *state, struct publish *publish,
	const struct flow_secret *secret, struct port *const *ports, size_t port_count,
	forwarding_clock_t *clock);

/* After the workers have stopped and `publish` is destroyed. NULL is allowed. */
void forwarding_destroy(struct forwarding *forwarding);

/*
 * Before the first change: takes over what an earlier process has left (state_before()), so that
 * this change goes on from there. Without it, nothing is done. Each pool that cannot go on is
 * passed to `report`. 0, or -errno with the sentence.
 *
 * The commit of that change then leaves the slot words of adopted pools as they are and builds no
 * table for them: packets flow by the previous words, and forwarding_build_due() builds one pool
 * after the other. What became of backends meanwhile, updates included, is in force at once but for
 * the tables.
 */
int forwarding_adopt(struct forwarding *forwarding, const struct config *config,
	void (*report)(const char *sentence), struct error *error);

/*
 * `config` is borrowed until another one is committed, or this one is aborted. NULL with the
 * sentence.
 */
struct forwarding_change *forwarding_prepare(struct forwarding *forwarding,
	const struct config *config, const struct live_terms *terms, struct error *error);

/*
 * The same in steps. forwarding_take_room() takes the room in turns of about 3 ms: 1 where it is to
 * be called again, with anything in between that is no change; 0; or -errno with the sentence, and
 * then the change is to be aborted. `terms` stay until forwarding_end_plan().
 * forwarding_plan_change() builds the tables, one of pins included, in any thread, and touches
 * nothing that is live; forwarding_end_filling() lets that table fail soon: the process ends.
 * Meanwhile the control thread goes on: time and updates are made up for at the commit. The change
 * can neither be asked about nor be aborted before that step is over. forwarding_end_plan() returns
 * 0, or -errno with the sentence; then the change is to be aborted.
 */
struct forwarding_change *forwarding_begin(struct forwarding *forwarding,
	const struct config *config, const struct live_terms *terms, struct error *error);
int forwarding_take_room(
	struct forwarding *forwarding, struct forwarding_change *change, struct error *error);
void forwarding_plan_change(struct forwarding_change *change);
void forwarding_end_filling(struct forwarding *forwarding);
int forwarding_end_plan(struct forwarding_change *change, struct error *error);

void forwarding_commit(struct forwarding *forwarding, struct forwarding_change *change);
void forwarding_abort(struct forwarding *forwarding, struct forwarding_change *change);

/*
 * Whose connections the prepared change breaks, by what is live now; to be destroyed by the caller.
 * NULL when memory is short.
 */
struct impact *forwarding_find_losses(
	const struct forwarding *forwarding, const struct forwarding_change *change);

/*
 * The new tables, and those in force as backends serve now; NULL before the first change. The
 * change's plan is the forwarding's after the commit, which destroys the previous one unless it is
 * taken away first.
 */
const struct plan *forwarding_change_plan(const struct forwarding_change *change);
const struct plan *forwarding_plan(const struct forwarding *forwarding);
struct plan *forwarding_take_plan(struct forwarding *forwarding);

/*
 * Once a second: the clock of workers, and a round over the lives of all backends, their slow
 * starts, and what follows for tables and slot words begins; now and then a sweep over the pins.
 * Both are done by forwarding_go_on(), a slice of about a millisecond each, which is to be called
 * again after as many milliseconds as it returns; FORWARDING_IDLE: not before the next second.
 */
#define FORWARDING_IDLE UINT32_MAX
void forwarding_advance(struct forwarding *forwarding);
uint32_t forwarding_go_on(struct forwarding *forwarding);

/*
 * The way to a backend may have changed, although the configuration has not (a port has another
 * MAC address): makes its records anew, and shows them to the workers where they differ. A backend
 * that is configured no more keeps what it has where no way is known any more. Returns 1 where they
 * differ, 0, or -ENOSPC with the sentence; then workers go on with what they have.
 */
int forwarding_refresh_backend(
	struct forwarding *forwarding, size_t pool, size_t backend, struct error *error);

/*
 * A backend for as long as it is known, configured or still going: through changes that renumber
 * it, until it has gone. Copied at will.
 */
struct forwarding_handle {
	uint32_t gid;
	uint32_t generation; /* of those that have had the gid, from 1; 0 is no backend */
};

/*
 * The backend of that name in the pool of that name: a configured one, or else one that is going.
 * In a derived pool, only the latter: what is configured is found in its own pool. 0, or -ENOENT
 * where there is none.
 */
int forwarding_find(const struct forwarding *forwarding, const char *pool, const char *backend,
	struct forwarding_handle *handle);

/* The handle of a backend of forwarding_backends(). */
struct forwarding_handle forwarding_handle_of(
	const struct forwarding *forwarding, size_t pool, size_t backend);

/* Where it stands now, for forwarding_backends(): until the next change. 0, or -ENOENT once it has
 * gone. */
int forwarding_locate(const struct forwarding *forwarding, const struct forwarding_handle *handle,
	size_t *pool, size_t *backend);

/*
 * A backend of a pool of the document serves by the pools derived from that one, too
 * (config_derive.h). It has a place of its own in each of them, with slots, pins and a life of its
 * own, which follow what becomes of it. These say where: how many pools are derived from the pool,
 * and the backend's place in one of them; -ENOENT where it has none, which can be of a backend that
 * is configured no more. Numbers are those of forwarding_backends().
 */
struct forwarding_place {
	size_t pool, backend;
};
size_t forwarding_count_uses(const struct forwarding *forwarding, size_t pool);
int forwarding_find_use(const struct forwarding *forwarding, size_t pool, size_t backend,
	size_t use, struct forwarding_place *place);

/* What has become of a backend, beside the configuration. */
struct forwarding_update {
	bool has_health;
	bool healthy;
	bool has_rest;
	bool rests; /* takes no new flows for now, keeps those it has (membership.h) */
	bool has_instance;
	uint64_t instance; /* membership.h */
	bool ends;         /* of one that is removed and drains: it is cut off now */
	bool has_share;
	uint32_t share; /* 1 ... FACTOR_ONE: its dynamic weight, as a part of the configured one */
	/*
	 * Further updates of the pool follow in this turn of the loop: its table is built after
	 * them, by forwarding_build_due(), and not at once.
	 */
	bool gathers;
	bool alone; /* of this place only: others of the backend are updated by themselves */
};

/* A dynamic weight that was asked for, in parts of FACTOR_ONE of the configured one (factor.h). */
struct forwarding_share {
	uint32_t before;
	uint32_t after; /* what it comes to */
	uint32_t in_ms; /* when it does; 0: now, or it stays as it is */
};

/* What has followed from an update for the pool's table, or would follow. */
struct forwarding_effect {
	size_t pool;                            /* its number */
	const struct plan_pool *before, *after; /* the same where no table was built */
	/*
	 * Slots will move, but the table is built later, together with other updates of the pool:
	 * within so many milliseconds. 0: `after` is what there is.
	 */
	uint32_t pending_ms;
	const struct impact *impact; /* whose flows are given up at once; NULL: none */
	struct forwarding_share share;
	uint32_t weight; /* of the backend, as configured */
};

/* `effect` is valid during the call only. */
typedef void forwarding_report_t(void *context, const struct forwarding_effect *effect);

/*
 * Updates a backend in all its places, or only reports what would follow (`dry_run`), once a share
 * that is put off is applied. The report is called for each place. Workers see at once what has
 * become of the backend; the pool's table follows at once after a quiet time, and once in
 * FORWARDING_BUILD_MS where updates come faster than that, by forwarding_build_due(). What a change
 * in between has prepared is made up for at its commit. `report` may be NULL: moves of slots that
 * it is not called with, because they come later or because there is none, are logged when they
 * happen.
 *
 * 0; -ENOENT: the backend has gone; -ENOMEM. Then nothing is changed and nothing reported.
 */
#define FORWARDING_BUILD_MS 100
int forwarding_update(struct forwarding *forwarding, const struct forwarding_handle *handle,
	const struct forwarding_update *update, bool dry_run, forwarding_report_t *report,
	void *context);

/*
 * Builds the table that has been due for longest, if there is one: of a pool that was updated
 * since its last table. Returns in how many milliseconds the next is due; FORWARDING_IDLE: none.
 */
uint32_t forwarding_build_due(struct forwarding *forwarding);

/*
 * wake() is called when something has been put off that was not there before:
 * forwarding_build_due() is to be called in `delay_ms`. It must not call back.
 */
typedef void forwarding_wake_t(void *context, uint32_t delay_ms);
void forwarding_set_wake(struct forwarding *forwarding, forwarding_wake_t *wake, void *context);

/* A pool of a configuration that a change is prepared for. */
struct forwarding_foreseen {
	const struct config *config;
	const struct zones *zones; /* of it */
	size_t pool;               /* its number in it */
	/* the configured ones, in its order; one whose `before` is NULL is new */
	const struct live_backend *backends;
};

/*
 * Who of them is to serve: asked for each pool that a change looks into, and again at its commit,
 * so that what follows from zones, thresholds and states is in the tables of the change and in what
 * is reported of it beforehand. False: that is not known, and all stay as they are. NULL: nobody is
 * asked. It must not call back, but for what only reads.
 */
typedef bool forwarding_foresee_t(
	void *context, const struct forwarding_foreseen *pool, enum serving_verdict *verdicts);
void forwarding_set_foresee(
	struct forwarding *forwarding, forwarding_foresee_t *foresee, void *context);

/*
 * How many pools of the plan, which has `pools`, still wait for their first table since the
 * restart: their `table` is NULL. While there are any, a change can neither be planned nor checked.
 */
size_t forwarding_unbuilt(const struct forwarding *forwarding, size_t *pools);

/* What workers look things up in now, for `explain`. */
const struct tables *forwarding_tables(const struct forwarding *forwarding);

const struct tracking *forwarding_tracking(const struct forwarding *forwarding);

/* Seconds of the state file's clock. */
uint32_t forwarding_now_s(const struct forwarding *forwarding);

/*
 * The backends of a pool of the committed configuration, in its order, followed by those that are
 * configured no more but have not gone yet.
 */
const struct live_backend *forwarding_backends(
	const struct forwarding *forwarding, size_t pool, size_t *count);

/* What the slots of a pool of the committed configuration wait for. */
const struct transitions_summary *forwarding_summary(
	const struct forwarding *forwarding, size_t pool);

/* The pins of that pool. */
void forwarding_pool_pins(
	const struct forwarding *forwarding, size_t pool, struct tracking_pool_report *report);

/*
 * What was counted for a backend (of forwarding_backends()) or service, over all workers. That of a
 * backend of a written pool is the sum over its places.
 */
void forwarding_count_backend(
	const struct forwarding *forwarding, size_t pool, size_t backend, struct counter *sum);
void forwarding_count_service(
	const struct forwarding *forwarding, size_t service, struct counter *sum);

/* The same as it was when this process began. */
void forwarding_baseline_backend(
	const struct forwarding *forwarding, size_t pool, size_t backend, struct counter *sum);
void forwarding_baseline_service(
	const struct forwarding *forwarding, size_t service, struct counter *sum);

/*
 * What the numbers that workers use stand for in the committed configuration, or -1: a backend of
 * forwarding_backends() by its index in slot words, a service by the cell of its counters.
 */
int forwarding_find_backend(const struct forwarding *forwarding, size_t pool, uint32_t index);
int forwarding_find_service(const struct forwarding *forwarding, uint32_t counter);

/* The same of a pool by the number that services say. */
int forwarding_find_pool(const struct forwarding *forwarding, uint32_t number);
