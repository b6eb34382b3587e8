/* SPDX-License-Identifier: BSD-3-Clause */
#include "world.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <rte_common.h>

#include "balance.h"
#include "affinity/slots.h"
#include "source.h"
#include "state/state.h"

#define PORT_MTU  1600 /* an encapsulated packet of 1,500 bytes fits */
#define PINS_MIN  1000
#define HUGE_PAGE (UINT64_C(2) << 20)

/* Zeroes, in pages of the wanted size. Ends the process where there is no memory. */
static void *allocate(const struct world_options *options, uint64_t size)
{
	void *memory;

	size = RTE_ALIGN(size, HUGE_PAGE);
	memory = aligned_alloc(HUGE_PAGE, size);
	if (memory == NULL) {
		perror("world");
		exit(1);
	}
	/* a kernel without huge pages: then both are the same */
	madvise(memory, size, options->huge_pages ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	return memset(memory, 0, size);
}

static inline uint32_t gid_of(uint32_t pool, uint32_t backend)
{
	return pool * WORLD_BACKENDS + backend;
}

static void make_record(struct world *world, uint32_t gid)
{
	const struct world_options *options = &world->options;
	struct backend_record *record = &world->records[gid + 1];
	bool ipv6 = options->encap == RECORD_ENCAP_IPV6;
	struct record_route route = {
		.destination_mac = { 2, 0, 0, 0, 0, 1 },
		.source_mac = { 2, 0, 0, 0, 0, 2 },
		.port = SOURCE_PORT,
		.mtu = PORT_MTU,
		.gid = gid,
		.counter = counters_backend_cell(options->services, gid),
	};
	struct address source, backend;
	char text[ADDRESS_TEXT_SIZE];

	if (options->encap == RECORD_ENCAP_NONE) {
		record_make_l2dsr(record, &route);
		return;
	}
	address_parse(ipv6 ? "fd00:2::10" : "10.2.0.10", &source);
	snprintf(text, sizeof(text), ipv6 ? "fd00:3::%x:%x" : "10.3.%u.%u", gid >> 8, gid & 0xff);
	address_parse(text, &backend);
	record_make_ipip(record, &route, &source, &backend);
}

/* Which backend owns a slot matters to no cycle, as long as neighbours differ. */
static void make_slots(struct world *world, struct world_pool *pool)
{
	for (uint32_t i = 0; i < WORLD_SLOTS; i++) {
		uint32_t cur = i * UINT32_C(7919) % WORLD_BACKENDS;
		bool tracked = i * UINT32_C(31) % 100 < world->options.tracked_percent;
		uint32_t home = tracked ? (cur + 1) % WORLD_BACKENDS : cur;

		slot_store(&pool->slots[i], slot_pack(cur, home) | (tracked ? SLOT_TRACK : 0));
	}
}

static void make_pool(struct world *world, uint32_t number)
{
	struct world_pool *pool = &world->pools[number];

	pool->slots = &world->slots[(uint64_t)number * state_slots_room(WORLD_SLOTS)];
	pool->record_of = &world->record_of[number * WORLD_BACKENDS];
	make_slots(world, pool);
	for (uint32_t i = 0; i < WORLD_BACKENDS; i++) {
		struct member *member = &world->members[gid_of(number, i)];

		atomic_store(&member->state, MEMBER_UP);
		atomic_store(&member->index, i);
		atomic_store(&member->pool, number);
		atomic_store(&pool->record_of[i], gid_of(number, i) + 1);
		make_record(world, gid_of(number, i));
	}
}

static void make_affinity(struct world *world)
{
	const struct world_options *options = &world->options;
	uint32_t buckets = pins_bucket_count(RTE_MAX(options->pins, PINS_MIN));

	world->affinity_pools = allocate(options, options->pools * sizeof(*world->affinity_pools));
	for (uint32_t i = 0; i < options->pools; i++)
		world->affinity_pools[i].strains = world->affinity_pools[i].confirms = INT32_MAX;
	pins_init(&world->pins, allocate(options, pins_memory(buckets)), buckets);
	world->affinity = (struct affinity){
		.pins = &world->pins,
		.members = world->members,
		.pools = world->affinity_pools,
		.udp_idle_ticks = 60 / PIN_TICK_SECONDS,
		.tick = WORLD_TICK,
	};
}

/* The address behind it. */
static void advance(struct address *address)
{
	for (size_t byte = address_length(address); byte-- > 0;)
		if (++address->bytes[byte] != 0)
			return;
}

struct tables *world_make_tables(const struct world *world)
{
	const struct world_options *options = &world->options;
	struct service_key key = { options->vip, options->vip_port, options->protocol };
	struct tables *tables = tables_create(&world->secret, world->records, options->services);

	for (uint32_t i = 0; tables != NULL && i < options->services; i++) {
		struct service service = {
			.slots = world->pools[i % options->pools].slots,
			.record_of = world->pools[i % options->pools].record_of,
			.slot_count = WORLD_SLOTS,
			.counter = counters_service_cell(i),
			.pool = i % options->pools,
		};

		if (service_table_add(tables->services, &key, &service) != 0) {
			tables_destroy(tables);
			return NULL;
		}
		advance(&key.vip);
	}
	if (tables != NULL)
		tables->affinity = &world->affinity;
	return tables;
}

static void make_worker(struct world *world, unsigned int number)
{
	const struct world_options *options = &world->options;
	struct worker *worker = &world->workers[number];

	worker->number = number;
	worker->queue = number;
	worker->port_count = 1;
	worker->ports[0].id = SOURCE_PORT;
	worker->ports[0].station = station_of(&traffic_station);
	worker->publish = world->publish;
	worker->stop = &world->stop[number];
	worker->counters = allocate(
		options, counters_size(options->services, options->pools * WORLD_BACKENDS));
}

struct world *world_create(const struct world_options *options)
{
	static const uint8_t hash_key[FLOW_HASH_KEY_SIZE] = { 0, 1, 2, 3, 4, 5, 6, 7, 8 };
	uint32_t backends = options->pools * WORLD_BACKENDS;
	struct world *world = allocate(options, sizeof(*world));

	world->options = *options;
	flow_secret_generate(&world->secret, hash_key);
	world->pools = allocate(options, options->pools * sizeof(*world->pools));
	world->slots = allocate(options,
		(uint64_t)options->pools * state_slots_room(WORLD_SLOTS) * sizeof(*world->slots));
	world->record_of = allocate(options, backends * sizeof(*world->record_of));
	world->records = allocate(options, (backends + 1) * sizeof(*world->records));
	world->members = allocate(options, MEMBER_COUNT_MAX * sizeof(*world->members));
	for (uint32_t i = 0; i < options->pools; i++)
		make_pool(world, i);
	make_affinity(world);
	world->tables = world_make_tables(world);
	world->publish = publish_create(options->workers);
	if (world->tables == NULL || world->publish == NULL)
		return NULL;
	publish_tables(world->publish, world->tables);
	for (unsigned int i = 0; i < options->workers; i++)
		make_worker(world, i);
	return world;
}

static bool pin_flow(struct world *world, struct rte_mbuf *mbuf)
{
	bool udp = world->options.protocol == IPPROTO_UDP;
	struct packet packet = { .mbuf = mbuf };

	balance_choose_burst(world->tables, NULL, station_any(), &packet, 1);
	if (packet.verdict != VERDICT_NEXT || (packet.word & SLOT_TRACK) == 0)
		return false;
	return pins_put(&world->pins, packet.hash,
		       gid_of(packet.service->pool, slot_cur(packet.word)),
		       udp ? PIN_UDP : PIN_ESTABLISHED, WORLD_TICK) == PINS_PUT_PLACED;
}

uint64_t world_pin_flows(
	struct world *world, struct rte_mempool *pool, uint32_t flows, uint32_t step)
{
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(pool);
	uint64_t pinned = 0;

	if (mbuf == NULL)
		return 0;
	for (uint32_t flow = 0; flow < flows; flow += step) {
		source_fill(mbuf, flow);
		pinned += pin_flow(world, mbuf);
	}
	rte_pktmbuf_free(mbuf);
	return pinned;
}

uint64_t world_count_pins(const struct world *world, enum pin_class class)
{
	uint64_t count = 0;

	for (uint64_t i = 0; i < (uint64_t)world->pins.bucket_count * PINS_WAYS; i++)
		count += pin_class(pins_load(&world->pins, i)) == class;
	return count;
}
