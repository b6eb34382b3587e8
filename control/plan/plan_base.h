/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * plan_base: the base table of a pool: of those of its seats that have a weight, by their keys and
 * weights alone. Plans share one for as long as these stay the same. For plan.c alone.
 * Sharing and releasing are for the control thread; plan_base_create() and plan_base_patch() may
 * run in another one meanwhile.
 *
 * A base numbers its seats itself (plan_seat.base_index), so that a configuration in another order,
 * or a seat that becomes vacant, leaves it as it is.
 */
#pragma once

#include "maglev/maglev.h"
#include "plan/plan.h"
#include "maglev/rendezvous.h"

/*
 * Makes the base of the pool and gives each of its seats its base index. A pool without a weight
 * has an empty one. 0 or what maglev_build_base() says.
 */
int plan_base_create(struct plan_pool *pool);

/*
 * Gives the pool this base, shared, and its seats their base indices, where it is the very one that
 * plan_base_create() would make; else false, and the pool has none. `before` has the base: most
 * seats are found where they stood in it.
 */
bool plan_base_fit(struct plan_base *base, const struct plan_pool *before, struct plan_pool *pool);

struct plan_base *plan_base_ref(struct plan_base *base);
void plan_base_release(struct plan_base *base); /* NULL is allowed */

/* Builds the pool's table from its base and the shares of its seats. 0 or -ENOMEM. */
int plan_base_patch(struct rendezvous *rendezvous, struct plan_pool *pool);

/* A seat as the builders see it. Borrows the key. */
struct maglev_member plan_base_member(const struct plan_seat *seat, size_t index);
