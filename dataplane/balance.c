/* SPDX-License-Identifier: BSD-3-Clause */
#include "balance.h"

#include <rte_branch_prediction.h>
#include <rte_prefetch.h>

#include "encap/encap.h"
#include "packet/parse.h"
#include "service/service_match.h"
#include "affinity/slots.h"

/*
 * The benchmark compiles this file a second time, to measure the pipeline without the pin code:
 * then every slot looks quiet.
 */
#ifdef BALANCE_WITHOUT_AFFINITY
#define TRACKED 0
#else
#define TRACKED SLOT_TRACK
#endif

/* Inlined: a call per packet and step would cost 2 cycles of 7. */
static __rte_always_inline void hash(const struct flow_secret *secret, struct packet *packet)
{
	const struct service *service = packet->service;

	if (packet->flags & PACKET_IPV6)
		packet->hash = flow_hash_ipv6(&packet->key, secret);
	else
		packet->hash = flow_hash_ipv4(&packet->key, secret);
	packet->slot = flow_slot(packet->hash, service->slot_count);
	rte_prefetch0(&service->slots[packet->slot]);
}

/*
 * Finds service and slot of each packet. Works on a copy of the secret: no other pointer can reach
 * the copy, so the compiler keeps it in registers.
 */
static __rte_always_inline void match_burst(
	const struct tables *tables, struct packet *packets, unsigned int count)
{
	const struct service_table *services = tables->services;
	const struct flow_secret secret = tables->secret;

	service_prefetch_burst(services, packets, count);
	for (unsigned int i = 0; i < count; i++) {
		enum verdict verdict;

		if (unlikely(packets[i].verdict != VERDICT_NEXT))
			continue;
		verdict = service_match_packet(services, &packets[i]);
		if (unlikely(verdict != VERDICT_NEXT))
			packets[i].verdict = verdict;
		else
			hash(&secret, &packets[i]);
	}
}

/*
 * Finds the record of a backend in the mode of the service, or the dummy record without a backend.
 */
static __rte_always_inline void find_record(
	const struct tables *tables, struct packet *packet, uint32_t backend)
{
	const struct service *service = packet->service;
	size_t mode = service->mode; /* read before the acquire, which would force a second load */
	size_t cell = RECORD_NONE;

	/*
	 * pairs with the release store of the cell's number, which follows the writes to the cell
	 */
	if (likely(backend != SLOT_NO_BACKEND))
		cell = atomic_load_explicit(&service->record_of[backend], memory_order_acquire);
	packet->record = &tables->records[cell + mode];
	rte_prefetch0(packet->record);
}

bool balance_has_backend(const struct tables *tables, const struct packet *packet)
{
	return packet->record->mtu != 0;
}

/* Chooses as if the packet's slot were quiet. Returns the word of the slot. */
static __rte_always_inline uint32_t choose_quiet(const struct tables *tables, struct packet *packet)
{
	uint32_t word = slot_load(&packet->service->slots[packet->slot]);

	packet->word = word;
	find_record(tables, packet, slot_cur(word));
	return word;
}

static inline bool is_tracked(const struct packet *packet)
{
	return (packet->word & TRACKED) != 0;
}

/*
 * Lists the packets of a burst whose slots are tracked. Branch-free: while a pool changes, which
 * packets these are is unpredictable.
 */
static unsigned int list_tracked(
	struct packet *packets, unsigned int count, struct packet **tracked)
{
	unsigned int tracked_count = 0;

	for (unsigned int i = 0; i < count; i++) {
		tracked[tracked_count] = &packets[i];
		tracked_count += is_tracked(&packets[i]);
	}
	return tracked_count;
}

/* Chooses again, for packets whose slot is tracked. Returns how many of them need a copy. */
static __rte_noinline unsigned int choose_tracked(const struct tables *tables,
	struct affinity_counters *counters, struct packet *packets, unsigned int count)
{
	const struct affinity *affinity = tables->affinity;
	struct affinity_view view = { .affinity = affinity, .counters = counters };
	struct packet *tracked[PACKET_BURST];
	struct affinity_choice choices[PACKET_BURST];
	unsigned int tracked_count, copies = 0;
	const struct pins *pins;

	if (affinity == NULL)
		return 0;
	view.tick = atomic_load_explicit(&affinity->tick, memory_order_relaxed);
	pins = affinity_pins(affinity);
	tracked_count = list_tracked(packets, count, tracked);
	for (unsigned int i = 0; i < tracked_count; i++)
		pins_prefetch(pins, tracked[i]->hash);
	affinity_choose_burst(&view, tables, tracked, tracked_count, choices);
	for (unsigned int i = 0; i < tracked_count; i++) {
		find_record(tables, tracked[i], choices[i].backend);
		if (likely(!choices[i].also_cur))
			continue;
		if (copies < BALANCE_COPIES_MAX) {
			tracked[i]->flags |= PACKET_COPY;
			copies++;
		} else if (counters != NULL) {
			counters->uncopied++;
		}
	}
	return copies;
}

static __rte_always_inline unsigned int choose_burst(const struct tables *tables,
	struct affinity_counters *counters, struct packet *packets, unsigned int count)
{
	uint32_t words = 0;

	for (unsigned int i = 0; i < count; i++) {
		if (unlikely(packets[i].verdict != VERDICT_NEXT)) {
			packets[i].word = 0; /* it has no slot */
			continue;
		}
		words |= choose_quiet(tables, &packets[i]);
	}
	if (likely((words & TRACKED) == 0))
		return 0;
	return choose_tracked(tables, counters, packets, count);
}

unsigned int balance_choose_burst(const struct tables *tables, struct affinity_counters *counters,
	struct station station, struct packet *packets, unsigned int count)
{
	parse_burst(packets, count, station);
	match_burst(tables, packets, count);
	return choose_burst(tables, counters, packets, count);
}

/* False if no backend could get the copy, or without an mbuf for it. */
static bool make_copy(const struct tables *tables, const struct packet *packet, struct packet *copy)
{
	*copy = *packet;
	copy->flags &= ~PACKET_COPY;
	find_record(tables, copy, slot_cur(packet->word));
	if (!balance_has_backend(tables, copy))
		return false;
	copy->mbuf = rte_pktmbuf_copy(packet->mbuf, packet->mbuf->pool, 0, UINT32_MAX);
	return copy->mbuf != NULL;
}

unsigned int balance_copy_burst(const struct tables *tables, const struct packet *packets,
	unsigned int count, struct packet *copies)
{
	unsigned int copied = 0;

	for (unsigned int i = 0; i < count; i++)
		if (packets[i].verdict == VERDICT_NEXT && (packets[i].flags & PACKET_COPY))
			copied += make_copy(tables, &packets[i], &copies[copied]);
	return copied;
}

void balance_encapsulate_burst(struct packet *packets, unsigned int count)
{
	encap_burst(packets, count);
}

void balance_hash(const struct tables *tables, struct packet *packet)
{
	hash(&tables->secret, packet);
}

enum verdict balance_choose(
	const struct tables *tables, struct affinity_counters *counters, struct packet *packet)
{
	packet->verdict = VERDICT_NEXT;
	choose_burst(tables, counters, packet, 1);
	return balance_has_backend(tables, packet) ? VERDICT_NEXT : VERDICT_NO_BACKEND;
}

struct affinity_choice balance_look(const struct tables *tables, const struct packet *packet)
{
	const struct affinity *affinity = tables->affinity;
	struct affinity_view view = { .affinity = affinity };

	if (affinity == NULL || !is_tracked(packet))
		return (struct affinity_choice){
			.backend = slot_cur(packet->word),
			.reason = AFFINITY_QUIET,
		};
	view.tick = atomic_load_explicit(&affinity->tick, memory_order_relaxed);
	return affinity_choose(&view, tables, packet);
}
