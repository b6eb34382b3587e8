/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include "observe/rates.h"

static struct rate look(struct rate rate, uint64_t packets, uint64_t new_flows, uint64_t now_ms)
{
	const struct counter counter = { .packets = packets, .new_flows = new_flows };

	rate_follow(&rate, &counter, now_ms);
	return rate;
}

static void a_rate_is_known_after_two_looks(void **state)
{
	struct rate rate = look((struct rate){ 0 }, 1000, 10, 5000);

	assert_false(rate.is_known);
	rate = look(rate, 1300, 16, 7000);
	assert_true(rate.is_known);
	assert_int_equal(rate.packets_per_second, 150);
	assert_int_equal(rate.new_flows_per_second, 3);
	rate = look(rate, 1300, 16, 8000);
	assert_true(rate.is_known);
	assert_int_equal(rate.packets_per_second, 0);
}

static void a_look_too_soon_tells_nothing(void **state)
{
	struct rate rate = look(look((struct rate){ 0 }, 1000, 10, 5000), 2000, 20, 6000);

	rate = look(rate, 9000, 90, 6001);
	assert_int_equal(rate.packets_per_second, 1000);
	rate = look(rate, 9000, 90, 6000); /* no time at all */
	assert_int_equal(rate.packets_per_second, 1000);
	rate = look(rate, 2500, 25, 6500);
	assert_int_equal(rate.packets_per_second, 1000);
}

static void a_counter_that_went_back_begins_anew(void **state)
{
	struct rate rate = look(look((struct rate){ 0 }, 1000, 10, 5000), 2000, 20, 6000);

	rate = look(rate, 7, 0, 7000);
	assert_false(rate.is_known);
	assert_int_equal(rate.packets_per_second, 0);
	rate = look(rate, 107, 1, 8000);
	assert_int_equal(rate.packets_per_second, 100);
}

static void what_no_number_holds_is_as_much_as_it_can_hold(void **state)
{
	struct rate rate = look(look((struct rate){ 0 }, 0, 0, 5000), UINT64_MAX / 2000, 0, 6000);

	assert_int_equal(rate.packets_per_second, UINT32_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rate_is_known_after_two_looks),
		cmocka_unit_test(a_look_too_soon_tells_nothing),
		cmocka_unit_test(a_counter_that_went_back_begins_anew),
		cmocka_unit_test(what_no_number_holds_is_as_much_as_it_can_hold),
	};

	return cmocka_run_group_tests_name("rates", tests, NULL, NULL);
}
