/* SPDX-License-Identifier: BSD-3-Clause */
/* Tables that are rebuilt after a restart, beside a reader that always has something to do. */
#include "unit.h"

#include <event2/event.h>
#include <time.h>

#include "common/loop.h"
#include "node_fixture.h"
#include "small_config.h"
#include "forwarding/turns.h"

#define POOLS      8
#define START_MS   20 /* until the first table */
#define REBUILD_MS 10 /* between two of them */

#define POOL "{'name': 'p%u', 'slots': 251, 'backends': [{'name': 'w1', 'address': '10.2.0.1'}]}"

struct world {
	struct node *node;
	struct event_base *base;
	struct turns *turns;
	struct event *reader;
	unsigned int turns_of_reader;
	int64_t began_ms;
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

static struct config *many_pools(void)
{
	char text[2048] = "[";
	size_t used = 1;

	for (unsigned int i = 0; i < POOLS; i++)
		used += snprintf(
			text + used, sizeof(text) - used, "%s" POOL, i == 0 ? "" : ", ", i);
	snprintf(text + used, sizeof(text) - used, "]");
	return small_config_read(text, "[]");
}

static size_t unbuilt(const struct world *world)
{
	size_t pools;

	return forwarding_unbuilt(world->node->forwarding, &pools);
}

/* A node that has just been started again, none of its tables rebuilt. */
static void open_world(struct world *world, const struct node_host *host)
{
	struct state_layout layout = node_layout;
	char said[NODE_SAID_SIZE];
	struct error error = { "" };

	layout.pools = POOLS;
	layout.slot_words = POOLS * 256;
	*world = (struct world){ .node = node_create(host, &layout, 1) };
	node_apply(world->node, many_pools());
	node_stop(world->node);
	node_resume_unbuilt(world->node, many_pools(), said);
	assert_string_equal(said, "");
	assert_int_equal(unbuilt(world), POOLS);
	world->base = loop_create();
	world->began_ms = now_ms();
	world->turns = turns_create(world->base, world->node->forwarding, &error);
	if (world->turns == NULL)
		fail_msg("%s", error.message);
}

static void close_world(struct world *world)
{
	turns_destroy(world->turns);
	event_base_free(world->base);
	node_destroy(world->node);
}

static void on_reader(evutil_socket_t fd, short what, void *context)
{
	static const struct timeval now = { 0, 0 };
	struct world *world = context;

	world->turns_of_reader++;
	if (unbuilt(world) == 0)
		event_base_loopbreak(world->base);
	else
		evtimer_add(world->reader, &now);
}

/* Nothing here depends on how fast the machine is: a slow one makes all of it later. */
static void a_reader_does_not_wait_for_the_tables_of_a_restart(void **state)
{
	static const struct timeval now = { 0, 0 };
	struct world world;

	open_world(&world, *state);
	world.reader = evtimer_new(world.base, on_reader, &world);
	assert_int_equal(event_priority_set(world.reader, LOOP_READERS), 0);
	evtimer_add(world.reader, &now);
	assert_int_equal(event_base_dispatch(world.base), 0);
	assert_int_equal(unbuilt(&world), 0);
	assert_in_range(now_ms() - world.began_ms, START_MS + (POOLS - 1) * REBUILD_MS, INT64_MAX);
	assert_in_range(world.turns_of_reader, 2 * POOLS, UINT32_MAX);
	event_free(world.reader);
	close_world(&world);
}

static void tables_are_rebuilt_at_once_where_nothing_else_wants_a_turn(void **state)
{
	struct world world;
	unsigned int passes = 0;

	open_world(&world, *state);
	while (unbuilt(&world) != 0) {
		assert_int_equal(event_base_loop(world.base, EVLOOP_ONCE), 0);
		passes++;
	}
	assert_in_range(passes, POOLS, 3 * POOLS); /* some for the timer of each second */
	close_world(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reader_does_not_wait_for_the_tables_of_a_restart),
		cmocka_unit_test(tables_are_rebuilt_at_once_where_nothing_else_wants_a_turn),
	};

	return cmocka_run_group_tests_name("turns", tests, node_host_start, node_host_stop);
}
