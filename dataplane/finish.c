/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Nearly every burst leaves whole by one port. Whether it does is found out while its mbufs are
 * gathered. Any other burst takes the slow path.
 *
 * Counting packet by packet is a chain: each addition to a counter waits for the previous one,
 * which costs 10 cycles per packet. So what a whole burst shares, mostly its service and its port,
 * is counted once per burst.
 */
#include "finish.h"

#include <rte_branch_prediction.h>
#include <rte_ethdev.h>
#include <rte_prefetch.h>

/* Packets that leave by one port. */
struct batch {
	unsigned int count;
	uint64_t bytes; /* as they leave */
	struct rte_mbuf *mbufs[PACKET_BURST];
};

/* A batch that is only a part of a burst, with the packets of its mbufs. */
struct selection {
	struct batch batch;
	const struct packet *packets[PACKET_BURST];
};

static inline void batch_add(struct batch *batch, struct rte_mbuf *mbuf)
{
	batch->mbufs[batch->count++] = mbuf;
	batch->bytes += mbuf->pkt_len;
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

/* Same, and counts the packets' verdicts: forwarded, or transmit_full for what was left over. */
static inline unsigned int transmit(struct worker *worker, unsigned int port, struct batch *batch)
{
	uint64_t *verdicts = worker->counters->verdicts;
	unsigned int sent = transmit_batch(worker, port, batch);

	verdicts[VERDICT_FORWARDED] += sent;
	verdicts[VERDICT_TRANSMIT_FULL] += batch->count - sent;
	return sent;
}

/* A burst that leaves by one port. */

struct burst {
	struct batch batch;
	uint8_t port;        /* DPDK's number */
	bool mixed_services; /* packets of more than one */
	bool mixed_backends; /* to more than one */
};

/* Whether all packets leave by one port. If so, fills in `burst`. */
static __rte_always_inline bool leave_by_one(const struct packet *packets,
	unsigned int packet_count, bool several_ports, struct burst *burst)
{
	const struct service *service = packets[0].service;
	const struct backend_record *record = packets[0].record;
	bool mixed_ports = false, mixed_services = false, mixed_backends = false;
	uint64_t bytes = 0;
	uint8_t port;

	if (unlikely(packets[0].verdict != VERDICT_NEXT))
		return false;
	port = record->port;
	for (unsigned int i = 0; i < packet_count; i++) {
		if (unlikely(packets[i].verdict != VERDICT_NEXT))
			return false;
		if (several_ports)
			mixed_ports |= packets[i].record->port != port;
		mixed_services |= packets[i].service != service;
		mixed_backends |= packets[i].record != record;
		burst->batch.mbufs[i] = packets[i].mbuf;
		bytes += packets[i].mbuf->pkt_len;
	}
	burst->port = port;
	burst->mixed_services = mixed_services;
	burst->mixed_backends = mixed_backends;
	burst->batch.count = packet_count;
	burst->batch.bytes = bytes;
	return !mixed_ports;
}

/* Compiled once for a single port, where there is nothing to compare, and once for several. */
static inline bool leave_together(const struct worker *worker, const struct packet *packets,
	unsigned int packet_count, struct burst *burst)
{
	if (worker->port_count == 1)
		return leave_by_one(packets, packet_count, false, burst);
	return leave_by_one(packets, packet_count, true, burst);
}

/* With many services the counters are not in the cache. */
static __rte_noinline void prefetch_counters(
	const struct counter *counters, const struct packet *packets, unsigned int packet_count)
{
	for (unsigned int i = 0; i < packet_count; i++) {
		rte_prefetch0_write(&counters[packets[i].service->counter]);
		rte_prefetch0_write(&counters[packets[i].record->counter]);
	}
}

static inline void add(struct counter *counter, uint64_t packets, uint64_t bytes)
{
	counter->packets += packets;
	counter->bytes += bytes;
}

static inline void count_packet(struct counter *counter, const struct packet *packet)
{
	add(counter, 1, packet->frame_length);
}

static inline bool is_new_flow(const struct packet *packet)
{
	return (packet->flags & PACKET_SYN) != 0;
}

/* Only called for bursts with new flows. */
static __rte_noinline void count_new_flows(
	struct counter *counters, const struct packet *packets, unsigned int packet_count)
{
	for (unsigned int i = 0; i < packet_count; i++) {
		counters[packets[i].service->counter].new_flows += is_new_flow(&packets[i]);
		counters[packets[i].record->counter].new_flows += is_new_flow(&packets[i]);
	}
}

static __rte_noinline void count_services(
	struct counter *counters, const struct packet *packets, unsigned int packet_count)
{
	for (unsigned int i = 0; i < packet_count; i++)
		count_packet(&counters[packets[i].service->counter], &packets[i]);
}

/* All packets go to one backend: sums up first, so that no addition waits for the previous one. */
static __rte_noinline uint64_t count_backend(struct counter *counters, const struct packet *packets,
	unsigned int packet_count, uint8_t *flags)
{
	uint64_t bytes = 0;

	for (unsigned int i = 0; i < packet_count; i++) {
		bytes += packets[i].frame_length;
		*flags |= packets[i].flags;
	}
	add(&counters[packets[0].record->counter], packet_count, bytes);
	return bytes;
}

/* The packets go to several backends. */
static inline uint64_t count_backends(struct counter *counters, const struct packet *packets,
	unsigned int packet_count, uint8_t *flags)
{
	uint64_t bytes = 0;

	for (unsigned int i = 0; i < packet_count; i++) {
		count_packet(&counters[packets[i].record->counter], &packets[i]);
		bytes += packets[i].frame_length;
		*flags |= packets[i].flags;
	}
	return bytes;
}

static inline void count_burst(struct counter *counters, const struct burst *burst,
	const struct packet *packets, unsigned int packet_count)
{
	uint8_t flags = 0;
	uint64_t bytes;

	if (likely(burst->mixed_backends))
		bytes = count_backends(counters, packets, packet_count, &flags);
	else
		bytes = count_backend(counters, packets, packet_count, &flags);
	if (likely(!burst->mixed_services))
		add(&counters[packets[0].service->counter], packet_count, bytes);
	else
		count_services(counters, packets, packet_count);
	if ((flags & PACKET_SYN) != 0)
		count_new_flows(counters, packets, packet_count);
}

static inline void transmit_burst(struct worker *worker, struct burst *burst,
	const struct packet *packets, unsigned int packet_count)
{
	struct counter *counters = worker->counters->counters;
	unsigned int sent;

	if (unlikely(burst->mixed_services))
		prefetch_counters(counters, packets, packet_count);
	sent = transmit(worker, worker->port_of[burst->port], &burst->batch);
	if (likely(sent != 0))
		count_burst(counters, burst, packets, sent);
}

/* Any other burst. */

static void count_selection(
	struct counter *counters, const struct packet *const *packets, unsigned int packet_count)
{
	for (unsigned int i = 0; i < packet_count; i++) {
		count_packet(&counters[packets[i]->record->counter], packets[i]);
		count_services(counters, packets[i], 1);
		count_new_flows(counters, packets[i], 1);
	}
}

/* A packet that is not ours has its own verdict on a port that cannot hand it to the host. */
static enum verdict classify_host_path(const struct worker_port *port, enum verdict verdict)
{
	if (verdict == VERDICT_LEFT_TO_HOST && !port->leaves_to_host)
		return VERDICT_NO_HOST_PATH;
	return verdict;
}

static void transmit_selection(
	struct worker *worker, unsigned int port, struct selection *selection)
{
	unsigned int sent;

	if (selection->batch.count == 0)
		return;
	sent = transmit(worker, port, &selection->batch);
	count_selection(worker->counters->counters, selection->packets, sent);
}

static __rte_noinline void transmit_or_drop(struct worker *worker, unsigned int came_by,
	struct packet *packets, unsigned int packet_count)
{
	struct selection selections[WORKER_PORTS_MAX];
	struct rte_mbuf *dropped[PACKET_BURST];
	unsigned int dropped_count = 0;

	for (unsigned int port = 0; port < worker->port_count; port++)
		selections[port].batch.count = selections[port].batch.bytes = 0;
	for (unsigned int i = 0; i < packet_count; i++) {
		struct packet *packet = &packets[i];

		if (likely(packet->verdict == VERDICT_NEXT)) {
			struct selection *selection =
				&selections[worker->port_of[packet->record->port]];

			selection->packets[selection->batch.count] = packet;
			batch_add(&selection->batch, packet->mbuf);
		} else {
			packet->verdict =
				classify_host_path(&worker->ports[came_by], packet->verdict);
			worker->counters->verdicts[packet->verdict]++;
			dropped[dropped_count++] = packet->mbuf;
		}
	}
	for (unsigned int port = 0; port < worker->port_count; port++)
		transmit_selection(worker, port, &selections[port]);
	if (dropped_count != 0)
		rte_pktmbuf_free_bulk(dropped, dropped_count);
}

void finish_burst(struct worker *worker, unsigned int came_by, struct packet *packets,
	unsigned int packet_count)
{
	struct burst burst;

	if (likely(leave_together(worker, packets, packet_count, &burst)))
		transmit_burst(worker, &burst, packets, packet_count);
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
			batch_add(&batch, copies[i].mbuf);
	if (batch.count != 0)
		worker->counters->copies += transmit_batch(worker, port, &batch);
}

void finish_copies(struct worker *worker, struct packet *copies, unsigned int copy_count)
{
	for (unsigned int port = 0; port < worker->port_count; port++)
		transmit_copies(worker, port, copies, copy_count);
	for (unsigned int i = 0; i < copy_count; i++)
		if (copies[i].verdict != VERDICT_NEXT)
			rte_pktmbuf_free(copies[i].mbuf);
}
