/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include "forwarding/build_queue.h"

#define NOW_MS 1000000

/* The calls of wake(). */
struct calls {
	unsigned int count;
	uint32_t delay_ms; /* of the last one */
};

static void count_call(void *context, uint32_t delay_ms)
{
	struct calls *calls = context;

	calls->count++;
	calls->delay_ms = delay_ms;
}

static int open_queue(void **state)
{
	*state = build_queue_create();
	return *state == NULL ? -1 : 0;
}

static int close_queue(void **state)
{
	build_queue_destroy(*state);
	return 0;
}

static void a_pool_is_queued_once(void **state)
{
	struct build_queue *queue = *state;
	struct live_pool pool = { .built_ms = NOW_MS - 30 };
	struct calls calls = { 0 };

	build_queue_set_wake(queue, count_call, &calls);
	assert_true(build_queue_is_empty(queue));
	assert_int_equal(build_queue_add(queue, &pool, NOW_MS), FORWARDING_BUILD_MS - 30);
	assert_int_equal(calls.count, 1);
	assert_int_equal(calls.delay_ms, FORWARDING_BUILD_MS - 30);
	assert_int_equal(build_queue_add(queue, &pool, NOW_MS + 10), FORWARDING_BUILD_MS - 40);
	assert_int_equal(calls.count, 1);
	build_queue_remove(queue, &pool);
	assert_true(build_queue_is_empty(queue));
}

static void the_queue_is_empty_when_each_pool_is_removed(void **state)
{
	struct build_queue *queue = *state;
	struct live_pool first = { 0 }, second = { 0 };

	build_queue_add(queue, &first, NOW_MS);
	build_queue_add(queue, &second, NOW_MS);
	build_queue_remove(queue, &first);
	build_queue_remove(queue, &first); /* it is not queued any more */
	assert_false(build_queue_is_empty(queue));
	build_queue_remove(queue, &second);
	assert_true(build_queue_is_empty(queue));
}

static void a_pool_without_a_recent_table_is_built_at_once(void **state)
{
	struct build_queue *queue = *state;
	struct live_pool pool = { .built_ms = NOW_MS - FORWARDING_BUILD_MS };

	assert_false(build_queue_is_busy(&pool, NOW_MS));
	assert_int_equal(build_queue_wait_ms(&pool, NOW_MS), 0);
	assert_int_equal(build_queue_add(queue, &pool, NOW_MS), 1); /* in the next turn */
	assert_true(build_queue_is_busy(&pool, NOW_MS));
}

static void a_pool_that_was_just_built_is_busy_for_as_long_as_it_waits(void **state)
{
	const struct live_pool pool = { .built_ms = NOW_MS };

	assert_true(build_queue_is_busy(&pool, NOW_MS));
	assert_true(build_queue_is_busy(&pool, NOW_MS + FORWARDING_BUILD_MS - 1));
	assert_false(build_queue_is_busy(&pool, NOW_MS + FORWARDING_BUILD_MS));
}

static void a_clock_that_is_turned_back_makes_no_pool_wait(void **state)
{
	const struct live_pool pool = { .built_ms = NOW_MS };

	assert_int_equal(build_queue_wait_ms(&pool, NOW_MS - 1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_pool_is_queued_once, open_queue, close_queue),
		cmocka_unit_test_setup_teardown(
			the_queue_is_empty_when_each_pool_is_removed, open_queue, close_queue),
		cmocka_unit_test_setup_teardown(
			a_pool_without_a_recent_table_is_built_at_once, open_queue, close_queue),
		cmocka_unit_test(a_pool_that_was_just_built_is_busy_for_as_long_as_it_waits),
		cmocka_unit_test(a_clock_that_is_turned_back_makes_no_pool_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
