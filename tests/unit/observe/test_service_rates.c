/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include <time.h>

#include "observe/service_rates.h"

#define MANY 10000

static void look(struct service_rates *rates, size_t number, const char *name, uint64_t packets,
	uint64_t now_ms)
{
	const struct counter sum = { .packets = packets };
	char padded[CONFIG_NAME_SIZE] = "";

	snprintf(padded, sizeof(padded), "%s", name);
	service_rates_follow(rates, number, padded, &sum, now_ms);
}

static void expect_rate(
	struct service_rates *rates, const char *name, size_t hint, uint32_t packets_per_second)
{
	const struct rate *rate = service_rates_find(rates, name, hint);

	assert_non_null(rate);
	assert_int_equal(rate->packets_per_second, packets_per_second);
}

static struct service_rates *create(size_t count)
{
	struct service_rates *rates = service_rates_create();

	assert_non_null(rates);
	assert_true(service_rates_fit(rates, count));
	return rates;
}

static void a_service_is_found_by_its_name_whatever_the_hint(void **state)
{
	static const char *const names[] = { "a", "b", "c", "d", "e" };
	struct service_rates *rates = create(COUNT_OF(names));

	for (size_t i = 0; i < COUNT_OF(names); i++)
		look(rates, i, names[i], 0, 1000);
	assert_null(service_rates_find(rates, "a", 0)); /* not known by one look */
	for (size_t i = 0; i < COUNT_OF(names); i++)
		look(rates, i, names[i], 10 * i, 2000);
	for (size_t hint = 0; hint < 9; hint++)
		for (size_t i = 0; i < COUNT_OF(names); i++)
			expect_rate(rates, names[i], hint, 10 * i);
	assert_null(service_rates_find(rates, "f", 0));
	service_rates_destroy(rates);
}

static void what_has_moved_begins_anew_and_what_is_gone_is_not_found(void **state)
{
	static const char *const names[] = { "a", "b", "c", "d", "e" };
	struct service_rates *rates = create(COUNT_OF(names));

	for (uint64_t second = 1; second <= 2; second++)
		for (size_t i = 0; i < COUNT_OF(names); i++)
			look(rates, i, names[i], 10 * second, second * 1000);
	expect_rate(rates, "e", 0, 10);
	look(rates, 4, "z", 50, 3000);
	assert_null(service_rates_find(rates, "e", 0));
	assert_null(service_rates_find(rates, "z", 0));
	look(rates, 4, "z", 57, 4000);
	expect_rate(rates, "z", 0, 7);
	assert_true(service_rates_fit(rates, 3));
	assert_null(service_rates_find(rates, "z", 4));
	expect_rate(rates, "c", 0, 10);
	assert_true(service_rates_fit(rates, 5));
	assert_null(service_rates_find(rates, "z", 4));
	service_rates_destroy(rates);
}

static long long thread_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

/* CPU time to find each of as many, with a hint that helps none of them; the least of some runs. */
static long long take_ns(size_t count)
{
	struct service_rates *rates = create(count);
	long long least = -1;
	char name[CONFIG_NAME_SIZE];

	for (uint64_t second = 1; second <= 2; second++)
		for (size_t i = 0; i < count; i++) {
			snprintf(name, sizeof(name), "s%zu", i);
			look(rates, i, name, 0, second * 1000);
		}
	for (int run = 0; run < 5; run++) {
		long long begin = thread_ns();

		for (size_t i = 0; i < count; i++) {
			snprintf(name, sizeof(name), "s%zu", i);
			assert_non_null(service_rates_find(rates, name, count));
		}
		begin = thread_ns() - begin;
		least = least < 0 || begin < least ? begin : least;
	}
	service_rates_destroy(rates);
	return least;
}

/* Ten times as many take ten times as long, where a look at each for each took a hundred. */
static void the_time_grows_no_faster_than_the_number(void **state)
{
	assert_in_range(take_ns(MANY), 0, 40 * take_ns(MANY / 10));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_service_is_found_by_its_name_whatever_the_hint),
		cmocka_unit_test(what_has_moved_begins_anew_and_what_is_gone_is_not_found),
		cmocka_unit_test(the_time_grows_no_faster_than_the_number),
	};

	return cmocka_run_group_tests_name("service_rates", tests, NULL, NULL);
}
