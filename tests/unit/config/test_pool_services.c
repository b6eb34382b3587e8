/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include <stdlib.h>
#include <time.h>

#include "config/pool_services.h"

#define MANY 10000

/* Of a configuration nothing but the names of services and the numbers of their pools is read. */
static struct config *make(size_t pools, size_t services)
{
	struct config *config = calloc(1, sizeof(*config));

	config->pool_count = pools;
	config->service_count = services;
	config->services = calloc(services + 1, sizeof(*config->services));
	for (size_t i = 0; i < services; i++)
		snprintf(config->services[i].name, CONFIG_NAME_SIZE, "s%zu", i);
	return config;
}

static void release(struct config *config, struct pool_services *sorted)
{
	free(sorted);
	free(config->services);
	free(config);
}

static void services_are_told_by_pool_in_their_order(void **state)
{
	static const unsigned int pools[] = { 2, 0, 2, 2, 0 };
	struct config *config = make(3, COUNT_OF(pools));
	struct pool_services *sorted;
	const size_t *services;

	for (size_t i = 0; i < COUNT_OF(pools); i++)
		config->services[i].pool = pools[i];
	sorted = pool_services_sort(config);
	assert_int_equal(pool_services_of(sorted, 0, &services), 2);
	assert_int_equal(services[0], 1);
	assert_int_equal(services[1], 4);
	assert_int_equal(pool_services_of(sorted, 1, &services), 0);
	assert_int_equal(pool_services_of(sorted, 2, &services), 3);
	assert_int_equal(services[2], 3);
	release(config, sorted);
}

static void a_service_is_told_once_for_each_pool_of_its_split(void **state)
{
	struct config_split splits[] = { { .pool = 1 }, { .pool = 2 }, { .pool = 1 },
		{ .pool = 0 } };
	struct config *config = make(3, 2);
	struct pool_services *sorted;
	const size_t *services;

	config->services[0].splits = splits;
	config->services[0].split_count = COUNT_OF(splits);
	config->services[1].pool = 1;
	sorted = pool_services_sort(config);
	assert_int_equal(pool_services_of(sorted, 0, &services), 1);
	assert_int_equal(services[0], 0);
	assert_int_equal(pool_services_of(sorted, 1, &services), 2);
	assert_int_equal(services[0], 0);
	assert_int_equal(services[1], 1);
	assert_int_equal(pool_services_of(sorted, 2, &services), 1);
	release(config, sorted);
}

static void some_of_many_are_named(void **state)
{
	char text[POOL_SERVICES_TEXT_SIZE];
	struct config *config = make(3, 8);
	struct pool_services *sorted;

	for (size_t i = 4; i < 8; i++)
		config->services[i].pool = 2;
	config->services[1].pool = 2;
	sorted = pool_services_sort(config);
	assert_string_equal(pool_services_name(sorted, config, 0, text), "s0, s2, s3");
	assert_string_equal(pool_services_name(sorted, config, 1, text), "");
	assert_string_equal(
		pool_services_name(sorted, config, 2, text), "s1, s4, s5, s6 and 1 more");
	release(config, sorted);
}

static void the_longest_names_fit(void **state)
{
	char text[POOL_SERVICES_TEXT_SIZE], *end;
	struct config *config = make(1, MANY);
	struct pool_services *sorted;

	for (size_t i = 0; i < MANY; i++)
		snprintf(config->services[i].name, CONFIG_NAME_SIZE, "%063zu", i);
	sorted = pool_services_sort(config);
	end = strstr(pool_services_name(sorted, config, 0, text), " and ");
	assert_non_null(end);
	assert_string_equal(end, " and 9996 more");
	release(config, sorted);
}

static long long thread_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

/* CPU time to name the services of as many pools, the least of some runs. */
static long long take_ns(size_t pools)
{
	long long least = -1;

	for (int run = 0; run < 5; run++) {
		struct config *config = make(pools, pools);
		struct pool_services *sorted;
		char text[POOL_SERVICES_TEXT_SIZE];
		long long begin;

		for (size_t i = 0; i < pools; i++)
			config->services[i].pool = pools - 1 - i;
		begin = thread_ns();
		sorted = pool_services_sort(config);
		for (size_t i = 0; i < pools; i++)
			assert_true(pool_services_name(sorted, config, i, text)[0] == 's');
		begin = thread_ns() - begin;
		least = least < 0 || begin < least ? begin : least;
		release(config, sorted);
	}
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
		cmocka_unit_test(services_are_told_by_pool_in_their_order),
		cmocka_unit_test(a_service_is_told_once_for_each_pool_of_its_split),
		cmocka_unit_test(some_of_many_are_named),
		cmocka_unit_test(the_longest_names_fit),
		cmocka_unit_test(the_time_grows_no_faster_than_the_number),
	};

	return cmocka_run_group_tests_name("pool_services", tests, NULL, NULL);
}
