/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * scenarios: what changes to the backends of a pool do to its flows, under a virtual clock: broken
 * flows, and what had to be remembered to break no more. All policies see the same flows:
 *
 *	maglev      a Maglev table of all that serve, and nothing else
 *	tracking    the same table, and a place in memory for each flow
 *	sluice-q0   the real modules (virtual_node.h), settle_s = 0
 *	sluice      the same with the default, settle_s = 60
 *
 * 100 backends, 65,537 slots, 100,000 flows at once, 3,500 new ones a second for 45 minutes. A
 * fifth of them are short (median 2 s), three tenths middling (1 min), half long (30 min); of the
 * long ones 70 % have a packet every 30 s, 20 % every 2 min, 8 % every 10 min, 2 % every hour. A
 * flow is broken when a packet of it goes to another backend while its own is alive; flows that die
 * with their backend do not count.
 */
#include <getopt.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "virtual_node.h"

#define SLOTS         65537
#define BUCKETS       65536
#define BACKENDS      100
#define NUMBERS       160 /* backends that there are in a scenario in all */
#define CONCURRENT    100000
#define SECONDS       2700
#define STEPS         10 /* in a second */
#define WHEEL         (SECONDS * STEPS)
#define FLOW_ROOM     200000
#define EVENT_ROOM    12000
#define START_S       100000
#define CLASSES       3
#define WEIGHT        1000
#define NODES         2
#define SLOW_START_S  120
#define CHANGES_BEGIN 300

enum policy {
	POLICY_MAGLEV,
	POLICY_TRACKING,
	POLICY_SLUICE_Q0,
	POLICY_SLUICE,
	POLICY_COUNT,
};

static const char *const policy_names[POLICY_COUNT] = { "maglev", "tracking", "sluice-q0",
	"sluice" };

enum action { DRAIN, KILL, REVIVE, REMOVE, ADD, ADD_SLOWLY, REPLACE, FAIL, PASS, DYNAMIC };

struct event {
	uint32_t at_s;
	uint32_t order;
	enum action action;
	uint32_t number;
	double value; /* of DYNAMIC: the factor; of REPLACE: whose seat */
};

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

struct tally {
	uint64_t broken[CLASSES];
	double peak_live;      /* pins whose flows have not ended, of all flows */
	double peak;           /* all pins, of all flows */
	uint64_t inserts;      /* so far */
	uint64_t peak_inserts; /* in a second */
	uint64_t last_inserts;
	uint64_t unpinned;
};

struct run {
	uint64_t random;
	double now_s;
	struct virtual_node *nodes[NODES];
	uint32_t index_of[NODES][NUMBERS];
	uint32_t number_of[NODES][VIRTUAL_BACKENDS];
	bool alive[NUMBERS];
	uint8_t instance[NUMBERS];
	uint16_t maglev[SLOTS];
	uint32_t builds;
	struct event events[EVENT_ROOM];
	uint32_t event_count;
	struct flow *flows;
	int32_t free_flows;
	uint32_t flow_count; /* now */
	uint64_t arrivals;
	int32_t *wheel;
	struct tally tallies[POLICY_COUNT];
};

static const double medians_s[CLASSES] = { 2, 60, 1800 }, sigmas[CLASSES] = { 1.5, 1.2, 1.5 },
		    shares[CLASSES] = { 0.2, 0.3, 0.5 };

static uint64_t next_random(struct run *run)
{
	uint64_t z = run->random += 0x9e3779b97f4a7c15; /* SplitMix64 (S. Vigna) */

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* Between 0 and 1, neither of them. */
static double uniform(struct run *run)
{
	return ((next_random(run) >> 11) + 0.5) / 9007199254740992.0;
}

static double gauss(struct run *run)
{
	double radius = sqrt(-2 * log(uniform(run)));

	return radius * cos(2 * M_PI * uniform(run));
}

static double exponential(struct run *run, double mean)
{
	return -mean * log(uniform(run));
}

/* Scenarios. */

static void plan(struct run *run, uint32_t at_s, enum action action, uint32_t number, double value)
{
	if (run->event_count == EVENT_ROOM || number >= NUMBERS)
		abort();
	run->events[run->event_count] =
		(struct event){ at_s, run->event_count, action, number, value };
	run->event_count++;
}

static void plan_quiet(struct run *run)
{
	(void)run;
}

static void plan_rolling_restart(struct run *run)
{
	for (uint32_t batch = 0; batch < 20; batch++)
		for (uint32_t i = 0; i < 5; i++) {
			uint32_t at_s = 60 + 80 * batch;

			plan(run, at_s, DRAIN, batch * 5 + i, 0);
			plan(run, at_s + 60, KILL, batch * 5 + i, 0);
			plan(run, at_s + 80, REVIVE, batch * 5 + i, 0);
		}
}

static void plan_failure(struct run *run, uint32_t back_s)
{
	for (uint32_t i = 0; i < 10; i++) {
		plan(run, CHANGES_BEGIN, KILL, i * 10, 0);
		plan(run, back_s, REVIVE, i * 10, 0);
	}
}

static void plan_failure_within_hold(struct run *run)
{
	plan_failure(run, 600);
}

static void plan_failure_beyond_hold(struct run *run)
{
	plan_failure(run, 900);
}

static void plan_scale_up(struct run *run)
{
	for (uint32_t i = 0; i < 20; i++)
		plan(run, CHANGES_BEGIN, ADD, BACKENDS + i, 0);
}

static void plan_slow_start(struct run *run)
{
	for (uint32_t i = 0; i < 5; i++)
		plan(run, CHANGES_BEGIN, ADD_SLOWLY, BACKENDS + i, 0);
}

static void plan_flapping(struct run *run)
{
	for (uint32_t i = 0; i < 3; i++)
		for (uint32_t k = 0; k < 30; k++) {
			uint32_t at_s = CHANGES_BEGIN + 20 * k + 6 * i;

			plan(run, at_s, FAIL, 10 + 30 * i, 0);
			plan(run, at_s + 5, PASS, 10 + 30 * i, 0);
		}
}

static void plan_dynamic_weights(struct run *run)
{
	for (uint32_t k = 0; k < 90; k++)
		for (uint32_t i = 0; i < BACKENDS; i++)
			plan(run, CHANGES_BEGIN + 10 * k, DYNAMIC, i, 0.8 + 0.2 * uniform(run));
	for (uint32_t i = 0; i < BACKENDS; i++)
		plan(run, 1200, DYNAMIC, i, 1);
}

static void plan_replacement(struct run *run, enum action comes)
{
	for (uint32_t batch = 0; batch < 6; batch++)
		for (uint32_t i = 0; i < 5; i++) {
			uint32_t number = batch * 5 + i, at_s = CHANGES_BEGIN + 100 * batch;

			plan(run, at_s, comes, BACKENDS + number, number);
			plan(run, at_s + 30, DRAIN, number, 0);
			plan(run, at_s + 90, KILL, number, 0);
			plan(run, at_s + 91, REMOVE, number, 0);
		}
}

static void plan_replacement_without_seats(struct run *run)
{
	plan_replacement(run, ADD);
}

static void plan_replacement_with_seats(struct run *run)
{
	plan_replacement(run, REPLACE);
}

static void plan_overlapping(struct run *run)
{
	for (uint32_t i = 0; i < 10; i++) {
		plan(run, 300, ADD, BACKENDS + i, 0);
		plan(run, 450, ADD, BACKENDS + 10 + i, 0);
	}
	for (uint32_t i = 0; i < 5; i++) {
		plan(run, 400, DRAIN, i * 7, 0);
		plan(run, 500, KILL, i * 7, 0);
		plan(run, 501, REMOVE, i * 7, 0);
	}
}

static const struct scenario {
	const char *name;
	const char *title;
	void (*plan)(struct run *run);
} scenarios[] = {
	{ "S0", "quiet", plan_quiet },
	{ "S1", "rolling restart: all 100 by fives, drain 60 s, down 20 s", plan_rolling_restart },
	{ "S2", "10 % fail at once, back after 300 s", plan_failure_within_hold },
	{ "S3", "20 % more at once", plan_scale_up },
	{ "S4", "slow start of 5 more over 120 s", plan_slow_start },
	{ "S5", "checks of 3 live ones flap, 5 s down and 15 s up", plan_flapping },
	{ "S7", "all weights tremble by 20 % every 10 s", plan_dynamic_weights },
	{ "S8", "30 % replaced in 10 min", plan_replacement_without_seats },
	{ "S9", "30 % replaced in 10 min in their seats", plan_replacement_with_seats },
	{ "S12", "10 % fail at once, back after 600 s", plan_failure_beyond_hold },
	{ "S13", "10 % more, 5 % less and 10 % more, overlapping", plan_overlapping },
};

/* By time, then as planned. */
static int compare_events(const void *left, const void *right)
{
	const struct event *a = left, *b = right;

	if (a->at_s != b->at_s)
		return a->at_s < b->at_s ? -1 : 1;
	return a->order < b->order ? -1 : 1;
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
	case ADD_SLOWLY: add(run, number, number, SLOW_START_S); break;
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
	if (maglev_build(list, node->seat_count, SLOTS, run->maglev) != 0)
		abort();
}

/* Flows. */

static struct fate settle_on(const struct run *run, uint32_t number)
{
	return (struct fate){ number, run->instance[number], run->alive[number] };
}

static void begin(struct run *run, struct flow *flow)
{
	uint32_t number = run->maglev[flow_slot(flow->hash, SLOTS)];

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
	case POLICY_MAGLEV: return run->maglev[flow_slot(flow->hash, SLOTS)];
	case POLICY_TRACKING: return flow->fates[policy].number;
	default:
		index = virtual_node_send(run->nodes[node], VIRTUAL_TCP, flow->hash, kind);
		return index == VIRTUAL_NOBODY ? NUMBERS : run->number_of[node][index];
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

	at_s += flow->gap_s > 20 ? flow->gap_s * (0.9 + 0.2 * uniform(run))
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
	double dice = uniform(run);
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
	flow->hash = next_random(run);
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
	return pick_duration(run, class) * exp(sigmas[class] * sigmas[class]) * uniform(run);
}

static double arrivals_per_second(uint32_t class)
{
	double mean_s = medians_s[class] * exp(sigmas[class] * sigmas[class] / 2);

	return CONCURRENT * shares[class] / mean_s;
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

static struct run *create(void)
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
	struct run *run = calloc(1, sizeof(*run));

	if (run == NULL)
		abort();
	run->random = 88172645463325252;
	run->flows = calloc(FLOW_ROOM, sizeof(*run->flows));
	run->wheel = malloc(WHEEL * sizeof(*run->wheel));
	if (run->flows == NULL || run->wheel == NULL)
		abort();
	memset(run->wheel, 0xff, WHEEL * sizeof(*run->wheel));
	run->free_flows = -1;
	for (int32_t number = FLOW_ROOM - 1; number >= 0; number--) {
		run->flows[number].next = run->free_flows;
		run->free_flows = number;
	}
	for (uint32_t i = 0; i < NODES; i++) {
		limits.times.settle_s = 60 * i;
		run->nodes[i] = virtual_node_create(SLOTS, BUCKETS, &limits, START_S - 2000);
	}
	for (uint32_t number = 0; number < BACKENDS; number++)
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
	while (*next_event < run->event_count && run->events[*next_event].at_s <= second)
		execute(run, &run->events[(*next_event)++]);
	for (uint32_t i = 0; i < NODES; i++) {
		run->nodes[i]->now_s = START_S + second - 1;
		virtual_node_tick(run->nodes[i], START_S + second);
	}
	build_maglev(run);
}

static void fill(struct run *run)
{
	for (uint32_t class = 0; class < CLASSES; class ++)
		for (uint32_t i = 0; i < CONCURRENT * shares[class]; i++)
			add_flow(run, class, pick_rest(run, class));
	run->arrivals = 0;
	for (enum policy policy = 0; policy < POLICY_COUNT; policy++)
		run->tallies[policy] = (struct tally){ 0 };
}

static struct run *play(const struct scenario *scenario)
{
	struct run *run = create();
	double next_s[CLASSES];
	uint32_t next_event = 0;

	scenario->plan(run);
	qsort(run->events, run->event_count, sizeof(run->events[0]), compare_events);
	for (uint32_t i = 0; i < NODES; i++)
		virtual_node_tick(run->nodes[i], START_S - 1);
	tick(run, 0, &next_event);
	fill(run);
	for (uint32_t class = 0; class < CLASSES; class ++)
		next_s[class] = exponential(run, 1 / arrivals_per_second(class));
	for (uint32_t step = 1; step < WHEEL; step++) {
		run->now_s = (double)step / STEPS;
		if (step % STEPS == 0) {
			tick(run, step / STEPS, &next_event);
			tally_second(run);
		}
		send_packets(run, step);
		for (uint32_t class = 0; class < CLASSES; class ++)
			for (; next_s[class] <= run->now_s;
				next_s[class] += exponential(run, 1 / arrivals_per_second(class)))
				add_flow(run, class, pick_duration(run, class));
	}
	return run;
}

static uint64_t broken(const struct tally *tally)
{
	return tally->broken[0] + tally->broken[1] + tally->broken[2];
}

static void print(const struct scenario *scenario, const struct run *run, double took_s)
{
	printf("%s  %s; %lu new flows, %.0f s\n", scenario->name, scenario->title, run->arrivals,
		took_s);
	printf("    %-10s %8s %8s %8s %8s %7s %7s %9s\n", "", "broken", "short", "middling", "long",
		"pins %", "all %", "inserts/s");
	for (enum policy policy = 0; policy < POLICY_COUNT; policy++) {
		const struct tally *tally = &run->tallies[policy];

		printf("    %-10s %8lu %8lu %8lu %8lu %7.2f %7.2f %9lu\n", policy_names[policy],
			broken(tally), tally->broken[0], tally->broken[1], tally->broken[2],
			100 * tally->peak_live, 100 * tally->peak, tally->peak_inserts);
		if (tally->unpinned != 0)
			printf("    %-10s %lu flows without the pin they need\n", "",
				tally->unpinned);
	}
	fflush(stdout);
}

static void print_json(const struct scenario *scenario, const struct run *run, bool first)
{
	printf("%s  {\"scenario\": \"%s\", \"title\": \"%s\", \"policies\": {", first ? "" : ",\n",
		scenario->name, scenario->title);
	for (enum policy policy = 0; policy < POLICY_COUNT; policy++) {
		const struct tally *tally = &run->tallies[policy];

		printf("%s\n    \"%s\": {\"broken_per_100k\": %lu, \"peak_pins_percent\": %.2f, "
		       "\"peak_pins_with_finished_percent\": %.2f, "
		       "\"peak_inserts_per_second\": %lu, \"unpinned\": %lu}",
			policy == 0 ? "" : ",", policy_names[policy], broken(tally),
			100 * tally->peak_live, 100 * tally->peak, tally->peak_inserts,
			tally->unpinned);
	}
	printf("}}");
	fflush(stdout);
}

static void usage(FILE *file)
{
	fprintf(file, "usage: scenarios [--json] [--scenario NAME]\n\n");
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
		fprintf(file, "  %-4s %s\n", scenarios[i].name, scenarios[i].title);
}

static size_t play_all(const char *only, bool json)
{
	size_t played = 0;

	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
		clock_t begin_clock = clock();
		struct run *run;

		if (only != NULL && strcmp(only, scenarios[i].name) != 0)
			continue;
		run = play(&scenarios[i]);
		if (json)
			print_json(&scenarios[i], run, played == 0);
		else
			print(&scenarios[i], run, (double)(clock() - begin_clock) / CLOCKS_PER_SEC);
		destroy(run);
		played++;
	}
	return played;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "scenario", required_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const char *only = NULL;
	bool json = false;
	size_t played;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (option) {
		case 'j': json = true; break;
		case 's': only = optarg; break;
		case 'h': usage(stdout); return 0;
		default: usage(stderr); return 2;
		}
	}
	if (json)
		printf("[\n");
	played = play_all(only, json);
	if (json)
		printf("\n]\n");
	if (played == 0)
		fprintf(stderr, "scenarios: there is no scenario %s\n", only);
	return played == 0 ? 1 : 0;
}
