/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include "json/json_shape.h"

static struct json_shape shape_of(const char *text)
{
	struct json_shape shape = { 0 };

	for (const char *byte = text; *byte != '\0'; byte++)
		json_shape_pass(&shape, *byte);
	return shape;
}

static void nesting_and_values_are_counted(void **state)
{
	static const struct {
		const char *text;
		size_t depth, deepest, values;
	} rows[] = {
		{ "", 0, 0, 0 },
		{ "7", 0, 0, 0 },
		{ "{}", 0, 1, 1 },
		{ "[[],[]]", 0, 2, 4 },
		{ "{\"a\":{\"b\":[1,2,3]},\"c\":4}", 0, 3, 6 },
		{ "[[[", 3, 3, 3 },
		{ "[[]", 1, 2, 2 },
		{ "]]}}[", 1, 1, 1 },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct json_shape shape = shape_of(rows[i].text);

		assert_int_equal(shape.depth, rows[i].depth);
		assert_int_equal(shape.deepest, rows[i].deepest);
		assert_int_equal(shape.values, rows[i].values);
	}
}

static void what_stands_in_a_string_does_not_count(void **state)
{
	static const char *const strings[] = { "\"[[{,\"", "\"\\\"[[\"", "\"\\\\\\\"{,\"",
		"\"\\u005b[\"", "\"]\\\\\"" };

	for (size_t i = 0; i < COUNT_OF(strings); i++) {
		struct json_shape shape = shape_of(strings[i]);

		assert_int_equal(shape.deepest, 0);
		assert_int_equal(shape.values, 0);
		assert_false(shape.in_string);
	}
	/* an escaped backslash does not escape the quote behind it */
	assert_int_equal(shape_of("\"\\\\\"[").depth, 1);
	assert_true(shape_of("\"\\\"[").in_string);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nesting_and_values_are_counted),
		cmocka_unit_test(what_stands_in_a_string_does_not_count),
	};

	return cmocka_run_group_tests_name("json_shape", tests, NULL, NULL);
}
