/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Counting packet by packet is a chain in which each addition waits for the one before it to the
 * same counter: 10 cycles of each packet. So whatever is the same for a whole burst, as service and
 * port mostly are, is counted once for all of it.
 */
#include "settle.h"

#include <rte_branch_prediction.h>
#include <rte_ethdev.h>

/* Packets of one burst that leave by one port; `packets` says which they are. */
struct batch {
	unsigned int count;
	uint64_t bytes; /* as they leave */
	struct rte_mbuf *mbufs[PACKET_BURST];
	struct packet *packets[PACKET_BURST];
};

static inline void count_traffic(struct counter *counter, const struct packet *packet)
{
	counter->packets++;
	counter->bytes += packet->frame_length;
	counter->new_flows += (packet->flags & PACKET_SYN) != 0;
}

static void count_services(
	struct counter *counters, struct packet *const *packets, unsigned int packet_count)
{
	for (unsigned int i = 0; i < packet_count; i++)
		count_traffic(&counters[packets[i]->service->counter], packets[i]);
}

/* For at least one packet. Backends vary within a burst, so each packet is added to its own. */
static void count_forwarded(
	struct counter *counters, struct packet *const *packets, unsigned int packet_count)
{
	const struct service *service = packets[0]->service;
	struct counter *counter = &counters[service->counter];
	struct counter sum = { 0 };
	bool mixed = false;

	for (unsigned int i = 0; i < packet_count; i++) {
		mixed |= packets[i]->service != service;
		count_traffic(&sum, packets[i]);
		count_traffic(&counters[packets[i]->record->counter], packets[i]);
	}
	if (unlikely(mixed)) {
		count_services(counters, packets, packet_count);
		return;
	}
	counter->packets += sum.packets;
	counter->bytes += sum.bytes;
	counter->new_flows += sum.new_flows;
}

/* Frees what the port did not take of a batch. */
static void give_up(struct batch *batch, unsigned int sent)
{
	for (unsigned int i = sent; i < batch->count; i++)
		batch->bytes -= batch->mbufs[i]->pkt_len;
	rte_pktmbuf_free_bulk(batch->mbufs + sent, batch->count - sent);
}

/* Sends what the port takes of a batch that is not empty; frees the rest. Returns the count. */
static inline unsigned int transmit_batch(
	struct worker *worker, unsigned int port, struct batch *batch)
{
	struct port_counter *counter = &worker->counters->ports[port];
	uint16_t sent;

	sent = rte_eth_tx_burst(worker->ports[port].id, worker->queue, batch->mbufs, batch->count);
	if (unlikely(sent < batch->count))
		give_up(batch, sent);
	counter->tx_packets += sent;
	counter->tx_bytes += batch->bytes;
	return sent;
}

/* Sends what it can; the rest meets TRANSMIT_FULL. */
static void transmit(struct worker *worker, unsigned int port, struct batch *batch)
{
	struct worker_counters *counters = worker->counters;
	unsigned int sent = transmit_batch(worker, port, batch);

	counters->verdicts[VERDICT_FORWARDED] += sent;
	counters->verdicts[VERDICT_TRANSMIT_FULL] += batch->count - sent;
	if (likely(sent != 0))
		count_forwarded(counters->counters, batch->packets, sent);
}

/* Whether all of them leave, and by one port. */
static bool leave_together(const struct packet *packets, unsigned int packet_count)
{
	uint8_t fates = VERDICT_NEXT, ports = 0;

	for (unsigned int i = 0; i < packet_count; i++)
		fates |= packets[i].verdict;
	if (unlikely(fates != VERDICT_NEXT))
		return false;
	for (unsigned int i = 0; i < packet_count; i++)
		ports |= packets[i].record->port ^ packets[0].record->port;
	return ports == 0;
}

static inline void add_at(struct batch *batch, unsigned int place, struct packet *packet)
{
	batch->packets[place] = packet;
	batch->mbufs[place] = packet->mbuf;
	batch->bytes += packet->mbuf->pkt_len;
}

static void transmit_together(
	struct worker *worker, struct packet *packets, unsigned int packet_count)
{
	struct batch batch;

	batch.count = packet_count;
	batch.bytes = 0;
	for (unsigned int i = 0; i < packet_count; i++)
		add_at(&batch, i, &packets[i]);
	transmit(worker, worker->port_of[packets[0].record->port], &batch);
}

/* A port that cannot hand packets back has a verdict of its own for what is not ours. */
static enum verdict judge_host_path(const struct worker_port *port, enum verdict verdict)
{
	if (verdict == VERDICT_LEFT_TO_HOST && !port->leaves_to_host)
		return VERDICT_NO_HOST_PATH;
	return verdict;
}

static void transmit_or_drop(struct worker *worker, unsigned int came_by, struct packet *packets,
	unsigned int packet_count)
{
	struct batch batches[WORKER_PORTS_MAX];
	struct rte_mbuf *dropped[PACKET_BURST];
	unsigned int dropped_count = 0;

	for (unsigned int port = 0; port < worker->port_count; port++)
		batches[port].count = batches[port].bytes = 0;
	for (unsigned int i = 0; i < packet_count; i++) {
		struct packet *packet = &packets[i];

		if (likely(packet->verdict == VERDICT_NEXT)) {
			struct batch *batch = &batches[worker->port_of[packet->record->port]];

			add_at(batch, batch->count++, packet);
		} else {
			packet->verdict = judge_host_path(&worker->ports[came_by], packet->verdict);
			worker->counters->verdicts[packet->verdict]++;
			dropped[dropped_count++] = packet->mbuf;
		}
	}
	for (unsigned int port = 0; port < worker->port_count; port++)
		if (batches[port].count != 0)
			transmit(worker, port, &batches[port]);
	if (dropped_count != 0)
		rte_pktmbuf_free_bulk(dropped, dropped_count);
}

void settle_burst(struct worker *worker, unsigned int came_by, struct packet *packets,
	unsigned int packet_count)
{
	if (likely(leave_together(packets, packet_count)))
		transmit_together(worker, packets, packet_count);
	else
		transmit_or_drop(worker, came_by, packets, packet_count);
}

static void transmit_copies(
	struct worker *worker, unsigned int port, struct packet *copies, unsigned int copy_count)
{
	struct batch batch;

	batch.count = batch.bytes = 0;
	for (unsigned int i = 0; i < copy_count; i++)
		if (copies[i].verdict == VERDICT_NEXT &&
			worker->port_of[copies[i].record->port] == port)
			add_at(&batch, batch.count++, &copies[i]);
	if (batch.count != 0)
		worker->counters->copies += transmit_batch(worker, port, &batch);
}

void settle_copies(struct worker *worker, struct packet *copies, unsigned int copy_count)
{
	for (unsigned int port = 0; port < worker->port_count; port++)
		transmit_copies(worker, port, copies, copy_count);
	for (unsigned int i = 0; i < copy_count; i++)
		if (copies[i].verdict != VERDICT_NEXT)
			rte_pktmbuf_free(copies[i].mbuf);
}
