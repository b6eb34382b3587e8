/* SPDX-License-Identifier: BSD-3-Clause */
#include "patched.h"

#include <errno.h>
#include <stdlib.h>

#include "factor.h"

/* Of its own slots a member has those whose rank is below this: rank < factor * owned, rounded up.
 */
static uint32_t *count_kept(const struct patched_pool *pool)
{
	uint32_t *kept = malloc((pool->member_count + 1) * sizeof(*kept));

	for (size_t i = 0; kept != NULL && i < pool->member_count; i++)
		kept[i] = ((uint64_t)pool->factors[i] * pool->base.owned[i] + FACTOR_ONE - 1) /
			  FACTOR_ONE;
	return kept;
}

/* Who takes a slot that its owner does not have. */
static uint16_t find_substitute(
	const struct patched_pool *pool, const struct rendezvous *rendezvous, uint32_t slot)
{
	uint16_t owner = pool->base.table[slot];
	uint16_t before;

	if (pool->previous == NULL || owner >= pool->member_count || !pool->joining[owner])
		return rendezvous_pick(rendezvous, slot);
	before = pool->previous[slot];
	if (before >= pool->member_count || pool->factors[before] == 0)
		return rendezvous_pick(rendezvous, slot);
	return before;
}

int patched_build(const struct patched_pool *pool, struct rendezvous *rendezvous, uint16_t *table)
{
	uint32_t *kept = count_kept(pool);
	int result = -ENOMEM;

	if (kept != NULL)
		result = rendezvous_set_candidates(
			rendezvous, pool->members, pool->factors, pool->member_count);
	for (uint32_t slot = 0; result == 0 && slot < pool->slot_count; slot++) {
		uint16_t owner = pool->base.table[slot];
		bool has = owner < pool->member_count && pool->base.ranks[slot] < kept[owner];

		table[slot] = has ? owner : find_substitute(pool, rendezvous, slot);
	}
	free(kept);
	return result;
}
