/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include <errno.h>

#include "forwarding/gid_table.h"

#define GID 2

static int open_table(void **state)
{
	*state = gid_table_create(GID + 1);
	return *state == NULL ? -1 : 0;
}

static int close_table(void **state)
{
	gid_table_destroy(*state);
	return 0;
}

static void assert_at(
	const struct gid_table *table, uint32_t generation, size_t pool, size_t backend)
{
	size_t found_pool, found_backend;

	assert_int_equal(gid_table_locate(table, GID, generation, &found_pool, &found_backend), 0);
	assert_int_equal(found_pool, pool);
	assert_int_equal(found_backend, backend);
}

static void assert_gone(const struct gid_table *table, uint32_t gid, uint32_t generation)
{
	size_t pool, backend;

	assert_int_equal(gid_table_locate(table, gid, generation, &pool, &backend), -ENOENT);
}

static void a_backend_is_found_where_it_was_set_last(void **state)
{
	struct gid_table *table = *state;
	uint32_t generation;

	gid_table_enter(table, GID);
	generation = gid_table_generation(table, GID);
	gid_table_set(table, GID, 3, 4);
	assert_at(table, generation, 3, 4);
	gid_table_set(table, GID, 5, 0);
	assert_at(table, generation, 5, 0);
}

static void a_backend_that_is_in_no_pool_yet_is_not_found(void **state)
{
	struct gid_table *table = *state;

	gid_table_enter(table, GID);
	assert_gone(table, GID, gid_table_generation(table, GID));
}

static void a_backend_that_has_left_is_not_found(void **state)
{
	struct gid_table *table = *state;

	gid_table_enter(table, GID);
	gid_table_set(table, GID, 3, 4);
	gid_table_leave(table, GID);
	assert_gone(table, GID, gid_table_generation(table, GID));
}

static void a_successor_is_not_taken_for_its_predecessor(void **state)
{
	struct gid_table *table = *state;
	uint32_t generation;

	gid_table_enter(table, GID);
	generation = gid_table_generation(table, GID);
	gid_table_leave(table, GID);
	gid_table_enter(table, GID);
	gid_table_set(table, GID, 3, 4);
	assert_gone(table, GID, generation);
	assert_at(table, generation + 1, 3, 4);
}

static void what_names_no_backend_is_not_found(void **state)
{
	struct gid_table *table = *state;

	assert_gone(table, GID, 0);     /* a gid that was never taken */
	assert_gone(table, GID + 1, 1); /* past the end */
	assert_gone(table, UINT32_MAX, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_backend_is_found_where_it_was_set_last, open_table, close_table),
		cmocka_unit_test_setup_teardown(
			a_backend_that_is_in_no_pool_yet_is_not_found, open_table, close_table),
		cmocka_unit_test_setup_teardown(
			a_backend_that_has_left_is_not_found, open_table, close_table),
		cmocka_unit_test_setup_teardown(
			a_successor_is_not_taken_for_its_predecessor, open_table, close_table),
		cmocka_unit_test_setup_teardown(
			what_names_no_backend_is_not_found, open_table, close_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
