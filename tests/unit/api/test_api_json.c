/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include "api/api_internal.h"

/* As after a warm start: packets follow the slots, and the table is still to come. */
static void a_table_that_is_being_rebuilt_has_no_digest(void **state)
{
	struct transitions_summary summary = { 0 };
	struct plan_table table = { 0 };
	struct plan_pool pools[] = {
		{ .name = "built", .slots = 251, .digest = 0xabc, .table = &table },
		{ .name = "unbuilt", .slots = 251 },
	};
	struct plan plan = { .pools = pools, .pool_count = 2, .digest = 0xdef };
	json_t *built = api_json_pool(&pools[0]), *unbuilt = api_json_pool(&pools[1]);
	json_t *waits = api_json_unresolved(&summary, &pools[1]);
	json_t *none = api_json_table_digest(&plan), *all;

	assert_string_equal(
		json_string_value(json_object_get(built, "digest")), "0000000000000abc");
	assert_true(json_is_null(json_object_get(unbuilt, "digest")));
	assert_true(json_is_null(json_object_get(waits, "unresolved")));
	assert_true(json_is_null(none));

	pools[1].table = &table;
	all = api_json_table_digest(&plan);
	assert_string_equal(json_string_value(all), "0000000000000def");
	json_decref(waits);
	waits = api_json_unresolved(&summary, &pools[1]);
	assert_int_equal(json_integer_value(json_object_get(waits, "unresolved")), 0);
	assert_true(json_is_integer(json_object_get(waits, "unresolved")));

	json_decref(built);
	json_decref(unbuilt);
	json_decref(waits);
	json_decref(none);
	json_decref(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_table_that_is_being_rebuilt_has_no_digest),
	};

	return cmocka_run_group_tests_name("api_json", tests, NULL, NULL);
}
