/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include "health/due.h"

#define MOST 4

static const uint32_t limits[DUE_LANES] = { MOST, MOST, MOST };

static struct due make(enum due_lane lane, uint32_t cost, uint64_t due_ms)
{
	return (struct due){ .lane = lane, .cost = cost, .due_ms = due_ms };
}

static void a_lane_that_is_full_holds_up_no_other(void **state)
{
	struct due_queue queue;
	struct due programs[MOST], late = make(DUE_PROGRAMS, 1, 5);
	struct due backend = make(DUE_BACKENDS, 1, 6), gateway = make(DUE_GATEWAYS, 1, 7);

	due_queue_init(&queue, limits);
	for (size_t i = 0; i < MOST; i++) {
		programs[i] = make(DUE_PROGRAMS, 1, i + 1);
		due_wait(&queue, &programs[i]);
		assert_ptr_equal(due_begin(&queue), &programs[i]);
	}
	due_wait(&queue, &late);
	assert_null(due_begin(&queue));
	due_wait(&queue, &backend);
	due_wait(&queue, &gateway);
	assert_ptr_equal(due_begin(&queue), &gateway); /* before all others */
	assert_ptr_equal(due_begin(&queue), &backend);
	assert_null(due_begin(&queue));
	assert_int_equal(queue.waiting, 1);
	assert_int_equal(queue.under_way, MOST + 2);
	assert_int_equal(due_oldest_ms(&queue), 5);
	due_end(&queue, &programs[2]);
	assert_ptr_equal(due_begin(&queue), &late);
	assert_int_equal(due_oldest_ms(&queue), 0);
}

static void descriptors_are_what_counts(void **state)
{
	struct due_queue queue;
	struct due big[3] = { make(DUE_BACKENDS, 2, 1), make(DUE_BACKENDS, 2, 2),
		make(DUE_BACKENDS, 2, 3) };
	struct due small = make(DUE_BACKENDS, 1, 4);

	due_queue_init(&queue, limits);
	for (size_t i = 0; i < COUNT_OF(big); i++)
		due_wait(&queue, &big[i]);
	due_wait(&queue, &small);
	assert_ptr_equal(due_begin(&queue), &big[0]);
	assert_ptr_equal(due_begin(&queue), &big[1]);
	assert_null(due_begin(&queue));
	due_end(&queue, &big[0]);
	assert_ptr_equal(due_begin(&queue), &big[2]); /* in the order they came */
	assert_null(due_begin(&queue));
	due_end(&queue, &big[1]);
	assert_ptr_equal(due_begin(&queue), &small);
}

static void what_waits_may_leave_from_anywhere(void **state)
{
	struct due_queue queue;
	struct due waiting[3] = { make(DUE_BACKENDS, 1, 1), make(DUE_BACKENDS, 1, 2),
		make(DUE_BACKENDS, 1, 3) };

	due_queue_init(&queue, limits);
	for (size_t i = 0; i < COUNT_OF(waiting); i++)
		due_wait(&queue, &waiting[i]);
	due_end(&queue, &waiting[1]);
	due_end(&queue, &waiting[1]); /* idle already */
	assert_int_equal(queue.waiting, 2);
	assert_ptr_equal(due_begin(&queue), &waiting[0]);
	assert_ptr_equal(due_begin(&queue), &waiting[2]);
	assert_null(due_begin(&queue));
	assert_int_equal(queue.waiting, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lane_that_is_full_holds_up_no_other),
		cmocka_unit_test(descriptors_are_what_counts),
		cmocka_unit_test(what_waits_may_leave_from_anywhere),
	};

	return cmocka_run_group_tests_name("due", tests, NULL, NULL);
}
