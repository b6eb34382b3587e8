/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How long a packet is under way, from its arrival in the queue of the port until it is given back
 * to it, at shares of the highest rate that the worker can do: through the worker, and through a
 * loop that swaps two addresses instead, at the same rate. The packets are of UDP, and the time is
 * in their payload. Prints JSON. Options: those of EAL.
 *
 * By the wall clock, so that a CPU that is shared with others shows in the longest delays.
 */
#include <inttypes.h>
#include <stdio.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "pace.h"
#include "pipeline_options.h"

#define MBUFS   (2 * SOURCE_RING_SIZE - 1)
#define CACHE   256
#define ROOM    (RTE_PKTMBUF_HEADROOM + 2048)
#define WARM_UP 200000  /* packets */
#define PACKETS 4000000 /* for the highest rate */
#define SECONDS 0.5     /* at each rate */
#define NS      1e9

static const unsigned int shares[] = { 10, 50, 90 }; /* percent of the highest rate */

static void run_macswap(atomic_bool *stop)
{
	struct rte_mbuf *mbufs[PACKET_BURST];

	while (!atomic_load_explicit(stop, memory_order_relaxed)) {
		uint16_t count = rte_eth_rx_burst(SOURCE_PORT, 0, mbufs, PACKET_BURST);

		for (uint16_t i = 0; i < count; i++) {
			struct rte_ether_hdr *header =
				rte_pktmbuf_mtod(mbufs[i], struct rte_ether_hdr *);
			struct rte_ether_addr address = header->dst_addr;

			header->dst_addr = header->src_addr;
			header->src_addr = address;
		}
		if (count != 0)
			rte_eth_tx_burst(SOURCE_PORT, 0, mbufs, count);
	}
}

/* TSC cycles between two packets when they come as fast as the worker takes them. */
static double find_interval(struct world *world)
{
	uint64_t begin;

	source_limit(0, WARM_UP / PACKET_BURST, &world->stop[0]);
	atomic_store(&world->stop[0], false);
	worker_run(&world->workers[0]);
	source_limit(0, PACKETS / PACKET_BURST, &world->stop[0]);
	atomic_store(&world->stop[0], false);
	begin = rte_rdtsc();
	worker_run(&world->workers[0]);
	return (double)(rte_rdtsc() - begin) / PACKETS;
}

static void report(const char *name)
{
	static const struct {
		const char *name;
		double share;
	} figures[] = { { "p50", 0.5 }, { "p99", 0.99 }, { "p999", 0.999 }, { "most", 1 } };

	printf("\"%s\": {\"lost\": %" PRIu64 ", \"packets\": %" PRIu64, name, pace_lost(),
		pace_sent());
	for (unsigned int i = 0; i < RTE_DIM(figures); i++)
		printf(", \"%s_ns\": %.0f", figures[i].name,
			pace_delay(figures[i].share) * NS / rte_get_tsc_hz());
	printf("}");
}

static void measure(struct world *world, double interval, unsigned int share)
{
	double slower = interval * 100 / share;
	uint64_t packets = SECONDS * rte_get_tsc_hz() / slower;

	printf("{\"percent\": %u, \"packets_per_second\": %.0f,\n  ", share,
		rte_get_tsc_hz() / slower);
	pace_set(slower, packets, &world->stop[0]);
	run_macswap(&world->stop[0]);
	report("macswap");
	printf(",\n  ");
	pace_set(slower, packets, &world->stop[0]);
	worker_run(&world->workers[0]);
	report("sluice");
	printf("}");
}

int main(int argument_count, char **arguments)
{
	char *udp[] = { arguments[0], "--protocol", "udp", NULL };
	struct pipeline_options options;
	struct rte_mempool *pool;
	struct world *world;
	double interval;

	if (rte_eal_init(argument_count, arguments) < 0 ||
		pipeline_options_read(RTE_DIM(udp) - 1, udp, &options) != 0)
		return 1;
	pool = rte_pktmbuf_pool_create("bench", MBUFS, CACHE, 0, ROOM, rte_socket_id());
	world = world_create(&options.world);
	if (pool == NULL || world == NULL || source_open(pool, &options.source, 1) != 0) {
		fprintf(stderr, "bench_latency: not enough memory\n");
		return 1;
	}
	interval = find_interval(world);
	pace_begin();
	printf("[");
	for (unsigned int i = 0; i < RTE_DIM(shares); i++) {
		printf("%s", i == 0 ? "" : ",\n ");
		measure(world, interval, shares[i]);
	}
	printf("]\n");
	return 0;
}
