/* SPDX-License-Identifier: BSD-3-Clause */
#include "plan/plan_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "maglev/factor.h"

bool plan_parts_alike(const struct plan_pool *a, const struct plan_pool *b)
{
	if (a->part_count != b->part_count)
		return false;
	for (size_t i = 0; i < a->part_count; i++)
		if (a->parts[i].key_hash != b->parts[i].key_hash ||
			a->parts[i].weight != b->parts[i].weight ||
			a->parts[i].backup != b->parts[i].backup)
			return false;
	return true;
}

static bool takes_new_flows(const struct plan_part *part)
{
	return part->weight != 0 && part->pool.slots != 0 &&
	       part->pool.table->seats[0] != PLAN_NO_BACKEND;
}

/* The first turn that has a part which takes new flows: all others wait. */
static uint16_t find_turn(const struct plan_pool *pool)
{
	uint16_t turn = UINT16_MAX;

	for (size_t i = 0; i < pool->part_count; i++)
		if (takes_new_flows(&pool->parts[i]) && pool->parts[i].backup < turn)
			turn = pool->parts[i].backup;
	return turn;
}

/* Which part each slot goes to, into the table. */
static int choose(struct rendezvous *rendezvous, const struct plan_pool *pool)
{
	struct maglev_member members[CONFIG_PARTS_MAX];
	uint32_t shares[CONFIG_PARTS_MAX];
	uint16_t turn = find_turn(pool);
	int code;

	for (size_t i = 0; i < pool->part_count; i++) {
		const struct plan_part *part = &pool->parts[i];

		members[i] = (struct maglev_member){
			.key_hash = part->key_hash,
			.key = part->pool.name,
			.key_length = strlen(part->pool.name),
			.weight = part->weight,
			.index = i,
		};
		shares[i] = takes_new_flows(part) && part->backup == turn ? FACTOR_ONE : 0;
	}
	code = rendezvous_set_candidates(rendezvous, members, shares, pool->part_count);
	if (code == 0)
		rendezvous_build(rendezvous, pool->slots, pool->table->seats);
	return code;
}

int plan_parts_compose(struct rendezvous *rendezvous, struct plan_pool *pool)
{
	uint16_t *seats = pool->table->seats;
	int code = choose(rendezvous, pool);

	for (uint32_t slot = 0; code == 0 && slot < pool->slots; slot++) {
		const struct plan_part *part;

		if (seats[slot] == RENDEZVOUS_NONE)
			continue;
		part = &pool->parts[seats[slot]];
		/* a seat that has a slot is a backend's, and these stand in one piece */
		seats[slot] = part->first_seat + part->pool.table->seats[slot];
	}
	return code;
}
