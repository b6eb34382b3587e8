/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * settle: the end of a packet's way. The one place that executes verdicts and counts them: what is
 * still VERDICT_NEXT is transmitted by its record's port, all else is freed.
 */
#pragma once

#include "packet/packet.h"
#include "worker.h"

/*
 * Settles at most PACKET_BURST packets, all received from the port with place `came_by` in
 * worker->ports. Afterwards no mbuf of them is ours any more. The worker's own thread.
 */
void finish_burst(struct worker *worker, unsigned int came_by, struct packet *packets,
	unsigned int packet_count);

/*
 * The same for what balance_copy_burst() has made, once encapsulated. Copies meet no verdict, so
 * that packets received stay the sum of all verdicts: `copies` and their port's counters tell how
 * many have left, and what cannot leave is freed.
 */
void finish_copies(struct worker *worker, struct packet *copies, unsigned int copy_count);
