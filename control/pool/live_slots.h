/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * live_slots: how the slot words of a pool follow its table. The table says by seats which backend
 * a slot is to go to, the words say it by indices (live_pool.h); transitions.h has the rules by
 * which one slot after the other moves. Control thread, but live_slots_fill().
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "plan/plan.h"
#include "pool/live_backend.h"
#include "pool/live_pool.h"
#include "pool/tracking.h"

/* A pool, its backends in the order of the configuration, and its times. All are borrowed. */
struct live_slots {
	struct live_pool *pool;
	const struct live_backend *backends;
	size_t backend_count; /* configured ones */
	const struct config_affinity *affinity;
};

/*
 * Stores the words of a new pool, which no worker can reach yet: it has no flows, so that its slots
 * are quiet from the start. Any one thread.
 */
void live_slots_fill(const struct live_slots *slots, const struct plan_table *table);

/*
 * Stores the table as what the slots' cur is to be, and applies the rules. Returns how many slots
 * that moved.
 */
uint32_t live_slots_store(const struct live_slots *slots, const struct plan_table *table,
	struct tracking *tracking, uint32_t now_s);

/* Applies the rules to the slots of a pool that is not quiet. */
void live_slots_advance(const struct live_slots *slots, struct tracking *tracking, uint32_t now_s);
