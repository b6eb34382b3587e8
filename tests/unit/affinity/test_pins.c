/* SPDX-License-Identifier: BSD-3-Clause */
#include "pins_fixture.h"

#define EVICTED(class) (PINS_PUT_EVICTED + PIN_##class)
#define NOW            50

static const char letters[PIN_CLASS_COUNT] = {
	[PIN_EMPTY] = '.',
	[PIN_PROBATION] = 'P',
	[PIN_OBSERVED] = 'O',
	[PIN_ESTABLISHED] = 'E',
	[PIN_FINISHED] = 'F',
	[PIN_UDP] = 'U',
	[PIN_QUIC] = 'Q',
	[PIN_TRIAL] = 'T',
};

/* A hash with that tag whose two buckets, of two, are the given ones. */
static uint64_t hash_for(const struct pins *pins, uint32_t tag, uint32_t first, uint32_t second)
{
	for (uint32_t low = 0;; low += 0x01234567) {
		uint64_t hash = (uint64_t)tag << 32 | low;

		if (pins_first_bucket(pins, hash) == first &&
			pins_second_bucket(pins, hash) == second)
			return hash;
	}
}

/* Fills a bucket as written: a letter for each way's class, a digit for its age in ticks. */
static void write_bucket(struct pins *pins, uint32_t bucket, const char *classes, const char *ages)
{
	for (uint32_t way = 0; way < PINS_WAYS; way++) {
		const char *class = memchr(letters, classes[way], sizeof(letters));
		uint64_t tag = 1000 + bucket * PINS_WAYS + way;

		assert_non_null(class);
		if (classes[way] != '.')
			pins->words[bucket * PINS_WAYS + way] =
				pin_pack(tag << 32, 9, class - letters, NOW - (ages[way] - '0'));
	}
}

/*
 * Every flow has bucket 0 first and bucket 1 second. `changed` is the way where the pin is found
 * afterwards: 0 to 7, or 8 to 15 in bucket 1; -1: nowhere.
 */
static const struct {
	const char *first;
	const char *first_ages;
	const char *second;
	const char *second_ages;
	enum pin_class class;
	unsigned int outcome;
	int changed;
} placements[] = {
	/* the emptier bucket, or the first */
	{ "........", "00000000", "........", "00000000", PIN_PROBATION, PINS_PUT_PLACED, 0 },
	{ "E.......", "00000000", "........", "00000000", PIN_PROBATION, PINS_PUT_PLACED, 8 },
	{ "EE.EEEEE", "00000000", "EEEEEEE.", "00000000", PIN_OBSERVED, PINS_PUT_PLACED, 2 },
	{ "EEEEEEEE", "00000000", "EEEEEEE.", "00000000", PIN_UDP, PINS_PUT_PLACED, 15 },
	{ "FFFFFFFF", "99999999", "EEEEEEE.", "00000000", PIN_QUIC, PINS_PUT_PLACED, 15 },
	/* probation: four ways of a bucket, free or not */
	{ "PPPP....", "00000000", "EEEEEE..", "00000000", PIN_PROBATION, PINS_PUT_PLACED, 14 },
	{ "PPPP....", "00200000", "PPPPPE..", "00100000", PIN_PROBATION, EVICTED(PROBATION), 2 },
	{ "PPPPFFFF", "00209999", "EEEEPPPP", "00001030", PIN_PROBATION, EVICTED(PROBATION), 14 },
	{ "PPPPEEEE", "00200000", "EEEEEEEF", "00000000", PIN_PROBATION, EVICTED(FINISHED), 15 },
	{ "PPPP....", "00000000", "EEEEEEEE", "00000000", PIN_OBSERVED, PINS_PUT_PLACED, 4 },
	/* finished first, then probation, the oldest of both buckets */
	{ "EEEEEFPP", "00000399", "EEEEEFEE", "00000200", PIN_PROBATION, EVICTED(FINISHED), 5 },
	{ "EEEEEPEP", "00000304", "EEEEEPEE", "00000500", PIN_PROBATION, EVICTED(PROBATION), 13 },
	{ "EEEEEEEE", "99999999", "OEEEEUQT", "09999999", PIN_PROBATION, EVICTED(OBSERVED), 8 },
	{ "EEEEEEEE", "99999999", "EEEEEUQT", "99999999", PIN_PROBATION, PINS_PUT_REFUSED, -1 },
	/* observed: no more than observed ones, and four ways of a bucket */
	{ "OOOO....", "00000000", "EEEEEEE.", "00000000", PIN_OBSERVED, PINS_PUT_PLACED, 15 },
	{ "OOOO....", "00300000", "OOOOE...", "00100000", PIN_OBSERVED, EVICTED(OBSERVED), 2 },
	{ "OOOOPPFF", "00309999", "EEEEOOOO", "00000010", PIN_OBSERVED, EVICTED(OBSERVED), 2 },
	{ "OEEEEUQT", "09999999", "EEEEEEPE", "99999909", PIN_OBSERVED, EVICTED(PROBATION), 14 },
	{ "OEEEEUQT", "09999999", "EEEEEEOE", "99999919", PIN_OBSERVED, EVICTED(OBSERVED), 14 },
	{ "TEEEEUQT", "99999999", "EEEEEEEE", "99999999", PIN_OBSERVED, PINS_PUT_REFUSED, -1 },
	/* established: anything, in order */
	{ "TEEEEUQO", "99999990", "EEEEEEEE", "99999999", PIN_ESTABLISHED, EVICTED(OBSERVED), 7 },
	{ "EEEEEUQT", "99999990", "EEEEEEEE", "99999999", PIN_ESTABLISHED, EVICTED(TRIAL), 7 },
	{ "EEEEEUQE", "99999999", "EQEEEEEE", "99999999", PIN_ESTABLISHED, EVICTED(UDP), 5 },
	{ "EEEEEUQE", "99999239", "EEEEEEEE", "99999999", PIN_UDP, EVICTED(QUIC), 6 },
	{ "EEEEEEEE", "01234567", "EEEEEEEE", "00000080", PIN_ESTABLISHED, EVICTED(ESTABLISHED),
		14 },
	{ "EEEEEEEE", "01234567", "EEEEEEEE", "00000000", PIN_QUIC, EVICTED(ESTABLISHED), 7 },
};

static void a_pin_is_put_where_the_table_says(void **state)
{
	for (size_t i = 0; i < COUNT_OF(placements); i++) {
		struct pins pins;
		uint64_t hash, pin;
		uint32_t position = UINT32_MAX;
		enum pins_put outcome;

		make_pins(&pins, 2);
		hash = hash_for(&pins, 5, 0, 1);
		write_bucket(&pins, 0, placements[i].first, placements[i].first_ages);
		write_bucket(&pins, 1, placements[i].second, placements[i].second_ages);
		outcome = pins_put(&pins, hash, 321, placements[i].class, NOW);
		pin = pins_find(&pins, hash, &position);
		if (outcome != placements[i].outcome || (int)position != placements[i].changed)
			fail_msg("row %zu: outcome %u, way %d", i, outcome, (int)position);
		if (placements[i].changed >= 0)
			assert_int_equal(pin, pin_pack(hash, 321, placements[i].class, NOW));
		free_pins(&pins);
	}
}

static void a_pin_that_is_there_is_replaced_in_its_place(void **state)
{
	static const enum pin_class classes[] = { PIN_PROBATION, PIN_ESTABLISHED, PIN_UDP,
		PIN_QUIC };
	struct pins pins;
	uint64_t hash;
	uint32_t position;

	make_pins(&pins, 2);
	write_bucket(&pins, 0, "PPPP.P..", "99999999"); /* free ways and quotas do not matter */
	hash = hash_for(&pins, 1013, 0, 1);
	write_bucket(&pins, 1, "EEEEEEEE", "99999999");
	for (size_t i = 0; i < COUNT_OF(classes); i++) {
		assert_int_equal(
			pins_put(&pins, hash, 400 + i, classes[i], NOW), PINS_PUT_REPLACED);
		assert_int_equal(pins_find(&pins, hash, &position),
			pin_pack(hash, 400 + i, classes[i], NOW));
		assert_int_equal(position, 13);
	}
	free_pins(&pins);
}

static void an_observed_pin_replaces_none(void **state)
{
	struct pins pins;
	uint64_t hash;

	make_pins(&pins, 1);
	hash = hash_for(&pins, 1002, 0, 0);
	write_bucket(&pins, 0, "..F.....", "00000000");
	assert_int_equal(pins_put(&pins, hash, 3, PIN_OBSERVED, NOW), PINS_PUT_KEPT);
	assert_int_equal(pin_gid(pin_of(&pins, hash)), 9);
	free_pins(&pins);
}

/* Empty ways are all zeroes, like the tag of such a flow. */
static void a_flow_whose_tag_is_zero_is_like_any_other(void **state)
{
	struct pins pins;

	make_pins(&pins, 3);
	assert_int_equal(pin_of(&pins, 12345), 0);
	assert_int_equal(pins_put(&pins, 12345, 0, PIN_PROBATION, 0), PINS_PUT_PLACED);
	assert_int_equal(pin_class(pin_of(&pins, 12345)), PIN_PROBATION);
	free_pins(&pins);
}

static void a_pin_is_found_in_every_way_of_both_buckets(void **state)
{
	for (uint32_t way = 0; way < 2 * PINS_WAYS; way++) {
		struct pins pins;
		uint64_t hash;
		uint32_t position = UINT32_MAX;

		make_pins(&pins, 2);
		hash = hash_for(&pins, 1000 + way, 1, 0);
		write_bucket(&pins, 0, "EPOFUQTE", "00000000");
		write_bucket(&pins, 1, "EPOFUQTE", "00000000");
		assert_int_equal(pin_tag(pins_find(&pins, hash, &position)), 1000 + way);
		assert_int_equal(position, way);
		free_pins(&pins);
	}
}

static void no_pin_is_found_that_is_not_there(void **state)
{
	struct pins pins;
	uint64_t hash;

	make_pins(&pins, 3);
	write_bucket(&pins, 0, "EPOFUQTE", "00000000");
	write_bucket(&pins, 1, "EPOFUQTE", "00000000");
	hash = hash_for(&pins, 1003, 2, 2); /* the tag stands in other buckets */
	assert_int_equal(pin_of(&pins, hash), 0);
	hash = hash_for(&pins, 999, 0, 1);
	assert_int_equal(pin_of(&pins, hash), 0);
	free_pins(&pins);
}

static void any_bytes_are_a_table(void **state)
{
	struct pins pins;
	uint64_t random = 1;

	make_pins(&pins, 4);
	for (uint32_t round = 0; round < 2000; round++) {
		uint64_t hash = next_random(&random);
		uint32_t position;
		uint64_t pin;

		for (uint32_t i = 0; i < 4 * PINS_WAYS; i++)
			pins.words[i] = next_random(&random) & ~(round % 2 ? UINT64_C(14) : 0);
		pins_put(&pins, hash, 1, PIN_PROBATION, round);
		pin = pins_find(&pins, hash, &position);
		if (pin != 0) {
			assert_int_equal(pin_tag(pin), hash >> 32);
			pins_finish(&pins, position, pin, round);
		}
		assert_true(round % 2 == 0 || pin != 0); /* all ways were free */
	}
	free_pins(&pins);
}

static void steps_have_names_and_reach_the_table(void **state)
{
	struct pins pins;
	uint64_t hash = UINT64_C(0xabcdef0123456789);

	make_pins(&pins, 5);
	pins_put(&pins, hash, 70, PIN_PROBATION, 10);
	assert_int_equal(continue_flow(&pins, hash, PIN_ESTABLISHED, 10), PINS_STEP_CONFIRMED);
	assert_int_equal(continue_flow(&pins, hash, PIN_ESTABLISHED, 10), PINS_STEP_NONE);
	assert_int_equal(continue_flow(&pins, hash, PIN_ESTABLISHED, 11), PINS_STEP_REFRESHED);
	assert_int_equal(continue_flow(&pins, hash, PIN_ESTABLISHED, 11), PINS_STEP_NONE);
	assert_int_equal(finish_flow(&pins, hash, 11), PINS_STEP_FINISHED);
	assert_int_equal(finish_flow(&pins, hash, 12), PINS_STEP_NONE);
	assert_int_equal(continue_flow(&pins, hash, PIN_ESTABLISHED, 12), PINS_STEP_NONE);
	assert_int_equal(continue_flow(&pins, hash, PIN_ESTABLISHED, 13), PINS_STEP_REVIVED);
	assert_int_equal(pin_of(&pins, hash), pin_pack(hash, 70, PIN_ESTABLISHED, 13));

	pins_set_flood(&pins, true);
	pins_put(&pins, hash, 71, PIN_PROBATION, 20);
	assert_int_equal(continue_flow(&pins, hash, PIN_ESTABLISHED, 20), PINS_STEP_REFRESHED);
	assert_int_equal(continue_flow(&pins, hash, PIN_ESTABLISHED, 20), PINS_STEP_NONE);
	assert_int_equal(continue_flow(&pins, hash, PIN_ESTABLISHED, 21), PINS_STEP_TRIED);
	assert_int_equal(finish_flow(&pins, hash, 21), PINS_STEP_DEMOTED);
	assert_int_equal(continue_flow(&pins, hash, PIN_ESTABLISHED, 22), PINS_STEP_TRIED);
	assert_int_equal(pin_of(&pins, hash), pin_pack(hash, 71, PIN_TRIAL, 22));
	pins_set_flood(&pins, false);
	assert_int_equal(continue_flow(&pins, hash, PIN_UDP, 22), PINS_STEP_CONFIRMED);
	assert_int_equal(pin_of(&pins, hash), pin_pack(hash, 71, PIN_UDP, 22));
	free_pins(&pins);
}

/* What another worker has done between finding and stepping. */
static void a_step_follows_the_pin_and_lets_go_of_another_flow(void **state)
{
	struct pins pins;
	uint64_t hash = UINT64_C(0xabcdef0123456789);
	uint32_t position;
	uint64_t pin;

	make_pins(&pins, 1);
	pins_put(&pins, hash, 70, PIN_PROBATION, 10);
	pin = pins_find(&pins, hash, &position);

	pins.words[position] = pin_pack(hash, 70, PIN_ESTABLISHED, 11);
	assert_int_equal(pins_continue(&pins, position, pin, PIN_ESTABLISHED, 11), PINS_STEP_NONE);
	assert_int_equal(pins_finish(&pins, position, pin, 11), PINS_STEP_FINISHED);
	pins.words[position] = pin_pack(hash, 71, PIN_PROBATION, 11);
	assert_int_equal(pins_continue(&pins, position, pin, PIN_ESTABLISHED, 11), PINS_STEP_LOST);
	assert_int_equal(pins_finish(&pins, position, pin, 11), PINS_STEP_LOST);
	assert_int_equal(pins_delete(&pins, position, pin), PINS_STEP_LOST);
	pins.words[position] = 0;
	assert_int_equal(pins_continue(&pins, position, pin, PIN_ESTABLISHED, 11), PINS_STEP_LOST);
	assert_int_equal(pin_of(&pins, hash), 0);

	pins.words[position] = pin_pack(hash, 70, PIN_ESTABLISHED, 11);
	assert_int_equal(pins_delete(&pins, position, pin), PINS_STEP_DELETED);
	assert_int_equal(pin_of(&pins, hash), 0);
	free_pins(&pins);
}

static void trial_has_four_ways_of_a_bucket(void **state)
{
	struct pins pins;
	uint64_t hash;

	make_pins(&pins, 1);
	pins_set_flood(&pins, true);
	hash = hash_for(&pins, 1004, 0, 0);
	write_bucket(&pins, 0, "TTTTPOEE", "00001199");
	atomic_fetch_or(&pins.words[4], PIN_NOTED);
	assert_int_equal(continue_flow(&pins, hash, PIN_ESTABLISHED, NOW), PINS_STEP_CROWDED);
	/* it lives on where it is */
	assert_int_equal(pin_of(&pins, hash), pin_pack(hash, 9, PIN_PROBATION, NOW) | PIN_NOTED);
	hash = hash_for(&pins, 1005, 0, 0);
	assert_int_equal(continue_flow(&pins, hash, PIN_ESTABLISHED, NOW), PINS_STEP_CROWDED);
	assert_int_equal(pin_of(&pins, hash), pin_pack(hash, 9, PIN_OBSERVED, NOW));
	/* one leaves, one may enter */
	assert_int_equal(finish_flow(&pins, hash_for(&pins, 1002, 0, 0), NOW), PINS_STEP_DEMOTED);
	assert_int_equal(continue_flow(&pins, hash, PIN_ESTABLISHED, NOW + 1), PINS_STEP_TRIED);
	assert_int_equal(ways_of_class(&pins, 0, PIN_TRIAL), PINS_QUOTA);
	free_pins(&pins);
}

static void a_million_pins_take_at_most_eleven_megabytes(void **state)
{
	static const struct {
		uint64_t pins;
		uint32_t buckets;
	} cases[] = {
		{ 0, 1 },
		{ 1, 1 },
		{ 6, 1 },
		{ 7, 2 },
		{ 786432, 131072 }, /* the default: 8.4 MB */
		{ 1000000, 166667 },
		{ UINT64_C(6) * PINS_BUCKETS_MAX, PINS_BUCKETS_MAX },
		{ UINT64_MAX, PINS_BUCKETS_MAX },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		assert_int_equal(pins_bucket_count(cases[i].pins), cases[i].buckets);
	assert_int_equal(pins_memory(pins_bucket_count(1000000)), 10666688);
	assert_true(pins_memory(pins_bucket_count(1000000)) <= 11000000);
}

static uint64_t evictions_while_filling(uint32_t bucket_count, uint32_t percent)
{
	struct pins pins;
	uint64_t evicted = 0, random = percent;

	make_pins(&pins, bucket_count);
	for (uint64_t i = 0; i < (uint64_t)bucket_count * PINS_WAYS * percent / 100; i++)
		evicted += pins_put(&pins, next_random(&random), 1, PIN_ESTABLISHED, 0) !=
			   PINS_PUT_PLACED;
	free_pins(&pins);
	return evicted;
}

static void none_is_evicted_as_long_as_seven_ways_of_ten_are_taken(void **state)
{
	assert_int_equal(evictions_while_filling(131072, 70), 0);
	assert_int_equal(evictions_while_filling(100003, 70), 0); /* no power of two */
}

static void few_are_evicted_at_the_fill_that_the_table_is_made_for(void **state)
{
	uint64_t evicted = evictions_while_filling(166667, 75);

	assert_in_range(evicted, 0, 1000000 / 10000); /* 0.01 % */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pin_is_put_where_the_table_says),
		cmocka_unit_test(a_pin_that_is_there_is_replaced_in_its_place),
		cmocka_unit_test(an_observed_pin_replaces_none),
		cmocka_unit_test(a_flow_whose_tag_is_zero_is_like_any_other),
		cmocka_unit_test(a_pin_is_found_in_every_way_of_both_buckets),
		cmocka_unit_test(no_pin_is_found_that_is_not_there),
		cmocka_unit_test(any_bytes_are_a_table),
		cmocka_unit_test(steps_have_names_and_reach_the_table),
		cmocka_unit_test(a_step_follows_the_pin_and_lets_go_of_another_flow),
		cmocka_unit_test(trial_has_four_ways_of_a_bucket),
		cmocka_unit_test(a_million_pins_take_at_most_eleven_megabytes),
		cmocka_unit_test(none_is_evicted_as_long_as_seven_ways_of_ten_are_taken),
		cmocka_unit_test(few_are_evicted_at_the_fill_that_the_table_is_made_for),
	};

	return cmocka_run_group_tests_name("pins", tests, NULL, NULL);
}
