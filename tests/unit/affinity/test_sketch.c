/* SPDX-License-Identifier: BSD-3-Clause */
#include "pins_fixture.h"

#include <math.h>

#include "affinity/sketch.h"

#define RUNS 50

static void add_flows(struct sketch *sketch, uint64_t count, uint64_t *random)
{
	for (uint64_t i = 0; i < count; i++)
		sketch_add(sketch, next_random(random));
}

/* Of one run with flows of its own: estimate / count - 1. */
static double error_of(uint64_t count, uint64_t *random)
{
	struct sketch *sketch = sketch_create();
	double estimate;

	assert_non_null(sketch);
	add_flows(sketch, count, random);
	estimate = sketch_estimate(sketch);
	sketch_destroy(sketch);
	return estimate / count - 1;
}

static void no_flow_is_estimated_as_none(void **state)
{
	struct sketch *sketch = sketch_create();

	assert_non_null(sketch);
	assert_int_equal(sketch_estimate(sketch), 0);
	sketch_turn(sketch);
	assert_int_equal(sketch_estimate(sketch), 0);
	sketch_destroy(sketch);
}

static void one_flow_is_one_however_many_packets_it_has(void **state)
{
	struct sketch *sketch = sketch_create();

	assert_non_null(sketch);
	for (int packet = 0; packet < 1000; packet++)
		sketch_add(sketch, 0x123456789abcdef0);
	assert_int_equal(sketch_estimate(sketch), 1);
	sketch_destroy(sketch);
}

static const struct {
	uint64_t flows;
	unsigned int runs;
	double spread; /* most that the root of the mean square error may be */
	double bias;   /* and the mean of the errors */
} accuracy_rows[] = {
	{ 1, RUNS, 0, 0 },
	{ 10, RUNS, 0.05, 0.02 },
	{ 100, RUNS, 0.04, 0.01 },
	{ 1000, RUNS, 0.035, 0.01 },
	{ 3000, RUNS, 0.045, 0.03 }, /* where one way of counting hands over to the other */
	{ 10000, RUNS, 0.0375, 0.015 },
	{ 100000, RUNS, 0.0375, 0.015 },
	{ 1000000, 20, 0.0375, 0.02 },
};

static void estimates_are_as_exact_as_is_said(void **state)
{
	for (size_t row = 0; row < COUNT_OF(accuracy_rows); row++) {
		unsigned int runs = accuracy_rows[row].runs;
		uint64_t random = row + 1;
		double squares = 0, sum = 0;

		for (unsigned int run = 0; run < runs; run++) {
			double error = error_of(accuracy_rows[row].flows, &random);

			squares += error * error;
			sum += error;
		}
		if (sqrt(squares / runs) > accuracy_rows[row].spread ||
			fabs(sum / runs) > accuracy_rows[row].bias)
			fail_msg("%lu flows: error %.4f, bias %.4f", accuracy_rows[row].flows,
				sqrt(squares / runs), sum / runs);
	}
}

/* As those of a backend that has one slot in a thousand: all that differs is below. */
static void flows_of_a_few_slots_are_counted_as_well(void **state)
{
	struct sketch *sketch = sketch_create();
	uint64_t random = 7;

	assert_non_null(sketch);
	for (int i = 0; i < 10000; i++)
		sketch_add(sketch, next_random(&random) >> 20 | UINT64_C(0x123) << 52);
	assert_in_range(sketch_estimate(sketch), 9000, 11000);
	sketch_destroy(sketch);
}

static void hashes_in_a_row_are_counted_as_well(void **state)
{
	struct sketch *sketch = sketch_create();

	assert_non_null(sketch);
	for (uint64_t i = 0; i < 10000; i++)
		sketch_add(sketch, i);
	assert_in_range(sketch_estimate(sketch), 9000, 11000);
	sketch_destroy(sketch);
}

static void a_flow_is_forgotten_when_the_windows_have_turned_twice(void **state)
{
	struct sketch *sketch = sketch_create();
	uint64_t random = 3, again = 3;

	assert_non_null(sketch);
	add_flows(sketch, 100, &random);
	sketch_turn(sketch);
	assert_in_range(sketch_estimate(sketch), 90, 110);
	add_flows(sketch, 50, &again); /* half of them go on */
	assert_in_range(sketch_estimate(sketch), 90, 110);
	sketch_turn(sketch);
	assert_in_range(sketch_estimate(sketch), 45, 55);
	sketch_turn(sketch);
	assert_int_equal(sketch_estimate(sketch), 0);
	sketch_destroy(sketch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_flow_is_estimated_as_none),
		cmocka_unit_test(one_flow_is_one_however_many_packets_it_has),
		cmocka_unit_test(estimates_are_as_exact_as_is_said),
		cmocka_unit_test(flows_of_a_few_slots_are_counted_as_well),
		cmocka_unit_test(hashes_in_a_row_are_counted_as_well),
		cmocka_unit_test(a_flow_is_forgotten_when_the_windows_have_turned_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
