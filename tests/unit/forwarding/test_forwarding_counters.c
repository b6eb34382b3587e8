/* SPDX-License-Identifier: BSD-3-Clause */
/* What workers have counted, of services and backends that come, go and change. */
#include "unit.h"

#include "forwarding_fixture.h"

/* Counts as the workers do, 10 packets on the first and 1 on the second. */
static void count(const struct node *node, uint32_t place)
{
	for (uint32_t worker = 0; worker < 2; worker++) {
		struct counter *counter = &state_counters(node->state, worker)->counters[place];

		counter->packets += worker == 0 ? 10 : 1;
		counter->bytes += worker == 0 ? 1000 : 100;
		counter->new_flows += 1;
	}
}

static uint32_t backend_counter(const struct node *node, const char *name)
{
	uint32_t index, cell;

	find_backend(node, name, &index, &cell);
	return forwarding_tables(node->forwarding)->records[cell].counter;
}

static void assert_backend_counted(const struct node *node, size_t backend, uint64_t times)
{
	struct counter sum;

	forwarding_count_backend(node->forwarding, 0, backend, &sum);
	assert_int_equal(sum.packets, 11 * times);
	assert_int_equal(sum.bytes, 1100 * times);
	assert_int_equal(sum.new_flows, 2 * times);
}

static void assert_service_counted(const struct node *node, size_t service, uint64_t times)
{
	struct counter sum;

	forwarding_count_service(node->forwarding, service, &sum);
	assert_int_equal(sum.packets, 11 * times);
	assert_int_equal(sum.bytes, 1100 * times);
	assert_int_equal(sum.new_flows, 2 * times);
}

static void counts_are_summed_over_the_workers(void **state)
{
	struct node *node = *state;

	apply(node, small_config_web(1, 3, IPIP));
	count(node, backend_counter(node, "w2"));
	count(node, backend_counter(node, "w2"));
	count(node, find_service(node, 0)->counter);
	assert_backend_counted(node, 0, 0);
	assert_backend_counted(node, 1, 2);
	assert_backend_counted(node, 2, 0);
	assert_service_counted(node, 0, 1);
}

static void no_two_services_or_backends_share_a_place(void **state)
{
	struct node *node = *state;
	uint32_t places[3];

	apply(node, small_config_read(BOTH_FAMILIES, EVERY_MODE));
	places[0] = backend_counter(node, "w1");
	places[1] = backend_counter(node, "w2");
	places[2] = backend_counter(node, "far");
	for (size_t i = 0; i < 3; i++) {
		assert_int_not_equal(places[i], places[(i + 1) % 3]);
		for (size_t service = 0; service < 4; service++)
			assert_int_not_equal(places[i], find_service(node, service)->counter);
	}
	for (size_t i = 0; i < 4; i++)
		assert_int_not_equal(
			find_service(node, i)->counter, find_service(node, (i + 1) % 4)->counter);
}

static void counts_stay_with_a_backend_through_changes(void **state)
{
	struct node *node = *state;

	apply(node, small_config_web(1, 3, IPIP));
	count(node, backend_counter(node, "w3"));
	apply(node, small_config_web(2, 9, L2DSR));
	assert_backend_counted(node, 1, 1);
	apply(node,
		small_config_backends("{'name': 'renamed', 'address': '10.2.0.3', 'weight': 7}"));
	assert_backend_counted(node, 0, 1);
}

static void a_place_that_is_used_again_counts_from_0(void **state)
{
	struct node *node = *state;
	uint32_t before;

	apply(node, small_config_web(1, 1, IPIP));
	before = backend_counter(node, "w1");
	count(node, before);
	apply(node, small_config_web(2, 2, IPIP));
	count(node, before); /* by a worker that still has the old record */
	let_go(node);
	release_retired(node);
	apply(node, small_config_web(3, 3, IPIP));
	assert_int_equal(backend_counter(node, "w3"), before);
	assert_backend_counted(node, 0, 0);
	count(node, before);
	assert_backend_counted(node, 0, 1);
}

static void counts_go_with_the_name_of_a_service(void **state)
{
	struct node *node = *state;

	apply(node, two_services("a", "b"));
	count(node, find_service(node, 0)->counter);
	apply(node, two_services("b", "a"));
	assert_service_counted(node, 0, 0);
	assert_service_counted(node, 1, 1);
	apply(node, two_services("b", "c"));
	assert_service_counted(node, 0, 0);
	assert_service_counted(node, 1, 0);
	release_retired(node);
	apply(node, two_services("d", "e")); /* one of them has the place of "a" */
	assert_service_counted(node, 0, 0);
	assert_service_counted(node, 1, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_node, close_node)
	const struct CMUnitTest tests[] = {
		TEST(counts_are_summed_over_the_workers),
		TEST(no_two_services_or_backends_share_a_place),
		TEST(counts_stay_with_a_backend_through_changes),
		TEST(a_place_that_is_used_again_counts_from_0),
		TEST(counts_go_with_the_name_of_a_service),
	};
#undef TEST

	return cmocka_run_group_tests_name(
		"forwarding_counters", tests, node_host_start, node_host_stop);
}
