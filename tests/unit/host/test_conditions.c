/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include "host/conditions.h"

static void a_condition_lasts_as_long_as_it_is_noted(void **state)
{
	static struct conditions conditions;

	conditions_begin(&conditions);
	conditions_note(&conditions, 100, "the %s is low", "MTU");
	conditions_note(&conditions, 100, "the address is gone");
	conditions_end(&conditions);
	assert_int_equal(conditions.count, 2);
	conditions_begin(&conditions);
	conditions_note(&conditions, 105, "the address is gone");
	conditions_end(&conditions);
	assert_int_equal(conditions.count, 1);
	assert_string_equal(conditions.list[0].sentence, "the address is gone");
	assert_int_equal(conditions.list[0].since_s, 100);
	conditions_begin(&conditions);
	conditions_end(&conditions);
	assert_int_equal(conditions.count, 0);
}

static void one_that_comes_again_begins_anew(void **state)
{
	static struct conditions conditions;

	for (int64_t now_s = 100; now_s < 110; now_s += 5) {
		conditions_begin(&conditions);
		conditions_note(&conditions, now_s, "the link is down");
		conditions_note(&conditions, now_s, "the link is down");
		conditions_end(&conditions);
		assert_int_equal(conditions.count, 1);
		assert_int_equal(conditions.list[0].since_s, now_s);
		conditions_begin(&conditions);
		conditions_end(&conditions);
	}
}

static void what_is_too_many_is_left_out(void **state)
{
	static struct conditions conditions;

	for (int round = 0; round < 2; round++) {
		conditions_begin(&conditions);
		for (int i = 0; i < 2 * CONDITIONS_MAX; i++)
			conditions_note(&conditions, round, "number %d", i);
		conditions_end(&conditions);
		assert_int_equal(conditions.count, CONDITIONS_MAX);
		assert_string_equal(conditions.list[CONDITIONS_MAX - 1].sentence, "number 63");
		assert_int_equal(conditions.list[CONDITIONS_MAX - 1].since_s, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_condition_lasts_as_long_as_it_is_noted),
		cmocka_unit_test(one_that_comes_again_begins_anew),
		cmocka_unit_test(what_is_too_many_is_left_out),
	};

	return cmocka_run_group_tests_name("conditions", tests, NULL, NULL);
}
