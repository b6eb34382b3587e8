/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * plan_parts: what the table of a derived pool is made from (plan.h). For plan.c alone.
 */
#pragma once

#include "maglev/rendezvous.h"
#include "plan/plan.h"

/* One of the pools, by itself. Its seats stand in the list of the derived pool as well. */
struct plan_part {
	struct plan_pool pool;
	uint64_t key_hash; /* of its name: who a slot goes to */
	uint16_t weight;   /* 0: no new flows */
	uint16_t backup;   /* config_service_pool */
	size_t first_seat; /* of its backends, in the list of the derived pool */
};

/* Whether slots go to the same parts as in another pool. */
bool plan_parts_alike(const struct plan_pool *a, const struct plan_pool *b);

/*
 * Writes the seat of each slot, of the list of the derived pool, into its table. The parts have
 * their tables. 0 or -ENOMEM.
 */
int plan_parts_compose(struct rendezvous *rendezvous, struct plan_pool *pool);
