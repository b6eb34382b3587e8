/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * patched: where each slot goes now. The base table of the configured members is patched at the
 * slots whose owners do not serve or not fully:
 *
 *	the owner, if it serves and the slot is among the first share of its own, by rank; else
 *	the owner of old, if the owner is joining and that one serves; else
 *	the choice of weighted rendezvous hashing among all that serve, by weight times factor.
 *
 * A function of the members, their keys and their factors alone, without a history: nodes that
 * agree on these have the same table. A member that fails, drains, returns or ramps moves just the
 * slots that it loses or gains, and a quiet pool has the balance of Maglev.
 *
 * The slot of a key is the seat of its backend: another backend with the same key takes the same
 * slots. A seat that has no backend may stay in the base, as a member with a factor of 0: without
 * it the base would move the slots of others.
 *
 * Control thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "maglev.h"
#include "rendezvous.h"

#define PATCHED_NO_BACKEND RENDEZVOUS_NONE /* nobody serves */

/*
 * All is borrowed. members[i].index is i: tables speak of members by their place here. An owner of
 * `base` or `previous` who has no place does not serve.
 */
struct patched_pool {
	const struct maglev_member *members;
	const uint32_t *factors; /* [member] of FACTOR_ONE (factor.h); 0: does not serve */
	size_t member_count;
	uint32_t slot_count;
	struct maglev_base base; /* of maglev_build_base(); its `owned` has member_count places */

	/*
	 * For members that join by slow start, both or none: the table of the settled ones, and
	 * who is joining. A member joins until its factor was whole for the first time, however
	 * often it fails on the way: so long its slots return to their owners of old, who would
	 * otherwise see them go to a third.
	 */
	const uint16_t *previous;
	const bool *joining; /* [member] */
};

/*
 * Writes the index of a member, or PATCHED_NO_BACKEND in all places, into `table`. Replaces the
 * candidates of `rendezvous` by those who serve. Takes time for each slot, and for each patched
 * slot time for each member that serves. 0 or -ENOMEM.
 */
int patched_build(const struct patched_pool *pool, struct rendezvous *rendezvous, uint16_t *table);
