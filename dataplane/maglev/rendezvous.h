/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rendezvous: which member each slot prefers, by weighted rendezvous hashing (D. Thaler, C.
 * Ravishankar, "Using Name-Based Mappings to Increase Hit Rates", IEEE/ACM ToN 1998), with weights
 * by the exponential race: for each slot every candidate runs a distance, -log2 of its hash with
 * that slot, at the speed of its weight; the first to arrive gets the slot. A candidate that leaves
 * gives up only its own slots; one that joins or gains weight takes slots only for itself.
 *
 * The same candidates give the same table on every node and every processor, in whatever order they
 * come: integers throughout, and only keys and weights count. Shares vary randomly around the
 * weights, with a standard deviation of their square root: 4 % for 650 slots.
 *
 * Control thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "maglev/maglev.h"

#define RENDEZVOUS_NONE UINT16_MAX /* there is no candidate */

/* A race to be run over and over: creating it takes some 0.2 ms, so keep one and reuse it. */
struct rendezvous;

struct rendezvous *rendezvous_create(void); /* without candidates; NULL: no memory */
void rendezvous_destroy(struct rendezvous *rendezvous);

/*
 * Replaces the candidates by the members whose weight (at most 65,535) times factor (factor.h; a
 * share of FACTOR_ONE) is not 0; `factors` is parallel to `members`. The bytes of their keys are
 * borrowed until the next call. No two have the same key. 0; or -ENOMEM, and there are none.
 */
int rendezvous_set_candidates(struct rendezvous *rendezvous, const struct maglev_member *members,
	const uint32_t *factors, size_t count);

/* Index of the candidate that has this slot, or RENDEZVOUS_NONE. */
uint16_t rendezvous_pick(const struct rendezvous *rendezvous, uint32_t slot);

/* Picks for all slots: the whole table of a pool whose builder is `rendezvous`. */
void rendezvous_build(const struct rendezvous *rendezvous, uint32_t slot_count, uint16_t *table);
