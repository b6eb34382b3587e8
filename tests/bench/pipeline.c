/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a packet costs from receive to transmit, on a port that is made of memory (source.h): the
 * worker as it is beside the least that a program on that port can do, which is to swap two
 * addresses. With --stages also the steps of balance.h, one more in each row: a stage costs the
 * difference between its row and the one before.
 *
 * Cycles are CPU time of the thread that does it, times the frequency of the TSC. The rows take
 * turns, so that whatever else runs on the machine disturbs all of them alike; the least of many
 * rounds is what the code costs, the median what it cost today.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>

#include "balance.h"
#include "packet/parse.h"
#include "pipeline_options.h"
#include "publisher.h"
#include "random.h"
#include "service/service_match.h"

#define MBUFS            (2 * SOURCE_RING_SIZE * SOURCE_QUEUES_MAX - 1)
#define CACHE            256
#define ROOM             (RTE_PKTMBUF_HEADROOM + 2048)
#define STEPS_MAX        8
#define ESTABLISHED_SEED 1 /* of the flows that send nothing */

/* Of the rows that are not the worker. */
static struct affinity_counters counters;

/* The same tables as if every slot were quiet. */
static struct tables quiet_tables;

/* Takes a burst one step further. */
typedef void step_run(const struct tables *tables, struct packet *packets, unsigned int count);

static void step_swap(const struct tables *tables, struct packet *packets, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		struct rte_ether_hdr *header =
			rte_pktmbuf_mtod(packets[i].mbuf, struct rte_ether_hdr *);
		struct rte_ether_addr address = header->dst_addr;

		header->dst_addr = header->src_addr;
		header->src_addr = address;
	}
}

static void step_parse(const struct tables *tables, struct packet *packets, unsigned int count)
{
	parse_burst(packets, count, station_of(&traffic_station));
}

static void step_match(const struct tables *tables, struct packet *packets, unsigned int count)
{
	service_prefetch_burst(tables->services, packets, count);
	for (unsigned int i = 0; i < count; i++)
		if (likely(packets[i].verdict == VERDICT_NEXT))
			packets[i].verdict = service_match_packet(tables->services, &packets[i]);
}

/* All from parse to the backend. */
static void step_choose_quiet(
	const struct tables *tables, struct packet *packets, unsigned int count)
{
	balance_choose_burst(
		&quiet_tables, &counters, station_of(&traffic_station), packets, count);
}

static void step_choose(const struct tables *tables, struct packet *packets, unsigned int count)
{
	balance_choose_burst(tables, &counters, station_of(&traffic_station), packets, count);
}

static void step_encapsulate(
	const struct tables *tables, struct packet *packets, unsigned int count)
{
	balance_encapsulate_burst(packets, count);
}

/* A row: the steps that are done before the packets are sent; none where the worker runs. */
struct row {
	const char *name;
	bool always; /* not only with --stages */
	bool adds;   /* to the row before */
	step_run *steps[STEPS_MAX];
};

enum { ROW_MACSWAP = 0 };

static const struct row rows[] = {
	{ "macswap", .always = true, .steps = { step_swap } },
	{ "receive, transmit", .adds = true },
	{ "parse", .adds = true, .steps = { step_parse } },
	{ "service", .adds = true, .steps = { step_parse, step_match } },
	{ "hash, slot, backend", .adds = true, .steps = { step_choose_quiet } },
	{ "pin", .adds = true, .steps = { step_choose } },
	{ "encapsulate", .adds = true, .steps = { step_choose, step_encapsulate } },
	{ "finish, count, loop", .always = true, .adds = true },
};

#define ROWS       RTE_DIM(rows)
#define ROW_WORKER (ROWS - 1)
#define ROW_BOTH   ROWS /* two workers at once; the figure is that of a packet of either */

struct bench {
	struct pipeline_options options;
	struct world *world;
	double cycles[ROWS + 1][PIPELINE_ROUNDS_MAX];
};

/* The loop that all rows but the worker's have in common. */
static void run_steps(const struct row *row, const struct tables *tables)
{
	struct rte_mbuf *mbufs[PACKET_BURST];
	struct packet packets[PACKET_BURST];
	uint16_t count;

	while ((count = rte_eth_rx_burst(SOURCE_PORT, 0, mbufs, PACKET_BURST)) != 0) {
		for (unsigned int i = 0; i < count; i++) {
			packets[i].mbuf = mbufs[i];
			rte_prefetch0(rte_pktmbuf_mtod(mbufs[i], void *));
		}
		for (step_run *const *step = row->steps; *step != NULL; step++)
			(*step)(tables, packets, count);
		rte_eth_tx_burst(SOURCE_PORT, 0, mbufs, count);
	}
}

static uint64_t cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return now.tv_sec * UINT64_C(1000000000) + now.tv_nsec;
}

static double cycles_since(uint64_t before_ns, uint32_t bursts)
{
	return (cpu_ns() - before_ns) * 1e-9 * rte_get_tsc_hz() / ((double)bursts * PACKET_BURST);
}

static double run_row(struct bench *bench, const struct row *row)
{
	uint32_t bursts = bench->options.bursts;
	uint64_t before_ns;

	source_limit(0, bursts, NULL);
	before_ns = cpu_ns();
	run_steps(row, bench->world->tables);
	return cycles_since(before_ns, bursts);
}

static double run_worker(struct bench *bench, unsigned int number)
{
	struct world *world = bench->world;
	uint32_t bursts = bench->options.bursts;
	uint64_t before_ns;

	source_limit(number, bursts, &world->stop[number]);
	atomic_store(&world->stop[number], false);
	before_ns = cpu_ns();
	worker_run(&world->workers[number]);
	return cycles_since(before_ns, bursts);
}

struct job {
	struct bench *bench;
	double cycles;
};

static int run_second_worker(void *argument)
{
	struct job *job = argument;

	job->cycles = run_worker(job->bench, 1);
	return 0;
}

/* Of a packet of either of two workers. */
static double run_both(struct bench *bench)
{
	struct job job = { .bench = bench };
	double first;

	rte_eal_remote_launch(run_second_worker, &job, rte_get_next_lcore(-1, true, false));
	first = run_worker(bench, 0);
	rte_eal_mp_wait_lcore();
	return (first + job.cycles) / 2;
}

static void measure(struct bench *bench)
{
	const struct pipeline_options *options = &bench->options;

	for (unsigned int round = 0; round < options->rounds; round++) {
		for (unsigned int i = 0; i < ROW_WORKER; i++)
			if (rows[i].always || options->stages)
				bench->cycles[i][round] = run_row(bench, &rows[i]);
		bench->cycles[ROW_WORKER][round] = run_worker(bench, 0);
		if (options->world.workers == 2)
			bench->cycles[ROW_BOTH][round] = run_both(bench);
	}
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static bool was_measured(const struct bench *bench, unsigned int row)
{
	return bench->cycles[row][0] != 0;
}

static const char *row_name(const struct bench *bench, unsigned int row)
{
	if (row == ROW_BOTH)
		return "two workers";
	return row == ROW_WORKER && !bench->options.stages ? "worker" : rows[row].name;
}

static void report(const struct bench *bench)
{
	double before = 0, median_before = 0;

	printf("%-22s %8s %8s %8s %8s   cycles per packet\n", "", "least", "stage", "median",
		"stage");
	for (unsigned int i = 0; i < ROWS + 1; i++) {
		double least = bench->cycles[i][0];
		double median = bench->cycles[i][bench->options.rounds / 2];

		if (!was_measured(bench, i))
			continue;
		printf("%-22s %8.1f", row_name(bench, i), least);
		if (bench->options.stages && i < ROWS && rows[i].adds)
			printf(" %8.1f %8.1f %8.1f\n", least - before, median,
				median - median_before);
		else
			printf(" %8s %8.1f\n", "", median);
		if (i == ROW_MACSWAP)
			continue;
		before = least;
		median_before = median;
	}
}

/* What became of packets whose slots were not quiet, of all workers. */
static void report_reasons(const struct world *world)
{
	for (enum affinity_reason reason = 0; reason < AFFINITY_REASON_COUNT; reason++) {
		uint64_t count = 0;

		for (unsigned int i = 0; i < world->options.workers; i++)
			count += world->workers[i].counters->affinity.reasons[reason];
		printf("%s\"%s\": %" PRIu64, reason == 0 ? "" : ", ", affinity_reason_name(reason),
			count);
	}
}

static void report_json(const struct bench *bench, uint64_t published, uint64_t established)
{
	unsigned int rounds = bench->options.rounds;

	printf("{\"rows\": {");
	for (unsigned int i = 0, shown = 0; i < ROWS + 1; i++) {
		const double *cycles = bench->cycles[i];

		if (!was_measured(bench, i))
			continue;
		printf("%s\n  \"%s\": {\"least\": %.2f, \"median\": %.2f, \"most\": %.2f}",
			shown++ == 0 ? "" : ",", i == ROW_WORKER ? "worker" : row_name(bench, i),
			cycles[0], cycles[rounds / 2], cycles[rounds - 1]);
	}
	printf("},\n \"tracked\": {");
	report_reasons(bench->world);
	printf("},\n \"published\": %" PRIu64 ", \"established_pins\": %" PRIu64
	       ", \"established_pins_left\": %" PRIu64 "}\n",
		published, established, world_count_pins(bench->world, PIN_ESTABLISHED));
}

static int all_forwarded(const struct world *world)
{
	for (unsigned int i = 0; i < world->options.workers; i++) {
		uint64_t packets = world->workers[i].counters->packets;
		uint64_t forwarded = world->workers[i].counters->verdicts[VERDICT_FORWARDED];

		if (forwarded == packets && packets != 0)
			continue;
		fprintf(stderr, "bench_pipeline: forwarded %" PRIu64 " of %" PRIu64 " packets\n",
			forwarded, packets);
		return 1;
	}
	return 0;
}

/* Pins that no packet belongs to: what a flood must not take away. */
static void put_established(struct bench *bench)
{
	uint64_t random = ESTABLISHED_SEED;

	for (uint32_t i = 0; i < bench->options.established; i++)
		pins_put(&bench->world->pins, random_next(&random), i % WORLD_BACKENDS,
			PIN_ESTABLISHED, WORLD_TICK);
}

static int prepare(struct bench *bench)
{
	const struct pipeline_options *options = &bench->options;
	struct rte_mempool *pool;

	pool = rte_pktmbuf_pool_create("bench", MBUFS, CACHE, 0, ROOM, rte_socket_id());
	bench->world = world_create(&options->world);
	if (pool == NULL || bench->world == NULL ||
		source_open(pool, &options->source, options->world.workers) != 0) {
		fprintf(stderr, "bench_pipeline: not enough memory\n");
		return 1;
	}
	quiet_tables = *bench->world->tables;
	quiet_tables.affinity = NULL;
	if (options->pin_step != 0)
		world_pin_flows(bench->world, pool, options->source.flows, options->pin_step);
	put_established(bench);
	return 0;
}

static int run(struct bench *bench)
{
	const struct pipeline_options *options = &bench->options;
	struct publisher *publisher = NULL;
	uint64_t established, published = 0;

	if (prepare(bench) != 0)
		return 1;
	established = world_count_pins(bench->world, PIN_ESTABLISHED);
	if (options->publish != 0)
		publisher = publisher_start(bench->world, options->publish);
	measure(bench);
	if (publisher != NULL)
		published = publisher_stop(publisher);
	for (unsigned int i = 0; i < ROWS + 1; i++)
		qsort(bench->cycles[i], options->rounds, sizeof(double), compare);
	if (options->json)
		report_json(bench, published, established);
	else
		report(bench);
	return all_forwarded(bench->world);
}

int main(int argument_count, char **arguments)
{
	static struct bench bench;
	int used = rte_eal_init(argument_count, arguments);

	if (used < 0)
		return 1;
	if (pipeline_options_read(argument_count - used, arguments + used, &bench.options) != 0)
		return 2;
	if (bench.options.world.workers > rte_lcore_count()) {
		fprintf(stderr, "bench_pipeline: as many lcores as workers are needed (-l)\n");
		return 2;
	}
	return run(&bench);
}
