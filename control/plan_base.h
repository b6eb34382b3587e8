/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * plan_base: the base table of a pool, which outlives the plans that share it: it changes only when
 * a seat comes or has another weight. For plan.c alone. Control thread.
 *
 * A base numbers its seats itself (plan_seat.place), so that a configuration in another order, or a
 * seat that becomes a ghost, leaves it as it is.
 */
#pragma once

#include "maglev.h"
#include "plan.h"
#include "rendezvous.h"

/*
 * Makes the base of all seats of the pool and gives each its place. A pool without a weight has an
 * empty one. 0 or what maglev_build_base() says.
 */
int plan_base_create(struct plan_pool *pool);

struct plan_base *plan_base_share(struct plan_base *base);
void plan_base_release(struct plan_base *base); /* NULL is allowed */

/* How many seats it has. */
size_t plan_base_size(const struct plan_base *base);

/* Finds the place and weight of the seat with that key; both stay as they are where there is none.
 */
bool plan_base_find(
	const struct plan_base *base, const char *key, uint16_t *place, uint32_t *weight);

/* Builds the pool's table from its base and the shares of its seats. 0 or -ENOMEM. */
int plan_base_patch(struct rendezvous *rendezvous, struct plan_pool *pool);

/* A seat as the builders see it. Borrows the key. */
struct maglev_member plan_base_member(const struct plan_seat *seat, size_t index);
