/* SPDX-License-Identifier: BSD-3-Clause */
#include "pool/live_slots.h"

#include "affinity/slots.h"

#define DRAIN_OBSERVE_S \
	3600           /* a drain without an end no longer keeps its slots from another home */
#define UDP_GRACE_S 60 /* UDP without a pin goes home for as long after a move */

/* From seats to indices. Vacant seats own no slot. */
struct translation {
	const uint16_t *seats;              /* by slot */
	uint16_t indices[SLOT_BACKEND_MAX]; /* by seat, close together */
};

static void translate(struct translation *translation, const struct live_slots *slots,
	const struct plan_table *table)
{
	translation->seats = table->seats;
	for (size_t i = 0; i < slots->backend_count; i++)
		translation->indices[i] = slots->backends[i].index;
}

static uint16_t index_of(const struct translation *translation, uint32_t slot)
{
	uint16_t seat = translation->seats[slot];

	return seat == PLAN_NO_BACKEND ? SLOT_NO_BACKEND : translation->indices[seat];
}

void live_slots_fill(const struct live_slots *slots, const struct plan_table *table)
{
	_Atomic uint32_t *words = live_pool_words(slots->pool);
	struct translation translation;

	translate(&translation, slots, table);
	for (uint32_t slot = 0; slot < slots->pool->slots; slot++) {
		uint16_t index = index_of(&translation, slot);

		slot_store(&words[slot], slot_pack(index, index));
	}
	slots->pool->table_number = table->number;
}

static struct transitions_times times_of(const struct config_affinity *affinity)
{
	return (struct transitions_times){
		.observe_s = affinity->observe_s,
		.settle_s = affinity->settle_s,
		.hold_s = affinity->hold_s,
		.guard_s = affinity->guard_s,
		.drain_observe_s = DRAIN_OBSERVE_S,
		.udp_grace_s = UDP_GRACE_S,
	};
}

void live_slots_advance(const struct live_slots *slots, struct tracking *tracking, uint32_t now_s)
{
	struct live_pool *pool = slots->pool;
	struct transitions_times times = times_of(slots->affinity);
	uint32_t lapsed_s = tracking_observe(tracking, pool->number, &times);

	transitions_advance(pool->transitions, &times, lapsed_s, now_s, &pool->summary);
}

uint32_t live_slots_store(const struct live_slots *slots, const struct plan_table *table,
	struct tracking *tracking, uint32_t now_s)
{
	struct live_pool *pool = slots->pool;
	struct transitions_times times = times_of(slots->affinity);
	struct translation translation;
	uint32_t moved;

	translate(&translation, slots, table);
	for (uint32_t slot = 0; slot < pool->slots; slot++)
		pool->table[slot] = index_of(&translation, slot);
	pool->table_number = table->number;
	moved = transitions_publish(pool->transitions, pool->table, &times, now_s);
	live_slots_advance(slots, tracking, now_s);
	return moved;
}
