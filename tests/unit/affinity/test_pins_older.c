/* SPDX-License-Identifier: BSD-3-Clause */
#include <pthread.h>

#include "pins_fixture.h"

#include "affinity/pins_older.h"

#define NOW     100
#define FLOWS   2000
#define WORKERS 3

struct chain {
	struct pins current, older, oldest;
	uint64_t hashes[FLOWS];
	_Atomic uint64_t missed;
};

static void make_chain(struct chain *chain, uint32_t bucket_count)
{
	uint64_t random = 1;

	make_pins(&chain->oldest, 500);
	make_pins(&chain->older, 600);
	make_pins(&chain->current, bucket_count);
	chain->older.older = &chain->oldest;
	chain->current.older = &chain->older;
	atomic_init(&chain->missed, 0);
	for (size_t i = 0; i < FLOWS; i++)
		chain->hashes[i] = next_random(&random);
}

static void free_chain(struct chain *chain)
{
	free_pins(&chain->current);
	free_pins(&chain->older);
	free_pins(&chain->oldest);
}

/* As a worker does it. */
static uint64_t find(struct pins *pins, uint64_t hash, struct pins **table)
{
	struct pins *older = pins_older(pins);
	uint32_t position;
	uint64_t pin = pins_find(pins, hash, &position);

	*table = pins;
	if (pin == 0)
		pin = pins_find_older(pins, older, hash, table, &position);
	if (*table != pins)
		pin = pins_move(pins, hash, pin, table, &position);
	return pin;
}

static void a_pin_that_is_found_in_an_older_table_moves_as_it_is(void **state)
{
	for (int class = PIN_EMPTY + 1; class < PIN_CLASS_COUNT; class ++)
		for (int oldest = 0; oldest < 2; oldest++) {
			struct chain chain;
			struct pins *from = oldest ? &chain.oldest : &chain.older, *table;
			uint64_t pin;

			make_chain(&chain, 10);
			pin = pin_pack(chain.hashes[0], 77, class, NOW - 50) | PIN_REMOTE;
			from->words[pins_second_bucket(from, chain.hashes[0]) * PINS_WAYS] = pin;
			assert_int_equal(find(&chain.current, chain.hashes[0], &table), pin);
			assert_ptr_equal(table, &chain.current);
			assert_int_equal(pin_of(&chain.current, chain.hashes[0]), pin);
			assert_int_equal(pin_of(from, chain.hashes[0]), 0);
			assert_int_equal(find(&chain.current, chain.hashes[1], &table), 0);
			assert_ptr_equal(table, &chain.current);
			free_chain(&chain);
		}
}

static void a_pin_that_finds_no_room_evicts_none_and_stays(void **state)
{
	struct chain chain;
	struct pins *table;
	uint64_t pin;

	make_chain(&chain, 1);
	for (uint32_t i = 0; i < PINS_WAYS; i++)
		chain.current.words[i] = pin_pack(chain.hashes[i], 1, PIN_FINISHED, NOW);
	pins_put(&chain.older, chain.hashes[99], 5, PIN_ESTABLISHED, NOW);
	pin = find(&chain.current, chain.hashes[99], &table);
	assert_int_equal(pin_gid(pin), 5);
	assert_ptr_equal(table, &chain.older);
	assert_int_equal(pin_of(&chain.older, chain.hashes[99]), pin);
	assert_int_equal(ways_of_class(&chain.current, 0, PIN_FINISHED), PINS_WAYS);
	free_chain(&chain);
}

/* The current table knows better: it may have been written since. */
static void a_pin_of_the_current_table_is_kept(void **state)
{
	struct chain chain;
	struct pins *table = &chain.older;
	uint32_t position;
	uint64_t old, pin;

	make_chain(&chain, 10);
	pins_put(&chain.older, chain.hashes[0], 5, PIN_ESTABLISHED, NOW);
	old = pins_find(&chain.older, chain.hashes[0], &position);
	pins_put(&chain.current, chain.hashes[0], 6, PIN_UDP, NOW);
	pin = pins_move(&chain.current, chain.hashes[0], old, &table, &position);
	assert_int_equal(pin_gid(pin), 6);
	assert_ptr_equal(table, &chain.current);
	assert_int_equal(pin_of(&chain.older, chain.hashes[0]), 0);
	free_chain(&chain);
}

static void *look_for_all(void *context)
{
	struct chain *chain = context;

	for (size_t i = 0; i < FLOWS; i++) {
		struct pins *table;
		uint64_t pin = find(&chain->current, chain->hashes[i], &table);

		if (pin == 0 || pin_gid(pin) != i % 1000)
			chain->missed++;
	}
	return NULL;
}

static void workers_that_move_pins_at_once_lose_none(void **state)
{
	for (int round = 0; round < 20; round++) {
		struct chain chain;
		pthread_t workers[WORKERS];
		uint64_t left = 0;

		make_chain(&chain, 2000);
		for (size_t i = 0; i < FLOWS; i++)
			pins_put(i % 2 == 0 ? &chain.older : &chain.oldest, chain.hashes[i],
				i % 1000, PIN_ESTABLISHED, NOW);
		for (size_t i = 0; i < WORKERS; i++)
			assert_int_equal(
				pthread_create(&workers[i], NULL, look_for_all, &chain), 0);
		for (size_t i = 0; i < WORKERS; i++)
			pthread_join(workers[i], NULL);
		assert_int_equal(chain.missed, 0);
		for (size_t i = 0; i < FLOWS; i++) {
			assert_int_equal(
				pin_gid(pin_of(&chain.current, chain.hashes[i])), i % 1000);
			left += pin_of(&chain.older, chain.hashes[i]) != 0 ||
				pin_of(&chain.oldest, chain.hashes[i]) != 0;
		}
		assert_int_equal(left, 0);
		free_chain(&chain);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pin_that_is_found_in_an_older_table_moves_as_it_is),
		cmocka_unit_test(a_pin_that_finds_no_room_evicts_none_and_stays),
		cmocka_unit_test(a_pin_of_the_current_table_is_kept),
		cmocka_unit_test(workers_that_move_pins_at_once_lose_none),
	};

	return cmocka_run_group_tests_name("pins_older", tests, NULL, NULL);
}
