/* SPDX-License-Identifier: BSD-3-Clause */
/* The loop as it is, between a port that hands out prepared frames and takes what leaves. */
#include "balance_fixture.h"

#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>

#include "worker.h"

#define PORT                  0
#define OTHER_PORT            1
#define MBUFS                 255
#define BACKEND(bench, index) (&(bench)->worker.counters->counters[SERVICES + (index)])

/* What the port hands out next, and what it has taken. */
static struct wire {
	struct rte_mempool *pool;
	const struct frame *in;
	unsigned int in_count;
	struct frame out[2 * PACKET_BURST];
	unsigned int out_count;
	unsigned int room; /* frames that it still takes */
	atomic_bool stop;
} wire;

struct bench {
	struct scene *scene;
	struct worker worker;
	struct publish *publish;
};

static uint16_t receive(void *queue, struct rte_mbuf **mbufs, uint16_t count)
{
	unsigned int given = wire.in_count;

	assert_true(given <= count);
	if (given == 0) {
		atomic_store(&wire.stop, true);
		return 0;
	}
	for (unsigned int i = 0; i < given; i++) {
		mbufs[i] = rte_pktmbuf_alloc(wire.pool);
		assert_non_null(mbufs[i]);
		memcpy(rte_pktmbuf_append(mbufs[i], wire.in[i].length), wire.in[i].bytes,
			wire.in[i].length);
	}
	wire.in_count = 0;
	return given;
}

static uint16_t transmit(void *queue, struct rte_mbuf **mbufs, uint16_t count)
{
	uint16_t taken = RTE_MIN(count, wire.room);

	wire.room -= taken;
	for (unsigned int i = 0; i < taken; i++) {
		frame_from_mbuf(&wire.out[wire.out_count++], mbufs[i]);
		rte_pktmbuf_free(mbufs[i]);
	}
	return taken;
}

static int start_eal(void **state)
{
	static void *queues[1], *callbacks[1];
	struct rte_eth_fp_ops *port = &rte_eth_fp_ops[PORT];
	char prefix[32];
	char *arguments[] = { "unit", "--no-huge", "--no-pci", "--no-shconf", "--no-telemetry",
		"-m64", "--log-level=error", prefix, NULL };

	snprintf(prefix, sizeof(prefix), "--file-prefix=unit-%d", getpid());
	if (rte_eal_init(COUNT_OF(arguments) - 1, arguments) < 0) {
		print_error("DPDK did not start: %s\n", rte_strerror(rte_errno));
		return -1;
	}
	port->rx_pkt_burst = receive;
	port->tx_pkt_burst = transmit;
	port->rxq = (struct rte_ethdev_qdata){ .data = queues, .clbk = callbacks };
	port->txq = port->rxq;
	rte_eth_fp_ops[OTHER_PORT] = *port;
	wire.pool = rte_pktmbuf_pool_create(
		"unit", MBUFS, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	return wire.pool == NULL ? -1 : 0;
}

static int stop_eal(void **state)
{
	char runtime[512];
	int result;

	rte_mempool_free(wire.pool);
	snprintf(runtime, sizeof(runtime), "%s", rte_eal_get_runtime_dir());
	result = rte_eal_cleanup();
	return result == 0 ? rmdir(runtime) : result; /* EAL leaves it behind, empty */
}

static int set_up_bench(void **state)
{
	size_t size = RTE_ALIGN(counters_size(SERVICES, BACKENDS), 64);
	struct bench *bench = calloc(1, sizeof(*bench));
	struct worker *worker = &bench->worker;
	void *scene;

	assert_non_null(bench);
	set_up(&scene);
	bench->scene = scene;
	bench->publish = publish_create(1);
	worker->counters = aligned_alloc(64, size);
	assert_non_null(bench->publish);
	assert_non_null(worker->counters);
	memset(worker->counters, 0, size);
	publish_tables(bench->publish, bench->scene->tables);
	worker->publish = bench->publish;
	worker->port_count = 1;
	worker->ports[0].id = PORT;
	worker->stop = &wire.stop;
	*state = bench;
	return 0;
}

static int tear_down_bench(void **state)
{
	struct bench *bench = *state;

	publish_destroy(bench->publish); /* and the tables with it */
	bench->scene->tables = NULL;
	tear_down((void **)&bench->scene);
	free(bench->worker.counters);
	free(bench);
	return 0;
}

/* Runs the worker until it has served the frames, and proves that no mbuf is left. */
static void serve(
	struct bench *bench, const struct frame *frames, unsigned int count, unsigned int room)
{
	wire.in = frames;
	wire.in_count = count;
	wire.out_count = 0;
	wire.room = room;
	atomic_store(&wire.stop, false);
	assert_int_equal(worker_run(&bench->worker), 0);
	assert_int_equal(rte_mempool_in_use_count(wire.pool), 0);
}

static uint64_t verdicts_sum(const struct worker_counters *counters)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < VERDICT_COUNT; i++)
		sum += counters->verdicts[i];
	return sum;
}

/* Backends by the MAC address that a frame has left for. */
static unsigned int count_out(uint8_t backend)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < wire.out_count; i++)
		count += wire.out[i].bytes[5] == backend;
	return count;
}

static void a_copy_leaves_beside_its_packet_and_meets_no_verdict(void **state)
{
	struct bench *bench = *state;
	const struct worker_counters *counters = bench->worker.counters;
	struct frame frames[3];

	set_words(bench->scene, AWAY);
	make_syn(&frames[0], 40000); /* pinned to B */
	frame_make_icmp_error(&frames[1], 4, 3, FRAME_TCP, 40000);
	frame_make_icmp_error(&frames[2], 4, 3, FRAME_TCP, 40001);
	serve(bench, frames, COUNT_OF(frames), 10);
	assert_int_equal(counters->packets, 3);
	assert_int_equal(counters->verdicts[VERDICT_FORWARDED], 3);
	assert_int_equal(verdicts_sum(counters), 3);
	assert_int_equal(counters->copies, 1);
	assert_int_equal(counters->ports[0].tx_packets, 4);
	assert_int_equal(counters->ports[0].tx_bytes,
		frames[0].length + frames[1].length + 2 * frames[2].length);
	assert_int_equal(wire.out_count, 4);
	assert_int_equal(count_out(A), 1);
	assert_int_equal(count_out(B), 3);
	assert_int_equal(counters->counters[0].packets, 3);
	assert_int_equal(counters->counters[0].new_flows, 1);
	assert_int_equal(BACKEND(bench, A)->packets, 1);
	assert_int_equal(BACKEND(bench, B)->packets, 2);
}

static void a_copy_is_the_packet_byte_for_byte_but_for_its_backend(void **state)
{
	struct bench *bench = *state;
	struct frame frame;

	set_words(bench->scene, AWAY);
	frame_make_icmp_error(&frame, 6, 2, FRAME_UDP, 40000);
	serve(bench, &frame, 1, 10);
	assert_int_equal(wire.out_count, 2);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(wire.out[i].length, frame.length);
		assert_memory_equal(wire.out[i].bytes + 12, frame.bytes + 12, frame.length - 12);
	}
	assert_int_equal(count_out(A), 1);
	assert_int_equal(count_out(B), 1);
}

static void a_copy_that_the_port_does_not_take_is_gone_and_not_counted(void **state)
{
	struct bench *bench = *state;
	const struct worker_counters *counters = bench->worker.counters;
	struct frame frame;

	set_words(bench->scene, AWAY);
	frame_make_icmp_error(&frame, 4, 3, FRAME_TCP, 40000);
	serve(bench, &frame, 1, 0);
	assert_int_equal(counters->copies, 0);
	assert_int_equal(counters->verdicts[VERDICT_TRANSMIT_FULL], 1);
	assert_int_equal(verdicts_sum(counters), 1);
	assert_int_equal(counters->ports[0].tx_packets, 0);
	assert_int_equal(counters->ports[0].tx_bytes, 0);
}

static void a_copy_too_big_for_its_backend_is_gone_and_the_packet_leaves(void **state)
{
	struct bench *bench = *state;
	struct frame frame;

	set_words(bench->scene, AWAY);
	bench->scene->records[B + 1].mtu = 100;
	frame_make_icmp_error(&frame, 4, 3, FRAME_TCP, 40000);
	serve(bench, &frame, 1, 10);
	assert_int_equal(bench->worker.counters->copies, 0);
	assert_int_equal(bench->worker.counters->verdicts[VERDICT_FORWARDED], 1);
	assert_int_equal(count_out(A), 1);
}

static void of_a_burst_of_errors_a_few_are_copied(void **state)
{
	struct bench *bench = *state;
	static struct frame frames[PACKET_BURST];

	set_words(bench->scene, AWAY);
	for (unsigned int i = 0; i < PACKET_BURST; i++)
		frame_make_icmp_error(&frames[i], 4, 11, FRAME_UDP, 40000 + i);
	serve(bench, frames, PACKET_BURST, PACKET_BURST + BALANCE_COPIES_MAX);
	assert_int_equal(bench->worker.counters->copies, BALANCE_COPIES_MAX);
	assert_int_equal(
		bench->worker.counters->affinity.uncopied, PACKET_BURST - BALANCE_COPIES_MAX);
	assert_int_equal(verdicts_sum(bench->worker.counters), PACKET_BURST);
	assert_int_equal(count_out(A), PACKET_BURST);
	assert_int_equal(count_out(B), BALANCE_COPIES_MAX);
}

/* They would be pinned where another balancer serves them. */
static void frames_of_others_leave_no_pins(void **state)
{
	struct bench *bench = *state;
	const struct worker_counters *counters = bench->worker.counters;
	const struct rte_ether_addr mac = { { 0x22, 0x22, 0x22, 0x22, 0x22, 0x22 } };
	struct worker_port *port = &bench->worker.ports[0];
	struct frame frames[9];

	set_words(bench->scene, AWAY);
	port->leaves_to_host = true;
	port->station = station_of(&mac);
	for (unsigned int i = 0; i < COUNT_OF(frames); i++) {
		make_syn(&frames[i], 40000 + i);
		memset(frames[i].bytes, i % 3 == 1 ? 0x22 : 0x33, 6);
	}
	frames[8].length = 5; /* too short for an address */
	serve(bench, frames, COUNT_OF(frames), 10);
	assert_int_equal(counters->affinity.puts[PINS_PUT_PLACED], 3);
	assert_int_equal(counters->verdicts[VERDICT_FORWARDED], 3);
	assert_int_equal(counters->verdicts[VERDICT_LEFT_TO_HOST], 5);
	assert_int_equal(counters->verdicts[VERDICT_TRUNCATED], 1);
	for (unsigned int i = 0; i < 3; i++)
		assert_memory_equal(wire.out[i].bytes + 12, frames[3 * i + 1].bytes + 12,
			frames[i].length - 12);
}

static void a_port_that_gets_another_address_takes_frames_for_that_one(void **state)
{
	struct bench *bench = *state;
	const struct worker_counters *counters = bench->worker.counters;
	const struct rte_ether_addr before = { { 0x22, 0x22, 0x22, 0x22, 0x22, 0x22 } };
	const struct rte_ether_addr after = { { 0x22, 0x22, 0x22, 0x22, 0x22, 0x44 } };
	struct worker_port *port = &bench->worker.ports[0];
	struct frame frames[3];

	port->station = station_of(&before);
	station_move(&port->station, &after);
	for (unsigned int i = 0; i < COUNT_OF(frames); i++) {
		make_syn(&frames[i], 40000 + i);
		memcpy(frames[i].bytes, i == 0 ? &before : &after, sizeof(after));
	}
	serve(bench, frames, COUNT_OF(frames), 10);
	assert_int_equal(counters->verdicts[VERDICT_FORWARDED], 2);
	assert_int_equal(counters->verdicts[VERDICT_NO_HOST_PATH], 1);
}

/* What must have been counted, by the frames that have left. */
struct sums {
	struct counter services[SERVICES];
	struct counter backends[BACKENDS];
	uint64_t ports[2];
};

static void add_frame(struct counter *counter, const struct frame *frame, bool is_syn)
{
	counter->packets++;
	counter->bytes += frame->length;
	counter->new_flows += is_syn;
}

/* The fixture's services: TCP and UDP by IPv4, then by IPv6. Backends take the ports in turn. */
static void sum_up(struct sums *sums, unsigned int ports)
{
	for (unsigned int i = 0; i < wire.out_count; i++) {
		const struct frame *frame = &wire.out[i];
		bool ipv6 = frame->bytes[12] == 0x86;
		bool udp = frame->bytes[ipv6 ? 20 : 23] == FRAME_UDP;
		bool is_syn = !udp && frame->bytes[(ipv6 ? 54 : 34) + 13] == FRAME_TCP_SYN;

		add_frame(&sums->services[2 * ipv6 + udp], frame, is_syn);
		add_frame(&sums->backends[frame->bytes[5]], frame, is_syn);
		sums->ports[frame->bytes[5] % ports]++;
	}
}

static void make_any(struct frame *frame, unsigned int kinds, uint64_t *random)
{
	uint16_t port = 1024 + next_random(random) % 50000;
	size_t payload = next_random(random) % 100;

	switch (next_random(random) % kinds) {
	case 0: frame_make_tcp4(frame, port, payload); break;
	case 1: make_syn(frame, port); break;
	case 2: frame_make_udp6(frame, port, payload); break;
	case 3: frame_make_tcp6(frame, port, payload); break;
	case 4: frame_make_udp4(frame, port, payload); break;
	default: frame_make_tcp4(frame, port, payload); frame->bytes[14] = 0x44; /* malformed */
	}
}

static void let_backends_leave_by(struct bench *bench, unsigned int ports)
{
	struct worker *worker = &bench->worker;

	worker->port_count = ports;
	worker->ports[1].id = OTHER_PORT;
	worker->port_of[OTHER_PORT] = 1;
	for (unsigned int i = 0; i < BACKENDS; i++)
		bench->scene->records[i + 1].port = i % ports == 0 ? PORT : OTHER_PORT;
}

/*
 * Bursts of one service or several, for one backend or several, by one port or two, with packets
 * that go nowhere among them, of which the port takes none, some or all.
 */
static void what_the_port_does_not_take_is_not_counted(void **state)
{
	struct bench *bench = *state;
	const struct worker_counters *counters = bench->worker.counters;
	struct sums sums = { 0 };
	uint64_t random = 5, sent = 0, received = 0;

	for (unsigned int i = 0; i < 2000; i++) {
		static struct frame frames[PACKET_BURST];
		unsigned int count = 1 + next_random(&random) % PACKET_BURST;
		unsigned int backends = 1 + next_random(&random) % BACKENDS;
		unsigned int ports = 1 + next_random(&random) % 2;
		unsigned int kinds = 1 + next_random(&random) % 6;

		let_backends_leave_by(bench, ports);
		for (uint32_t slot = 0; slot < SLOTS; slot++)
			slot_store(&bench->scene->slots[slot],
				slot_pack(slot % backends, slot % backends));
		for (unsigned int k = 0; k < count; k++)
			make_any(&frames[k], kinds, &random);
		serve(bench, frames, count, next_random(&random) % (count + 1));
		sum_up(&sums, ports);
		sent += wire.out_count;
		received += count;
	}
	assert_int_equal(counters->verdicts[VERDICT_FORWARDED], sent);
	assert_true(counters->verdicts[VERDICT_TRANSMIT_FULL] > 1000);
	assert_true(counters->verdicts[VERDICT_MALFORMED] > 100);
	assert_int_equal(verdicts_sum(counters), received);
	assert_memory_equal(counters->counters, sums.services, sizeof(sums.services));
	assert_memory_equal(BACKEND(bench, 0), sums.backends, sizeof(sums.backends));
	assert_int_equal(counters->ports[0].tx_packets, sums.ports[0]);
	assert_int_equal(counters->ports[1].tx_packets, sums.ports[1]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_bench, tear_down_bench)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_copy_leaves_beside_its_packet_and_meets_no_verdict),
		TEST(a_copy_is_the_packet_byte_for_byte_but_for_its_backend),
		TEST(a_copy_that_the_port_does_not_take_is_gone_and_not_counted),
		TEST(a_copy_too_big_for_its_backend_is_gone_and_the_packet_leaves),
		TEST(of_a_burst_of_errors_a_few_are_copied),
		TEST(frames_of_others_leave_no_pins),
		TEST(a_port_that_gets_another_address_takes_frames_for_that_one),
		TEST(what_the_port_does_not_take_is_not_counted),
	};

	return cmocka_run_group_tests(tests, start_eal, stop_eal);
}
