/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker.h"

#include <string.h>
#include <time.h>

#include <rte_branch_prediction.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_pause.h>
#include <rte_prefetch.h>

#include "balance.h"
#include "packet/checksum.h"
#include "poison.h"
#include "finish.h"

/*
 * A resting worker sleeps after this many empty rounds, for a time well below a network's jitter.
 */
#define EMPTY_ROUNDS_BEFORE_REST 64
#define REST_NS                  20000

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
		poison_set(mbufs[i]);
	}
	counter->rx_packets += count;
	counter->rx_bytes += bytes;
	worker->counters->packets += count;
	worker->counters->bursts += count != 0;
	return count;
}

/* veth leaves L4 checksums unfinished: completes them, after parsing and before encapsulation. */
static void complete_checksums(struct packet *packets, unsigned int packet_count)
{
	for (unsigned int i = 0; i < packet_count; i++)
		if (packets[i].verdict == VERDICT_NEXT)
			checksum_complete(&packets[i]);
}

/* Sends copies of packets that two backends get. Must run before the originals are encapsulated. */
static __rte_noinline void serve_copies(struct worker *worker, const struct tables *tables,
	const struct packet *packets, unsigned int packet_count, unsigned int wanted)
{
	struct packet copies[PACKET_BURST];
	unsigned int copy_count = balance_copy_burst(tables, packets, packet_count, copies);

	worker->counters->affinity.uncopied += wanted - copy_count;
	balance_encapsulate_burst(copies, copy_count);
	finish_copies(worker, copies, copy_count);
}

/* One burst of one port from receive to transmit. Returns how many packets there were. */
static unsigned int serve_port(
	struct worker *worker, const struct tables *tables, unsigned int port)
{
	struct packet packets[PACKET_BURST];
	unsigned int packet_count = receive(worker, port, packets);
	unsigned int copies;

	if (packet_count == 0)
		return 0;
	copies = balance_choose_burst(tables, &worker->counters->affinity,
		station_load(&worker->ports[port].station), packets, packet_count);
	for (unsigned int i = 0; i < packet_count; i++)
		poison_clear(packets[i].mbuf);
	if (unlikely(worker->ports[port].unfinished_checksums))
		complete_checksums(packets, packet_count);
	if (unlikely(copies != 0))
		serve_copies(worker, tables, packets, packet_count, copies);
	balance_encapsulate_burst(packets, packet_count);
	finish_burst(worker, port, packets, packet_count);
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
