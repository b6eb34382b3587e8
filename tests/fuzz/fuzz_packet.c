/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any frames, in any bursts, pass through the whole loop of a worker (parse, services, pins,
 * encapsulation, ICMP errors, copies, checksums, counters) between two ports made of functions.
 * Nothing is read outside of a frame, every packet is counted with one verdict, every buffer comes
 * back, and what leaves has the packet that came inside, byte for byte.
 *
 * The input: how the node stands (4 bytes), then frames: how the frame comes (1 byte), its length
 * (2 bytes), its bytes.
 */
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_ethdev.h>

#include "affinity/affinity.h"
#include "balance.h"
#include "affinity/pins.h"
#include "encap/record.h"
#include "require.h"
#include "affinity/slots.h"
#include "tables/tables.h"
#include "worker.h"

#define MBUFS      255
#define FRAMES_MAX 60 /* with copies and second segments there are buffers for all */
#define FRAME_SIZE 2048
#define SLOTS      251
#define BACKENDS   3
#define SERVICES   8
#define BUCKETS    16
#define PORTS      2
#define TICK       100
#define GID(index) ((index) + 10)

/* How a frame comes. */
enum {
	COMES_SPLIT = 1 << 0,   /* in two segments */
	COMES_LAST = 1 << 1,    /* of its burst */
	COMES_LATER = 1 << 2,   /* the clock has gone on */
	COMES_CRAMPED = 1 << 3, /* without much headroom */
	COMES_UNALIGNED = 1 << 4,
	COMES_OTHER = 1 << 5, /* by the second port */
};

/* How the node stands. */
enum {
	NODE_STATION = 1 << 0,    /* takes frames for its address only */
	NODE_UNFINISHED = 1 << 1, /* completes checksums */
	NODE_HOST = 1 << 2,       /* leaves to the host what is not ours */
	NODE_FULL = 1 << 3,       /* the ports take few packets */
	NODE_FLOODED = 1 << 4,
	NODE_POOR = 1 << 5, /* no tokens are left */
	NODE_SLOW = 1 << 6, /* a UDP flow never ends */
};

struct frame {
	uint8_t control;
	size_t length;
	const uint8_t *bytes;
};

static struct node {
	_Atomic uint32_t slots[SLOTS];
	_Atomic uint32_t record_of[BACKENDS];
	struct affinity_pool pools[1];
	struct backend_record records[RECORD_MODE_COUNT * (BACKENDS + 1)];
	struct member members[MEMBER_COUNT_MAX];
	struct pins pins;
	uint8_t pins_before[BUCKETS * PINS_BUCKET_SIZE];
	struct affinity affinity;
	struct tables *tables;
	struct worker worker;
} node;

static struct wire {
	struct rte_mempool *pool;
	struct frame frames[FRAMES_MAX];
	unsigned int frame_count;
	unsigned int next;
	unsigned int handed;
	unsigned int room; /* frames that the ports still take */
	unsigned int sent;
	atomic_bool stop;
} wire;

/* A burst comes from the port that its first frame names. */
static uint16_t receive(unsigned int port, struct rte_mbuf **mbufs, uint16_t count);
static uint16_t transmit(void *queue, struct rte_mbuf **mbufs, uint16_t count);

static uint16_t receive_first(void *queue, struct rte_mbuf **mbufs, uint16_t count)
{
	return receive(0, mbufs, count);
}

static uint16_t receive_second(void *queue, struct rte_mbuf **mbufs, uint16_t count)
{
	return receive(1, mbufs, count);
}

static struct rte_mbuf *make_mbuf(const uint8_t *bytes, size_t length, uint16_t headroom)
{
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(wire.pool);

	require(mbuf != NULL);
	mbuf->data_off = headroom;
	if (length != 0)
		memcpy(rte_pktmbuf_append(mbuf, length), bytes, length);
	return mbuf;
}

static struct rte_mbuf *make_frame(const struct frame *frame, uint32_t number)
{
	size_t first = (frame->control & COMES_SPLIT) ? frame->length / 2 : frame->length;
	uint16_t headroom = (frame->control & COMES_CRAMPED) ? 24 : RTE_PKTMBUF_HEADROOM;
	struct rte_mbuf *mbuf;

	headroom += (frame->control & COMES_UNALIGNED) != 0;
	mbuf = make_mbuf(frame->bytes, first, headroom);
	if (first < frame->length)
		require(rte_pktmbuf_chain(mbuf,
				make_mbuf(frame->bytes + first, frame->length - first, 0)) == 0);
	mbuf->hash.usr = number; /* goes along, into copies, too */
	return mbuf;
}

/* What `explain` asks of a frame leaves no trace. */
static void look(const struct rte_mbuf *mbuf)
{
	struct packet packet = { .mbuf = (struct rte_mbuf *)mbuf };
	size_t size = pins_memory(BUCKETS);

	memcpy(node.pins_before, (const void *)node.pins.words, size);
	balance_choose_burst(node.tables, NULL, station_any(), &packet, 1);
	if (packet.verdict == VERDICT_NEXT)
		balance_look(node.tables, &packet);
	require(memcmp(node.pins_before, (const void *)node.pins.words, size) == 0);
}

static uint16_t receive(unsigned int port, struct rte_mbuf **mbufs, uint16_t count)
{
	uint16_t given = 0;
	bool last = false;

	if (wire.next == wire.frame_count) {
		atomic_store(&wire.stop, true);
		return 0;
	}
	if (((wire.frames[wire.next].control & COMES_OTHER) != 0) != (port == 1))
		return 0;
	while (given < count && wire.next < wire.frame_count && !last) {
		const struct frame *frame = &wire.frames[wire.next];

		if (frame->control & COMES_LATER)
			node.affinity.tick += 3;
		mbufs[given] = make_frame(frame, wire.next++);
		look(mbufs[given++]);
		last = (frame->control & COMES_LAST) != 0;
	}
	wire.handed += given;
	return given;
}

static uint16_t read16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static uint16_t checksum(const uint8_t *bytes, size_t length)
{
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < length; i += 2)
		sum += read16(bytes + i);
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

/* The packet inside of an outer header, NULL where that is not as it has to be. */
static const uint8_t *unwrap(const uint8_t *outer, size_t length, size_t *inner_length)
{
	size_t header = outer[0] >> 4 == 4 ? 20 : 40;
	uint8_t protocol = outer[header == 20 ? 9 : 6];
	const uint8_t *inner = outer + header;

	if (length <= header)
		return NULL;
	*inner_length = length - header;
	if (header == 20 && (outer[0] != 0x45 || read16(outer + 2) != length ||
				    outer[8] != RECORD_OUTER_TTL || checksum(outer, 20) != 0))
		return NULL;
	if (header == 40 && (outer[0] >> 4 != 6 || read16(outer + 4) != *inner_length))
		return NULL;
	return protocol == (inner[0] >> 4 == 4 ? 4 : 41) ? inner : NULL;
}

/* What leaves has come, with other MAC addresses or in an outer header. */
static void judge(const struct rte_mbuf *mbuf)
{
	const struct frame *frame = &wire.frames[mbuf->hash.usr];
	const uint8_t *out = rte_pktmbuf_mtod(mbuf, const uint8_t *);
	size_t length = mbuf->data_len, l2 = read16(out + 12) == RTE_ETHER_TYPE_VLAN ? 18 : 14;
	const uint8_t *packet = out + l2;
	size_t packet_length = length - l2;

	require(mbuf->nb_segs == 1 && mbuf->pkt_len == length && length > l2);
	require(!(frame->control & COMES_SPLIT) || frame->length < 2);
	require(packet_length <= 1500);
	if (out[5] != 0) /* by its MAC address not of l2dsr */
		packet = unwrap(packet, packet_length, &packet_length);
	require(packet != NULL && l2 + packet_length <= frame->length);
	require(out[5] != 0 || memcmp(out + 12, frame->bytes + 12, l2 - 12) == 0);
	if (!node.worker.ports[0].unfinished_checksums)
		require(memcmp(packet, frame->bytes + l2, packet_length) == 0);
}

static uint16_t transmit(void *queue, struct rte_mbuf **mbufs, uint16_t count)
{
	uint16_t taken = RTE_MIN(count, wire.room);

	wire.room -= taken;
	wire.sent += taken;
	for (unsigned int i = 0; i < taken; i++) {
		judge(mbufs[i]);
		rte_pktmbuf_free(mbufs[i]);
	}
	return taken;
}

static void set_port(unsigned int port, eth_rx_burst_t receiver)
{
	static void *queues[1], *callbacks[1];
	struct rte_eth_fp_ops *operations = &rte_eth_fp_ops[port];

	operations->rx_pkt_burst = receiver;
	operations->tx_pkt_burst = transmit;
	operations->rxq = (struct rte_ethdev_qdata){ .data = queues, .clbk = callbacks };
	operations->txq = operations->rxq;
}

/* EAL leaves it behind, empty. */
static void remove_runtime(void)
{
	rmdir(rte_eal_get_runtime_dir());
}

static void start_eal(void)
{
	char prefix[32];
	char *arguments[] = { "fuzz", "--no-huge", "--no-pci", "--no-shconf", "--no-telemetry",
		"-m64", "--log-level=error", prefix, NULL };

	snprintf(prefix, sizeof(prefix), "--file-prefix=fuzz-%d", getpid());
	require(rte_eal_init(RTE_DIM(arguments) - 1, arguments) >= 0);
	atexit(remove_runtime);
	set_port(0, receive_first);
	set_port(1, receive_second);
	wire.pool = rte_pktmbuf_pool_create(
		"fuzz", MBUFS, 0, 0, RTE_PKTMBUF_HEADROOM + FRAME_SIZE, SOCKET_ID_ANY);
	require(wire.pool != NULL);
}

static struct address parse_address(const char *text)
{
	struct address address;

	require(address_parse(text, &address) == 0);
	return address;
}

static void add_service(
	const char *vip, uint8_t protocol, uint16_t port, enum affinity_udp udp, uint8_t mode)
{
	static uint32_t count;
	const struct service_key key = {
		.vip = parse_address(vip),
		.protocol = protocol,
		.port = rte_cpu_to_be_16(port),
	};
	const struct service service = {
		.slots = node.slots,
		.record_of = node.record_of,
		.slot_count = SLOTS,
		.counter = count++,
		.udp = udp,
		.mode = mode,
	};

	require(service_table_add(node.tables->services, &key, &service) == 0);
}

static void add_services(void)
{
	add_service("203.0.113.10", IPPROTO_TCP, 80, AFFINITY_UDP_PIN, RECORD_MODE_IPIP);
	add_service("203.0.113.10", IPPROTO_TCP, 0, AFFINITY_UDP_PIN, RECORD_MODE_L2DSR);
	add_service("203.0.113.10", IPPROTO_UDP, 80, AFFINITY_UDP_PIN, RECORD_MODE_IPIP);
	add_service("203.0.113.10", IPPROTO_UDP, 443, AFFINITY_UDP_QUIC, RECORD_MODE_IPIP);
	add_service("203.0.113.10", IPPROTO_UDP, 53, AFFINITY_UDP_HASH, RECORD_MODE_L2DSR);
	add_service("2001:db8::10", IPPROTO_TCP, 80, AFFINITY_UDP_PIN, RECORD_MODE_IPIP);
	add_service("2001:db8::10", IPPROTO_UDP, 443, AFFINITY_UDP_QUIC, RECORD_MODE_IPIP);
	add_service("2001:db8::10", IPPROTO_UDP, 0, AFFINITY_UDP_PIN, RECORD_MODE_L2DSR);
}

/* The last backend is reached by IPv6, and by the second port. MACs end in 0 for l2dsr. */
static void add_backend(uint32_t index)
{
	const struct address source4 = parse_address("10.2.0.250"),
			     other4 = parse_address("10.2.0.1");
	const struct address source6 = parse_address("fd00:2::250"),
			     other6 = parse_address("fd00:2::1");
	struct backend_record *records = &node.records[RECORD_MODE_COUNT * (index + 1)];
	struct record_route route = {
		.destination_mac = { 2, 0, 0, 0, index, 0 },
		.source_mac = { 2, 0, 0, 0, 0, 99 },
		.port = index == BACKENDS - 1,
		.mtu = index == 0 ? 600 : 1500,
		.gid = GID(index),
		.counter = counters_backend_cell(SERVICES, index),
	};

	record_make_l2dsr(&records[RECORD_MODE_L2DSR], &route);
	route.destination_mac[5] = 1;
	if (index == BACKENDS - 1)
		record_make_ipip(&records[RECORD_MODE_IPIP], &route, &source6, &other6);
	else
		record_make_ipip(&records[RECORD_MODE_IPIP], &route, &source4, &other4);
	node.record_of[index] = RECORD_MODE_COUNT * (index + 1);
	node.members[GID(index)].state = MEMBER_UP;
	node.members[GID(index)].index = index;
}

static void make_worker(void)
{
	size_t size = RTE_ALIGN(counters_size(SERVICES, BACKENDS), 64);
	struct worker *worker = &node.worker;

	worker->publish = publish_create(1);
	worker->counters = aligned_alloc(64, size);
	require(worker->publish != NULL && worker->counters != NULL);
	publish_tables(worker->publish, node.tables);
	worker->port_count = PORTS;
	worker->ports[1].id = 1;
	worker->port_of[1] = 1;
	worker->stop = &wire.stop;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const uint8_t hash_key[FLOW_HASH_KEY_SIZE] = "a fuzzer";
	void *memory = aligned_alloc(PINS_BUCKET_SIZE, pins_memory(BUCKETS));
	struct flow_secret secret;

	start_eal();
	require(memory != NULL);
	pins_init(&node.pins, memory, BUCKETS);
	flow_secret_generate(&secret, hash_key);
	node.tables = tables_create(&secret, node.records, SERVICES);
	require(node.tables != NULL);
	node.affinity.pins = &node.pins;
	node.affinity.members = node.members;
	node.affinity.pools = node.pools;
	node.tables->affinity = &node.affinity;
	add_services();
	for (uint32_t index = 0; index < BACKENDS; index++)
		add_backend(index);
	make_worker();
	return 0;
}

/* Bits 0 and 1 of a nibble are cur, 2 and 3 home; 3 is no backend. */
static uint32_t make_word(uint8_t nibble, uint8_t flags)
{
	uint32_t cur = nibble & 3, home = nibble >> 2;
	uint32_t word =
		slot_pack(cur == 3 ? SLOT_NO_BACKEND : cur, home == 3 ? SLOT_NO_BACKEND : home);

	if (cur != home)
		word |= SLOT_TRACK;
	return (word & SLOT_TRACK) == 0 ? word : word | (uint32_t)flags << 28;
}

static void set_node(struct input *input)
{
	static const struct rte_ether_addr mac = { { 2, 0, 0, 0, 0, 0xbb } };
	uint8_t how = input_take8(input), words = input_take8(input), flags = input_take8(input);
	uint8_t states = input_take8(input);

	for (unsigned int i = 0; i < PORTS; i++) {
		struct worker_port *port = &node.worker.ports[i];

		port->station = (how & NODE_STATION) ? station_of(&mac) : station_any();
		port->unfinished_checksums = (how & NODE_UNFINISHED) != 0;
		port->leaves_to_host = (how & NODE_HOST) != 0;
	}
	/* odd slots and even ones differ */
	for (uint32_t slot = 0; slot < SLOTS; slot++)
		slot_store(&node.slots[slot], slot % 2 ? make_word(words & 15, flags & 15)
						       : make_word(words >> 4, flags >> 4));
	for (uint32_t i = 0; i < BACKENDS; i++)
		node.members[GID(i)].state = (states >> 2 * i & 3) + MEMBER_UP;
	memset((void *)node.pins.words, 0, pins_memory(BUCKETS));
	memset(node.pools, 0, sizeof(node.pools));
	node.pools[0].flooded = (how & NODE_FLOODED) != 0;
	if (!(how & NODE_POOR))
		node.pools[0].observe_tokens = node.pools[0].confirms = node.pools[0].strains = 8;
	node.affinity.udp_idle_ticks = (how & NODE_SLOW) ? 4000 : 5;
	node.affinity.tick = TICK;
	memset(node.worker.counters, 0, counters_size(SERVICES, BACKENDS));
	wire.room = (how & NODE_FULL) ? 5 : UINT16_MAX;
}

static void take_frames(struct input *input)
{
	wire.frame_count = wire.next = wire.handed = wire.sent = 0;
	while (input->left > 0 && wire.frame_count < FRAMES_MAX) {
		struct frame *frame = &wire.frames[wire.frame_count++];
		size_t wanted;

		frame->control = input_take8(input);
		wanted = input_take16(input) % FRAME_SIZE;
		frame->bytes = input_take(input, wanted, &frame->length);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct worker_counters *counters = node.worker.counters;
	struct input input = { data, size };
	uint64_t verdicts = 0;

	set_node(&input);
	take_frames(&input);
	atomic_store(&wire.stop, false);
	worker_run(&node.worker);
	for (unsigned int i = 0; i < COUNTERS_VERDICT_ROOM; i++)
		verdicts += counters->verdicts[i];
	require(wire.handed == wire.frame_count && counters->packets == wire.handed);
	require(verdicts == wire.handed && counters->verdicts[VERDICT_NEXT] == 0);
	require(counters->verdicts[VERDICT_FORWARDED] + counters->copies == wire.sent);
	require(rte_mempool_avail_count(wire.pool) == MBUFS);
	return 0;
}
