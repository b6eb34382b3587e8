/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * balance: the story of one packet, from bytes to a packet that is ready to leave or to a fate.
 *
 *     receive -> parse -> service -> choose backend -> encapsulate -> settle -> transmit
 *                `--------------- here ----------------------'
 *
 * No I/O: the worker, the tests, the benchmark and `explain` call the same functions, so they
 * cannot disagree.
 */
#pragma once

#include "affinity/affinity.h"
#include "packet/packet.h"
#include "packet/station.h"
#include "tables/tables.h"

/*
 * ICMP errors of a burst that are copied; the others go to one backend only. Anybody can send them,
 * and without a bound each would cost a worker under load two packets.
 */
#define BALANCE_COPIES_MAX 4

/*
 * Takes `count` (at most PACKET_BURST) packets of one port, whose address is `station`, and whose
 * mbufs are set from their bytes to the record of their backend, stage by stage over the burst.
 * Afterwards verdict is VERDICT_NEXT where `record` is set, else the packet's fate. VERDICT_NEXT
 * does not mean that there is a backend: where there is none the record is that of nobody, from
 * which encapsulation makes a fate; ask balance_has_backend(). Returns how many have PACKET_COPY.
 * Workers; what is found stays reachable until their next quiescent state.
 *
 * `counters` are the worker's own. NULL: only look, and leave pins and counters as they are; any
 * thread that keeps `tables` from being destroyed.
 */
unsigned int balance_choose_burst(const struct tables *tables, struct affinity_counters *counters,
	struct station station, struct packet *packets, unsigned int count);

/*
 * Copies those that have PACKET_COPY and are still VERDICT_NEXT, each as a packet for cur of its
 * slot, before they are encapsulated. `copies` has room for `count`. Returns how many there are: a
 * packet goes without where its pool is empty. The copies' mbufs are the caller's.
 */
unsigned int balance_copy_burst(const struct tables *tables, const struct packet *packets,
	unsigned int count, struct packet *copies);

/*
 * Encapsulates those that are still VERDICT_NEXT; afterwards that means "ready to leave by
 * record->port".
 */
void balance_encapsulate_burst(struct packet *packets, unsigned int count);

/* Whether the record of a packet that has one is a backend's. */
bool balance_has_backend(const struct tables *tables, const struct packet *packet);

/* The steps, for one packet. Each returns VERDICT_NEXT or the packet's fate. */

/* Keyed hash of the 5-tuple and the slot it falls into; packet->service is known. */
void balance_hash(const struct tables *tables, struct packet *packet);

/* The word of the packet's slot, its backend and the record of that, or NO_BACKEND. */
enum verdict balance_choose(
	const struct tables *tables, struct affinity_counters *counters, struct packet *packet);

/* Why a packet, whose word is known, goes where it goes; for `explain`. Writes nothing. */
struct affinity_choice balance_look(const struct tables *tables, const struct packet *packet);
