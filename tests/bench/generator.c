/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sends packets to one VIP over the port that EAL is told to make (--vdev), and counts what comes
 * back by it. It is told what to do by lines on standard input, answers each by a line of JSON on
 * standard output, and ends when there are no more:
 *
 *	start FLOWS SIZE RATE    sends frames of SIZE bytes with FCS, of so many TCP flows, RATE of
 *	                         them a second or, with 0, all that the port takes, until told more
 *	carry FLOWS SIZE PACKETS sends so many, no faster than they come back, and answers when
 *	                         all have, or none has for WAIT_S
 *	stop
 *	counts
 *
 * The answer is what it counted since it began: packets that the port took (sent), that it had no
 * room for (refused), and that came back (received).
 */
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "traffic.h"

#define PORT          0
#define BURST         32
#define DESCRIPTORS   1024
#define MBUFS         8191
#define CACHE         256
#define LINE_SIZE     128
#define LOOK_BURSTS   1024 /* between two looks for a line */
#define UNDER_WAY_MAX 128  /* packets that are carried at once; any ring has room for them */
#define WAIT_S        5
#define IDLE_MS       1 /* between two looks for what comes back late */

struct generator {
	struct rte_mempool *pool;
	struct traffic_options options;
	struct traffic traffic;
	uint32_t random;
	bool sending;
	double rate;      /* packets a second; 0: no limit */
	uint64_t begin;   /* TSC, of the rate */
	uint64_t offered; /* since then */
	uint64_t sent;
	uint64_t refused;
	uint64_t received;
};

/* So many packets, at most BURST; what the port has no room for is lost. */
static void send_burst(struct generator *generator, unsigned int count)
{
	const bool ipv6 = traffic_is_ipv6(&generator->traffic);
	struct rte_mbuf *mbufs[BURST];
	unsigned int sent;

	if (count == 0)
		return;
	if (rte_pktmbuf_alloc_bulk(generator->pool, mbufs, count) != 0) {
		generator->refused += count;
		return;
	}
	for (unsigned int i = 0; i < count; i++)
		traffic_next(&generator->traffic, &generator->random, mbufs[i], ipv6);
	sent = rte_eth_tx_burst(PORT, 0, mbufs, count);
	rte_pktmbuf_free_bulk(mbufs + sent, count - sent);
	generator->sent += sent;
	generator->refused += count - sent;
}

/* What has come back. Returns how many. */
static unsigned int receive_burst(struct generator *generator)
{
	struct rte_mbuf *mbufs[BURST];
	unsigned int count = rte_eth_rx_burst(PORT, 0, mbufs, BURST);

	rte_pktmbuf_free_bulk(mbufs, count);
	generator->received += count;
	return count;
}

/* How many packets the rate allows now. */
static unsigned int count_due(struct generator *generator)
{
	uint64_t due;

	if (generator->rate == 0)
		return BURST;
	due = (rte_rdtsc() - generator->begin) * generator->rate / rte_get_tsc_hz() -
	      generator->offered;
	due = RTE_MIN(due, (uint64_t)BURST);
	generator->offered += due;
	return due;
}

static void send_for_a_while(struct generator *generator)
{
	for (unsigned int i = 0; i < LOOK_BURSTS; i++) {
		send_burst(generator, count_due(generator));
		receive_burst(generator);
	}
}

static void carry(struct generator *generator, uint64_t packets)
{
	uint64_t wait = WAIT_S * rte_get_tsc_hz(), heard = rte_rdtsc();
	uint64_t sent = generator->sent, received = generator->received;
	int64_t left = packets, under_way = 0; /* below 0 while late ones of before come back */

	while ((left != 0 || under_way > 0) && rte_rdtsc() - heard < wait) {
		send_burst(generator, RTE_MIN(left, RTE_MIN(BURST, UNDER_WAY_MAX - under_way)));
		if (receive_burst(generator) != 0)
			heard = rte_rdtsc();
		else
			sched_yield();
		left = packets - (generator->sent - sent);
		under_way = generator->sent - sent - (generator->received - received);
	}
}

static int set_traffic(struct generator *generator, unsigned int flows, unsigned int size)
{
	if (flows == 0 || size < RTE_ETHER_MIN_LEN || size > RTE_ETHER_MAX_LEN)
		return -EINVAL;
	generator->options.flows = flows;
	generator->options.frame_size = size;
	traffic_init(&generator->traffic, &generator->options);
	return 0;
}

static void start(struct generator *generator, double rate)
{
	generator->rate = rate;
	generator->offered = 0;
	generator->begin = rte_rdtsc();
	generator->sending = true;
}

/* 0, or -EINVAL for a line that says nothing known. */
static int obey(struct generator *generator, const char *line)
{
	unsigned int flows, size;
	uint64_t packets;
	double rate;

	if (strcmp(line, "counts\n") == 0)
		return 0;
	generator->sending = false;
	if (strcmp(line, "stop\n") == 0)
		return 0;
	if (sscanf(line, "start %u %u %lf\n", &flows, &size, &rate) == 3 && rate >= 0 &&
		set_traffic(generator, flows, size) == 0) {
		start(generator, rate);
		return 0;
	}
	if (sscanf(line, "carry %u %u %" SCNu64 "\n", &flows, &size, &packets) == 3 &&
		set_traffic(generator, flows, size) == 0) {
		carry(generator, packets);
		return 0;
	}
	return -EINVAL;
}

static void answer(const struct generator *generator)
{
	printf("{\"sent\": %" PRIu64 ", \"refused\": %" PRIu64 ", \"received\": %" PRIu64 "}\n",
		generator->sent, generator->refused, generator->received);
	fflush(stdout);
}

/* Whether there is a line; waits a moment for it where there is nothing to send meanwhile. */
static bool has_line(const struct generator *generator)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };

	return poll(&input, 1, generator->sending ? 0 : IDLE_MS) != 0;
}

static int run(struct generator *generator)
{
	char line[LINE_SIZE];

	for (;;) {
		if (generator->sending)
			send_for_a_while(generator);
		else
			receive_burst(generator);
		if (!has_line(generator))
			continue;
		if (fgets(line, sizeof(line), stdin) == NULL)
			return 0;
		if (obey(generator, line) != 0) {
			fprintf(stderr, "bench_generator: cannot do this: %s", line);
			return 1;
		}
		answer(generator);
	}
}

static int open_port(struct rte_mempool *pool)
{
	struct rte_eth_conf conf = { 0 };
	int code = rte_eth_dev_configure(PORT, 1, 1, &conf);

	if (code == 0)
		code = rte_eth_tx_queue_setup(PORT, 0, DESCRIPTORS, rte_socket_id(), NULL);
	if (code == 0)
		code = rte_eth_rx_queue_setup(PORT, 0, DESCRIPTORS, rte_socket_id(), NULL, pool);
	if (code == 0)
		code = rte_eth_dev_start(PORT);
	return code;
}

static int read_vip(int count, char **arguments, struct traffic_options *options)
{
	unsigned long port;
	char *end;

	if (count != 3 || address_parse(arguments[1], &options->vip) != 0)
		return -EINVAL;
	port = strtoul(arguments[2], &end, 10);
	if (*end != '\0' || port < 1 || port > UINT16_MAX)
		return -EINVAL;
	options->vip_port = rte_cpu_to_be_16(port);
	options->protocol = IPPROTO_TCP;
	options->services = 1;
	return 0;
}

int main(int argument_count, char **arguments)
{
	static struct generator generator;
	int used = rte_eal_init(argument_count, arguments), code;

	if (used < 0)
		return 1;
	if (read_vip(argument_count - used, arguments + used, &generator.options) != 0) {
		fputs("usage: bench_generator --vdev DEVICE [EAL options] -- VIP PORT\n", stderr);
		return 2;
	}
	generator.pool = rte_pktmbuf_pool_create(
		"generator", MBUFS, CACHE, 0, RTE_MBUF_DEFAULT_BUF_SIZE, rte_socket_id());
	code = generator.pool == NULL ? -ENOMEM : open_port(generator.pool);
	if (code != 0) {
		fprintf(stderr, "bench_generator: cannot open its port: %s\n", strerror(-code));
		return 1;
	}
	setvbuf(stdin, NULL, _IONBF, 0); /* what poll() does not see must not be */
	code = run(&generator);
	rte_eth_dev_stop(PORT);
	rte_eth_dev_close(PORT);
	rte_eal_cleanup();
	return code;
}
