/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The promise of the product, on the real thing from the configuration to the record of a packet:
 * whatever is done to the backends of a pool, and however often the process is replaced, a flow
 * whose backend lives and is not given up on purpose is never sent to another one.
 *
 * Flows are TCP, with gaps below observe_s. Ground truth knows which process is alive and which
 * flow it has; the node knows what it is told, a little later. The judge asks ground truth alone.
 * (test_affinity_property.c does the same with far more flows, UDP and QUIC, without configurations
 * and restarts.)
 *
 * SLUICE_PROPERTY_FLOWS sets how many flows are to be seen in all.
 */
#include "unit.h"

#include <netinet/in.h>

#include <rte_tcp.h>

#include "balance.h"
#include "life_fixture.h"

#define FLOWS_WANTED   1000000
#define ACTORS         20
#define STORM_S        3000
#define CALM_S         700
#define NEW_PER_SECOND 20
#define FLOW_ROOM      20000
#define LONGEST_GAP_S  60
#define NO_ACTOR       UINT8_MAX

/* A place where a process may run; at the address 10.2.0.(1 + number). */
struct actor {
	bool configured;
	bool healthy; /* as the node was told */
	bool alive;
	uint32_t instance;
	uint32_t next_s;     /* when something happens to it */
	uint32_t given_up_s; /* when the node was last told to give up its flows, or did so */
	unsigned int weight;
	const char *state;
	char seat[16];
};

struct flow {
	uint32_t client; /* also its key */
	uint8_t actor;   /* NO_ACTOR: it has not begun, or is over */
	uint32_t instance;
	uint32_t last_s, next_s, end_s; /* of its packets */
};

struct world {
	struct node *node;
	uint64_t random;
	uint32_t now_s;
	struct actor actors[ACTORS];
	unsigned int seats; /* handed out */
	bool slow_start;
	struct flow flows[FLOW_ROOM];
	uint32_t clients;
	uint8_t actor_of[MEMBER_COUNT_MAX]; /* by gid */
	const struct service *service;
	struct affinity_counters counters;
	uint64_t begun, packets, cut, broken, restarts, changes, rests;
};

/* SplitMix64 (S. Vigna): the same for a seed on every machine. */
static uint64_t draw(struct world *world)
{
	uint64_t mixed = world->random += 0x9e3779b97f4a7c15;

	mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9;
	mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
	return mixed ^ mixed >> 31;
}

static uint32_t draw_below(struct world *world, uint32_t limit)
{
	return draw(world) % limit;
}

/* The configuration. */

static struct config *make_config(const struct world *world)
{
	char backends[ACTORS * 128] = "";

	for (unsigned int i = 0; i < ACTORS; i++) {
		const struct actor *actor = &world->actors[i];

		if (!actor->configured)
			continue;
		sprintf(backends + strlen(backends),
			"%s{'name': 'w%u', 'address': '10.2.0.%u', 'key': '%s', 'weight': %u, "
			"'state': '%s'}",
			backends[0] == '\0' ? "" : ", ", i, 1 + i, actor->seat, actor->weight,
			actor->state);
	}
	return life_config(
		world->slow_start ? "'slow_start': {'duration_s': 30, 'steps': 6}," : "", backends);
}

static int actor_at(const struct address *address)
{
	return address->bytes[3] - 1;
}

/* Numbers change with changes and restarts. */
static void look_around(struct world *world)
{
	const struct live_backend *backends;
	size_t count;

	world->service = life_service(world->node);
	memset(world->actor_of, NO_ACTOR, sizeof(world->actor_of));
	backends = forwarding_backends(world->node->forwarding, 0, &count);
	for (size_t i = 0; i < count; i++)
		world->actor_of[backends[i].gid] = actor_at(&backends[i].address);
}

static const struct live_backend *backend_of(const struct world *world, unsigned int actor)
{
	const struct live_backend *backends;
	size_t count;

	backends = forwarding_backends(world->node->forwarding, 0, &count);
	for (size_t i = 0; i < count; i++)
		if (actor_at(&backends[i].address) == (int)actor)
			return &backends[i];
	return NULL;
}

/* A backend that is dead, for whatever reason, has lost its flows; so has one that is not there. */
static void note_deaths(struct world *world)
{
	for (unsigned int i = 0; i < ACTORS; i++) {
		const struct live_backend *backend = backend_of(world, i);

		if (backend == NULL || member_state_is_final(backend->life.state))
			world->actors[i].given_up_s = world->now_s;
	}
}

static void change(struct world *world, const struct live_terms *terms)
{
	node_apply_by(world->node, make_config(world), terms);
	look_around(world);
	note_deaths(world);
	world->changes++;
}

static void restart(struct world *world)
{
	char said[NODE_SAID_SIZE];

	node_restart(world->node, make_config(world), said);
	assert_string_equal(said, "");
	memset(&world->counters, 0, sizeof(world->counters));
	look_around(world);
	world->restarts++;
}

static void report(struct world *world, unsigned int number, bool healthy)
{
	struct actor *actor = &world->actors[number];
	const struct live_backend *backends;
	const struct forwarding_update update = {
		.has_health = true,
		.healthy = healthy,
		.has_instance = healthy,
		.instance = number << 20 | (actor->instance + 1),
	};
	size_t count;

	if (!actor->configured)
		return;
	backends = forwarding_backends(world->node->forwarding, 0, &count);
	for (size_t i = 0; i < count; i++)
		if (actor_at(&backends[i].address) == (int)number)
			life_tell(world->node, i, &update);
	actor->healthy = healthy;
}

/* What happens to actors. */

static void begin_process(struct actor *actor)
{
	actor->alive = true;
	actor->instance++;
}

static void add(struct world *world, unsigned int number, bool inherit, unsigned int from)
{
	struct actor *actor = &world->actors[number];

	if (!actor->alive)
		begin_process(actor);
	actor->configured = actor->healthy = true;
	actor->weight = 50 + draw_below(world, 100);
	actor->state = "active";
	if (inherit)
		memcpy(actor->seat, world->actors[from].seat, sizeof(actor->seat));
	else
		snprintf(actor->seat, sizeof(actor->seat), "seat-%u", world->seats++);
}

static unsigned int count_configured(const struct world *world)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < ACTORS; i++)
		count += world->actors[i].configured;
	return count;
}

static void remove_actor(struct world *world, unsigned int number)
{
	const struct live_terms gently = { .deadline_s = 30 + draw_below(world, 300) };
	const struct live_terms now = { .now = true };

	if (count_configured(world) < 6)
		return;
	world->actors[number].configured = false;
	change(world, draw_below(world, 4) == 0 ? &now : &gently);
}

static void set_state(struct world *world, unsigned int number)
{
	static const char *const states[] = { "active", "active", "drain", "drain", "disabled" };
	const struct live_terms terms = { .deadline_s = 20 + draw_below(world, 400) };

	world->actors[number].state = states[draw_below(world, COUNT_OF(states))];
	change(world, &terms);
}

static void replace(struct world *world, unsigned int number)
{
	unsigned int other = draw_below(world, ACTORS);
	const struct live_terms terms = { .deadline_s = 30 + draw_below(world, 300) };

	if (world->actors[other].configured || backend_of(world, other) != NULL)
		return;
	add(world, other, true, number);
	world->actors[number].configured = false;
	change(world, &terms);
}

/* The check tells after two seconds, by then the next chapter may have begun. */
static void crash(struct world *world, unsigned int number)
{
	world->actors[number].alive = false;
	world->actors[number].next_s = world->now_s + 2;
}

static void follow_process(struct world *world, unsigned int number)
{
	struct actor *actor = &world->actors[number];

	if (!actor->alive && actor->healthy) {
		report(world, number, false);
		actor->next_s = world->now_s + 1 + draw_below(world, 150);
		return;
	}
	if (!actor->alive)
		begin_process(actor);
	report(world, number, true);
}

static void flap(struct world *world, unsigned int number)
{
	report(world, number, false);
	world->actors[number].next_s = world->now_s + 1 + draw_below(world, 8); /* of 10 */
}

static void change_weight(struct world *world, unsigned int number)
{
	const struct live_terms terms = { .force = false };
	struct forwarding_update update = { .has_share = true };
	const struct live_backend *backends;
	size_t count;

	if (draw_below(world, 2) == 0) {
		world->actors[number].weight = draw_below(world, 4) * 50;
		change(world, &terms);
		return;
	}
	update.share = 1 + draw_below(world, FACTOR_ONE);
	backends = forwarding_backends(world->node->forwarding, 0, &count);
	for (size_t i = 0; i < count; i++)
		if (actor_at(&backends[i].address) == (int)number)
			life_tell(world->node, i, &update);
}

/* As a zone that is drained and restored does. */
static void rest(struct world *world, unsigned int number)
{
	const struct forwarding_update update = {
		.has_rest = true,
		.rests = draw_below(world, 2),
		.gathers = draw_below(world, 2),
	};
	const struct live_backend *backends;
	size_t count;

	backends = forwarding_backends(world->node->forwarding, 0, &count);
	for (size_t i = 0; i < count; i++)
		if (actor_at(&backends[i].address) == (int)number)
			life_tell(world->node, i, &update);
	world->rests += update.rests;
}

static void live(struct world *world, unsigned int number)
{
	struct actor *actor = &world->actors[number];
	const struct live_terms terms = { .force = false };

	actor->next_s = world->now_s + 20 + draw_below(world, 400);
	if (!actor->configured) {
		if (backend_of(world, number) == NULL || draw_below(world, 4) == 0) {
			add(world, number, false, 0);
			change(world, &terms);
		}
		return;
	}
	if (!actor->alive || !actor->healthy) {
		follow_process(world, number);
		return;
	}
	switch (draw_below(world, 10)) {
	case 0: remove_actor(world, number); break;
	case 1: replace(world, number); break;
	case 2: crash(world, number); break;
	case 3:
	case 4: flap(world, number); break;
	case 5: change_weight(world, number); break;
	case 6:
	case 7: rest(world, number); break;
	default: set_state(world, number); break;
	}
}

/* Flows. */

static uint8_t send_packet(struct world *world, const struct flow *flow, bool is_first)
{
	uint8_t frame[128] = { 0 };
	struct rte_tcp_hdr *tcp = (void *)(frame + 34);
	struct rte_mbuf mbuf;
	struct packet packet = { .mbuf = &mbuf, .service = world->service };

	mbuf.buf_addr = frame;
	mbuf.data_off = 0;
	packet.l2_length = 14;
	packet.l4_offset = 34;
	packet.flags = is_first ? PACKET_SYN : 0;
	tcp->tcp_flags = is_first ? RTE_TCP_SYN_FLAG : RTE_TCP_ACK_FLAG;
	memcpy(packet.key.ipv4.source, &flow->client, 4);
	memcpy(packet.key.ipv4.destination, "\xcb\x00\x71\x0a", 4);
	packet.key.ipv4.protocol = IPPROTO_TCP;
	packet.key.ipv4.ports[1] = RTE_BE16(80);
	balance_hash(forwarding_tables(world->node->forwarding), &packet);
	world->packets++;
	if (balance_choose(forwarding_tables(world->node->forwarding), &world->counters, &packet) !=
		VERDICT_NEXT)
		return NO_ACTOR;
	return world->actor_of[packet.record->gid];
}

static void begin_flow(struct world *world, struct flow *flow)
{
	*flow = (struct flow){ .client = ++world->clients, .actor = NO_ACTOR };
	flow->actor = send_packet(world, flow, true);
	if (flow->actor == NO_ACTOR || !world->actors[flow->actor].alive) {
		flow->actor = NO_ACTOR; /* there is no answer */
		return;
	}
	flow->instance = world->actors[flow->actor].instance;
	flow->last_s = world->now_s;
	flow->next_s = world->now_s + 1;
	flow->end_s = world->now_s + 2 + draw_below(world, draw_below(world, 4) == 0 ? 1500 : 60);
	world->begun++;
}

/* Cut off on purpose, or gone with its process: it breaks nothing. */
static bool is_over(struct world *world, const struct flow *flow)
{
	const struct actor *actor = &world->actors[flow->actor];

	if (world->now_s >= flow->end_s || !actor->alive || actor->instance != flow->instance)
		return true;
	if (actor->given_up_s < flow->last_s)
		return false;
	world->cut++;
	return true;
}

static void go_on(struct world *world, struct flow *flow)
{
	uint8_t actor;

	if (is_over(world, flow)) {
		flow->actor = NO_ACTOR;
		return;
	}
	actor = send_packet(world, flow, false);
	if (actor != flow->actor) {
		world->broken++;
		flow->actor = NO_ACTOR;
		return;
	}
	flow->last_s = world->now_s;
	flow->next_s = world->now_s + 1 + draw_below(world, LONGEST_GAP_S);
}

static void second(struct world *world, bool storm)
{
	unsigned int fresh = NEW_PER_SECOND;

	for (unsigned int i = 0; storm && i < ACTORS; i++)
		if (world->now_s >= world->actors[i].next_s)
			live(world, i);
	if (storm && draw_below(world, 150) == 0)
		restart(world);
	for (size_t i = 0; i < FLOW_ROOM; i++) {
		struct flow *flow = &world->flows[i];

		if (flow->actor == NO_ACTOR && fresh > 0) {
			fresh--;
			begin_flow(world, flow);
		} else if (flow->actor != NO_ACTOR && world->now_s >= flow->next_s) {
			go_on(world, flow);
		}
	}
	note_deaths(world);
	node_wait(world->node, 1);
	world->now_s++;
	look_around(world);
	note_deaths(world);
}

static void set_up(struct world *world, const struct node_host *host, uint64_t seed)
{
	struct state_layout layout = node_layout;

	layout.backends = 1024;
	layout.records = RECORD_MODE_COUNT * (2 * layout.backends + 1);
	layout.pin_buckets = 4096;
	memset(world, 0, sizeof(*world));
	world->random = seed;
	world->slow_start = seed % 2 == 0;
	world->node = node_create(host, &layout, 1);
	world->now_s = node_clock_ms / 1000;
	for (size_t i = 0; i < FLOW_ROOM; i++)
		world->flows[i].actor = NO_ACTOR;
	for (unsigned int i = 0; i < ACTORS; i++) {
		if (i < ACTORS / 2)
			add(world, i, false, 0);
		world->actors[i].next_s = world->now_s + draw_below(world, 300);
	}
	node_apply(world->node, make_config(world));
	look_around(world);
}

static void assert_came_to_rest(const struct world *world)
{
	const struct transitions_summary *summary = forwarding_summary(world->node->forwarding, 0);

	assert_true(summary->slots[TRANSITIONS_SETTLING] == 0);
	assert_true(summary->slots[TRANSITIONS_OBSERVING] == 0);
}

static void run(struct world *world, const struct node_host *host, uint64_t seed)
{
	set_up(world, host, seed);
	for (int i = 0; i < STORM_S; i++)
		second(world, true);
	for (unsigned int i = 0; i < ACTORS; i++)
		if (world->actors[i].alive)
			report(world, i, true); /* a flap would last for ever */
	for (int i = 0; i < CALM_S; i++)
		second(world, false);
	print_message("seed %lu: %lu flows, %lu packets, %lu changes, %lu rests, %lu restarts, "
		      "%lu cut on purpose, %lu broken\n",
		seed, world->begun, world->packets, world->changes, world->rests, world->restarts,
		world->cut, world->broken);
	assert_int_equal(world->broken, 0);
	assert_int_equal(world->counters.unpinned, 0);
	assert_true(world->restarts > 5 && world->changes > 50 && world->rests > 5);
	assert_came_to_rest(world);
	node_destroy(world->node);
}

static void no_flow_is_sent_away_from_a_backend_that_lives(void **state)
{
	const char *wanted = getenv("SLUICE_PROPERTY_FLOWS");
	uint64_t flows = wanted == NULL ? FLOWS_WANTED : strtoull(wanted, NULL, 10);
	struct world *world = malloc(sizeof(*world));
	uint64_t seen = 0;

	assert_non_null(world);
	for (uint64_t seed = 1; seen < flows; seed++) {
		run(world, *state, seed);
		seen += world->begun;
	}
	free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_flow_is_sent_away_from_a_backend_that_lives),
	};

	return cmocka_run_group_tests_name(
		"forwarding_property", tests, node_host_start, node_host_stop);
}
