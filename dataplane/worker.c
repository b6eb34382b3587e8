/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker.h"

#include <time.h>

#include <rte_branch_prediction.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_pause.h>
#include <rte_prefetch.h>

#include "balance.h"
#include "checksum.h"
#include "guard.h"

/* Empty rounds before a resting worker sleeps, and for how long: well below a network's jitter. */
#define EMPTY_ROUNDS_BEFORE_REST 64
#define REST_NS                  20000

/* Packets of one burst that leave by one port; `packets` says which they are. */
struct batch {
	unsigned int count;
	struct rte_mbuf *mbufs[PACKET_BURST];
	struct packet *packets[PACKET_BURST];
};

static unsigned int receive(struct worker *worker, unsigned int port, struct packet *packets)
{
	struct port_counter *counter = &worker->counters->ports[port];
	struct rte_mbuf *mbufs[PACKET_BURST];
	uint64_t bytes = 0;
	uint16_t count;

	count = rte_eth_rx_burst(worker->ports[port].id, worker->queue, mbufs, PACKET_BURST);
	for (uint16_t i = 0; i < count; i++) {
		packets[i].mbuf = mbufs[i];
		rte_prefetch0(rte_pktmbuf_mtod(mbufs[i], void *));
		bytes += mbufs[i]->pkt_len;
		guard_raise(mbufs[i]);
	}
	counter->rx_packets += count;
	counter->rx_bytes += bytes;
	return count;
}

/* Sends what it can; the rest meets TRANSMIT_FULL. */
static void transmit(struct worker *worker, unsigned int port, struct batch *batch)
{
	struct port_counter *counter = &worker->counters->ports[port];
	uint64_t lengths[PACKET_BURST];
	uint16_t sent;

	for (unsigned int i = 0; i < batch->count; i++)
		lengths[i] = batch->mbufs[i]->pkt_len;
	sent = rte_eth_tx_burst(worker->ports[port].id, worker->queue, batch->mbufs, batch->count);
	counter->tx_packets += sent;
	for (unsigned int i = 0; i < sent; i++) {
		batch->packets[i]->verdict = VERDICT_FORWARDED;
		counter->tx_bytes += lengths[i];
	}
	for (unsigned int i = sent; i < batch->count; i++)
		batch->packets[i]->verdict = VERDICT_TRANSMIT_FULL;
	if (unlikely(sent < batch->count))
		rte_pktmbuf_free_bulk(batch->mbufs + sent, batch->count - sent);
}

static void count_traffic(struct counter *counter, const struct packet *packet)
{
	counter->packets++;
	counter->bytes += packet->frame_length;
	counter->new_flows += (packet->flags & PACKET_SYN) != 0;
}

static void count(struct worker *worker, const struct packet *packets, unsigned int packet_count)
{
	struct worker_counters *counters = worker->counters;

	for (unsigned int i = 0; i < packet_count; i++) {
		const struct packet *packet = &packets[i];

		counters->verdicts[packet->verdict]++;
		if (unlikely(packet->verdict != VERDICT_FORWARDED))
			continue;
		count_traffic(&counters->counters[packet->service->counter], packet);
		count_traffic(&counters->counters[packet->record->counter], packet);
	}
	counters->packets += packet_count;
	counters->bursts++;
}

/* A port that cannot hand packets back has a verdict of its own for what is not ours. */
static void judge_host_path(const struct worker_port *port, struct packet *packet)
{
	if (packet->verdict == VERDICT_LEFT_TO_HOST && !port->leaves_to_host)
		packet->verdict = VERDICT_NO_HOST_PATH;
}

/* The one place that executes and counts verdicts. Every mbuf is sent or freed here. */
static void settle(struct worker *worker, unsigned int came_by, struct packet *packets,
	unsigned int packet_count)
{
	struct batch batches[WORKER_PORTS_MAX];
	struct rte_mbuf *dropped[PACKET_BURST];
	unsigned int dropped_count = 0;

	for (unsigned int port = 0; port < worker->port_count; port++)
		batches[port].count = 0;
	for (unsigned int i = 0; i < packet_count; i++) {
		struct packet *packet = &packets[i];

		if (likely(packet->verdict == VERDICT_NEXT)) {
			struct batch *batch = &batches[worker->port_of[packet->record->port]];

			batch->packets[batch->count] = packet;
			batch->mbufs[batch->count++] = packet->mbuf;
		} else {
			judge_host_path(&worker->ports[came_by], packet);
			dropped[dropped_count++] = packet->mbuf;
		}
	}
	for (unsigned int port = 0; port < worker->port_count; port++)
		if (batches[port].count != 0)
			transmit(worker, port, &batches[port]);
	if (dropped_count != 0)
		rte_pktmbuf_free_bulk(dropped, dropped_count);
	count(worker, packets, packet_count);
}

/* What veth peers leave undone; the packets are parsed and about to leave. */
static void complete_checksums(struct packet *packets, unsigned int packet_count)
{
	for (unsigned int i = 0; i < packet_count; i++)
		if (packets[i].verdict == VERDICT_NEXT)
			checksum_complete(&packets[i]);
}

/* One burst of one port from receive to transmit. Returns how many packets there were. */
static unsigned int serve_port(
	struct worker *worker, const struct tables *tables, unsigned int port)
{
	struct packet packets[PACKET_BURST];
	unsigned int packet_count = receive(worker, port, packets);

	if (packet_count == 0)
		return 0;
	balance_choose_burst(tables, packets, packet_count);
	for (unsigned int i = 0; i < packet_count; i++)
		guard_lower(packets[i].mbuf);
	if (unlikely(worker->ports[port].unfinished_checksums))
		complete_checksums(packets, packet_count);
	balance_encapsulate_burst(packets, packet_count);
	settle(worker, port, packets, packet_count);
	return packet_count;
}

static void rest(unsigned int empty_rounds)
{
	static const struct timespec pause = { .tv_nsec = REST_NS };

	if (empty_rounds < EMPTY_ROUNDS_BEFORE_REST)
		rte_pause();
	else
		nanosleep(&pause, NULL);
}

int worker_run(void *argument)
{
	struct worker *worker = argument;
	struct worker_counters *counters = worker->counters;
	unsigned int empty_rounds = 0;
	uint64_t before = rte_rdtsc();

	publish_reader_enter(worker->publish, worker->number);
	while (!atomic_load_explicit(worker->stop, memory_order_relaxed)) {
		const struct tables *tables = publish_read(worker->publish);
		unsigned int packet_count = 0;
		uint64_t now;

		for (unsigned int port = 0; port < worker->port_count; port++)
			packet_count += serve_port(worker, tables, port);
		publish_reader_quiescent(worker->publish, worker->number);

		empty_rounds = packet_count == 0 ? empty_rounds + 1 : 0;
		if (packet_count == 0 && worker->rests)
			rest(empty_rounds);
		now = rte_rdtsc();
		*(packet_count == 0 ? &counters->idle_cycles : &counters->busy_cycles) +=
			now - before;
		before = now;
		counters->iterations++;
	}
	publish_reader_leave(worker->publish, worker->number);
	return 0;
}
