/* SPDX-License-Identifier: BSD-3-Clause */
/* balance_fixture: tables with one pool, whose slot words a test sets as it likes. */
#pragma once

#include "pins_fixture.h"

#include "balance.h"
#include "frames.h"
#include "affinity/slots.h"

#define SLOTS      251
#define NOW        100 /* tick */
#define POOL       0
#define SERVICES   4 /* their counters come first */
#define NO_BACKEND SLOT_NO_BACKEND

/*
 * Backends by index, reached by new MAC addresses (l2dsr) that end in the index. The gid is the
 * index + 10, the number of the record's cell the index + 1.
 */
enum { A, B, C, BACKENDS };
#define GID(index) ((index) + 10)

#define QUIET (A | A << SLOT_BACKEND_BITS)
#define AWAY  (SLOT_TRACK | B | A << SLOT_BACKEND_BITS) /* new flows to B, old ones to A */

/* A service for TCP and one for UDP to port 80 of both VIPs, of one pool. */
struct scene {
	_Atomic uint32_t slots[SLOTS];
	_Atomic uint32_t record_of[BACKENDS];
	struct affinity_pool pools[1];
	struct backend_record records[BACKENDS + 1];
	struct member members[MEMBER_COUNT_MAX];
	struct pins pins;
	struct affinity affinity;
	struct affinity_counters counters;
	struct tables *tables;
	uint32_t services;
};

static inline void set_words(struct scene *scene, uint32_t word)
{
	for (uint32_t slot = 0; slot < SLOTS; slot++)
		slot_store(&scene->slots[slot], word);
}

static inline void add_service(struct scene *scene, const char *vip, uint8_t protocol)
{
	struct service_key key = { .protocol = protocol, .port = rte_cpu_to_be_16(80) };
	struct service service = {
		.slots = scene->slots,
		.record_of = scene->record_of,
		.slot_count = SLOTS,
		.counter = scene->services++,
		.pool = POOL,
	};

	assert_int_equal(address_parse(vip, &key.vip), 0);
	assert_int_equal(service_table_add(scene->tables->services, &key, &service), 0);
}

static inline void add_backends(struct scene *scene)
{
	for (uint32_t i = 0; i < BACKENDS; i++) {
		scene->members[GID(i)].state = MEMBER_UP;
		scene->members[GID(i)].index = i;
		scene->members[GID(i)].pool = POOL;
		scene->records[i + 1].gid = GID(i);
		scene->records[i + 1].mtu = 1500;
		scene->records[i + 1].destination_mac[5] = i;
		scene->records[i + 1].counter = SERVICES + i;
		scene->record_of[i] = i + 1;
	}
}

static inline int set_up(void **state)
{
	static const uint8_t hash_key[FLOW_HASH_KEY_SIZE] = "a test";
	struct scene *scene = aligned_alloc(64, RTE_ALIGN(sizeof(*scene), 64));
	struct flow_secret secret;

	assert_non_null(scene);
	memset(scene, 0, sizeof(*scene));
	make_pins(&scene->pins, 64);
	add_backends(scene);
	scene->pools[0].observe_tokens = scene->pools[0].confirms = scene->pools[0].strains = 1000;
	scene->affinity.pins = &scene->pins;
	scene->affinity.members = scene->members;
	scene->affinity.pools = scene->pools;
	scene->affinity.udp_idle_ticks = 15;
	scene->affinity.tick = NOW;
	flow_secret_generate(&secret, hash_key);
	scene->tables = tables_create(&secret, scene->records, SERVICES);
	assert_non_null(scene->tables);
	scene->tables->affinity = &scene->affinity;
	add_service(scene, FRAME_VIP4, FRAME_TCP);
	add_service(scene, FRAME_VIP4, FRAME_UDP);
	add_service(scene, FRAME_VIP6, FRAME_TCP);
	add_service(scene, FRAME_VIP6, FRAME_UDP);
	*state = scene;
	return 0;
}

static inline int tear_down(void **state)
{
	struct scene *scene = *state;

	tables_destroy(scene->tables);
	free_pins(&scene->pins);
	free(scene);
	return 0;
}

static inline void make_syn(struct frame *frame, uint16_t source_port)
{
	frame_begin(frame);
	frame_add_ipv4(frame, "198.51.100.7", FRAME_VIP4);
	frame_add_tcp(frame, source_port, 80, FRAME_TCP_SYN);
	frame_finish(frame);
}
