/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where a packet's cycles go: the steps of balance.h, one more in each row, over bursts from a port
 * that is made of memory (source.h), and at last the worker as it is. A stage costs the difference
 * between its row and the one before.
 *
 *	bench_pipeline [EAL options] -- [--flows N] [--services N] [--forward l2dsr|ipip|ipip6]
 *
 * Cycles are CPU time of this thread times the frequency of the TSC. The rows take turns, so that
 * whatever else runs on the machine disturbs all of them alike; the smallest of many rounds is what
 * the code costs, the median what it cost today.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <arpa/inet.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "balance.h"
#include "encap.h"
#include "parse.h"
#include "source.h"
#include "world.h"

#define ROUNDS    15
#define BURSTS    20000
#define MBUFS     (2 * SOURCE_RING_SIZE - 1)
#define CACHE     256
#define ROOM      (RTE_PKTMBUF_HEADROOM + 2048)
#define FLOWS     100000
#define SERVICES  64
#define VIP       "203.0.113.10"
#define VIP_PORT  80
#define STEPS_MAX 8

/* Of the rows that are not the worker. */
static struct affinity_counters counters;

/* Takes a burst one step further. */
typedef void step_run(const struct tables *tables, struct packet *packets, unsigned int count);

static void step_parse(const struct tables *tables, struct packet *packets, unsigned int count)
{
	parse_burst(packets, count);
}

static void step_match(const struct tables *tables, struct packet *packets, unsigned int count)
{
	service_match_burst(tables->services, packets, count);
}

static void step_hash(const struct tables *tables, struct packet *packets, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		balance_hash(tables, &packets[i]);
}

static void step_choose(const struct tables *tables, struct packet *packets, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		packets[i].verdict = balance_choose(tables, &counters, &packets[i]);
}

static void step_encapsulate(
	const struct tables *tables, struct packet *packets, unsigned int count)
{
	encap_burst(packets, count);
}

/* The two that the worker calls; what they cost less than their steps is what inlining saves. */
static void step_balance(const struct tables *tables, struct packet *packets, unsigned int count)
{
	balance_choose_burst(tables, &counters, packets, count);
}

static void step_encapsulate_burst(
	const struct tables *tables, struct packet *packets, unsigned int count)
{
	balance_encapsulate_burst(packets, count);
}

/* A row: the steps that are done before the packets are freed; none where the worker runs. */
struct row {
	const char *name;
	bool worker;
	bool adds; /* to the row before */
	step_run *steps[STEPS_MAX];
};

static const struct row rows[] = {
	{ "receive and free", .adds = true },
	{ "parse", .adds = true, .steps = { step_parse } },
	{ "service", .adds = true, .steps = { step_parse, step_match } },
	{ "hash and slot", .adds = true, .steps = { step_parse, step_match, step_hash } },
	{ "backend", .adds = true, .steps = { step_parse, step_match, step_hash, step_choose } },
	{ "encapsulate", .adds = true,
		.steps = { step_parse, step_match, step_hash, step_choose, step_encapsulate } },
	{ "the same, by burst", .steps = { step_balance, step_encapsulate_burst } },
	{ "settle, count, loop", .adds = true, .worker = true },
};

#define ROWS RTE_DIM(rows)

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

/* Cycles per packet of one round of a row. */
static double run_row(const struct row *row, struct world *world)
{
	uint64_t before_ns;

	source_limit(BURSTS, &world->stop);
	atomic_store(&world->stop, false);
	before_ns = cpu_ns();
	if (row->worker)
		worker_run(&world->worker);
	else
		run_steps(row, world->tables);
	return (cpu_ns() - before_ns) * 1e-9 * rte_get_tsc_hz() / (BURSTS * PACKET_BURST);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void report(double cycles[ROWS][ROUNDS])
{
	double before = 0, median_before = 0;

	printf("%-22s %8s %8s %8s %8s   cycles per packet\n", "", "least", "stage", "median",
		"stage");
	for (unsigned int i = 0; i < ROWS; i++) {
		double least, median;

		qsort(cycles[i], ROUNDS, sizeof(cycles[i][0]), compare);
		least = cycles[i][0];
		median = cycles[i][ROUNDS / 2];
		printf("%-22s %8.1f", rows[i].name, least);
		if (rows[i].adds)
			printf(" %8.1f %8.1f %8.1f\n", least - before, median,
				median - median_before);
		else
			printf(" %8s %8.1f\n", "", median);
		before = least;
		median_before = median;
	}
}

static int all_forwarded(const struct world *world)
{
	uint64_t packets = world->worker.counters->packets;
	uint64_t forwarded = world->worker.counters->verdicts[VERDICT_FORWARDED];

	if (forwarded == packets && packets != 0)
		return 0;
	fprintf(stderr, "bench_pipeline: forwarded %" PRIu64 " of %" PRIu64 " packets\n", forwarded,
		packets);
	return 1;
}

struct options {
	struct source_options source;
	struct world_options world;
};

static int run(const struct options *options)
{
	static double cycles[ROWS][ROUNDS];
	struct rte_mempool *pool;
	struct world *world;

	pool = rte_pktmbuf_pool_create("bench", MBUFS, CACHE, 0, ROOM, rte_socket_id());
	world = world_create(&options->world);
	if (pool == NULL || world == NULL || source_open(pool, &options->source) != 0) {
		fprintf(stderr, "bench_pipeline: not enough memory\n");
		return 1;
	}
	for (unsigned int round = 0; round < ROUNDS; round++)
		for (unsigned int i = 0; i < ROWS; i++)
			cycles[i][round] = run_row(&rows[i], world);
	report(cycles);
	return all_forwarded(world);
}

static int read_number(const char *text, uint32_t *number)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (value == 0 || value > UINT32_MAX || *end != '\0')
		return -1;
	*number = value;
	return 0;
}

static int read_forward(const char *text, enum record_encap *encap)
{
	static const char *const names[] = { [RECORD_ENCAP_NONE] = "l2dsr",
		[RECORD_ENCAP_IPV4] = "ipip",
		[RECORD_ENCAP_IPV6] = "ipip6" };

	for (unsigned int i = 0; i < RTE_DIM(names); i++)
		if (strcmp(text, names[i]) == 0) {
			*encap = i;
			return 0;
		}
	return -1;
}

static int read_options(int count, char **arguments, struct options *options)
{
	static const struct option known[] = { { "flows", required_argument, NULL, 'f' },
		{ "services", required_argument, NULL, 's' },
		{ "forward", required_argument, NULL, 'w' }, { 0 } };
	int option, code = 0;

	optind = 1; /* EAL has used getopt before */
	while (code == 0 && (option = getopt_long(count, arguments, "", known, NULL)) != -1)
		switch (option) {
		case 'f': code = read_number(optarg, &options->source.flows); break;
		case 's': code = read_number(optarg, &options->world.services); break;
		case 'w': code = read_forward(optarg, &options->world.encap); break;
		default: code = -1;
		}
	return code;
}

int main(int argument_count, char **arguments)
{
	struct options options = {
		.source = { .vip = inet_addr(VIP),
			.vip_port = rte_cpu_to_be_16(VIP_PORT),
			.flows = FLOWS },
		.world = { .vip = VIP,
			.vip_port = VIP_PORT,
			.encap = RECORD_ENCAP_IPV4,
			.services = SERVICES },
	};
	int used = rte_eal_init(argument_count, arguments);

	if (used < 0)
		return 1;
	if (read_options(argument_count - used, arguments + used, &options) == 0)
		return run(&options);
	fprintf(stderr, "usage: bench_pipeline [EAL options] -- [--flows N] [--services N] "
			"[--forward l2dsr|ipip|ipip6]\n");
	return 2;
}
