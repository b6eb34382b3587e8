/* SPDX-License-Identifier: BSD-3-Clause */
#include "world.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#include "slots.h"
#include "source.h"

#define PORT_MTU 1500

/* Which backend owns a slot matters to no cycle, as long as neighbours differ. */
static void make_slots(struct world *world)
{
	for (uint32_t i = 0; i < WORLD_SLOTS; i++) {
		uint32_t backend = i * UINT32_C(7919) % WORLD_BACKENDS;

		slot_store(&world->slots[i], slot_pack(backend, backend));
	}
}

static void make_records(struct world *world, const struct world_options *options)
{
	struct record_route route = {
		.destination_mac = { 2, 0, 0, 0, 0, 1 },
		.source_mac = { 2, 0, 0, 0, 0, 2 },
		.port = SOURCE_PORT,
		.mtu = PORT_MTU,
	};
	bool ipv6 = options->encap == RECORD_ENCAP_IPV6;
	struct address source, backend;
	char text[ADDRESS_TEXT_SIZE];

	address_parse(ipv6 ? "fd00:2::10" : "10.2.0.10", &source);
	for (uint32_t i = 0; i < WORLD_BACKENDS; i++) {
		struct backend_record *record = &world->records[i + 1];

		snprintf(text, sizeof(text), ipv6 ? "fd00:3::%x" : "10.3.0.%u", i + 1);
		address_parse(text, &backend);
		route.counter = counters_backend_place(options->services, i);
		if (options->encap == RECORD_ENCAP_NONE)
			record_make_l2dsr(record, &route);
		else
			record_make_ipip(record, &route, &source, &backend);
		atomic_store(&world->record_of[i], i + 1);
	}
}

static int make_services(struct world *world, const struct world_options *options)
{
	struct service service = {
		.slots = world->slots,
		.record_of = world->record_of,
		.slot_count = WORLD_SLOTS,
	};
	struct service_key key = { .port = rte_cpu_to_be_16(options->vip_port),
		.protocol = IPPROTO_TCP };
	int code = address_parse(options->vip, &key.vip);

	for (uint32_t i = 0; code == 0 && i < options->services; i++) {
		service.counter = counters_service_place(i);
		code = service_table_add(world->tables->services, &key, &service);
		for (int byte = 3; byte >= 0 && ++key.vip.bytes[byte] == 0; byte--)
			;
	}
	return code;
}

static int make_tables(struct world *world, const struct world_options *options)
{
	static const uint8_t hash_key[FLOW_HASH_KEY_SIZE] = { 0, 1, 2, 3, 4, 5, 6, 7, 8 };
	struct flow_secret secret;

	flow_secret_generate(&secret, hash_key);
	world->tables = tables_create(&secret, world->records, options->services);
	return world->tables == NULL ? -1 : make_services(world, options);
}

static int make_worker(struct world *world, const struct world_options *options)
{
	struct worker *worker = &world->worker;
	size_t size = counters_size(options->services, WORLD_BACKENDS);

	size = RTE_ALIGN(size, 4096);
	worker->counters = aligned_alloc(4096, size);
	world->publish = publish_create(1);
	if (worker->counters == NULL || world->publish == NULL)
		return -1;
	memset(worker->counters, 0, size);
	publish_tables(world->publish, world->tables);
	worker->publish = world->publish;
	worker->port_count = 1;
	worker->ports[0].id = SOURCE_PORT;
	worker->stop = &world->stop;
	return 0;
}

struct world *world_create(const struct world_options *options)
{
	size_t size = RTE_ALIGN(sizeof(struct world), 4096);
	struct world *world = aligned_alloc(4096, size);

	if (world == NULL)
		return NULL;
	memset(world, 0, size);
	make_slots(world);
	make_records(world, options);
	if (make_tables(world, options) != 0 || make_worker(world, options) != 0)
		return NULL;
	return world;
}
