/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * plan_base: the base table of a pool. It has those seats that have a weight, and depends on their
 * keys and weights alone; plans share it while these stay the same. For plan.c alone. References
 * are taken and released in the control thread; plan_base_create() and plan_base_patch() may run in
 * another thread meanwhile.
 *
 * A base numbers its seats itself (plan_seat.base_index), so it does not change when the order of
 * the configuration does, or when a seat becomes vacant.
 */
#pragma once

#include "maglev/maglev.h"
#include "plan/plan.h"
#include "maglev/rendezvous.h"

/*
 * Makes the base of the pool and sets the base index of each seat. If no seat has a weight, no slot
 * of the base has an owner. 0, or what maglev_build_base() returned.
 */
int plan_base_create(struct plan_pool *pool);

/*
 * If `base` is what plan_base_create() would make for `pool`: gives the pool a reference to it and
 * sets the base indices of its seats. Else false, and the pool has no base. `before` is a pool that
 * has `base`: most seats are found at the same index in it.
 */
bool plan_base_fit(struct plan_base *base, const struct plan_pool *before, struct plan_pool *pool);

struct plan_base *plan_base_ref(struct plan_base *base);
void plan_base_release(struct plan_base *base); /* NULL is allowed */

/* Builds the pool's table from its base and the shares of its seats. 0 or -ENOMEM. */
int plan_base_patch(struct rendezvous *rendezvous, struct plan_pool *pool);

/* A seat as the builders see it. Borrows the key. */
struct maglev_member plan_base_member(const struct plan_seat *seat, size_t index);
