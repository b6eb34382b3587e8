/* SPDX-License-Identifier: BSD-3-Clause */
/* A backend of a pool that a service shares with others: it has a place in the derived pool. */
#include "unit.h"

#include <errno.h>

#include "forwarding_fixture.h"
#include "impact/plan_compare.h"

#define WEB    0
#define CANARY 1
#define SHARED 2 /* the derived pool */

#define POOLS                                                                                     \
	"[{'name': 'web', 'slots': 251, 'drain_deadline_s': 70, 'backends': [%s]}, {'name': "     \
	"'canary', 'slots': 251, 'drain_deadline_s': 30, 'backends': [{'name': 'w1', 'address': " \
	"'10.2.0.5'}, {'name': 'w3', 'address': '10.2.0.6'}]}]"
#define W1       "{'name': 'w1', 'address': '10.2.0.1'}"
#define W2       "{'name': 'w2', 'address': '10.2.0.2'}"
#define W2_DRAIN "{'name': 'w2', 'address': '10.2.0.2', 'state': 'drain'}"

static struct config *shared(const char *backends, const char *pools)
{
	char pools_text[1024], services[512];

	snprintf(pools_text, sizeof(pools_text), POOLS, backends);
	snprintf(services, sizeof(services),
		"[{'name': 'www', 'vip': '203.0.113.10', 'protocol': 'tcp', 'port': 80, %s, "
		"'forward': 'ipip'}]",
		pools);
	return small_config_read(pools_text, services);
}

#define PARTS(web, canary) \
	"'pools': [{'pool': 'web', 'weight': " #web "}, {'pool': 'canary', 'weight': " #canary "}]"

static const struct live_backend *backend_of(const struct node *node, size_t pool, size_t backend)
{
	size_t count;
	const struct live_backend *backends = forwarding_backends(node->forwarding, pool, &count);

	assert_true(backend < count);
	return &backends[backend];
}

static void update(struct node *node, const char *pool, const char *name,
	const struct forwarding_update *update, forwarding_report_t *report, void *context)
{
	struct forwarding_handle handle;

	assert_int_equal(forwarding_find(node->forwarding, pool, name, &handle), 0);
	assert_int_equal(
		forwarding_update(node->forwarding, &handle, update, false, report, context), 0);
	node_build(node);
}

static uint32_t slots_of(const struct node *node, size_t pool, size_t backend)
{
	return forwarding_plan(node->forwarding)->pools[pool].seats[backend].owned;
}

static void note_pool(void *context, const struct forwarding_effect *effect)
{
	*(unsigned int *)context |= 1u << effect->pool;
}

static void what_becomes_of_a_backend_reaches_all_its_places(void **state)
{
	const struct forwarding_update down = { .has_health = true };
	const struct forwarding_update up = { .has_health = true, .healthy = true };
	struct node *node = *state;
	unsigned int reported = 0;
	uint32_t before;

	apply(node, shared(W1 ", " W2, PARTS(60, 40)));
	before = slots_of(node, SHARED, 1);
	assert_true(before > 0);
	update(node, "web", "w2", &down, note_pool, &reported);
	assert_int_equal(reported, 1u << WEB | 1u << SHARED);
	assert_int_equal(backend_of(node, WEB, 1)->life.state, MEMBER_SUSPECT);
	assert_int_equal(backend_of(node, SHARED, 1)->life.state, MEMBER_SUSPECT);
	assert_int_equal(slots_of(node, SHARED, 1), 0);
	assert_follows_plan(node);
	update(node, "web", "w2", &up, NULL, NULL);
	assert_int_equal(slots_of(node, SHARED, 1), before);
	assert_follows_plan(node);
	/* of the same name in another pool */
	update(node, "canary", "w1", &down, NULL, NULL);
	assert_int_equal(backend_of(node, SHARED, 0)->life.state, MEMBER_UP);
	assert_int_equal(backend_of(node, SHARED, 2)->life.state, MEMBER_SUSPECT);
}

static void a_derived_pool_begins_with_what_is_known(void **state)
{
	const struct forwarding_update down = { .has_health = true };
	const struct forwarding_update half = { .has_share = true, .share = FACTOR_ONE / 2 };
	struct node *node = *state;

	apply(node, shared(W1 ", " W2, "'pool': 'web'"));
	update(node, "web", "w2", &down, NULL, NULL);
	update(node, "canary", "w3", &half, NULL, NULL);
	node_wait(node, 11);
	apply(node, shared(W1 ", " W2, PARTS(60, 40)));
	assert_false(backend_of(node, SHARED, 1)->facts.healthy);
	assert_int_equal(slots_of(node, SHARED, 1), 0);
	assert_int_equal(backend_of(node, SHARED, 3)->dynamic.factor, FACTOR_ONE / 2);
	assert_true(slots_of(node, SHARED, 3) < slots_of(node, SHARED, 2));
}

static void a_drain_is_one_in_all_places_with_the_end_of_its_own_pool(void **state)
{
	const struct live_terms soon = {
		.pool = "web", .name = "w2", .deadline_s = 20, .again = true
	};
	struct node *node = *state;

	apply(node, shared(W1 ", " W2, PARTS(60, 40)));
	apply(node, shared(W1 ", " W2_DRAIN, PARTS(60, 40)));
	assert_int_equal(backend_of(node, WEB, 1)->life.state, MEMBER_DRAIN);
	assert_int_equal(backend_of(node, SHARED, 1)->life.state, MEMBER_DRAIN);
	assert_int_equal(backend_of(node, SHARED, 1)->facts.deadline_s,
		forwarding_now_s(node->forwarding) + 70);
	node_apply_by(node, shared(W1 ", " W2_DRAIN, PARTS(60, 40)), &soon);
	assert_int_equal(backend_of(node, WEB, 1)->facts.deadline_s,
		forwarding_now_s(node->forwarding) + 20);
	assert_int_equal(backend_of(node, SHARED, 1)->facts.deadline_s,
		forwarding_now_s(node->forwarding) + 20);
}

static void what_is_removed_is_cut_off_in_all_places(void **state)
{
	const struct forwarding_update end = { .ends = true };
	struct forwarding_handle handle;
	struct node *node = *state;

	apply(node, shared(W1 ", " W2, PARTS(60, 40)));
	node_apply(node, shared(W1, PARTS(60, 40)));
	assert_string_equal(backend_of(node, SHARED, 3)->name, "web/w2");
	assert_int_equal(backend_of(node, SHARED, 3)->life.state, MEMBER_DRAIN);
	assert_int_equal(forwarding_find(node->forwarding, "service:www", "web/w2", &handle), 0);
	assert_int_equal(
		forwarding_find(node->forwarding, "service:www", "web/w1", &handle), -ENOENT);
	update(node, "web", "w2", &end, NULL, NULL);
	assert_int_equal(backend_of(node, WEB, 1)->life.state, MEMBER_DEAD);
	assert_int_equal(backend_of(node, SHARED, 3)->life.state, MEMBER_DEAD);
}

/* Old flows stay: each slot that moves is tracked, with its home where it was. */
static void another_weight_of_a_pool_moves_few_slots_and_breaks_none(void **state)
{
	struct node *node = *state;
	const struct service *service;
	uint32_t home[251];
	unsigned int moved = 0;

	apply(node, shared(W1 ", " W2, PARTS(95, 5)));
	service = find_service(node, 0);
	for (uint32_t slot = 0; slot < 251; slot++)
		home[slot] = slot_home(slot_load(&service->slots[slot]));
	apply(node, shared(W1 ", " W2, PARTS(70, 30)));
	assert_ptr_equal(find_service(node, 0)->slots, service->slots);
	service = find_service(node, 0);
	for (uint32_t slot = 0; slot < 251; slot++) {
		uint32_t word = slot_load(&service->slots[slot]);
		bool has_moved = slot_cur(word) != home[slot];

		assert_int_equal(slot_home(word), home[slot]);
		assert_int_equal((word & SLOT_TRACK) != 0, has_moved);
		moved += has_moved;
	}
	assert_in_range(moved, 251 * 15 / 100, 251 * 35 / 100);
}

/* A backend that is moved from one pool of a service to another keeps its place, and its flows. */
static void a_canary_that_is_promoted_keeps_its_place(void **state)
{
	struct node *node = *state;
	uint32_t gid;

	apply(node, shared(W1 ", " W2, PARTS(60, 40)));
	gid = backend_of(node, SHARED, 2)->gid;
	node_apply(node,
		small_config_read(
			"[{'name': 'web', 'slots': 251, 'backends': [" W1 ", " W2
			", {'name': 'w5', 'address': '10.2.0.5'}]}, {'name': 'canary', 'slots': 251, "
			"'backends': [{'name': 'w3', 'address': '10.2.0.6'}]}]",
			"[{'name': 'www', 'vip': '203.0.113.10', 'protocol': 'tcp', 'port': 80, " PARTS(
				60, 40) ", 'forward': 'ipip'}]"));
	assert_string_equal(backend_of(node, SHARED, 2)->name, "web/w5");
	assert_int_equal(backend_of(node, SHARED, 2)->gid, gid);
	assert_follows_plan(node);
}

static void a_restart_takes_over_a_derived_pool(void **state)
{
	const struct forwarding_update down = { .has_health = true };
	struct node *node = *state;
	char said[NODE_SAID_SIZE];
	uint64_t digest;

	apply(node, shared(W1 ", " W2, PARTS(60, 40)));
	update(node, "web", "w1", &down, NULL, NULL);
	digest = forwarding_plan(node->forwarding)->digest;
	node_restart(node, shared(W1 ", " W2, PARTS(60, 40)), said);
	assert_string_equal(said, "");
	assert_int_equal(forwarding_plan(node->forwarding)->digest, digest);
	assert_int_equal(backend_of(node, SHARED, 0)->life.state, MEMBER_SUSPECT);
	assert_follows_plan(node);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			what_becomes_of_a_backend_reaches_all_its_places, open_node, close_node),
		cmocka_unit_test_setup_teardown(
			a_derived_pool_begins_with_what_is_known, open_node, close_node),
		cmocka_unit_test_setup_teardown(
			a_drain_is_one_in_all_places_with_the_end_of_its_own_pool, open_node,
			close_node),
		cmocka_unit_test_setup_teardown(
			what_is_removed_is_cut_off_in_all_places, open_node, close_node),
		cmocka_unit_test_setup_teardown(
			another_weight_of_a_pool_moves_few_slots_and_breaks_none, open_node,
			close_node),
		cmocka_unit_test_setup_teardown(
			a_canary_that_is_promoted_keeps_its_place, open_node, close_node),
		cmocka_unit_test_setup_teardown(
			a_restart_takes_over_a_derived_pool, open_node, close_node),
	};

	return cmocka_run_group_tests_name(
		"forwarding_places", tests, node_host_start, node_host_stop);
}
