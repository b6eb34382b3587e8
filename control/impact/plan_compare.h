/* SPDX-License-Identifier: BSD-3-Clause */
/* plan_compare: what lies between two plans: what a change moves, and whether it may. Pure. */
#pragma once

#include "config/config.h"
#include "impact/impact.h"
#include "pool/live_backend.h"
#include "plan/plan.h"

/*
 * Slots whose owner differs between two states of one pool. All of them when the number of slots
 * changed; none when the pool is new or gone, because no flow moves from one backend to another.
 */
uint32_t plan_slots_moved(const struct plan_pool *before, const struct plan_pool *after);

/*
 * Of these, the slots whose old flows stay where they are, so that old and new flows have to be
 * distinguished: the share of all flows that may come to need pins. `cut`: the flows of removed
 * backends do not stay.
 */
uint32_t plan_slots_pinned(const struct plan_pool *before, const struct plan_pool *after, bool cut);

/*
 * Slots whose flows are given up: their backend kept them before, and does not any more. All of
 * them when the number of slots changed.
 */
uint32_t plan_slots_cut(const struct plan_pool *before, const struct plan_pool *after, bool cut);

/* The backend that is there before and after and whose slots change most, in proportion. */
struct plan_load_change {
	const struct plan_seat *before; /* NULL: none changes */
	const struct plan_seat *after;
	double percent; /* of what it had; negative: it loses */
};
struct plan_load_change plan_largest_load_change(
	const struct plan_pool *before, const struct plan_pool *after);

/*
 * The backend that stays, gets more slots than it had, and then has the most in proportion to its
 * share: to what its weight comes to while all backends of the pool take new flows, as many as
 * there were or will be, whichever is more. A weight that is lowered counts as it was: less is left
 * for the others to share.
 */
struct plan_load {
	const struct plan_seat *seat; /* in `after`; NULL: none gets more */
	double percent;               /* of its share, to a slot */
};
struct plan_load plan_highest_load(const struct config_pool *config, const struct plan_pool *before,
	const struct plan_pool *after);

/*
 * Whether a pool, or each of them, allows the change without force: it does not change the number
 * of its slots, has no more of them in motion than its budget (max_disruption_percent): slots that
 * move, and slots whose flows are given up; and gives no backend more than it can bear
 * (max_load_percent). `before` of a pool may be NULL: it is new, and `impact`: none are given up.
 * 0, or -EPERM with the sentence.
 */
int plan_check_pool(const struct config_pool *config, const struct plan_pool *before,
	const struct plan_pool *after, const struct impact *impact, struct error *error);
int plan_check(const struct config *new, const struct plan *before, const struct plan *after,
	const struct impact *impact, struct error *error);

/* Whether the pool has a backend that takes new flows. Not where `pool` is NULL. */
bool plan_pool_serves(const struct plan_pool *pool);

/*
 * Whether every service that has a backend for new flows keeps one, which no change takes away
 * without force. `before` is of `old`, `after` of `new`, pools in their order. 0, or -EPERM with
 * the sentence.
 */
int plan_check_services(const struct config *old, const struct config *new,
	const struct plan *before, const struct plan *after, struct error *error);
