/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * balance: the path of one packet, from bytes to a packet that is ready to leave, or to a verdict.
 *
 *     receive -> parse -> service -> choose backend -> encapsulate -> finish -> transmit
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
 * At most this many ICMP errors of a burst are copied; the rest go to one backend only. Anyone can
 * send ICMP errors, and without a limit each would cost a loaded worker two packets.
 */
#define BALANCE_COPIES_MAX 4

/*
 * Takes `count` packets (at most PACKET_BURST) of one port from bytes to the record of their
 * backend, stage by stage over the burst. The mbufs are set; `station` is the address of the port.
 * Afterwards verdict is VERDICT_NEXT where `record` is set, else the packet's fate. VERDICT_NEXT
 * does not mean that there is a backend: without one the record is the dummy record, which
 * encapsulation refuses; balance_has_backend() tells. Returns the number of packets with
 * PACKET_COPY. Workers; what was found stays valid until the worker's next quiescent state.
 *
 * `counters` are the worker's own. NULL: only look, and leave pins and counters as they are; any
 * thread that keeps `tables` from being destroyed.
 */
unsigned int balance_choose_burst(const struct tables *tables, struct affinity_counters *counters,
	struct station station, struct packet *packets, unsigned int count);

/*
 * Copies each packet that has PACKET_COPY and is still VERDICT_NEXT; the copy goes to cur of its
 * slot. Must run before encapsulation. `copies` has room for `count`. Returns the number of copies:
 * a packet whose pool is empty gets none. The copies' mbufs are the caller's.
 */
unsigned int balance_copy_burst(const struct tables *tables, const struct packet *packets,
	unsigned int count, struct packet *copies);

/*
 * Encapsulates the packets that are still VERDICT_NEXT. Afterwards VERDICT_NEXT means "ready to
 * leave by record->port".
 */
void balance_encapsulate_burst(struct packet *packets, unsigned int count);

/* Whether the packet's record is a backend's and not the dummy record. The record must be set. */
bool balance_has_backend(const struct tables *tables, const struct packet *packet);

/* The steps, for one packet. Each returns VERDICT_NEXT or the packet's fate. */

/* Keyed hash of the 5-tuple and the slot it falls into; packet->service is known. */
void balance_hash(const struct tables *tables, struct packet *packet);

/* Finds the word of the packet's slot, its backend and the backend's record, or NO_BACKEND. */
enum verdict balance_choose(
	const struct tables *tables, struct affinity_counters *counters, struct packet *packet);

/* Says why a packet goes where it goes, for `explain`. Its word is known. Writes nothing. */
struct affinity_choice balance_look(const struct tables *tables, const struct packet *packet);
