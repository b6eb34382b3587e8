/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two pins of one flow. That takes two workers who meet within nanoseconds, a few times in a second
 * of test_pins_race.c and never when one waits for it; so this test includes the source, and plays
 * the other worker between our placing a pin and our looking again.
 */
#include "affinity/pins.c"

#include "pins_fixture.h"

#define HASH UINT64_C(0x0123456789abcdef)
#define OURS 7 /* gids */
#define HERS 8

/* Ways 0 to 7 are those of the flow's first bucket, 8 to 15 of its second; -1: no such pin. */
static const struct {
	int our_way;
	enum pin_class our_class;
	int her_way;
	enum pin_class her_class;
	bool merged;
	int left; /* the way whose pin stays, if any was removed */
} meetings[] = {
	{ 3, PIN_PROBATION, -1, PIN_EMPTY, false, 3 },
	/* of equals, the one that is found first */
	{ 0, PIN_PROBATION, 1, PIN_PROBATION, true, 0 },
	{ 1, PIN_PROBATION, 0, PIN_PROBATION, true, 0 },
	{ 7, PIN_ESTABLISHED, 8, PIN_ESTABLISHED, true, 7 },
	{ 8, PIN_ESTABLISHED, 7, PIN_ESTABLISHED, true, 7 },
	{ 15, PIN_UDP, 14, PIN_QUIC, true, 14 },
	/* of others, the one that is evicted last */
	{ 0, PIN_PROBATION, 1, PIN_ESTABLISHED, true, 1 },
	{ 0, PIN_PROBATION, 15, PIN_OBSERVED, true, 15 },
	{ 15, PIN_ESTABLISHED, 0, PIN_PROBATION, true, 15 },
	{ 9, PIN_OBSERVED, 8, PIN_PROBATION, true, 9 },
	{ 9, PIN_PROBATION, 8, PIN_FINISHED, true, 9 },
};

static void make_buckets(struct pins *pins, struct bucket buckets[static 2])
{
	make_pins(pins, 16);
	look_at(pins, pins_first_bucket(pins, HASH), &buckets[0]);
	look_at(pins, pins_second_bucket(pins, HASH), &buckets[1]);
	assert_int_not_equal(buckets[0].number, buckets[1].number);
}

static uint32_t place(
	struct pins *pins, const struct bucket buckets[static 2], int way, uint64_t pin)
{
	uint32_t position = buckets[way / PINS_WAYS].number * PINS_WAYS + way % PINS_WAYS;

	pins->words[position] = pin;
	return position;
}

static uint32_t taken_ways(const struct pins *pins)
{
	uint32_t count = 0;

	for (uint32_t bucket = 0; bucket < pins->bucket_count; bucket++)
		count += PINS_WAYS - ways_of_class(pins, bucket, PIN_EMPTY);
	return count;
}

static void the_lesser_of_two_pins_goes(void **state)
{
	for (size_t i = 0; i < COUNT_OF(meetings); i++) {
		uint64_t ours = pin_pack(HASH, OURS, meetings[i].our_class, 0);
		uint64_t hers = pin_pack(HASH, HERS, meetings[i].her_class, 0);
		bool we_stay = meetings[i].left == meetings[i].our_way;
		struct bucket buckets[2];
		struct target placed;
		struct pins pins;

		make_buckets(&pins, buckets);
		placed.pin = ours;
		placed.position = place(&pins, buckets, meetings[i].our_way, ours);
		if (meetings[i].her_way >= 0)
			place(&pins, buckets, meetings[i].her_way, hers);
		assert_int_equal(merge(&pins, buckets, placed), meetings[i].merged);
		assert_int_equal(taken_ways(&pins), 1);
		assert_int_equal(pin_of(&pins, HASH), we_stay ? ours : hers);
		free_pins(&pins);
	}
}

static void of_three_pins_one_stays(void **state)
{
	uint64_t ours = pin_pack(HASH, OURS, PIN_PROBATION, 0);
	struct bucket buckets[2];
	struct target placed = { .pin = ours };
	struct pins pins;

	make_buckets(&pins, buckets);
	placed.position = place(&pins, buckets, 0, ours); /* pins_find() finds it first */
	place(&pins, buckets, 4, pin_pack(HASH, HERS, PIN_PROBATION, 0));
	place(&pins, buckets, 12, pin_pack(HASH, HERS, PIN_PROBATION, 0));
	assert_true(merge(&pins, buckets, placed));
	assert_int_equal(taken_ways(&pins), 1);
	assert_int_equal(pin_of(&pins, HASH), ours);
	free_pins(&pins);
}

/* Ours was confirmed, or had to make room for another flow, before we looked again. */
static void a_pin_that_has_moved_on_is_judged_anew(void **state)
{
	uint64_t ours = pin_pack(HASH, OURS, PIN_PROBATION, 0);
	uint64_t hers = pin_pack(HASH, HERS, PIN_OBSERVED, 0);
	uint64_t confirmed = pin_pack(HASH, OURS, PIN_ESTABLISHED, 1);
	uint64_t stranger = pin_pack(~HASH, OURS, PIN_ESTABLISHED, 1);
	struct bucket buckets[2];
	struct target placed = { .pin = ours };
	struct pins pins;

	make_buckets(&pins, buckets);
	place(&pins, buckets, 10, hers);
	placed.position = place(&pins, buckets, 2, confirmed);
	assert_true(merge(&pins, buckets, placed));
	assert_int_equal(pin_of(&pins, HASH), confirmed);
	assert_int_equal(taken_ways(&pins), 1);

	place(&pins, buckets, 10, hers);
	place(&pins, buckets, 2, stranger);
	assert_false(merge(&pins, buckets, placed));
	assert_int_equal(pin_of(&pins, HASH), hers);
	assert_int_equal(taken_ways(&pins), 2);
	free_pins(&pins);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_lesser_of_two_pins_goes),
		cmocka_unit_test(of_three_pins_one_stays),
		cmocka_unit_test(a_pin_that_has_moved_on_is_judged_anew),
	};

	return cmocka_run_group_tests_name("pins_merge", tests, NULL, NULL);
}
