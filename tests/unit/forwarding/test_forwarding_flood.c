/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the control plane makes of an attack: two pools get a new backend each, and one of them is
 * flooded; or the table of pins becomes full.
 */
#include "unit.h"

#include "life_fixture.h"
#include "life_packets.h"
#include "pins_fixture.h"
#include "affinity/slots.h"

#define POOL(name, backends)                                                               \
	"{'name': '" name "', 'slots': 251, 'affinity': {'observe_s': 90, 'settle_s': 6, " \
	"'hold_s': 60, 'fail_grace_s': 10, 'guard_s': 4}, 'backends': [" backends "]}"
#define POOLS(backends) "[" POOL("web", backends) ", " POOL("api", backends) "]"
#define SERVICE(name, port, pool)                                                      \
	"{'name': '" name "', 'vip': '203.0.113.10', 'protocol': 'tcp', 'port': " port \
	", 'pool': '" pool "', 'forward': 'ipip'}"
#define SERVICES "[" SERVICE("www", "80", "web") ", " SERVICE("rpc", "81", "api") "]"

enum { WEB, API, POOLS_COUNT };

static const uint16_t ports[POOLS_COUNT] = { 80, 81 };

struct attack {
	struct node *node;
	uint64_t random;
	struct affinity_counters counters;
};

static void add_a_backend_to_both(struct node *node)
{
	node_apply(node, small_config_read(POOLS(W1 ", " W2), SERVICES));
	node_apply(node, small_config_read(POOLS(W1 ", " W2 ", " W3), SERVICES));
}

/* A second in which so many tuples come with a SYN each, and with an ACK if they go on. */
static void flood(struct attack *attack, unsigned int pool, unsigned int count, bool go_on)
{
	for (unsigned int i = 0; i < count; i++) {
		uint64_t hash = next_random(&attack->random);

		life_send(attack->node, &attack->counters, ports[pool], LIFE_SYN, hash);
		if (go_on)
			life_send(attack->node, &attack->counters, ports[pool], LIFE_ACK, hash);
	}
	node_wait(attack->node, 1);
}

/* Slots of the pool that wait for another home. */
static uint32_t waiting(const struct node *node, unsigned int pool)
{
	const struct transitions_summary *summary = forwarding_summary(node->forwarding, pool);

	return summary->slots[TRANSITIONS_SETTLING] + summary->slots[TRANSITIONS_OBSERVING];
}

static bool is_flooded(const struct node *node, unsigned int pool)
{
	struct tracking_pool_report report;

	forwarding_pool_pins(node->forwarding, pool, &report);
	return report.flood;
}

static struct tracking_report report_of(const struct node *node)
{
	struct tracking_report report;

	tracking_report(forwarding_tracking(node->forwarding), &report);
	return report;
}

static void a_flood_of_one_pool_holds_back_that_pool_alone(void **state)
{
	struct attack attack = { .node = *state };

	add_a_backend_to_both(attack.node);
	for (unsigned int second = 0; second < 110; second++)
		flood(&attack, WEB, 10000, false);
	assert_true(is_flooded(attack.node, WEB));
	assert_false(is_flooded(attack.node, API));
	assert_true(waiting(attack.node, WEB) > 60);
	assert_int_equal(waiting(attack.node, API), 0);
}

static void the_pool_that_was_flooded_comes_to_rest_afterwards(void **state)
{
	struct attack attack = { .node = *state };

	add_a_backend_to_both(attack.node);
	for (unsigned int second = 0; second < 20; second++)
		flood(&attack, WEB, 10000, false);
	assert_true(is_flooded(attack.node, WEB));
	node_wait(attack.node, 62);
	assert_false(is_flooded(attack.node, WEB));
	assert_true(waiting(attack.node, WEB) > 60);
	node_wait(attack.node, 100);
	assert_int_equal(waiting(attack.node, WEB), 0);
	assert_int_equal(report_of(attack.node).found[PIN_EMPTY], report_of(attack.node).capacity);
}

static void a_new_pool_is_not_flooded_because_one_before_was(void **state)
{
	struct attack attack = { .node = *state };

	add_a_backend_to_both(attack.node);
	for (unsigned int second = 0; second < 20; second++)
		flood(&attack, WEB, 10000, false);
	assert_true(is_flooded(attack.node, WEB));
	node_apply(attack.node, small_config_read("[]", "[]"));
	node_wait(attack.node, 2); /* its number is free again */
	node_apply(attack.node, small_config_read(POOLS(W1 ", " W2), SERVICES));
	assert_false(is_flooded(attack.node, WEB));
	assert_false(is_flooded(attack.node, API));
}

/* Otherwise it would take 96 s. */
static void a_crowded_table_empties_soon(void **state)
{
	struct attack attack = { .node = *state };
	struct tracking_pool_report report;

	add_a_backend_to_both(attack.node);
	for (unsigned int second = 0; second < 10; second++)
		flood(&attack, WEB, 500, true);
	assert_true(report_of(attack.node).crowded);
	forwarding_pool_pins(attack.node->forwarding, WEB, &report);
	assert_true(report.first);
	assert_false(report.flood);
	node_wait(attack.node, 45);
	assert_int_equal(waiting(attack.node, WEB), 0);
	assert_false(report_of(attack.node).crowded);
	assert_true(waiting(attack.node, API) > 60);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, life_open, life_close)
	const struct CMUnitTest tests[] = {
		TEST(a_flood_of_one_pool_holds_back_that_pool_alone),
		TEST(the_pool_that_was_flooded_comes_to_rest_afterwards),
		TEST(a_new_pool_is_not_flooded_because_one_before_was),
		TEST(a_crowded_table_empties_soon),
	};

	return cmocka_run_group_tests_name(
		"forwarding_flood", tests, node_host_start, node_host_stop);
}
