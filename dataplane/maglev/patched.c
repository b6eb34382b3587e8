/* SPDX-License-Identifier: BSD-3-Clause */
#include "maglev/patched.h"

#include <errno.h>
#include <stdlib.h>

#include "maglev/factor.h"

/* What a build works with beside the pool. */
struct patching {
	const struct patched_pool *pool;
	struct rendezvous *rendezvous;
	bool has_candidates; /* `rendezvous` has its candidates; most builds need none */
	uint16_t *own;       /* by slot: the owner in the base if it serves the slot */
	bool none_own;
};

/* A member serves its own slots with a rank below this: factor * owned, rounded up. */
static uint32_t *count_kept(const struct patched_pool *pool)
{
	uint32_t *kept = malloc((pool->member_count + 1) * sizeof(*kept));

	for (size_t i = 0; kept != NULL && i < pool->member_count; i++)
		kept[i] = ((uint64_t)pool->factors[i] * pool->base.owned[i] + FACTOR_ONE - 1) /
			  FACTOR_ONE;
	return kept;
}

static int find_own(struct patching *patching)
{
	const struct patched_pool *pool = patching->pool;
	uint32_t *kept = count_kept(pool);

	patching->own = malloc(pool->slot_count * sizeof(*patching->own));
	patching->none_own = true;
	for (uint32_t slot = 0; kept != NULL && patching->own != NULL && slot < pool->slot_count;
		slot++) {
		uint16_t owner = pool->base.table[slot];
		bool has = owner < pool->member_count && pool->base.ranks[slot] < kept[owner];

		patching->own[slot] = has ? owner : PATCHED_NO_BACKEND;
		patching->none_own &= !has;
	}
	free(kept);
	return kept == NULL || patching->own == NULL ? -ENOMEM : 0;
}

/*
 * The slot of the base that a slot draws in this turn: the output of SplitMix64 (G. Steele, D. Lea,
 * C. Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014) for a state that is
 * unique to slot and turn.
 */
static uint32_t draw(uint32_t slot, uint32_t turn, uint32_t slot_count)
{
	uint64_t mixed = ((uint64_t)slot * PATCHED_DRAWS + turn + 1) * 0x9e3779b97f4a7c15;

	mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9;
	mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
	return ((mixed ^ mixed >> 31) >> 32) * slot_count >> 32;
}

static uint16_t draw_owner(const struct patching *patching, uint32_t slot)
{
	uint16_t owner = PATCHED_NO_BACKEND;

	for (uint32_t turn = 0; owner == PATCHED_NO_BACKEND && turn < PATCHED_DRAWS; turn++)
		owner = patching->own[draw(slot, turn, patching->pool->slot_count)];
	return owner;
}

/* Rendezvous hashing among the few members that serve. */
static int race(struct patching *patching, uint32_t slot, uint16_t *winner)
{
	const struct patched_pool *pool = patching->pool;
	int result = 0;

	if (!patching->has_candidates)
		result = rendezvous_set_candidates(
			patching->rendezvous, pool->members, pool->factors, pool->member_count);
	if (result != 0)
		return result;
	patching->has_candidates = true;
	*winner = rendezvous_pick(patching->rendezvous, slot);
	return 0;
}

/* The previous owner of the slot, if its owner is joining and the previous one serves. */
static uint16_t find_previous(const struct patched_pool *pool, uint32_t slot)
{
	uint16_t owner = pool->base.table[slot];
	uint16_t before;

	if (pool->previous == NULL || owner >= pool->member_count || !pool->joining[owner])
		return PATCHED_NO_BACKEND;
	before = pool->previous[slot];
	return before < pool->member_count && pool->factors[before] != 0 ? before
									 : PATCHED_NO_BACKEND;
}

/* The member that takes a slot which its owner does not serve. */
static int find_substitute(struct patching *patching, uint32_t slot, uint16_t *substitute)
{
	*substitute = find_previous(patching->pool, slot);
	if (*substitute == PATCHED_NO_BACKEND && !patching->none_own)
		*substitute = draw_owner(patching, slot);
	return *substitute == PATCHED_NO_BACKEND ? race(patching, slot, substitute) : 0;
}

int patched_build(const struct patched_pool *pool, struct rendezvous *rendezvous, uint16_t *table)
{
	struct patching patching = { .pool = pool, .rendezvous = rendezvous };
	int result = find_own(&patching);

	for (uint32_t slot = 0; result == 0 && slot < pool->slot_count; slot++) {
		table[slot] = patching.own[slot];
		if (table[slot] == PATCHED_NO_BACKEND)
			result = find_substitute(&patching, slot, &table[slot]);
	}
	free(patching.own);
	return result;
}
