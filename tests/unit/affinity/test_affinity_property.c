/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whatever is done to the backends of a pool, and in whatever order: a flow whose backend lives and
 * serves on is never sent to another one, provided that it is not silent for longer than observe_s.
 *
 * One node under a virtual clock with all the real modules (virtual_node.h). Each backend goes
 * through a random life of its own: weights change, checks flap, processes crash and come back soon
 * or late, restart after a drain, are removed, replaced in their seats, disabled, drained for ever.
 * Ground truth knows which process is alive and which flow it has; the node knows what it is told,
 * a little later. The judge asks ground truth alone.
 *
 * SLUICE_PROPERTY_FLOWS sets how many flows are to be seen in all.
 */
#include "unit.h"

#include "virtual_node.h"

#define FLOWS_WANTED   320000
#define START_S        100000 /* of the node's clock */
#define STORM_S        6000
#define CALM_S         1400 /* the last flows end */
#define LONGEST_GAP_S  280
#define ACTORS         40
#define ACTORS_AT_ONCE 20 /* of these there is a backend in the beginning */
#define FLOW_ROOM      60000
#define WHEEL          512
#define EVENT_ROOM     20000
#define NEW_PER_SECOND 50

static const struct virtual_limits limits = {
	.times = {
		.observe_s = 300,
		.settle_s = 20,
		.hold_s = 100,
		.guard_s = 10,
		.drain_observe_s = 200,
		.udp_grace_s = 60,
	},
	.membership = { .fail_grace_s = 30, .hold_s = 100 },
	.udp_idle_s = 60,
	.quic_idle_s = 300,
	.sweep_every_s = 5,
};

/* What is done to an actor. `value` is as the comment says. */
enum action {
	PLAN,    /* begin the next chapter of its life */
	KILL,    /* the process */
	REVIVE,  /* a new one */
	REPORT,  /* the check tells: what is true, or (1) that it fails, whatever is true */
	WEIGHT,  /* the new one */
	DYNAMIC, /* the new factor */
	WISH,    /* enum membership_wish */
	ADD,     /* seconds of slow start */
	REPLACE, /* by another actor in the same seat; seconds until the deadline */
	ACTION_COUNT,
};

struct event {
	enum action action;
	int actor;
	uint32_t value;
	uint32_t deadline_s; /* of WISH */
	int next;
};

/* One backend after the other, with breaks between them. */
struct actor {
	bool present;   /* the node was told of it */
	uint32_t index; /* there */
	char key[24];   /* another one at each time, but for a replacement */
	bool alive;
	uint32_t instance; /* counts processes, and lets none look like another */
	bool tells_instance;
};

struct flow {
	uint64_t hash;
	enum virtual_protocol protocol;
	int actor;
	uint32_t instance; /* on which it began */
	uint32_t gap_s;    /* longest between two packets */
	uint32_t end_s;
	bool half_closed; /* goes on after its FIN */
	bool is_retried;  /* its SYN will be sent twice */
	bool begun;
	int next;
};

struct world {
	uint64_t random;
	struct virtual_node *node;
	uint32_t now_s;
	struct actor actors[ACTORS];
	int actor_of[VIRTUAL_BACKENDS]; /* by index */
	uint32_t instances, keys;

	struct event events[EVENT_ROOM];
	int event_count;
	int first_event[STORM_S + CALM_S], last_event[STORM_S + CALM_S];

	struct flow flows[FLOW_ROOM];
	int free_flows;
	int wheel[WHEEL];

	uint64_t flow_count, packets, broken, executed, promoted, lost_with_backend;
	uint64_t left; /* datagrams without a pin, from a suspect */
	uint64_t most_pins;
};

static uint64_t next_random(struct world *world)
{
	uint64_t z = world->random += 0x9e3779b97f4a7c15; /* SplitMix64 (S. Vigna) */

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static uint32_t between(struct world *world, uint32_t least, uint32_t most)
{
	return least + next_random(world) % (most - least + 1);
}

static bool one_in(struct world *world, uint32_t count)
{
	return next_random(world) % count == 0;
}

/* Events. */

static void plan_wish(struct world *world, uint32_t at_s, int actor, enum action action,
	uint32_t value, uint32_t deadline_s)
{
	int number = world->event_count++;
	struct event *event = &world->events[number];

	assert_true(number < EVENT_ROOM);
	assert_true(at_s < STORM_S + CALM_S);
	*event = (struct event){ action, actor, value, deadline_s, -1 };
	if (world->first_event[at_s] < 0)
		world->first_event[at_s] = number;
	else
		world->events[world->last_event[at_s]].next = number;
	world->last_event[at_s] = number;
}

static void plan(struct world *world, uint32_t at_s, int actor, enum action action, uint32_t value)
{
	plan_wish(world, at_s, actor, action, value, MEMBERSHIP_NO_DEADLINE);
}

/*
 * The process ends, and comes back as another after `off_s`; the check notices both a bit later, or
 * only the latter.
 */
static uint32_t plan_outage(struct world *world, uint32_t at_s, int actor, uint32_t off_s)
{
	plan(world, at_s, actor, KILL, 0);
	if (off_s > 2)
		plan(world, at_s + between(world, 0, 2), actor, REPORT, 0);
	plan(world, at_s + off_s, actor, REVIVE, 0);
	plan(world, at_s + off_s + between(world, 1, 2), actor, REPORT, 0);
	return at_s + off_s + 2;
}

/* Chapters. Each returns when it is over. */

static uint32_t flap(struct world *world, uint32_t at_s, int actor)
{
	uint32_t off_s = between(world, 1, limits.membership.fail_grace_s - 2);

	plan(world, at_s, actor, REPORT, 1);
	plan(world, at_s + off_s, actor, REPORT, 0);
	return at_s + off_s;
}

static uint32_t restart(struct world *world, uint32_t at_s, int actor)
{
	uint32_t drain_s = between(world, 5, 120);

	plan(world, at_s, actor, WISH, MEMBERSHIP_DRAIN);
	at_s = plan_outage(world, at_s + drain_s, actor, between(world, 3, 200));
	plan(world, at_s + 1, actor, WISH, MEMBERSHIP_ACTIVE);
	return at_s + 1;
}

/* The operator thinks better of it, after a while or a very long while. */
static uint32_t drain_and_return(struct world *world, uint32_t at_s, int actor)
{
	uint32_t drain_s = between(world, 5, one_in(world, 2) ? 100 : 1000);

	plan(world, at_s, actor, WISH, MEMBERSHIP_DRAIN);
	if (one_in(world, 4))
		flap(world, at_s + between(world, 0, drain_s), actor);
	plan(world, at_s + drain_s, actor, WISH, MEMBERSHIP_ACTIVE);
	return at_s + drain_s + limits.membership.fail_grace_s;
}

/* Ends by its deadline, by being removed at once, or because its process is gone. */
static uint32_t leave(struct world *world, uint32_t at_s, int actor)
{
	uint32_t drain_s = between(world, 10, 400);

	switch (between(world, 0, 3)) {
	case 0:
		plan_wish(world, at_s, actor, WISH, MEMBERSHIP_REMOVED_DRAIN, at_s + drain_s);
		break;
	case 1:
		plan(world, at_s, actor, WISH, MEMBERSHIP_REMOVED_DRAIN);
		plan(world, at_s + drain_s, actor, KILL, 0);
		plan(world, at_s + drain_s + 1, actor, REPORT, 0);
		drain_s += limits.membership.fail_grace_s + 1;
		break;
	case 2: plan(world, at_s, actor, WISH, MEMBERSHIP_REMOVED); break;
	default: plan(world, at_s, actor, REPLACE, drain_s); break;
	}
	at_s += drain_s + between(world, 5, 400);
	plan(world, at_s, actor, ADD, one_in(world, 2) ? between(world, 10, 200) : 0);
	return at_s;
}

static uint32_t disable(struct world *world, uint32_t at_s, int actor)
{
	uint32_t off_s = between(world, 1, 200);

	plan(world, at_s, actor, WISH, MEMBERSHIP_DISABLED);
	plan(world, at_s + off_s, actor, REVIVE, 0);
	plan(world, at_s + off_s, actor, REPORT, 0);
	plan(world, at_s + off_s, actor, WISH, MEMBERSHIP_ACTIVE);
	return at_s + off_s;
}

/* Dynamic weights come in bursts. */
static uint32_t tremble(struct world *world, uint32_t at_s, int actor)
{
	for (uint32_t steps = between(world, 1, 8); steps > 0; steps--) {
		plan(world, at_s, actor, DYNAMIC, between(world, 4, 16) * FACTOR_ONE / 16);
		at_s += between(world, 1, 20);
	}
	plan(world, at_s, actor, DYNAMIC, FACTOR_ONE);
	return at_s;
}

static void plan_chapter(struct world *world, int actor)
{
	uint32_t at_s = world->now_s;

	if (at_s > STORM_S - 1300)
		return;
	switch (between(world, 0, 9)) {
	case 0: plan(world, at_s, actor, WEIGHT, between(world, 20, 120)); break;
	case 1:
	case 2: at_s = flap(world, at_s, actor); break;
	case 3: at_s = restart(world, at_s, actor); break;
	case 4:
		at_s = plan_outage(
			world, at_s, actor, one_in(world, 3) ? 1 : between(world, 3, 300));
		break;
	case 5: at_s = drain_and_return(world, at_s, actor); break;
	case 6:
	case 7: at_s = leave(world, at_s, actor); break;
	case 8: at_s = tremble(world, at_s, actor); break;
	default: at_s = disable(world, at_s, actor); break;
	}
	plan(world, at_s + between(world, 1, 250), actor, PLAN, 0);
}

/* Doing it. */

static struct membership_facts *facts_of(struct world *world, int actor)
{
	return &world->node->backends[world->actors[actor].index].facts;
}

static void add(struct world *world, int number, uint32_t slow_start_s)
{
	struct actor *actor = &world->actors[number];

	actor->alive = true;
	actor->present = true;
	actor->instance = ++world->instances;
	actor->tells_instance = one_in(world, 2);
	actor->index =
		virtual_node_add(world->node, actor->key, between(world, 20, 120), slow_start_s);
	world->actor_of[actor->index] = number;
	if (actor->tells_instance)
		facts_of(world, number)->instance = actor->instance;
}

static void report(struct world *world, int number, bool fails_anyway)
{
	const struct actor *actor = &world->actors[number];
	struct membership_facts *facts = facts_of(world, number);
	bool healthy = actor->alive && !fails_anyway;

	if (facts->healthy != healthy)
		facts->health_s = world->node->now_s;
	facts->healthy = healthy;
	if (healthy && actor->tells_instance)
		facts->instance = actor->instance;
}

static void set_wish(struct world *world, int number, const struct event *event)
{
	struct membership_facts *facts = facts_of(world, number);

	facts->wish = event->value;
	facts->deadline_s = event->deadline_s == MEMBERSHIP_NO_DEADLINE
				    ? MEMBERSHIP_NO_DEADLINE
				    : START_S + event->deadline_s;
}

/* An actor that is off stage comes on in the seat of this one, which drains away. */
static void replace(struct world *world, int number, uint32_t drain_s)
{
	struct actor *actor = &world->actors[number];
	int successor = 0;

	while (successor < ACTORS && world->actors[successor].present)
		successor++;
	facts_of(world, number)->wish = MEMBERSHIP_REMOVED_DRAIN;
	facts_of(world, number)->deadline_s = world->node->now_s + drain_s;
	if (successor == ACTORS)
		return;
	memcpy(world->actors[successor].key, actor->key, sizeof(actor->key));
	add(world, successor, 0);
	plan(world, world->now_s + between(world, 1, 600), successor, PLAN, 0);
}

static void new_key(struct world *world, struct actor *actor)
{
	snprintf(actor->key, sizeof(actor->key), "backend-%u", ++world->keys);
}

static void execute_on_present(struct world *world, int number, const struct event *event)
{
	struct actor *actor = &world->actors[number];
	struct virtual_seat *seat = virtual_node_seat(world->node, actor->index);

	switch (event->action) {
	case PLAN: plan_chapter(world, number); break;
	case KILL: actor->alive = false; break;
	case REVIVE:
		actor->alive = true;
		actor->instance = ++world->instances;
		break;
	case REPORT: report(world, number, event->value != 0); break;
	case WEIGHT:
		if (seat == NULL)
			break;
		seat->weight = facts_of(world, number)->weight = event->value;
		world->node->base_is_stale = true;
		break;
	case DYNAMIC:
		if (seat != NULL)
			seat->dynamic = event->value;
		break;
	case WISH: set_wish(world, number, event); break;
	case REPLACE: replace(world, number, event->value); break;
	default: break;
	}
}

static void execute(struct world *world, const struct event *event)
{
	struct actor *actor = &world->actors[event->actor];

	if (event->action == ADD) {
		if (actor->present)
			return; /* it came back in somebody's seat meanwhile */
		new_key(world, actor);
		add(world, event->actor, event->value);
	} else if (actor->present) {
		execute_on_present(world, event->actor, event);
	}
	world->executed++;
}

/* What the operator has put an end to is at an end; what was removed makes room on the stage. */
static void clear_stage(struct world *world)
{
	for (int i = 0; i < ACTORS; i++) {
		struct actor *actor = &world->actors[i];
		const struct virtual_backend *backend = &world->node->backends[actor->index];

		if (!actor->present || backend->life.state != MEMBER_DEAD)
			continue;
		if (backend->facts.wish >= MEMBERSHIP_DISABLED)
			actor->alive = false; /* by its deadline, or at once */
		if (backend->facts.wish >= MEMBERSHIP_REMOVED_DRAIN)
			actor->present = false;
	}
}

/* Flows. */

static void schedule(struct world *world, int number, uint32_t in_s)
{
	struct flow *flow = &world->flows[number];
	int *bucket = &world->wheel[(world->now_s + in_s) % WHEEL];

	assert_true(in_s > 0 && in_s < WHEEL);
	flow->next = *bucket;
	*bucket = number;
}

static void free_flow(struct world *world, int number)
{
	world->flows[number].next = world->free_flows;
	world->free_flows = number;
}

static enum virtual_protocol pick_protocol(struct world *world)
{
	uint32_t dice = between(world, 0, 9);

	return dice < 7 ? VIRTUAL_TCP : dice < 8 ? VIRTUAL_UDP : VIRTUAL_QUIC;
}

static uint32_t pick_gap(struct world *world, enum virtual_protocol protocol)
{
	if (protocol == VIRTUAL_UDP)
		return between(world, 1, limits.udp_idle_s - 4);
	return one_in(world, 3) ? between(world, 1, LONGEST_GAP_S) : between(world, 1, 20);
}

/* Sends a packet that begins the flow; false: no backend took it. */
static bool start(struct world *world, struct flow *flow)
{
	enum affinity_kind kind = flow->protocol == VIRTUAL_UDP ? AFFINITY_EITHER : AFFINITY_START;
	uint32_t index = virtual_node_send(world->node, flow->protocol, flow->hash, kind);
	const struct actor *actor;

	world->packets++;
	if (index == VIRTUAL_NOBODY)
		return false;
	flow->actor = world->actor_of[index];
	actor = &world->actors[flow->actor];
	flow->instance = actor->instance;
	return actor->present && actor->index == index && actor->alive;
}

static void new_flow(struct world *world)
{
	int number = world->free_flows;
	struct flow *flow = &world->flows[number];

	assert_true(number >= 0);
	world->free_flows = flow->next;
	*flow = (struct flow){
		.hash = next_random(world),
		.protocol = pick_protocol(world),
	};
	flow->gap_s = pick_gap(world, flow->protocol);
	flow->end_s = world->now_s + 2 +
		      (one_in(world, 4) ? between(world, 0, 3000) : between(world, 0, 300));
	if (flow->end_s > STORM_S + CALM_S - 700)
		flow->end_s = STORM_S + CALM_S - 700;
	if (flow->protocol == VIRTUAL_TCP) {
		flow->half_closed = one_in(world, 20);
		flow->is_retried = one_in(world, 20);
	}
	world->flow_count++;
	if (start(world, flow))
		schedule(world, number, 1);
	else
		free_flow(world, number);
}

/* A datagram without a pin cannot be told from a new flow, which is nothing for a suspect. */
static bool may_leave(const struct world *world, const struct flow *flow)
{
	const struct actor *actor = &world->actors[flow->actor];
	uint32_t position;

	return flow->protocol == VIRTUAL_UDP &&
	       world->node->backends[actor->index].life.state == MEMBER_SUSPECT &&
	       pins_find(&world->node->pins, flow->hash, &position) == 0;
}

/* The flow's own packet at its time; false: that was its last. */
static bool go_on(struct world *world, struct flow *flow)
{
	const struct actor *actor = &world->actors[flow->actor];
	enum affinity_kind kind =
		flow->protocol == VIRTUAL_UDP ? AFFINITY_EITHER : AFFINITY_CONTINUE;
	bool ends = world->now_s >= flow->end_s, may_go;
	uint32_t index;

	if (!actor->present || !actor->alive || actor->instance != flow->instance) {
		world->lost_with_backend++;
		return false;
	}
	if (flow->is_retried) { /* whichever copy came last has the flow */
		flow->is_retried = false;
		return start(world, flow);
	}
	if (ends && flow->protocol == VIRTUAL_TCP)
		kind = AFFINITY_END;
	may_go = may_leave(world, flow);
	index = virtual_node_send(world->node, flow->protocol, flow->hash, kind);
	world->packets++;
	if (index != actor->index) {
		world->broken += !may_go;
		world->left += may_go;
		return false;
	}
	if (ends && flow->half_closed) {
		flow->half_closed = false;
		flow->gap_s = flow->gap_s < 40 ? flow->gap_s : 40;
		flow->end_s += 400;
		return true;
	}
	return !ends;
}

static void send_packets(struct world *world)
{
	int *bucket = &world->wheel[world->now_s % WHEEL];
	int number = *bucket;

	*bucket = -1;
	while (number >= 0) {
		struct flow *flow = &world->flows[number];
		int next = flow->next;
		bool has_begun = flow->begun;

		flow->begun = true;
		if (!go_on(world, flow))
			free_flow(world, number);
		else
			schedule(world, number, has_begun ? between(world, 1, flow->gap_s) : 1);
		number = next;
	}
}

/* One run. */

static struct world *create(uint64_t seed)
{
	struct world *world = calloc(1, sizeof(*world));
	struct virtual_limits own = limits;

	assert_non_null(world);
	world->random = seed;
	own.observe_tokens = between(world, 0, 1) ? 100000 : 40;
	world->node = virtual_node_create(4099, 8192, &own, START_S);
	for (int i = 0; i < WHEEL; i++)
		world->wheel[i] = -1;
	for (int i = 0; i < STORM_S + CALM_S; i++)
		world->first_event[i] = -1;
	world->free_flows = -1;
	for (int i = FLOW_ROOM - 1; i >= 0; i--)
		free_flow(world, i);
	for (int i = 0; i < ACTORS; i++) {
		new_key(world, &world->actors[i]);
		if (i < ACTORS_AT_ONCE)
			add(world, i, 0);
		else if (i < ACTORS_AT_ONCE + 10)
			plan(world, between(world, 100, 1500), i, ADD, one_in(world, 2) ? 60 : 0);
		if (i < ACTORS_AT_ONCE + 10)
			plan(world, between(world, 100, 1000), i, PLAN, 0);
	}
	virtual_node_apply(world->node);
	return world;
}

static void destroy(struct world *world)
{
	virtual_node_destroy(world->node);
	free(world);
}

static void run_second(struct world *world)
{
	uint64_t pins;

	for (int i = world->first_event[world->now_s]; i >= 0; i = world->events[i].next)
		execute(world, &world->events[i]);
	virtual_node_tick(world->node, START_S + world->now_s);
	world->promoted += world->node->summary.promoted;
	clear_stage(world);
	if (world->now_s < STORM_S)
		for (int i = 0; i < NEW_PER_SECOND; i++)
			new_flow(world);
	send_packets(world);
	pins = virtual_node_pins(world->node);
	if (pins > world->most_pins)
		world->most_pins = pins;
}

/* Flows that ended without a FIN leave pins, the longest for four hours. */
static void run_until_quiet(struct world *world)
{
	for (uint32_t later_s = 0; later_s < 5 * 3600; later_s += 60)
		virtual_node_tick(world->node, START_S + world->now_s + later_s);
}

static void run(uint64_t seed, uint64_t *flow_count)
{
	struct world *world = create(seed);

	for (; world->now_s < STORM_S + CALM_S; world->now_s++)
		run_second(world);
	run_until_quiet(world);
	printf("seed %2lu: %7lu flows, %8lu packets, %4lu events, %6lu slots promoted, "
	       "%6lu flows died with their backends, %5lu pins at most, "
	       "%lu not observed in time, %lu left a suspect, %lu broken\n",
		seed, world->flow_count, world->packets, world->executed, world->promoted,
		world->lost_with_backend, world->most_pins, world->node->counters.unobserved,
		world->left, world->broken);
	assert_int_equal(world->broken, 0);
	assert_int_equal(world->node->counters.unpinned, 0);
	assert_true(world->promoted > 0 && world->executed > 100);
	assert_int_equal(virtual_node_pins(world->node), 0);
	assert_int_equal(world->node->summary.slots[TRANSITIONS_QUIET], 4099);
	*flow_count += world->flow_count;
	destroy(world);
}

static void no_change_breaks_a_flow_whose_backend_lives(void **state)
{
	const char *wanted = getenv("SLUICE_PROPERTY_FLOWS");
	uint64_t flows = wanted == NULL ? FLOWS_WANTED : strtoull(wanted, NULL, 10);
	uint64_t seen = 0;

	for (uint64_t seed = 1; seen < flows; seed++)
		run(seed, &seen);
	printf("%lu flows in all\n", seen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_change_breaks_a_flow_whose_backend_lives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
