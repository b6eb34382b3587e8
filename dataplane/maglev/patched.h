/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * patched: where each slot goes now. The base table of the configured members is patched at the
 * slots whose owners do not serve or not fully. A member serves those of its own slots that are
 * among the first share of them, by rank; all others go to
 *
 *	the owner of old, if the owner is joining and that one serves; else
 *	who serves the first slot that is served of PATCHED_DRAWS slots of the base, drawn for the
 *	slot by a sequence of its own; else
 *	the choice of weighted rendezvous hashing among all that serve, by weight times factor.
 *
 * A function of the members, their keys and their factors alone, without a history: nodes that
 * agree on these have the same table. A member that fails, drains, returns or ramps moves just the
 * slots that it loses or gains: a slot takes the first of a sequence that does not change with who
 * serves, so that who stops serving later in it is not missed, and who begins to serve earlier in
 * it takes the slot for itself. A quiet pool has the balance of Maglev, and as the base is a sample
 * of the members by weight, the slots that are drawn are shared by weight as well: at random, just
 * as rendezvous hashing shares them.
 *
 * A draw costs one look at a table. Of a base of which the share f is served a slot takes 1/f of
 * them on average, where the rendezvous runs a race of all members for each slot: with half of
 * 10,000 members out, 2 looks in the place of 5,000 hashes. Where the share is so small that
 * PATCHED_DRAWS may all fail, few serve, and a race of few is cheap; there are some thousands at
 * worst, of a pool in which one heavy member has the base nearly for itself and is out.
 *
 * The Maglev scheduler of Linux IPVS passes by a server that is not available in the same way
 * (ip_vs_mh_get_fallback() of net/netfilter/ipvs/ip_vs_mh.c), for each packet; here it is done once
 * for each slot.
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

#include "maglev/maglev.h"
#include "maglev/rendezvous.h"

#define PATCHED_NO_BACKEND RENDEZVOUS_NONE /* no member serves */
#define PATCHED_DRAWS      64

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
 * Writes the index of a member, or PATCHED_NO_BACKEND in all places, into `table`. May replace the
 * candidates of `rendezvous`. 0 or -ENOMEM.
 */
int patched_build(const struct patched_pool *pool, struct rendezvous *rendezvous, uint16_t *table);
