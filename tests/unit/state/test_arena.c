/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include <stdbool.h>

#include "state/arena.h"

enum { SIZE = 1000, RUNS = 200 }; /* of the arena with the many runs */

/* SplitMix64 (S. Vigna): the same numbers in every run. */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static void numbers_are_handed_out_from_the_lowest(void **state)
{
	struct arena *arena = arena_create(200);

	for (uint32_t i = 0; i < 200; i++)
		assert_int_equal(arena_take(arena, 1), i);
	assert_int_equal(arena_take(arena, 1), ARENA_FULL);
	arena_give(arena, 150, 1);
	arena_give(arena, 64, 1);
	assert_int_equal(arena_take(arena, 1), 64);
	assert_int_equal(arena_take(arena, 1), 150);
	arena_destroy(arena);
}

static void a_run_goes_into_the_first_gap_that_is_wide_enough(void **state)
{
	struct arena *arena = arena_create(300);

	assert_int_equal(arena_take(arena, 100), 0);
	assert_int_equal(arena_take(arena, 100), 100);
	assert_int_equal(arena_take(arena, 100), 200);
	arena_give(arena, 10, 5);
	arena_give(arena, 120, 70);
	assert_int_equal(arena_take(arena, 6), 120);
	assert_int_equal(arena_take(arena, 5), 10);
	assert_int_equal(arena_take(arena, 65), ARENA_FULL);
	assert_int_equal(arena_take(arena, 64), 126);
	arena_destroy(arena);
}

static void more_than_there_is_cannot_be_taken(void **state)
{
	struct arena *empty = arena_create(0);
	struct arena *arena = arena_create(64);

	assert_int_equal(arena_take(empty, 1), ARENA_FULL);
	assert_int_equal(arena_take(arena, 65), ARENA_FULL);
	assert_int_equal(arena_take(arena, UINT32_MAX), ARENA_FULL);
	assert_int_equal(arena_take(arena, 64), 0);
	arena_destroy(empty);
	arena_destroy(arena);
	arena_destroy(NULL);
}

static void very_numbers_are_taken_where_they_are_free(void **state)
{
	struct arena *arena = arena_create(200);

	assert_true(arena_take_at(arena, 0, 1));
	assert_true(arena_take_at(arena, 60, 70)); /* over all of a word and parts of two */
	assert_true(arena_take_at(arena, 199, 1));
	assert_int_equal(arena_take(arena, 1), 1);
	assert_int_equal(arena_take(arena, 59), 130);
	assert_int_equal(arena_take(arena, 58), 2);
	assert_int_equal(arena_take(arena, 10), 189);
	assert_int_equal(arena_take(arena, 1), ARENA_FULL);
	arena_give(arena, 60, 70);
	assert_true(arena_take_at(arena, 60, 70));
	arena_destroy(arena);
}

static void very_numbers_that_are_not_all_free_are_left_alone(void **state)
{
	static const struct {
		uint32_t first, count;
	} impossible[] = { { 50, 1 }, { 50, 10 }, { 41, 10 }, { 45, 10 }, { 0, 100 }, { 0, 101 },
		{ 90, 11 }, { 100, 1 }, { 99, 2 }, { 101, 0 }, { 10, 0 }, { UINT32_MAX, 1 },
		{ UINT32_MAX, 2 }, { 1, UINT32_MAX }, { UINT32_MAX, UINT32_MAX } };
	struct arena *empty = arena_create(0);
	struct arena *arena = arena_create(100);

	assert_true(arena_take_at(arena, 50, 1));
	for (size_t i = 0; i < COUNT_OF(impossible); i++)
		assert_false(arena_take_at(arena, impossible[i].first, impossible[i].count));
	assert_true(arena_take_at(arena, 0, 50));
	assert_true(arena_take_at(arena, 51, 49));
	assert_false(arena_take_at(empty, 0, 1));
	assert_false(arena_take_at(empty, 0, 0));
	arena_destroy(empty);
	arena_destroy(arena);
}

/* The first run of `count` free numbers, looked for number by number. */
static uint32_t find_naively(const bool *taken, uint32_t size, uint32_t count)
{
	uint32_t run = 0;

	for (uint32_t i = 0; i < size; i++) {
		run = taken[i] ? 0 : run + 1;
		if (run == count)
			return i + 1 - count;
	}
	return ARENA_FULL;
}

/* Takes a run by its number, as often as it is free and no more often; its first, or ARENA_FULL. */
static uint32_t take_somewhere(
	struct arena *arena, const bool *taken, uint32_t count, uint64_t *random)
{
	uint32_t first = next_random(random) % (SIZE + 1);
	bool is_free = count <= SIZE - first && !memchr(&taken[first], true, count);

	assert_int_equal(arena_take_at(arena, first, count), is_free);
	return is_free ? first : ARENA_FULL;
}

static void runs_never_overlap_and_always_fit_first(void **state)
{
	struct arena *arena = arena_create(SIZE);
	uint32_t firsts[RUNS], counts[RUNS] = { 0 };
	bool taken[SIZE] = { false };
	uint64_t random = 1;

	for (unsigned int i = 0; i < 50000; i++) {
		uint32_t run = next_random(&random) % RUNS;

		if (counts[run] > 0) {
			arena_give(arena, firsts[run], counts[run]);
			memset(&taken[firsts[run]], false, counts[run]);
			counts[run] = 0;
		} else {
			uint32_t count = 1 + next_random(&random) % 130;

			firsts[run] = i % 4 == 0 ? take_somewhere(arena, taken, count, &random)
						 : arena_take(arena, count);
			if (i % 4 != 0)
				assert_int_equal(firsts[run], find_naively(taken, SIZE, count));
			if (firsts[run] == ARENA_FULL)
				continue;
			memset(&taken[firsts[run]], true, count);
			counts[run] = count;
		}
	}
	arena_destroy(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_handed_out_from_the_lowest),
		cmocka_unit_test(a_run_goes_into_the_first_gap_that_is_wide_enough),
		cmocka_unit_test(more_than_there_is_cannot_be_taken),
		cmocka_unit_test(very_numbers_are_taken_where_they_are_free),
		cmocka_unit_test(very_numbers_that_are_not_all_free_are_left_alone),
		cmocka_unit_test(runs_never_overlap_and_always_fit_first),
	};

	return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
