/* SPDX-License-Identifier: BSD-3-Clause */
#include "balance.h"

#include <rte_branch_prediction.h>
#include <rte_prefetch.h>

#include "encap.h"
#include "parse.h"
#include "slots.h"

/* Inlined, because a call for each packet and step would cost 2 cycles of 7. */
static __rte_always_inline void hash(const struct tables *tables, struct packet *packet)
{
	const struct service *service = packet->service;

	if (packet->flags & PACKET_IPV6)
		packet->hash = flow_hash_ipv6(&packet->key, &tables->secret);
	else
		packet->hash = flow_hash_ipv4(&packet->key, &tables->secret);
	packet->slot = flow_slot(packet->hash, service->slot_count);
	rte_prefetch0(&service->slots[packet->slot]);
}

uint32_t balance_slot_backend(const struct packet *packet)
{
	return slot_cur(slot_load(&packet->service->slots[packet->slot]));
}

static __rte_always_inline enum verdict choose(const struct tables *tables, struct packet *packet)
{
	const struct service *service = packet->service;
	uint32_t backend = balance_slot_backend(packet);
	uint32_t cell;

	if (unlikely(backend == SLOT_NO_BACKEND))
		return VERDICT_NO_BACKEND;
	/* pairs with the release store of the cell's number, after its content was written */
	cell = atomic_load_explicit(&service->record_of[backend], memory_order_acquire);
	if (unlikely(cell == RECORD_NONE))
		return VERDICT_NO_BACKEND;
	packet->record = &tables->records[cell];
	rte_prefetch0(packet->record);
	return VERDICT_NEXT;
}

void balance_choose_burst(const struct tables *tables, struct packet *packets, unsigned int count)
{
	parse_burst(packets, count);
	service_match_burst(tables->services, packets, count);
	for (unsigned int i = 0; i < count; i++)
		if (likely(packets[i].verdict == VERDICT_NEXT))
			hash(tables, &packets[i]);
	for (unsigned int i = 0; i < count; i++)
		if (likely(packets[i].verdict == VERDICT_NEXT))
			packets[i].verdict = choose(tables, &packets[i]);
}

void balance_encapsulate_burst(struct packet *packets, unsigned int count)
{
	encap_burst(packets, count);
}

void balance_hash(const struct tables *tables, struct packet *packet)
{
	hash(tables, packet);
}

enum verdict balance_choose(const struct tables *tables, struct packet *packet)
{
	return choose(tables, packet);
}
