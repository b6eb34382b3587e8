/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include <math.h>

#include "members.h"
#include "maglev/rendezvous.h"

struct fixture {
	struct members members;
	struct rendezvous *rendezvous;
	uint16_t table[SLOTS];
	uint16_t other[SLOTS];
	uint32_t owned[MEMBERS];
};

static int open_fixture(void **state)
{
	struct fixture *fixture = NULL;

	if (posix_memalign((void **)&fixture, 64, sizeof(*fixture)) != 0)
		return -1;
	memset(fixture, 0, sizeof(*fixture));
	members_init(&fixture->members);
	fixture->rendezvous = rendezvous_create();
	*state = fixture;
	return fixture->rendezvous == NULL ? -1 : 0;
}

static int close_fixture(void **state)
{
	struct fixture *fixture = *state;

	rendezvous_destroy(fixture->rendezvous);
	free(fixture);
	return 0;
}

static void build(struct fixture *fixture, size_t count, uint32_t slot_count, uint16_t *table)
{
	assert_int_equal(rendezvous_set_candidates(fixture->rendezvous, fixture->members.list,
				 fixture->members.factors, count),
		0);
	rendezvous_build(fixture->rendezvous, slot_count, table);
}

static uint32_t mix_literally(uint32_t x, uint64_t key)
{
	x ^= (uint32_t)key;
	x = (x ^ x >> 17) * 0xed5ad4bb;
	x = (x ^ x >> 11 ^ (uint32_t)(key >> 32)) * 0xac4c1b51;
	x = (x ^ x >> 15) * 0x31848bab;
	return x ^ x >> 14;
}

/* By another way than squaring. */
static uint32_t log2_literally(uint32_t place)
{
	return floorl(log2l(1 + place / 4096.0L) * (1 << 26));
}

static uint64_t time_literally(
	uint32_t slot, const struct maglev_member *member, uint32_t factor, const uint32_t *logs)
{
	uint64_t u = (uint64_t)mix_literally(mix_literally(slot, 0), member->key_hash) + 1;
	uint64_t distance = 0, rest;
	unsigned __int128 slowness = (UINT64_C(1) << 48) / ((uint64_t)member->weight * factor);

	for (; u < UINT64_C(1) << 32; u *= 2)
		distance += 1 << 26;
	u -= UINT64_C(1) << 32;
	rest = u % (1 << 20);
	u >>= 20;
	return (distance - logs[u] - ((logs[u + 1] - logs[u]) * rest >> 20)) * slowness >> 16;
}

static uint16_t pick_literally(
	const struct members *members, size_t count, uint32_t slot, const uint32_t *logs)
{
	uint16_t first = RENDEZVOUS_NONE;
	uint64_t least = 0;

	for (size_t i = 0; i < count; i++) {
		const struct maglev_member *member = &members->list[i];
		uint64_t time;

		if (member->weight == 0 || members->factors[i] == 0)
			continue;
		time = time_literally(slot, member, members->factors[i], logs);
		if (first == RENDEZVOUS_NONE || time < least ||
			(time == least && maglev_compare_keys(member, &members->list[first]) < 0)) {
			first = i;
			least = time;
		}
	}
	return first;
}

/* What is skipped would not have won, whatever the weights. */
static void every_slot_goes_to_the_first_to_arrive(void **state)
{
	static const uint32_t weight_ranges[] = { 1, 2, 10, 1000, 65535 };
	static const uint32_t factor_ranges[] = { 1, 2, 100, FACTOR_ONE };
	struct fixture *fixture = *state;
	struct members *members = &fixture->members;
	uint32_t logs[4097];
	uint64_t random = 1;

	for (uint32_t place = 0; place <= 4096; place++)
		logs[place] = log2_literally(place);
	for (unsigned int round = 0; round < 200; round++) {
		uint32_t weights = weight_ranges[next_random(&random) % COUNT_OF(weight_ranges)];
		uint32_t factors = factor_ranges[next_random(&random) % COUNT_OF(factor_ranges)];
		size_t count = 1 + next_random(&random) % (round % 20 == 0 ? MEMBERS : 70);

		for (size_t i = 0; i < count; i++) {
			members->list[i].weight = 65535 - next_random(&random) % weights;
			if (round % 2 == 0)
				members->list[i].weight = next_random(&random) % (weights + 1);
			members->factors[i] = next_random(&random) % (factors + 1);
		}
		build(fixture, count, 101, fixture->table);
		for (uint32_t slot = 0; slot < 101; slot++)
			assert_int_equal(
				fixture->table[slot], pick_literally(members, count, slot, logs));
	}
}

static void of_those_who_arrive_together_the_lower_key_is_first(void **state)
{
	struct fixture *fixture = *state;

	for (int i = 0; i < 40; i++)
		fixture->members.list[i].key_hash = 4711;
	for (int round = 0; round < 2; round++) {
		build(fixture, 40, 101, fixture->table);
		for (uint32_t slot = 0; slot < 101; slot++)
			assert_string_equal(
				fixture->members.list[fixture->table[slot]].key, "10.2.0.0");
		members_shuffle(&fixture->members, 40, &(uint64_t){ 1 });
	}
}

static void the_table_depends_on_neither_order_nor_numbering(void **state)
{
	struct fixture *fixture = *state;
	struct members *members = &fixture->members;
	uint64_t random = 2, digest;

	for (int i = 0; i < 100; i++) {
		members->list[i].weight = 1 + i % 10;
		members->factors[i] = FACTOR_ONE - i * 600;
	}
	build(fixture, 100, 4093, fixture->table);
	digest = maglev_digest(fixture->table, 4093, members->key_hashes);
	for (int round = 0; round < 5; round++) {
		members_shuffle(members, 100, &random);
		build(fixture, 100, 4093, fixture->table);
		assert_int_equal(maglev_digest(fixture->table, 4093, members->key_hashes), digest);
	}
}

static void who_leaves_gives_up_his_own_slots_alone(void **state)
{
	struct fixture *fixture = *state;

	build(fixture, 100, SLOTS, fixture->table);
	count_owned(fixture->table, SLOTS, fixture->owned);
	for (int gone = 0; gone < 100; gone += 9) {
		fixture->members.factors[gone] = 0;
		build(fixture, 100, SLOTS, fixture->other);
		fixture->members.factors[gone] = FACTOR_ONE;
		assert_int_equal(
			count_moved(fixture->table, fixture->other, SLOTS), fixture->owned[gone]);
	}
}

static void who_gains_weight_takes_slots_for_himself_alone(void **state)
{
	struct fixture *fixture = *state;
	uint32_t gained = 0;

	build(fixture, 100, SLOTS, fixture->table);
	fixture->members.list[7].weight = 150;
	build(fixture, 100, SLOTS, fixture->other);
	for (uint32_t slot = 0; slot < SLOTS; slot++) {
		if (fixture->table[slot] == fixture->other[slot])
			continue;
		assert_int_equal(fixture->other[slot], 7);
		gained++;
	}
	assert_in_range(gained, 240, 400); /* half of 650 */
}

/* Counts are nearly Poisson distributed; all of thousands of them stay within 5 deviations. */
static void assert_near(double count, double expected)
{
	if (fabs(count - expected) > 5 * sqrt(expected) + 2)
		fail_msg("%g instead of about %g", count, expected);
}

static void shares_follow_weights_and_factors(void **state)
{
	struct fixture *fixture = *state;
	struct members *members = &fixture->members;
	double sum = 0;

	for (int i = 0; i < 100; i++) {
		members->list[i].weight = i == 0 ? 65535 : 1 + i * i;
		members->factors[i] = FACTOR_ONE / (1 + i % 4);
		sum += (double)members->list[i].weight * members->factors[i];
	}
	build(fixture, 100, SLOTS, fixture->table);
	count_owned(fixture->table, SLOTS, fixture->owned);
	for (int i = 0; i < 100; i++)
		assert_near(fixture->owned[i],
			SLOTS / sum * members->list[i].weight * members->factors[i]);
}

/* The hashes of a slot with different members have nothing to do with each other. */
static void the_slots_of_who_leaves_spread_over_all_others(void **state)
{
	struct fixture *fixture = *state;
	uint32_t gained[10] = { 0 };

	build(fixture, 10, SLOTS, fixture->table);
	count_owned(fixture->table, SLOTS, fixture->owned);
	for (int gone = 0; gone < 10; gone++) {
		memset(gained, 0, sizeof(gained));
		fixture->members.factors[gone] = 0;
		build(fixture, 10, SLOTS, fixture->other);
		fixture->members.factors[gone] = FACTOR_ONE;
		for (uint32_t slot = 0; slot < SLOTS; slot++)
			gained[fixture->other[slot]] += fixture->table[slot] == gone;
		for (int i = 0; i < 10; i++)
			assert_near(gained[i], i == gone ? 0 : fixture->owned[gone] / 9.0);
	}
}

static void without_candidates_no_slot_has_an_owner(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(rendezvous_pick(fixture->rendezvous, 0), RENDEZVOUS_NONE);
	build(fixture, 20, 1, fixture->table);
	assert_int_not_equal(rendezvous_pick(fixture->rendezvous, 0), RENDEZVOUS_NONE);
	for (int i = 0; i < 20; i++) {
		fixture->members.list[i].weight = i % 2 == 0 ? 0 : 100;
		fixture->members.factors[i] = i % 2 == 0 ? FACTOR_ONE : 0;
	}
	build(fixture, 20, 1, fixture->table);
	assert_int_equal(fixture->table[0], RENDEZVOUS_NONE);
	build(fixture, 0, 1, fixture->table);
	assert_int_equal(fixture->table[0], RENDEZVOUS_NONE);
}

/* Computed by a program of its own, with logarithms of 40 decimal digits. */
static void tables_are_those_of_the_golden_digests(void **state)
{
	struct fixture *fixture = *state;
	struct members *members = &fixture->members;

	build(fixture, 100, SLOTS, fixture->table);
	assert_int_equal(
		maglev_digest(fixture->table, SLOTS, members->key_hashes), 0x1d6a1323ea4781ff);
	for (int i = 0; i < 100; i++) {
		members->list[i].weight = 1 + i % 10;
		members->factors[i] = FACTOR_ONE - i * 600;
	}
	build(fixture, 100, SLOTS, fixture->table);
	assert_int_equal(
		maglev_digest(fixture->table, SLOTS, members->key_hashes), 0x6013ca19ca8479e3);
	for (int i = 0; i < 1000; i++) {
		members->list[i].weight = 1 + i * 65;
		members->factors[i] = 1 + i * 7919 % FACTOR_ONE;
	}
	build(fixture, 1000, 1021, fixture->table);
	assert_int_equal(
		maglev_digest(fixture->table, 1021, members->key_hashes), 0x96f41e2b2ff24ee9);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_slot_goes_to_the_first_to_arrive),
		TEST(of_those_who_arrive_together_the_lower_key_is_first),
		TEST(the_table_depends_on_neither_order_nor_numbering),
		TEST(who_leaves_gives_up_his_own_slots_alone),
		TEST(who_gains_weight_takes_slots_for_himself_alone),
		TEST(shares_follow_weights_and_factors),
		TEST(the_slots_of_who_leaves_spread_over_all_others),
		TEST(without_candidates_no_slot_has_an_owner),
		TEST(tables_are_those_of_the_golden_digests),
	};

	return cmocka_run_group_tests_name("rendezvous", tests, NULL, NULL);
}
