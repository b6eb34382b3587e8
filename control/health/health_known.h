/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * health_known: what is known of the backends and pools of the configuration in force, for the
 * files of health:
 *
 *	health.c		begin and end, the look once a second, overrides
 *	health_follow.c		which backends are checked, by the configuration
 *	health_findings.c	what checks find
 *	health_doubt.c		whether that counts, where the node suspects itself
 *	health_decide.c		who serves, by that
 *	health_report.c		what is known, as others read it
 *
 * Checks find something of a backend; its pool, and those derived from it, are marked and decided
 * again; forwarding is told of what differs. Control thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "forwarding/forwarding.h"
#include "health/agent.h"
#include "health/check_state.h"
#include "health/checker.h"
#include "health/doubt.h"
#include "health/health.h"
#include "health/suspicion.h"
#include "health/ways.h"
#include "plan/serving.h"
#include "plan/zones.h"

/* A backend for as long as it has its gid. */
struct checked_backend {
	uint32_t generation;
	size_t pool; /* its number in the configuration in force */
	uint16_t weight;
	uint16_t zone; /* ZONES_NONE: none */
	bool is_seen;
	bool is_put;                  /* to the checker */
	struct checker_target target; /* as it was put, with a reference to its settings */
	bool has_result;              /* of this process */
	struct check_state state;
	/*
	 * When it went from up to down because nothing came back, and it has not failed in another
	 * way since. 0: it has, or that was before this process.
	 */
	uint64_t silent_ms;
	enum health_override override;
	bool is_asked;           /* and has answered */
	bool has_said;           /* to this process */
	struct agent_words said; /* what it asked for last */
	struct agent_wish wish;  /* that, of its weight */
	struct agent_rest rest;  /* what of it is obeyed */
	bool is_senseless;       /* it asks for what nobody can read */
	uint32_t share;          /* that forwarding has been told of */
};

struct checked_pool {
	bool is_checked;
	bool has_detour, said_detour; /* probes go directly, because they cannot go to the VIP */
	bool is_dirty;                /* who serves is to be decided again */
	bool is_doubted;              /* what its checks find may not count (doubt_holds()) */
	/*
	 * Its backends all began together, so that what is found is applied together, or the first
	 * to answer would get all flows: once all have a result, or at this time. 0: it is over.
	 */
	uint64_t first_until_ms;
	uint64_t decided_ms;            /* when the last decision was; 0: there was none */
	struct serving_outcome outcome; /* of the last decision */
	bool is_decided;                /* there was one */
	int64_t mode_since_ms;          /* CLOCK_REALTIME, of its mode; 0: there was no other */
	uint32_t by_status[HEALTH_STATUS_COUNT]; /* active backends at the last decision */
	uint32_t overridden, senseless;          /* backends, likewise */
	uint32_t up;                             /* of its backends, by their checks */
	uint64_t weight;                         /* of all of them */
	struct suspicion suspicion;              /* of the node, by backends that fall silent */
	struct suspicion astray; /* of the way to the VIP, by those that fall at all */
	struct agent_budget budget;
};

struct health {
	struct health_context context;
	struct checker *checker;
	struct doubt *doubt;
	uint32_t doubt_turns; /* that pools have been told of */
	struct suspicion suspicion;
	uint32_t up; /* of all backends, by their checks */
	struct ways *ways;
	int ways_code;         /* of the last ways_look() */
	struct config *config; /* in force; a reference */
	struct config *missed; /* that could not be followed for want of memory; a reference */
	size_t *vias;          /* of it: config_via_services() */
	size_t *services;      /* of it: config_health_services() */
	struct zones *zones;   /* of it */
	struct checked_pool *pools;
	size_t pool_count;
	struct event *look_timer, *decide_timer;
	uint32_t published, unpublished[HEALTH_STATUS_COUNT];   /* changes in this second */
	uint32_t looked;                                        /* up to this gid in this round */
	struct checked_backend *backends[CHECKER_BACKENDS_MAX]; /* by gid */
};

/* Who serves of a pool. */
struct health_decision {
	struct serving_policy policy;
	struct serving_outcome outcome;
	size_t count;
	uint32_t by_status[HEALTH_STATUS_COUNT];                 /* of those that are active */
	struct config_threshold group_below[SERVING_GROUPS_MAX]; /* of a derived pool */
	enum serving_verdict verdicts[];
};

/* health_follow.c */

/*
 * Puts a configured backend of its pool to the checker, or again where another way leads to it now.
 */
void health_check(struct health *health, const struct forwarding_handle *handle, size_t index,
	struct checked_backend *backend);
void health_remove_backend(struct health *health, uint32_t gid);

/* Pools whose probes go by the VIP again may say so anew when they cannot. */
void health_end_detours(struct health *health);

/* The checks of a derived pool are those of its parts; who serves in it is decided by itself. */
bool health_is_derived(const struct health *health, size_t pool);

/* health_findings.c */

/* Takes all changes of the checker (checker_create()). */
void health_on_change(void *health);

/* Once a second: how many changes had no event of their own. */
void health_publish_rest(struct health *health);

/* Whether the pool's checks ask its backends what they wish for. */
bool health_asks(const struct config_pool *pool);

/* Follows what a backend asks for, as far as what all of the pool may shift allows it now. */
void health_follow_wish(struct health *health, uint32_t gid, uint64_t now_ms);

/* It is not asked any more: it has its configured weight. */
void health_forget_wish(struct health *health, uint32_t gid);

/* health_doubt.c */

/* A backend went from up to down; `up` were up in its pool until now. */
void health_note_fall(struct health *health, struct checked_backend *backend,
	const struct checker_change *change, uint32_t up, uint64_t now_ms);

/* Whether it stopped answering while the node was at fault itself. */
bool health_is_doubted(const struct health *health, const struct checked_backend *backend);

/* After changes of the checker: pools are decided again where the node has come to doubt. */
void health_follow_doubt(struct health *health, uint64_t now_ms);

/* Once a second, and when the witnesses have had their time. */
void health_look_at_doubt(struct health *health, uint64_t now_ms);

/* health_decide.c */

/* What is known of a backend of forwarding_backends(), by its own pool; NULL: no memory for it. */
struct checked_backend *health_find_backend(
	const struct health *health, size_t pool, size_t backend);

/* By its check, unless an operator has said otherwise. */
enum health_status health_status_of(
	const struct health *health, const struct checked_backend *backend);

/* The part of a derived pool that has a backend of it. */
const struct config_pool_part *health_find_part(const struct config_pool *config, size_t index);

/* A configured backend of a pool as those see it who decide. */
struct serving_backend health_serving_backend(
	const struct health *health, size_t pool, size_t index);

/* To be freed by the caller; NULL: no memory. */
struct health_decision *health_decide(const struct health *health, size_t pool);

/* Something of the pool is new: it is decided again, with those derived from it. */
void health_mark_dirty(struct health *health, size_t pool);
void health_follow_decisions(struct health *health);

/* As forwarding_foresee_t. */
bool health_foresee(
	void *health, const struct forwarding_foreseen *pool, enum serving_verdict *verdicts);
