/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include "host/conditions.h"

#define NODE_WARNING EVENT(NODE, WARNING, NODE, NULL)

static void a_condition_lasts_as_long_as_it_is_noted(void **state)
{
	static struct conditions conditions;

	conditions_begin(&conditions);
	conditions_note(&conditions, 100, NODE_WARNING, "the %s is low", "MTU");
	conditions_note(&conditions, 100, NODE_WARNING, "the address is gone");
	conditions_end(&conditions);
	assert_int_equal(conditions.count, 2);
	conditions_begin(&conditions);
	conditions_note(&conditions, 105, NODE_WARNING, "the address is gone");
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
		conditions_note(&conditions, now_s, NODE_WARNING, "the link is down");
		conditions_note(&conditions, now_s, NODE_WARNING, "the link is down");
		conditions_end(&conditions);
		assert_int_equal(conditions.count, 1);
		assert_int_equal(conditions.list[0].since_s, now_s);
		conditions_begin(&conditions);
		conditions_end(&conditions);
	}
}

static void its_end_is_an_event_about_the_same_object(void **state)
{
	static struct conditions conditions;
	struct error error = { "" };
	const struct event_entry *end;

	assert_int_equal(events_open(NULL, &error), 0);
	conditions_begin(&conditions);
	conditions_note(&conditions, 100, EVENT(PORT, WARNING, PORT, "edge"), "the MTU is low");
	conditions_end(&conditions);
	conditions_begin(&conditions);
	conditions_end(&conditions);
	end = events_find(2);
	assert_non_null(end);
	assert_int_equal(end->kind, EVENT_KIND_PORT);
	assert_int_equal(end->level, EVENT_LEVEL_INFO);
	assert_string_equal(end->name, "edge");
	assert_string_equal(end->sentence, "over: the MTU is low");
	events_close();
}

static void what_is_too_many_is_left_out(void **state)
{
	static struct conditions conditions;

	for (int round = 0; round < 2; round++) {
		conditions_begin(&conditions);
		for (int i = 0; i < 2 * CONDITIONS_MAX; i++)
			conditions_note(&conditions, round, NODE_WARNING, "number %d", i);
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
		cmocka_unit_test(its_end_is_an_event_about_the_same_object),
		cmocka_unit_test(one_that_comes_again_begins_anew),
		cmocka_unit_test(what_is_too_many_is_left_out),
	};

	return cmocka_run_group_tests_name("conditions", tests, NULL, NULL);
}
