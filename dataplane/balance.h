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

#include "packet.h"
#include "tables.h"

/*
 * Takes `count` (at most PACKET_BURST) packets whose mbufs are set from their bytes to the record
 * of their backend, stage by stage over the burst. Afterwards verdict is VERDICT_NEXT where
 * `record` is set, else the packet's fate. Workers; what is found stays reachable until their next
 * quiescent state.
 */
void balance_choose_burst(const struct tables *tables, struct packet *packets, unsigned int count);

/*
 * Encapsulates those that are still VERDICT_NEXT; afterwards that means "ready to leave by
 * record->port".
 */
void balance_encapsulate_burst(struct packet *packets, unsigned int count);

/* The steps, for one packet. Each returns VERDICT_NEXT or the packet's fate. */

/* Keyed hash of the 5-tuple and the slot it falls into; packet->service is known. */
void balance_hash(const struct tables *tables, struct packet *packet);

/* The slot's backend and its record, or NO_BACKEND. */
enum verdict balance_choose(const struct tables *tables, struct packet *packet);

/* The index in its pool of the backend that the packet's slot says now; slots.h. */
uint32_t balance_slot_backend(const struct packet *packet);
