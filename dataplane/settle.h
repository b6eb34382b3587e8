/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * settle: the end of a packet's way. The one place that executes verdicts and counts them: what is
 * still VERDICT_NEXT is transmitted by its record's port, all else is freed.
 */
#pragma once

#include "packet.h"
#include "worker.h"

/*
 * Settles at most PACKET_BURST packets, all received from the port with place `came_by` in
 * worker->ports. Afterwards no mbuf of them is ours any more. The worker's own thread.
 */
void settle_burst(struct worker *worker, unsigned int came_by, struct packet *packets,
	unsigned int packet_count);
