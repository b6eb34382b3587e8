/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the control thread takes to build the table of a new pool, and for a change to one backend
 * among 10,000: a drain, as it comes by the configuration, and the outcome of a check. A change is
 * told in two steps: to plan it, with nothing changed yet, and to publish it, which is from the
 * first store that a worker can see to the moment when the control thread is free for the next.
 *
 * The clock of the node stands still: what a node does once a second or now and then, whether or
 * not there is a change, is not in these figures.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "large_config.h"
#include "node_fixture.h"
#include "stopwatch.h"

#define FIGURES_MAX    16
#define TABLE_LAPS     15
#define SLOW_LAPS      3   /* where one takes seconds */
#define CHANGES        100 /* an even number */
#define WARM_UP        4   /* changes that are not measured, even as well */
#define WORKERS        1
#define SERVICES       1000
#define DEFAULT_SLOTS  65537
#define LARGE_SLOTS    655373
#define TABLE_BACKENDS 1000
#define MANY_BACKENDS  10000
#define MANY_LAPS      10 /* an even number */

struct figure {
	const char *name;
	struct stopwatch stopwatch;
};

static struct figure figures[FIGURES_MAX];
static size_t figure_count;

static struct stopwatch *add_figure(const char *name)
{
	struct figure *figure = &figures[figure_count++];

	figure->name = name;
	return &figure->stopwatch;
}

static void fail(const struct error *error)
{
	fprintf(stderr, "bench_control: %s\n", error->message);
	exit(1);
}

static void *need(void *thing, const struct error *error)
{
	if (thing == NULL)
		fail(error);
	return thing;
}

/* Tables. */

static struct plan_share whole(void *context, size_t pool, size_t backend)
{
	return (struct plan_share){ .share = FACTOR_ONE, .holds = true };
}

/* Of a pool that nothing is known of: seats, base, table and digest. */
static void measure_table(const char *name, uint32_t slots, const char *builder, unsigned int laps)
{
	const struct large_config large = {
		.pools = 1, .backends = TABLE_BACKENDS, .slots = slots, .builder = builder
	};
	static const struct flow_secret secret = { 0 };
	struct error error = { "out of memory" };
	struct config *config = large_config_read(&large);
	struct planner *planner = need(planner_create(&secret), &error);
	struct stopwatch *stopwatch = add_figure(name);

	while (laps-- > 0) {
		struct plan *plan;

		stopwatch_start(stopwatch);
		plan = need(plan_create(planner, config, NULL, whole, NULL, &error), &error);
		stopwatch_stop(stopwatch);
		plan_destroy(plan);
	}
	planner_destroy(planner);
	config_destroy(config);
}

static void measure_tables(void)
{
	measure_table("table of 65,537 slots", DEFAULT_SLOTS, "maglev", TABLE_LAPS);
	measure_table("table of 655,373 slots", LARGE_SLOTS, "maglev", TABLE_LAPS);
	measure_table("table of 65,537 slots, rendezvous", DEFAULT_SLOTS, "rendezvous", SLOW_LAPS);
	measure_table("table of 655,373 slots, rendezvous", LARGE_SLOTS, "rendezvous", SLOW_LAPS);
}

/* Changes. */

/* To a node whose configuration is the one or the other. */
struct change {
	struct node *node;
	struct config *configs[2];
	struct stopwatch *plan, *publish;
};

/* As control/desired/desired.c does it, which keeps the plan of before for its answer. */
static void drain_or_take_back(struct change *change, unsigned int number)
{
	static const struct live_terms terms = { .force = false };
	struct forwarding *forwarding = change->node->forwarding;
	struct forwarding_change *prepared;
	struct plan *before;
	struct error error = { "" };

	stopwatch_start(change->plan);
	prepared = need(forwarding_prepare(forwarding, change->configs[number % 2], &terms, &error),
		&error);
	stopwatch_stop(change->plan);
	before = forwarding_take_plan(forwarding);
	stopwatch_start(change->publish);
	forwarding_commit(forwarding, prepared);
	stopwatch_stop(change->publish);
	plan_destroy(before);
}

/* A forwarding_report_t: it is called when the plan is there and nothing has changed yet. */
static void end_of_plan(void *context, const struct forwarding_effect *told)
{
	struct change *change = context;

	stopwatch_stop(change->plan);
	stopwatch_start(change->publish);
}

static void fail_or_pass(struct change *change, unsigned int number)
{
	const struct forwarding_update update = { .has_health = true, .healthy = number % 2 == 0 };
	const struct error error = { "out of memory" };
	struct forwarding_handle handle;
	int code;

	node_clock_ms += FORWARDING_BUILD_MS; /* it is the first after a quiet time */
	stopwatch_start(change->plan);
	code = forwarding_find(change->node->forwarding, "pool-0", "w0", &handle);
	if (code == 0)
		code = forwarding_update(
			change->node->forwarding, &handle, &update, false, end_of_plan, change);
	stopwatch_stop(change->publish);
	if (code != 0)
		fail(&error);
}

/*
 * Half of a pool of 10,000, told one by one, each with a handle that is looked up: until the table
 * is what they have become. The time that a pool may wait for others of its kind is no CPU time.
 */
static void fail_half_or_pass(struct change *change, unsigned int number)
{
	const struct forwarding_update update = { .has_health = true, .healthy = number % 2 == 0 };
	const struct error error = { "out of memory" };
	struct forwarding *forwarding = change->node->forwarding;
	struct forwarding_handle handle;
	char name[16];

	node_clock_ms += FORWARDING_BUILD_MS;
	stopwatch_start(change->plan);
	for (unsigned int i = 0; i < MANY_BACKENDS / 2; i++) {
		snprintf(name, sizeof(name), "w%u", i);
		if (forwarding_find(forwarding, "pool-0", name, &handle) != 0 ||
			forwarding_update(forwarding, &handle, &update, false, NULL, NULL) != 0)
			fail(&error);
	}
	node_build(change->node);
	stopwatch_stop(change->plan);
}

static void measure_half(struct change *change)
{
	change->plan = add_figure("half of 10,000 fail: in the table");
	for (unsigned int number = 1; number <= MANY_LAPS; number++)
		fail_half_or_pass(change, number);
}

typedef void change_run(struct change *change, unsigned int number);

/* Changes and takes back in turn, so that in the end all is as it was. */
static void repeat(struct change *change, change_run *run, const char *plan, const char *publish)
{
	struct stopwatch unused = { 0 };
	unsigned int number = 1;

	change->plan = change->publish = &unused;
	for (; number <= WARM_UP; number++)
		run(change, number);
	change->plan = add_figure(plan);
	change->publish = add_figure(publish);
	for (; number <= WARM_UP + CHANGES; number++) {
		run(change, number);
		publish_reclaim(change->node->publish);
	}
}

static struct node *make_node(const struct node_host *host, const struct config *config)
{
	struct state_layout layout;

	forwarding_layout(config, WORKERS, &layout);
	return node_create(host, &layout, WORKERS);
}

static void measure_changes(
	const struct node_host *host, const struct large_config *large, const char *const names[4])
{
	struct change change = { .configs = { large_config_read(large),
					 large_config_read_drained(large) } };

	change.node = make_node(host, change.configs[0]);
	node_apply(change.node, change.configs[0]);
	repeat(&change, drain_or_take_back, names[0], names[1]);
	repeat(&change, fail_or_pass, names[2], names[3]);
	if (large->backends == MANY_BACKENDS)
		measure_half(&change);
	for (unsigned int i = 0; i < 2; i++)
		if (change.node->config != change.configs[i])
			config_destroy(change.configs[i]);
	node_destroy(change.node);
}

static void measure_all_changes(const struct node_host *host)
{
	static const struct large_config pools = { .pools = 100,
		.backends = 100,
		.slots = DEFAULT_SLOTS,
		.services = SERVICES,
		.builder = "maglev" };
	static const struct large_config pool = { .pools = 1,
		.backends = MANY_BACKENDS,
		.slots = DEFAULT_SLOTS,
		.services = SERVICES,
		.builder = "maglev" };
	static const char *const pools_names[] = { "drain, 100 pools: plan",
		"drain, 100 pools: publish", "check, 100 pools: plan",
		"check, 100 pools: publish" };
	static const char *const pool_names[] = { "drain, one pool: plan",
		"drain, one pool: publish", "check, one pool: plan", "check, one pool: publish" };

	measure_changes(host, &pools, pools_names);
	measure_changes(host, &pool, pool_names);
}

/* What there is to tell. */

static double median(const struct stopwatch_laps *laps)
{
	return laps->ms[laps->count / 2];
}

static void show_laps(const char *name, const struct stopwatch_laps *laps)
{
	printf("\"%s\": {\"least\": %.4f, \"median\": %.4f, \"most\": %.4f}", name, laps->ms[0],
		median(laps), laps->ms[laps->count - 1]);
}

static void show_json(void)
{
	printf("{");
	for (size_t i = 0; i < figure_count; i++) {
		printf("%s\n  \"%s\": {", i == 0 ? "" : ",", figures[i].name);
		show_laps("cpu_ms", &figures[i].stopwatch.cpu);
		printf(", ");
		show_laps("wall_ms", &figures[i].stopwatch.wall);
		printf("}");
	}
	printf("\n}\n");
}

static void show(void)
{
	printf("%-36s %9s %9s %9s   ms of CPU time, and the most by the wall clock\n", "", "median",
		"most", "wall");
	for (size_t i = 0; i < figure_count; i++) {
		const struct stopwatch *stopwatch = &figures[i].stopwatch;
		unsigned int last = stopwatch->cpu.count - 1;

		printf("%-36s %9.3f %9.3f %9.3f\n", figures[i].name, median(&stopwatch->cpu),
			stopwatch->cpu.ms[last], stopwatch->wall.ms[last]);
	}
}

int main(int argument_count, char **arguments)
{
	void *host;

	if (node_host_start(&host) != 0)
		return 1;
	measure_tables();
	measure_all_changes(host);
	for (size_t i = 0; i < figure_count; i++)
		stopwatch_sort(&figures[i].stopwatch);
	if (argument_count > 1 && strcmp(arguments[1], "--json") == 0)
		show_json();
	else
		show();
	return node_host_stop(&host) == 0 ? 0 : 1;
}
