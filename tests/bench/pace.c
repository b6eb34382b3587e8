/* SPDX-License-Identifier: BSD-3-Clause */
#include "pace.h"

#include <string.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>

#include "source.h"

#define FINE_BITS 5 /* of a delay that its place in the histogram keeps */
#define FINE      (1 << FINE_BITS)
#define PLACES    (64 << FINE_BITS)
#define NO_LIMIT  UINT64_MAX

static struct {
	eth_rx_burst_t receive; /* of the port itself */
	eth_tx_burst_t transmit;
	double interval;
	uint64_t begin;
	uint64_t arrived; /* and taken, or lost */
	uint64_t packets;
	uint64_t lost;
	atomic_bool *stop;
	uint64_t histogram[PLACES];
} pace;

/* Delays below FINE stand for themselves; above, each power of two has FINE places. */
static inline uint32_t place_of(uint64_t delay)
{
	uint32_t power;

	if (delay < FINE)
		return delay;
	power = 63 - __builtin_clzll(delay) - FINE_BITS;
	return (power << FINE_BITS) + (delay >> power);
}

/* The longest that has this place. */
static uint64_t delay_of(uint32_t place)
{
	uint32_t power = place < 2 * FINE ? 0 : (place >> FINE_BITS) - 1;

	return ((uint64_t)(place - (power << FINE_BITS)) << power) + (UINT64_C(1) << power) - 1;
}

static inline uint64_t arrival(uint64_t packet)
{
	return pace.begin + packet * pace.interval;
}

/* The end of the payload: there it stays, whatever header comes in front. */
static inline void *stamp_of(struct rte_mbuf *mbuf)
{
	return rte_pktmbuf_mtod_offset(mbuf, void *, mbuf->data_len - sizeof(uint64_t));
}

static inline void stamp(struct rte_mbuf *mbuf, uint64_t time)
{
	memcpy(stamp_of(mbuf), &time, sizeof(time));
}

static inline uint64_t read_stamp(struct rte_mbuf *mbuf)
{
	uint64_t time;

	memcpy(&time, stamp_of(mbuf), sizeof(time));
	return time;
}

/* How many wait, after those have been lost that found no room. */
static uint64_t waiting(void)
{
	uint64_t count = (rte_rdtsc() - pace.begin) / pace.interval;

	if (count > pace.packets)
		count = pace.packets;
	count -= pace.arrived;
	if (count <= PACE_QUEUE)
		return count;
	pace.lost += count - PACE_QUEUE;
	pace.arrived += count - PACE_QUEUE;
	return PACE_QUEUE;
}

static uint16_t receive(void *queue, struct rte_mbuf **mbufs, uint16_t count)
{
	uint64_t present = waiting();

	if (present == 0) {
		if (pace.arrived == pace.packets)
			atomic_store_explicit(pace.stop, true, memory_order_relaxed);
		return 0;
	}
	count = pace.receive(queue, mbufs, RTE_MIN(present, count));
	for (uint16_t i = 0; i < count; i++)
		stamp(mbufs[i], arrival(pace.arrived + i));
	pace.arrived += count;
	return count;
}

static uint16_t transmit(void *queue, struct rte_mbuf **mbufs, uint16_t count)
{
	uint64_t now = rte_rdtsc();

	for (uint16_t i = 0; i < count; i++)
		pace.histogram[place_of(now - read_stamp(mbufs[i]))]++;
	return pace.transmit(queue, mbufs, count);
}

void pace_begin(void)
{
	struct rte_eth_fp_ops *port = &rte_eth_fp_ops[SOURCE_PORT];

	pace.receive = port->rx_pkt_burst;
	pace.transmit = port->tx_pkt_burst;
	port->rx_pkt_burst = receive;
	port->tx_pkt_burst = transmit;
}

void pace_set(double interval, uint64_t packets, atomic_bool *stop)
{
	source_limit(0, NO_LIMIT, NULL);
	pace.interval = interval;
	pace.arrived = pace.lost = 0;
	pace.packets = packets;
	pace.stop = stop;
	memset(pace.histogram, 0, sizeof(pace.histogram));
	atomic_store(stop, false);
	pace.begin = rte_rdtsc();
}

uint64_t pace_lost(void)
{
	return pace.lost;
}

uint64_t pace_sent(void)
{
	return pace.arrived - pace.lost;
}

uint64_t pace_delay(double share)
{
	uint64_t wanted = share * pace_sent(), seen = 0;
	uint32_t last = 0;

	for (uint32_t place = 0; place < PLACES; place++) {
		seen += pace.histogram[place];
		if (pace.histogram[place] != 0)
			last = place;
		if (seen >= wanted && seen != 0)
			return delay_of(last);
	}
	return delay_of(last);
}
