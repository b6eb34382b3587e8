/* SPDX-License-Identifier: BSD-3-Clause */
#include "simulation.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "random.h"
#include "virtual_node.h"

#define BUCKETS 65536
#define STEPS   10 /* in a second */
#define WHEEL   (SCENARIO_SECONDS * STEPS)
#define START_S 100000
#define WEIGHT  1000
#define NODES   2
/* Flows that there may be at once beyond twice as many as there are on average. */
#define SPARE_FLOWS 1000

const char *const policy_names[POLICY_COUNT] = { "maglev", "tracking", "sluice-q0", "sluice" };

/* What a policy has made of a flow. */
struct fate {
	uint16_t number; /* of its backend */
	uint8_t instance;
	uint8_t open;
};

struct flow {
	uint64_t hash;
	double end_s;
	float gap_s;
	uint8_t class;
	int32_t next;
	struct fate fates[POLICY_COUNT];
};

struct run {
	struct simulation_size size;
	uint64_t random;
	double now_s;
	struct virtual_node *nodes[NODES];
	uint32_t index_of[NODES][SCENARIO_NUMBERS];
	uint32_t number_of[NODES][VIRTUAL_BACKENDS];
	bool alive[SCENARIO_NUMBERS];
	uint8_t instance[SCENARIO_NUMBERS];
	uint16_t maglev[SIMULATION_SLOTS_MAX];
	uint32_t builds;
	struct schedule schedule;
	struct flow *flows;
	int32_t free_flows;
	uint32_t flow_count; /* now */
	uint64_t arrivals;
	int32_t *wheel;
	struct tally tallies[POLICY_COUNT];
};

static const double medians_s[FLOW_CLASSES] = { 2, 60, 1800 },
		    sigmas[FLOW_CLASSES] = { 1.5, 1.2, 1.5 },
		    shares[FLOW_CLASSES] = { 0.2, 0.3, 0.5 };

static double gauss(struct run *run)
{
	double radius = sqrt(-2 * log(random_uniform(&run->random)));

	return radius * cos(2 * M_PI * random_uniform(&run->random));
}

static double exponential(struct run *run, double mean)
{
	return -mean * log(random_uniform(&run->random));
}

/* Backends. */

static void add(struct run *run, uint32_t number, uint32_t seat, uint32_t slow_start_s)
{
	char key[24];

	snprintf(key, sizeof(key), "backend-%u", seat);
	run->alive[number] = true;
	for (uint32_t i = 0; i < NODES; i++) {
		uint32_t index = virtual_node_add(run->nodes[i], key, WEIGHT, slow_start_s);

		run->nodes[i]->backends[index].facts.instance = run->instance[number] + 1;
		run->index_of[i][number] = index;
		run->number_of[i][index] = number;
	}
}

static void set_health(struct run *run, uint32_t number, bool healthy)
{
	for (uint32_t i = 0; i < NODES; i++) {
		struct membership_facts *facts =
			&run->nodes[i]->backends[run->index_of[i][number]].facts;

		facts->healthy = healthy;
		facts->health_s = run->nodes[i]->now_s;
		if (healthy)
			facts->instance = run->instance[number] + 1;
	}
}

static void set_wish(struct run *run, uint32_t number, enum membership_wish wish)
{
	for (uint32_t i = 0; i < NODES; i++)
		run->nodes[i]->backends[run->index_of[i][number]].facts.wish = wish;
}

static void set_dynamic(struct run *run, uint32_t number, double factor)
{
	for (uint32_t i = 0; i < NODES; i++)
		virtual_node_seat(run->nodes[i], run->index_of[i][number])->dynamic =
			factor * FACTOR_ONE;
}

static void execute(struct run *run, const struct event *event)
{
	uint32_t number = event->number;

	switch (event->action) {
	case DRAIN: set_wish(run, number, MEMBERSHIP_DRAIN); break;
	case KILL:
		run->alive[number] = false;
		set_health(run, number, false);
		break;
	case REVIVE:
		run->alive[number] = true;
		run->instance[number]++;
		set_wish(run, number, MEMBERSHIP_ACTIVE);
		set_health(run, number, true);
		break;
	case REMOVE: set_wish(run, number, MEMBERSHIP_REMOVED); break;
	case ADD: add(run, number, number, 0); break;
	case ADD_SLOWLY: add(run, number, number, SCENARIO_SLOW_START_S); break;
	case REPLACE: add(run, number, event->value, 0); break;
	case FAIL: set_health(run, number, false); break;
	case PASS: set_health(run, number, true); break;
	case DYNAMIC: set_dynamic(run, number, event->value); break;
	}
}

/* The table that a stateless balancer would have now: those of the node that serve. */
static void build_maglev(struct run *run)
{
	struct virtual_node *node = run->nodes[0];
	struct maglev_member list[VIRTUAL_SEATS];

	if (run->builds == node->builds)
		return;
	run->builds = node->builds;
	for (uint32_t i = 0; i < node->seat_count; i++) {
		const struct virtual_seat *seat = &node->seats[i];

		list[i] = node->list[i];
		list[i].weight = (uint64_t)seat->weight * node->factors[i] / FACTOR_ONE;
		if (list[i].weight != 0)
			list[i].index = run->number_of[0][seat->occupant];
	}
	if (maglev_build(list, node->seat_count, run->size.slots, run->maglev) != 0)
		abort();
}

/* Flows. */

static struct fate settle_on(const struct run *run, uint32_t number)
{
	return (struct fate){ number, run->instance[number], run->alive[number] };
}

static void begin(struct run *run, struct flow *flow)
{
	uint32_t number = run->maglev[flow_slot(flow->hash, run->size.slots)];

	flow->fates[POLICY_MAGLEV] = flow->fates[POLICY_TRACKING] = settle_on(run, number);
	run->tallies[POLICY_TRACKING].inserts++;
	for (uint32_t i = 0; i < NODES; i++) {
		struct virtual_node *node = run->nodes[i];
		uint32_t index = virtual_node_send(node, VIRTUAL_TCP, flow->hash, AFFINITY_START);

		if (index == VIRTUAL_NOBODY)
			abort();
		flow->fates[POLICY_SLUICE_Q0 + i] = settle_on(run, run->number_of[i][index]);
		virtual_node_send(node, VIRTUAL_TCP, flow->hash, AFFINITY_CONTINUE);
	}
}

/* Where a policy sends a packet of the flow now. */
static uint32_t ask(
	struct run *run, enum policy policy, const struct flow *flow, enum affinity_kind kind)
{
	uint32_t node = policy - POLICY_SLUICE_Q0, index;

	switch (policy) {
	case POLICY_MAGLEV: return run->maglev[flow_slot(flow->hash, run->size.slots)];
	case POLICY_TRACKING: return flow->fates[policy].number;
	default:
		index = virtual_node_send(run->nodes[node], VIRTUAL_TCP, flow->hash, kind);
		return index == VIRTUAL_NOBODY ? SCENARIO_NUMBERS : run->number_of[node][index];
	}
}

static void go_on(struct run *run, struct flow *flow, enum affinity_kind kind)
{
	for (enum policy policy = 0; policy < POLICY_COUNT; policy++) {
		struct fate *fate = &flow->fates[policy];

		if (!fate->open)
			continue;
		if (!run->alive[fate->number] || run->instance[fate->number] != fate->instance) {
			fate->open = false;
		} else if (ask(run, policy, flow, kind) != fate->number) {
			fate->open = false;
			run->tallies[policy].broken[flow->class]++;
		}
	}
}

static void schedule(struct run *run, int32_t number)
{
	struct flow *flow = &run->flows[number];
	double at_s = run->now_s;
	uint32_t step;

	at_s += flow->gap_s > 20 ? flow->gap_s * (0.9 + 0.2 * random_uniform(&run->random))
				 : exponential(run, flow->gap_s);
	if (at_s > flow->end_s)
		at_s = flow->end_s;
	step = at_s * STEPS + 1;
	if (step >= WHEEL)
		return; /* beyond the end */
	flow->next = run->wheel[step];
	run->wheel[step] = number;
}

static float pick_gap(struct run *run, uint32_t class, double duration_s)
{
	double dice = random_uniform(&run->random);
	double gap_s = dice < 0.7 ? 30 : dice < 0.9 ? 120 : dice < 0.98 ? 600 : 3600;

	if (class < 2)
		return class == 0 ? 1 : 5;
	return gap_s > duration_s * 4 ? duration_s : gap_s;
}

static void add_flow(struct run *run, uint32_t class, double duration_s)
{
	int32_t number = run->free_flows;
	struct flow *flow = &run->flows[number];

	if (number < 0)
		abort();
	run->free_flows = flow->next;
	flow->hash = random_next(&run->random);
	flow->end_s = run->now_s + duration_s;
	flow->class = class;
	flow->gap_s = pick_gap(run, class, duration_s);
	run->flow_count++;
	run->arrivals++;
	begin(run, flow);
	schedule(run, number);
}

static double pick_duration(struct run *run, uint32_t class)
{
	return medians_s[class] * exp(sigmas[class] * gauss(run));
}

/* What is left of flows that are met at a moment: long ones are met more often. */
static double pick_rest(struct run *run, uint32_t class)
{
	return pick_duration(run, class) * exp(sigmas[class] * sigmas[class]) *
	       random_uniform(&run->random);
}

static double arrivals_per_second(const struct run *run, uint32_t class)
{
	double mean_s = medians_s[class] * exp(sigmas[class] * sigmas[class] / 2);

	return run->size.flows * shares[class] / mean_s;
}

static void send_packets(struct run *run, uint32_t step)
{
	int32_t next;

	for (int32_t number = run->wheel[step]; number >= 0; number = next) {
		struct flow *flow = &run->flows[number];
		bool ends = flow->end_s <= run->now_s;

		next = flow->next;
		go_on(run, flow, ends ? AFFINITY_END : AFFINITY_CONTINUE);
		if (!ends) {
			schedule(run, number);
			continue;
		}
		flow->next = run->free_flows;
		run->free_flows = number;
		run->flow_count--;
	}
}

/* One run. */

static void tally_second(struct run *run)
{
	run->tallies[POLICY_TRACKING].peak = run->tallies[POLICY_TRACKING].peak_live = 1;
	for (uint32_t i = 0; i < NODES; i++) {
		const struct virtual_node *node = run->nodes[i];
		struct tally *tally = &run->tallies[POLICY_SLUICE_Q0 + i];
		double live = 0;

		for (int class = PIN_EMPTY + 1; class < PIN_CLASS_COUNT; class ++)
			live += class == PIN_FINISHED ? 0 : node->kept[class];
		tally->peak_live = fmax(tally->peak_live, live / run->flow_count);
		tally->peak = fmax(tally->peak, (double)virtual_node_pins(node) / run->flow_count);
		tally->inserts = node->counters.puts[PINS_PUT_PLACED];
		tally->unpinned = node->counters.unpinned + node->counters.unobserved;
	}
	for (enum policy policy = 0; policy < POLICY_COUNT; policy++) {
		struct tally *tally = &run->tallies[policy];
		uint64_t inserts = tally->inserts - tally->last_inserts;

		if (inserts > tally->peak_inserts)
			tally->peak_inserts = inserts;
		tally->last_inserts = tally->inserts;
	}
}

static struct run *create(const struct simulation_size *size)
{
	struct virtual_limits limits = {
		.times = {
			.observe_s = 900,
			.hold_s = 300,
			.guard_s = 10,
			.drain_observe_s = 3600,
			.udp_grace_s = 60,
		},
		.membership = { .fail_grace_s = 30, .hold_s = 300 },
		.udp_idle_s = 0, /* there is no UDP here: probation lasts 16 s */
		.quic_idle_s = 300,
		.sweep_every_s = 5,
		.observe_tokens = 100000,
	};
	uint32_t flow_room = 2 * size->flows + SPARE_FLOWS;
	struct run *run = calloc(1, sizeof(*run));

	if (run == NULL)
		abort();
	run->size = *size;
	run->random = 88172645463325252;
	run->flows = calloc(flow_room, sizeof(*run->flows));
	run->wheel = malloc(WHEEL * sizeof(*run->wheel));
	if (run->flows == NULL || run->wheel == NULL)
		abort();
	memset(run->wheel, 0xff, WHEEL * sizeof(*run->wheel));
	run->free_flows = -1;
	for (int32_t number = flow_room - 1; number >= 0; number--) {
		run->flows[number].next = run->free_flows;
		run->free_flows = number;
	}
	for (uint32_t i = 0; i < NODES; i++) {
		limits.times.settle_s = 60 * i;
		run->nodes[i] =
			virtual_node_create(run->size.slots, BUCKETS, &limits, START_S - 2000);
	}
	for (uint32_t number = 0; number < SCENARIO_BACKENDS; number++)
		add(run, number, number, 0);
	for (uint32_t i = 0; i < NODES; i++)
		virtual_node_apply(run->nodes[i]);
	return run;
}

static void destroy(struct run *run)
{
	for (uint32_t i = 0; i < NODES; i++)
		virtual_node_destroy(run->nodes[i]);
	free(run->wheel);
	free(run->flows);
	free(run);
}

static void tick(struct run *run, uint32_t second, uint32_t *next_event)
{
	for (uint32_t i = 0; i < NODES; i++)
		run->nodes[i]->now_s = START_S + second;
	while (*next_event < run->schedule.event_count &&
		run->schedule.events[*next_event].at_s <= second)
		execute(run, &run->schedule.events[(*next_event)++]);
	for (uint32_t i = 0; i < NODES; i++) {
		run->nodes[i]->now_s = START_S + second - 1;
		virtual_node_tick(run->nodes[i], START_S + second);
	}
	build_maglev(run);
}

static void fill(struct run *run)
{
	for (uint32_t class = 0; class < FLOW_CLASSES; class ++)
		for (uint32_t i = 0; i < run->size.flows * shares[class]; i++)
			add_flow(run, class, pick_rest(run, class));
	run->arrivals = 0;
	for (enum policy policy = 0; policy < POLICY_COUNT; policy++)
		run->tallies[policy] = (struct tally){ 0 };
}

/* The changes and the packets of every second. */
static void play(struct run *run)
{
	double next_s[FLOW_CLASSES];
	uint32_t next_event = 0;

	for (uint32_t i = 0; i < NODES; i++)
		virtual_node_tick(run->nodes[i], START_S - 1);
	tick(run, 0, &next_event);
	fill(run);
	for (uint32_t class = 0; class < FLOW_CLASSES; class ++)
		next_s[class] = exponential(run, 1 / arrivals_per_second(run, class));
	for (uint32_t step = 1; step < WHEEL; step++) {
		run->now_s = (double)step / STEPS;
		if (step % STEPS == 0) {
			tick(run, step / STEPS, &next_event);
			tally_second(run);
		}
		send_packets(run, step);
		for (uint32_t class = 0; class < FLOW_CLASSES; class ++)
			for (; next_s[class] <= run->now_s;
				next_s[class] +=
				exponential(run, 1 / arrivals_per_second(run, class)))
				add_flow(run, class, pick_duration(run, class));
	}
}

void simulation_play(const struct scenario *scenario, const struct simulation_size *size,
	struct simulation_result *result)
{
	struct run *run = create(size);

	scenario_plan(scenario, &run->schedule);
	play(run);
	result->arrivals = run->arrivals;
	memcpy(result->tallies, run->tallies, sizeof(result->tallies));
	destroy(run);
}

uint64_t simulation_broken(const struct tally *tally)
{
	uint64_t broken = 0;

	for (uint32_t class = 0; class < FLOW_CLASSES; class ++)
		broken += tally->broken[class];
	return broken;
}
