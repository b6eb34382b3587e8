/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * finish: the last stage of a packet. Verdicts are executed and counted here and nowhere else: a
 * packet that is still VERDICT_NEXT is transmitted by its record's port, any other is freed.
 */
#pragma once

#include "packet/packet.h"
#include "worker.h"

/*
 * Finishes at most PACKET_BURST packets, all received from worker->ports[came_by]. Afterwards none
 * of their mbufs is ours. The worker's own thread.
 */
void finish_burst(struct worker *worker, unsigned int came_by, struct packet *packets,
	unsigned int packet_count);

/*
 * Same for the copies that balance_copy_burst() made, once they are encapsulated. Copies get no
 * verdict, so that the verdicts still add up to the packets received. The counter `copies` and the
 * port's counters say how many copies left; a copy that cannot leave is freed.
 */
void finish_copies(struct worker *worker, struct packet *copies, unsigned int copy_count);
