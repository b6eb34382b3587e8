/* SPDX-License-Identifier: BSD-3-Clause */
#include "virtual_node.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_tcp.h>
#include <rte_udp.h>

#include "balance.h"

#define SLOW_START_STEPS 120

static void *need(void *memory)
{
	if (memory == NULL) {
		fprintf(stderr, "virtual node: no memory or no room\n");
		abort();
	}
	return memory;
}

static void *need_lines(size_t size)
{
	void *memory = need(aligned_alloc(64, (size + 63) / 64 * 64));

	memset(memory, 0, (size + 63) / 64 * 64);
	return memory;
}

static void set_up_pins(struct virtual_node *node, uint32_t bucket_count)
{
	const struct virtual_limits *limits = &node->limits;
	const uint32_t idle_s[PIN_CLASS_COUNT] = {
		/* a pin on probation may be of UDP, whose second packet takes as long as any */
		[PIN_PROBATION] = limits->udp_idle_s > 16 ? limits->udp_idle_s : 16,
		[PIN_OBSERVED] = 14400,
		[PIN_ESTABLISHED] = 14400,
		[PIN_FINISHED] = 60,
		[PIN_UDP] = limits->udp_idle_s,
		[PIN_QUIC] = limits->quic_idle_s,
		[PIN_TRIAL] = 900,
	};

	pins_init(&node->pins, need_lines(pins_memory(bucket_count)), bucket_count);
	node->seen = need(calloc(node->slot_count, 1));
	node->pool_of = need(calloc(VIRTUAL_BACKENDS, sizeof(*node->pool_of)));
	for (uint32_t gid = 0; gid < VIRTUAL_BACKENDS; gid++)
		node->pool_of[gid] = (struct pins_sweep_pool){ node->seen, node->slot_count };
	node->rules.pool_of = node->pool_of;
	node->rules.gid_count = VIRTUAL_BACKENDS;
	node->rules.context = node;
	memcpy(node->rules.idle_limit_seconds, idle_s, sizeof(idle_s));
}

static void set_up_view(struct virtual_node *node)
{
	static const uint8_t udp[VIRTUAL_PROTOCOLS] = {
		[VIRTUAL_UDP] = AFFINITY_UDP_PIN,
		[VIRTUAL_QUIC] = AFFINITY_UDP_QUIC,
	};

	for (int i = 0; i < VIRTUAL_PROTOCOLS; i++)
		node->services[i] = (struct service){
			.slots = node->slots,
			.record_of = node->record_of,
			.slot_count = node->slot_count,
			.udp = udp[i],
		};
	node->tables.records = node->records;
	node->affinity = (struct affinity){
		.pins = &node->pins,
		.members = node->members,
		.pools = &node->pool,
		.udp_idle_ticks = node->limits.udp_idle_s / PIN_TICK_SECONDS,
	};
	node->tables.affinity = &node->affinity;
}

struct virtual_node *virtual_node_create(uint32_t slot_count, uint32_t bucket_count,
	const struct virtual_limits *limits, uint32_t now_s)
{
	static const uint8_t hash_key[FLOW_HASH_KEY_SIZE] = "a virtual node";
	struct virtual_node *node = need_lines(sizeof(*node));

	node->limits = *limits;
	node->slot_count = slot_count;
	node->slots = need_lines(slot_count * sizeof(*node->slots));
	for (uint32_t slot = 0; slot < slot_count; slot++)
		slot_store(&node->slots[slot], slot_pack(SLOT_NO_BACKEND, SLOT_NO_BACKEND));
	node->table = need_lines(slot_count * sizeof(*node->table));
	node->previous = need_lines(slot_count * sizeof(*node->previous));
	node->base.table = need_lines(slot_count * sizeof(*node->base.table));
	node->base.ranks = need_lines(slot_count * sizeof(*node->base.ranks));
	node->base.owned = need_lines(VIRTUAL_SEATS * sizeof(*node->base.owned));
	node->members = need_lines(MEMBER_COUNT_MAX * sizeof(*node->members));
	node->rendezvous = need(rendezvous_create());
	flow_secret_generate(&node->secret, hash_key);
	node->transitions =
		need(transitions_create(node->slots, slot_count, node->member_of, now_s));
	set_up_pins(node, bucket_count);
	set_up_view(node);
	node->now_s = now_s;
	atomic_store(&node->affinity.tick, now_s / PIN_TICK_SECONDS);
	atomic_store(&node->pool.confirms, INT32_MAX);
	return node;
}

void virtual_node_destroy(struct virtual_node *node)
{
	transitions_destroy(node->transitions);
	rendezvous_destroy(node->rendezvous);
	free((void *)node->pins.words);
	free(node->seen);
	free(node->pool_of);
	free(node->members);
	free(node->base.owned);
	free(node->base.ranks);
	free(node->base.table);
	free(node->previous);
	free(node->table);
	free((void *)node->slots);
	free(node);
}

/* Seats. */

struct virtual_seat *virtual_node_seat(struct virtual_node *node, uint32_t index)
{
	for (uint32_t i = 0; i < node->seat_count; i++)
		if (node->seats[i].occupant == index)
			return &node->seats[i];
	return NULL;
}

static struct virtual_seat *seat_of_key(struct virtual_node *node, const char *key)
{
	for (uint32_t i = 0; i < node->seat_count; i++)
		if (strcmp(node->seats[i].key, key) == 0)
			return &node->seats[i];
	return NULL;
}

static bool is_removed(const struct membership_facts *facts)
{
	return facts->wish == MEMBERSHIP_REMOVED || facts->wish == MEMBERSHIP_REMOVED_DRAIN;
}

/* Ghosts have stayed until somebody comes. */
static void forget_ghosts(struct virtual_node *node)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < node->seat_count; i++) {
		uint32_t occupant = node->seats[i].occupant;

		if (occupant != VIRTUAL_NOBODY && !is_removed(&node->backends[occupant].facts))
			node->seats[kept++] = node->seats[i];
	}
	node->seat_count = kept;
}

static struct virtual_seat *add_seat(struct virtual_node *node, const char *key)
{
	struct virtual_seat *seat;

	forget_ghosts(node);
	need(node->seat_count < VIRTUAL_SEATS ? node : NULL);
	seat = &node->seats[node->seat_count++];
	*seat = (struct virtual_seat){ .dynamic = FACTOR_ONE };
	snprintf(seat->key, sizeof(seat->key), "%s", key);
	node->base_is_stale = true;
	return seat;
}

static uint32_t free_index(struct virtual_node *node)
{
	uint32_t index = 0;

	while (index < VIRTUAL_BACKENDS && node->backends[index].used)
		index++;
	need(index < VIRTUAL_BACKENDS ? node : NULL);
	return index;
}

uint32_t virtual_node_add(
	struct virtual_node *node, const char *key, uint32_t weight, uint32_t slow_start_s)
{
	uint32_t index = free_index(node);
	struct virtual_backend *backend = &node->backends[index];
	struct virtual_seat *seat = seat_of_key(node, key);

	if (seat == NULL)
		seat = add_seat(node, key);
	node->base_is_stale |= seat->weight != weight;
	seat->weight = weight;
	seat->occupant = index;
	seat->started_s = node->now_s;
	seat->slow_start_s = slow_start_s;
	seat->joining |= slow_start_s != 0;
	*backend = (struct virtual_backend){ .used = true };
	backend->facts = (struct membership_facts){
		.weight = weight,
		.deadline_s = MEMBERSHIP_NO_DEADLINE,
		.healthy = true,
		.health_s = node->now_s,
	};
	backend->life = membership_begin(&backend->facts, &node->limits.membership, node->now_s);
	atomic_store(&node->members[index].index, index);
	membership_store(&backend->life, &node->members[index]);
	node->member_of[index] = &node->members[index];
	node->records[index + 1].gid = index;
	node->records[index + 1].mtu = 1500;
	atomic_store(&node->record_of[index], index + 1);
	node->table_is_stale = true;
	return index;
}

/* An index is free when no word has named it for a whole sweep: then no pin is left, either. */
static void free_indices(struct virtual_node *node, uint32_t sweep_began_s)
{
	for (uint32_t index = 0; index < VIRTUAL_BACKENDS; index++) {
		struct virtual_backend *backend = &node->backends[index];
		struct virtual_seat *seat;

		if (!backend->used || backend->unnamed_s == 0 ||
			backend->unnamed_s >= sweep_began_s)
			continue;
		seat = virtual_node_seat(node, index);
		if (seat != NULL)
			seat->occupant = VIRTUAL_NOBODY;
		backend->used = false;
		node->member_of[index] = NULL;
		atomic_store(&node->members[index].state, MEMBER_NONE);
		atomic_store(&node->record_of[index], RECORD_NONE);
	}
}

static void find_unnamed(struct virtual_node *node)
{
	bool named[SLOT_NO_BACKEND + 1] = { false };

	for (uint32_t slot = 0; slot < node->slot_count; slot++) {
		uint32_t word = slot_load(&node->slots[slot]);

		named[slot_cur(word)] = named[slot_home(word)] = true;
	}
	for (uint32_t index = 0; index < VIRTUAL_BACKENDS; index++) {
		struct virtual_backend *backend = &node->backends[index];

		if (!backend->used || backend->life.state != MEMBER_DEAD ||
			!is_removed(&backend->facts) || named[index])
			backend->unnamed_s = 0;
		else if (backend->unnamed_s == 0)
			backend->unnamed_s = node->now_s;
	}
}

/* Tables. */

static void list_seats(struct virtual_node *node, bool with_joining)
{
	for (uint32_t i = 0; i < node->seat_count; i++) {
		const struct virtual_seat *seat = &node->seats[i];

		node->list[i] = (struct maglev_member){
			.key = seat->key,
			.key_length = strlen(seat->key),
			.key_hash = maglev_key_hash(&node->secret, seat->key, strlen(seat->key)),
			.weight = seat->joining && !with_joining ? 0 : seat->weight,
			.index = i,
		};
		node->joining[i] = seat->joining;
	}
}

static void build_base(struct virtual_node *node)
{
	list_seats(node, false);
	if (maglev_build(node->list, node->seat_count, node->slot_count, node->previous) != 0)
		memset(node->previous, 0xff, node->slot_count * sizeof(*node->previous));
	list_seats(node, true);
	if (maglev_build_base(node->list, node->seat_count, node->slot_count, &node->base) != 0)
		need(NULL);
	node->base_is_stale = false;
}

static uint32_t factor_of(struct virtual_node *node, struct virtual_seat *seat)
{
	uint32_t factor = FACTOR_ONE;

	if (seat->occupant == VIRTUAL_NOBODY ||
		node->backends[seat->occupant].life.state != MEMBER_UP)
		return 0;
	if (seat->slow_start_s != 0)
		factor = factor_of_slow_start((node->now_s - seat->started_s) * 1000ull,
			seat->slow_start_s * 1000ull, SLOW_START_STEPS);
	return factor_multiply(factor, seat->dynamic);
}

static void end_slow_start(struct virtual_node *node, struct virtual_seat *seat)
{
	seat->slow_start_s = 0;
	if (seat->joining)
		node->base_is_stale = true; /* `previous` now knows it */
	seat->joining = false;
}

static void build_table(struct virtual_node *node)
{
	struct patched_pool pool = {
		.members = node->list,
		.factors = node->factors,
		.member_count = node->seat_count,
		.slot_count = node->slot_count,
		.base = node->base,
		.previous = node->previous,
		.joining = node->joining,
	};

	if (patched_build(&pool, node->rendezvous, node->table) != 0)
		need(NULL);
	node->builds++;
	for (uint32_t slot = 0; slot < node->slot_count; slot++) {
		uint16_t place = node->table[slot];

		node->table[slot] =
			place == PATCHED_NO_BACKEND ? SLOT_NO_BACKEND : node->seats[place].occupant;
	}
}

static void live_on(struct virtual_node *node, uint32_t index)
{
	struct virtual_backend *backend = &node->backends[index];
	struct membership_life life;

	if (!backend->used)
		return;
	life = membership_continue(
		&backend->life, &backend->facts, &node->limits.membership, node->now_s);
	if (life.state != backend->life.state)
		node->table_is_stale = true;
	backend->life = life;
	membership_store(&life, &node->members[index]);
}

static void update_factors(struct virtual_node *node)
{
	for (uint32_t i = 0; i < node->seat_count; i++) {
		struct virtual_seat *seat = &node->seats[i];
		uint32_t factor;

		if (seat->slow_start_s != 0 && node->now_s - seat->started_s >= seat->slow_start_s)
			end_slow_start(node, seat);
		factor = factor_of(node, seat);
		if (factor != node->factors[i])
			node->table_is_stale = true;
		node->factors[i] = factor;
	}
}

void virtual_node_apply(struct virtual_node *node)
{
	for (uint32_t index = 0; index < VIRTUAL_BACKENDS; index++)
		live_on(node, index);
	update_factors(node);
	if (node->base_is_stale) {
		build_base(node);
		node->table_is_stale = true;
	}
	if (node->table_is_stale) {
		build_table(node);
		transitions_publish(
			node->transitions, node->table, &node->limits.times, node->now_s);
		node->table_is_stale = false;
	}
	transitions_advance(node->transitions, &node->limits.times, node->lapsed_s, node->now_s,
		&node->summary);
}

static bool keep_pin(void *context, uint64_t pin, uint32_t slot, uint32_t idle_seconds)
{
	struct virtual_node *node = context;

	return transitions_pin_is_needed(pin, &node->members[pin_gid(pin)],
		slot_load(&node->slots[slot]), idle_seconds, node->now_s);
}

static void sweep(struct virtual_node *node)
{
	struct pins_sweep sweep;

	memset(node->seen, 0, node->slot_count);
	pins_sweep_begin(&sweep, &node->pins, &node->rules);
	pins_sweep_run(&sweep, UINT32_MAX, node->affinity.tick, keep_pin);
	for (int class = 0; class < PIN_CLASS_COUNT; class ++) {
		node->swept += sweep.deleted[class];
		node->kept[class] = sweep.found[class] - sweep.deleted[class];
	}
	transitions_swept(node->transitions, node->seen, node->now_s);
	free_indices(node, node->now_s);
	find_unnamed(node);
}

static void fill_budgets(struct virtual_node *node)
{
	atomic_store(&node->pool.observe_tokens, node->limits.observe_tokens);
	atomic_store(&node->pool.strains, INT32_MAX);
	atomic_store(&node->pool.confirms, INT32_MAX);
}

void virtual_node_tick(struct virtual_node *node, uint32_t now_s)
{
	uint32_t before_s = node->now_s;

	node->now_s = now_s;
	atomic_store(&node->affinity.tick, now_s / PIN_TICK_SECONDS);
	if ((atomic_exchange(&node->pool.lapsed, 0) | atomic_exchange(&node->pool.unobserved, 0)) !=
		0)
		node->lapsed_s = now_s;
	virtual_node_apply(node);
	fill_budgets(node);
	if (now_s / node->limits.sweep_every_s != before_s / node->limits.sweep_every_s)
		sweep(node);
}

/* Packets. */

/* Fills what parse() would have found in a frame with those bytes after 34 of headers. */
static void make_frame(uint8_t frame[128], struct packet *packet, enum virtual_protocol protocol,
	enum affinity_kind kind)
{
	static const uint8_t initial[5] = { 0xc0, 0, 0, 0, 1 }, short_header[5] = { 0x40 };
	struct rte_tcp_hdr *tcp = (void *)(frame + 34);

	packet->l2_length = 14;
	packet->l4_offset = 34;
	packet->l3_length = 20 + sizeof(*tcp);
	packet->key.ipv4.protocol = protocol == VIRTUAL_TCP ? IPPROTO_TCP : IPPROTO_UDP;
	if (protocol == VIRTUAL_TCP) {
		tcp->tcp_flags = kind == AFFINITY_START ? RTE_TCP_SYN_FLAG : RTE_TCP_ACK_FLAG;
		if (kind == AFFINITY_END)
			tcp->tcp_flags |= RTE_TCP_FIN_FLAG;
		if (kind == AFFINITY_START)
			packet->flags = PACKET_SYN;
	}
	if (protocol == VIRTUAL_QUIC)
		memcpy(frame + 34 + sizeof(struct rte_udp_hdr),
			kind == AFFINITY_START ? initial : short_header, sizeof(initial));
}

uint32_t virtual_node_send_by(struct virtual_node *node, struct affinity_counters *counters,
	enum virtual_protocol protocol, uint64_t hash, enum affinity_kind kind)
{
	uint8_t frame[128] = { 0 };
	struct rte_mbuf mbuf;
	struct packet packet = { .mbuf = &mbuf };

	mbuf.buf_addr = frame;
	mbuf.data_off = 0;
	packet.service = &node->services[protocol];
	packet.hash = hash;
	packet.slot = flow_slot(hash, node->slot_count);
	make_frame(frame, &packet, protocol, kind);
	if (balance_choose(&node->tables, counters, &packet) != VERDICT_NEXT)
		return VIRTUAL_NOBODY;
	return packet.record->gid;
}

uint32_t virtual_node_send(struct virtual_node *node, enum virtual_protocol protocol, uint64_t hash,
	enum affinity_kind kind)
{
	return virtual_node_send_by(node, &node->counters, protocol, hash, kind);
}

uint64_t virtual_node_pins(const struct virtual_node *node)
{
	return node->counters.puts[PINS_PUT_PLACED] - node->counters.steps[PINS_STEP_DELETED] -
	       node->swept;
}
