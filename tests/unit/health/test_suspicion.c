/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include "health/suspicion.h"

#define WINDOW_MS 1000

/* So many of `up` fall, one each `apart_ms`. Returns at the how manieth suspicion arose; 0: never.
 */
static uint32_t fall(uint32_t up, uint32_t count, uint64_t apart_ms)
{
	struct suspicion suspicion = { 0 };

	for (uint32_t i = 0; i < count; i++)
		if (suspicion_arises(&suspicion, up - i, WINDOW_MS, 5000 + i * apart_ms))
			return i + 1;
	return 0;
}

static void one_backend_that_falls_says_nothing_of_the_node(void **state)
{
	assert_int_equal(fall(1, 1, 0), 0);
	assert_int_equal(fall(100, 1, 0), 0);
}

static void more_than_half_of_those_that_were_up_raise_it(void **state)
{
	assert_int_equal(fall(2, 2, 0), 2);
	assert_int_equal(fall(3, 3, 0), 2);
	assert_int_equal(fall(10, 10, 0), 6);
	assert_int_equal(fall(10, 5, 0), 0);
}

static void they_have_to_fall_within_the_window(void **state)
{
	assert_int_equal(fall(10, 10, 200), 6);
	assert_int_equal(fall(10, 10, WINDOW_MS + 1), 0);
}

static void a_later_window_counts_what_was_up_then(void **state)
{
	struct suspicion suspicion = { 0 };

	for (uint32_t i = 0; i < 5; i++)
		assert_false(suspicion_arises(&suspicion, 10 - i, WINDOW_MS, 1000));
	assert_false(suspicion_arises(&suspicion, 5, WINDOW_MS, 2001));
	assert_false(suspicion_arises(&suspicion, 4, WINDOW_MS, 2002));
	assert_true(suspicion_arises(&suspicion, 3, WINDOW_MS, 2003));
}

static void once_dispelled_it_does_not_arise_again_within_the_window(void **state)
{
	struct suspicion suspicion = { 0 };

	assert_false(suspicion_arises(&suspicion, 4, WINDOW_MS, 1000));
	assert_false(suspicion_arises(&suspicion, 3, WINDOW_MS, 1001));
	assert_true(suspicion_arises(&suspicion, 2, WINDOW_MS, 1002));
	suspicion_dispel(&suspicion, 1900);
	assert_false(suspicion_arises(&suspicion, 2, WINDOW_MS, 1901));
	assert_false(suspicion_arises(&suspicion, 1, WINDOW_MS, 2899));
	assert_false(suspicion_arises(&suspicion, 2, WINDOW_MS, 2900));
	assert_true(suspicion_arises(&suspicion, 1, WINDOW_MS, 2901));
}

static void one_that_has_not_arisen_keeps_its_window(void **state)
{
	struct suspicion suspicion = { 0 };

	assert_false(suspicion_arises(&suspicion, 2, WINDOW_MS, 1000));
	suspicion_dispel(&suspicion, 1001);
	assert_true(suspicion_arises(&suspicion, 1, WINDOW_MS, 1002));
	assert_int_equal(suspicion.since_ms, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_backend_that_falls_says_nothing_of_the_node),
		cmocka_unit_test(more_than_half_of_those_that_were_up_raise_it),
		cmocka_unit_test(they_have_to_fall_within_the_window),
		cmocka_unit_test(a_later_window_counts_what_was_up_then),
		cmocka_unit_test(once_dispelled_it_does_not_arise_again_within_the_window),
		cmocka_unit_test(one_that_has_not_arisen_keeps_its_window),
	};

	return cmocka_run_group_tests_name("suspicion", tests, NULL, NULL);
}
