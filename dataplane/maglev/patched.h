/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * patched: where each slot goes now. The base table of the configured members is patched at slots
 * whose owner does not serve, or not fully. A member with a factor below 1 serves only the first of
 * its own slots, by rank. Any other slot goes to
 *
 *	the previous owner, if the owner is joining and the previous one serves; else
 *	the owner of the first served slot among PATCHED_DRAWS slots of the base, drawn for the
 *	slot by a sequence of its own; else
 *	the choice of weighted rendezvous hashing among all that serve, by weight times factor.
 *
 * A function of the members, their keys and their factors alone, without a history: nodes that
 * agree on these have the same table. A member that fails, drains, returns or ramps moves just the
 * slots that it loses or gains: a slot takes the first serving member of a sequence that does not
 * depend on who serves. So a member that stops serving later in the sequence changes nothing, and
 * one that starts earlier in it takes the slot for itself. A quiet pool has the balance of Maglev.
 * The base is a sample of the members by weight, so drawn slots are shared by weight as well, at
 * random as with rendezvous hashing.
 *
 * A draw costs one table lookup. If a share f of the base is served, a slot needs 1/f draws on
 * average, while rendezvous hashing runs a race of all members per slot: with half of 10,000
 * members out, 2 lookups instead of 5,000 hashes. If f is so small that all PATCHED_DRAWS may fail,
 * few members serve, and a race of few is cheap. The worst case is a race of some thousands: a pool
 * in which one heavy member owns nearly the whole base and is out.
 *
 * The Maglev scheduler of Linux IPVS skips unavailable servers in the same way
 * (ip_vs_mh_get_fallback() in net/netfilter/ipvs/ip_vs_mh.c), but for each packet; here it is done
 * once per slot.
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
 * All is borrowed. members[i].index is i: tables hold the index of a member in this list. An owner
 * in `base` or `previous` that is not in the list does not serve.
 */
struct patched_pool {
	const struct maglev_member *members;
	const uint32_t *factors; /* [member] of FACTOR_ONE (factor.h); 0: does not serve */
	size_t member_count;
	uint32_t slot_count;
	struct maglev_base base; /* of maglev_build_base(); its `owned` has member_count entries */

	/*
	 * For members that join by slow start, both or none: the table of the members that are not
	 * joining, and which members are. A member is joining until its factor was 1 for the first
	 * time, however often it fails meanwhile. Until then its slots fall back to their previous
	 * owners, not to a third member.
	 */
	const uint16_t *previous;
	const bool *joining; /* [member] */
};

/*
 * Writes the index of a member for each slot into `table`, or PATCHED_NO_BACKEND for all slots. May
 * replace the candidates of `rendezvous`. 0 or -ENOMEM.
 */
int patched_build(const struct patched_pool *pool, struct rendezvous *rendezvous, uint16_t *table);
