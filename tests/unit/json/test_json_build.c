/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include <stdlib.h>

#include "json/json_build.h"

static size_t left;  /* allocations that are granted */
static size_t alive; /* and not freed yet */

static void *allocate(size_t size)
{
	if (left == 0)
		return NULL;
	left--;
	alive++;
	return malloc(size);
}

static void release(void *memory)
{
	alive -= memory != NULL;
	free(memory);
}

static json_t *make(void)
{
	struct json_build inner = json_build_begin(), object = json_build_begin();
	json_t *list = json_array();

	json_array_append_new(list, json_integer(7));
	json_build_text(&inner, "name", "web");
	json_build_text(&inner, "nothing", NULL);
	json_build_flag(&object, "flag", true);
	json_build_integer(&object, "largest", INT64_MAX);
	json_build_value(&object, "list", list);
	json_build_merge(&object, json_build_end(&inner));
	return json_build_end(&object);
}

static void members_stand_in_the_order_in_which_they_are_named(void **state)
{
	json_t *object = make();
	char *text = json_dumps(object, JSON_COMPACT);

	assert_string_equal(text,
		"{\"flag\":true,\"largest\":9223372036854775807,\"list\":[7],\"name\":\"web\","
		"\"nothing\":null}");
	free(text);
	json_decref(object);
}

static void where_memory_is_short_the_whole_is_missing_and_nothing_is_lost(void **state)
{
	size_t granted = 0;
	json_t *object = NULL;

	json_set_alloc_funcs(allocate, release);
	for (; object == NULL && granted < 100; granted++) {
		left = granted;
		object = make();
		if (object == NULL)
			assert_int_equal(alive, 0);
		else if (left == 0) /* but for the list's entry, which is not its to judge */
			assert_int_equal(json_object_size(object), 5);
	}
	assert_non_null(object);
	assert_true(granted > 10);
	json_decref(object);
	assert_int_equal(alive, 0);
	json_set_alloc_funcs(malloc, free);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_stand_in_the_order_in_which_they_are_named),
		cmocka_unit_test(where_memory_is_short_the_whole_is_missing_and_nothing_is_lost),
	};

	return cmocka_run_group_tests_name("json_build", tests, NULL, NULL);
}
