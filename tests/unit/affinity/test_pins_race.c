/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two workers that put and change pins of the same flows, a third that only looks them up, and the
 * sweeper, for a second, in a table that is too small for all. It is built twice: as it is, and
 * with ThreadSanitizer, which must have nothing to say.
 *
 * The backend of a flow follows from its hash, so that a pin made of two shows. cmocka's checks
 * belong to the main thread; the others count what they find.
 */
#include "pins_fixture.h"

#include <pthread.h>
#include <time.h>

#include "affinity/pins_sweep.h"

#define WRITERS     2
#define BUCKETS     101
#define FLOWS       1500 /* of 808 ways */
#define SLOT_COUNT  251
#define DURATION_MS 1000
#define ROUND       256 /* steps between two looks at the clock */

struct race {
	struct pins pins;
	uint64_t hashes[FLOWS];
	_Atomic uint16_t tick;
	_Atomic bool over;
	_Atomic uint64_t mistaken; /* pins that no flow can have */
	_Atomic uint64_t lookups;
	uint64_t passes;
	uint64_t swept;
	bool miscounted;
};

struct writer {
	struct race *race;
	uint64_t random;
	uint64_t puts[PINS_PUT_COUNT];
	uint64_t steps[PINS_STEP_COUNT];
};

static uint16_t backend_of(uint64_t hash)
{
	return hash % 4;
}

static bool is_over(const struct race *race)
{
	return atomic_load_explicit(&race->over, memory_order_relaxed);
}

static uint16_t tick_of(const struct race *race)
{
	return atomic_load_explicit(&race->tick, memory_order_relaxed);
}

static void check(struct race *race, uint64_t hash, uint64_t pin)
{
	if (pin_tag(pin) != hash >> 32 || pin_gid(pin) != backend_of(hash) ||
		pin_class(pin) == PIN_EMPTY)
		atomic_fetch_add_explicit(&race->mistaken, 1, memory_order_relaxed);
}

static void put(struct writer *writer, uint64_t hash, uint16_t now)
{
	static const enum pin_class classes[] = { PIN_PROBATION, PIN_PROBATION, PIN_OBSERVED,
		PIN_ESTABLISHED };
	enum pin_class class = classes[next_random(&writer->random) % COUNT_OF(classes)];

	writer->puts[pins_put(&writer->race->pins, hash, backend_of(hash), class, now)]++;
}

static void step(struct writer *writer, uint64_t hash, uint16_t now)
{
	struct pins *pins = &writer->race->pins;
	uint32_t position;
	uint64_t pin = pins_find(pins, hash, &position);
	enum pins_step step;

	if (pin == 0)
		return;
	check(writer->race, hash, pin);
	switch (next_random(&writer->random) % 8) {
	case 0: step = pins_delete(pins, position, pin); break;
	case 1: step = pins_finish(pins, position, pin, now); break;
	default: step = pins_continue(pins, position, pin, PIN_ESTABLISHED, now); break;
	}
	writer->steps[step]++;
}

static void *write_pins(void *argument)
{
	struct writer *writer = argument;
	struct race *race = writer->race;

	while (!is_over(race))
		for (unsigned int i = 0; i < ROUND; i++) {
			uint64_t dice = next_random(&writer->random);
			uint64_t hash = race->hashes[dice % FLOWS];

			/* every few packets go to one flow, so that the two do meet */
			if (dice >> 32 & 1)
				hash = race->hashes[i / 16];
			if (dice >> 33 & 1)
				put(writer, hash, tick_of(race));
			else
				step(writer, hash, tick_of(race));
		}
	return NULL;
}

static void *look_up(void *argument)
{
	struct race *race = argument;
	uint64_t random = 77;

	while (!is_over(race)) {
		for (unsigned int i = 0; i < ROUND; i++) {
			uint64_t hash = race->hashes[next_random(&random) % FLOWS];
			uint64_t pin = pin_of(&race->pins, hash);

			if (pin != 0)
				check(race, hash, pin);
		}
		atomic_fetch_add_explicit(&race->lookups, ROUND, memory_order_relaxed);
	}
	return NULL;
}

static bool judge(void *context, uint64_t pin, uint32_t slot, uint32_t idle_seconds)
{
	return slot % 16 != 0;
}

/* One pass; whether every way was counted in exactly one class. */
static bool sweep_once(struct race *race, struct pins_sweep *pass)
{
	static uint8_t seen[SLOT_COUNT];
	static const struct pins_sweep_pool pools[4] = { { seen, SLOT_COUNT }, { seen, SLOT_COUNT },
		{ seen, SLOT_COUNT }, { seen, SLOT_COUNT } };
	static const struct pins_sweep_rules rules = {
		.pool_of = pools,
		.gid_count = 4,
		.idle_limit_seconds = { 0, 16, 200, 400, 60, 60, 300, 100 },
	};
	uint64_t total = 0;

	pins_sweep_begin(pass, &race->pins, &rules);
	while (!pins_sweep_run(pass, 10, tick_of(race), judge))
		;
	for (unsigned int class = 0; class < PIN_CLASS_COUNT; class ++)
		total += pass->found[class];
	return total == BUCKETS * PINS_WAYS;
}

static void *sweep(void *argument)
{
	struct race *race = argument;

	while (!is_over(race)) {
		struct pins_sweep pass;

		race->miscounted |= !sweep_once(race, &pass);
		race->passes++;
		for (unsigned int class = 0; class < PIN_CLASS_COUNT; class ++)
			race->swept += pass.deleted[class];
	}
	return NULL;
}

static uint64_t milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The clock ticks every few milliseconds and the flood comes and goes, as the control thread does.
 */
static void conduct(struct race *race)
{
	uint64_t start = milliseconds(), passed;

	do {
		const struct timespec pause = { .tv_nsec = 1000000 };

		nanosleep(&pause, NULL);
		passed = milliseconds() - start;
		atomic_store_explicit(&race->tick, passed / 2, memory_order_relaxed);
		pins_set_flood(&race->pins, passed / 50 % 2);
	} while (passed < DURATION_MS);
	atomic_store_explicit(&race->over, true, memory_order_relaxed);
}

static void run(struct race *race, struct writer writers[static WRITERS])
{
	pthread_t threads[WRITERS + 2];

	for (unsigned int i = 0; i < WRITERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, write_pins, &writers[i]), 0);
	assert_int_equal(pthread_create(&threads[WRITERS], NULL, look_up, race), 0);
	assert_int_equal(pthread_create(&threads[WRITERS + 1], NULL, sweep, race), 0);
	conduct(race);
	for (unsigned int i = 0; i < COUNT_OF(threads); i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
}

/* Everything else is another flow's: ways by the flows that have them, 0, 1 or, wrongly, more. */
static void assert_every_way_is_one_flow_s(const struct race *race)
{
	uint32_t ways = 0;

	for (uint32_t i = 0; i < FLOWS; i++) {
		uint32_t copies = 0;

		for (uint32_t j = 0; j < BUCKETS * PINS_WAYS; j++) {
			uint64_t pin = pins_load(&race->pins, j);

			copies += pin_class(pin) != PIN_EMPTY &&
				  pin_tag(pin) == race->hashes[i] >> 32;
		}
		assert_in_range(copies, 0, 1);
		assert_int_equal(copies, pin_of(&race->pins, race->hashes[i]) != 0);
		ways += copies;
	}
	for (uint32_t bucket = 0; bucket < BUCKETS; bucket++)
		ways += ways_of_class(&race->pins, bucket, PIN_EMPTY);
	assert_int_equal(ways, BUCKETS * PINS_WAYS);
}

/*
 * Each pin that was put is there, or was deleted or swept. A merged pin may have replaced another
 * one, which no counter shows.
 */
static void assert_counts_add_up(const struct race *race, const struct writer *writers)
{
	uint64_t alive = BUCKETS * PINS_WAYS, gone = race->swept, placed = 0, merged = 0;

	for (uint32_t bucket = 0; bucket < BUCKETS; bucket++)
		alive -= ways_of_class(&race->pins, bucket, PIN_EMPTY);
	for (unsigned int i = 0; i < WRITERS; i++) {
		placed += writers[i].puts[PINS_PUT_PLACED];
		merged += writers[i].puts[PINS_PUT_MERGED];
		gone += writers[i].steps[PINS_STEP_DELETED];
	}
	assert_in_range(placed - gone, alive, alive + 2 * merged);
}

static void workers_and_sweeper_leave_a_sound_table(void **state)
{
	struct writer writers[WRITERS] = { { 0 } };
	struct race *race = calloc(1, sizeof(*race));
	uint64_t random = 5;

	assert_non_null(race);
	make_pins(&race->pins, BUCKETS);
	for (uint32_t i = 0; i < FLOWS; i++)
		race->hashes[i] = next_random(&random);
	for (unsigned int i = 0; i < WRITERS; i++) {
		writers[i].race = race;
		writers[i].random = 1000 + i;
	}
	run(race, writers);

	assert_int_equal(race->mistaken, 0);
	assert_false(race->miscounted);
	assert_every_way_is_one_flow_s(race);
	assert_counts_add_up(race, writers);
	assert_in_range(most_ways_of_class(&race->pins, PIN_TRIAL), 0, PINS_QUOTA + WRITERS - 1);
	/* and all of it has happened */
	assert_true(race->lookups > 0 && race->passes > 0 && race->swept > 0);
	for (unsigned int i = 0; i < WRITERS; i++) {
		assert_true(writers[i].puts[PINS_PUT_EVICTED + PIN_PROBATION] > 0);
		assert_true(writers[i].steps[PINS_STEP_CONFIRMED] > 0);
	}
	free_pins(&race->pins);
	free(race);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(workers_and_sweeper_leave_a_sound_table),
	};

	return cmocka_run_group_tests_name("pins_race", tests, NULL, NULL);
}
