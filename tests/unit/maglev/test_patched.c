/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include <errno.h>
#include <math.h>

#include "members.h"
#include "maglev/patched.h"

#define BIG_SLOTS 655373

struct fixture {
	struct members members;
	bool joining[MEMBERS];
	struct patched_pool pool;
	struct rendezvous *rendezvous;
	uint32_t base_owned[MEMBERS];
	uint32_t owned[MEMBERS];
	uint16_t base_table[BIG_SLOTS];
	uint32_t base_ranks[BIG_SLOTS];
	uint16_t previous[BIG_SLOTS];
	uint16_t table[BIG_SLOTS];
	uint16_t other[BIG_SLOTS];
};

static int open_fixture(void **state)
{
	struct fixture *fixture = NULL;

	if (posix_memalign((void **)&fixture, 64, sizeof(*fixture)) != 0)
		return -1;
	memset(fixture, 0, sizeof(*fixture));
	members_init(&fixture->members);
	fixture->rendezvous = rendezvous_create();
	fixture->pool = (struct patched_pool){
		.members = fixture->members.list,
		.factors = fixture->members.factors,
		.base = { fixture->base_table, fixture->base_ranks, fixture->base_owned },
	};
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

/* Makes the base of the first `count` members. */
static void configure(struct fixture *fixture, size_t count, uint32_t slot_count)
{
	fixture->pool.member_count = count;
	fixture->pool.slot_count = slot_count;
	assert_int_equal(
		maglev_build_base(fixture->members.list, count, slot_count, &fixture->pool.base),
		0);
}

/* The same, where those from `settled` on join. */
static void configure_joining(
	struct fixture *fixture, size_t settled, size_t count, uint32_t slot_count)
{
	configure(fixture, count, slot_count);
	assert_int_equal(
		maglev_build(fixture->members.list, settled, slot_count, fixture->previous), 0);
	for (size_t i = 0; i < count; i++)
		fixture->joining[i] = i >= settled;
	fixture->pool.previous = fixture->previous;
	fixture->pool.joining = fixture->joining;
}

static void build(struct fixture *fixture, uint16_t *table)
{
	assert_int_equal(patched_build(&fixture->pool, fixture->rendezvous, table), 0);
}

static uint64_t digest(const struct fixture *fixture)
{
	return maglev_digest(fixture->table, fixture->pool.slot_count, fixture->members.key_hashes);
}

/* 5 of 100, 50 of 1,000. */
static void fail_one_in_twenty(struct fixture *fixture)
{
	for (size_t i = 3; i < fixture->pool.member_count; i += 20)
		fixture->members.factors[i] = 0;
}

static void a_quiet_pool_has_the_table_of_maglev(void **state)
{
	struct fixture *fixture = *state;

	for (int i = 0; i < 100; i++)
		fixture->members.list[i].weight = i % 10;
	configure(fixture, 100, SLOTS);
	build(fixture, fixture->table);
	assert_memory_equal(fixture->table, fixture->base_table, SLOTS * sizeof(uint16_t));
}

static void failure_moves_the_slots_of_the_failed_and_return_restores_them(void **state)
{
	struct fixture *fixture = *state;

	configure(fixture, 100, SLOTS);
	for (int failed = 0; failed < 100; failed++) {
		fixture->members.factors[failed] = 0;
		build(fixture, fixture->table);
		for (uint32_t slot = 0; slot < SLOTS; slot++) {
			if (fixture->base_table[slot] == failed)
				assert_int_not_equal(fixture->table[slot], failed);
			else
				assert_int_equal(fixture->table[slot], fixture->base_table[slot]);
		}
		fixture->members.factors[failed] = FACTOR_ONE;
		build(fixture, fixture->table);
		assert_memory_equal(fixture->table, fixture->base_table, SLOTS * sizeof(uint16_t));
	}
}

/* From `table` to `other`: what moves leaves who has lost or comes to who has gained. */
static void assert_bystanders_stay(const struct fixture *fixture, const uint32_t *factors_before)
{
	const uint32_t *factors = fixture->members.factors;

	for (uint32_t slot = 0; slot < fixture->pool.slot_count; slot++) {
		uint16_t from = fixture->table[slot], to = fixture->other[slot];
		bool lost = from != PATCHED_NO_BACKEND && factors[from] < factors_before[from];
		bool gained = to != PATCHED_NO_BACKEND && factors[to] > factors_before[to];

		assert_true(from == to || lost || gained);
		assert_true(to == PATCHED_NO_BACKEND || factors[to] != 0);
	}
}

static void change_some_factors(struct fixture *fixture, uint64_t *random)
{
	for (size_t i = 0; i < fixture->pool.member_count; i++) {
		uint64_t number = next_random(random);

		if (number % 8 == 0)
			fixture->members.factors[i] = 0;
		else if (number % 8 == 1)
			fixture->members.factors[i] = FACTOR_ONE;
		else if (number % 8 == 2)
			fixture->members.factors[i] = (number >> 8) % (FACTOR_ONE + 1);
	}
}

/* Failure, drain, return, slow start and dynamic weights, many at once, joining members or none. */
static void whatever_changes_bystanders_keep_their_slots(void **state)
{
	static const uint32_t slot_counts[] = { 251, 1021, 4093 };
	struct fixture *fixture = *state;
	uint32_t factors_before[MEMBERS];
	uint64_t random = 3;

	for (unsigned int round = 0; round < 300; round++) {
		size_t count = 2 + next_random(&random) % (round % 3 == 0 ? 4 : 60);
		size_t settled = 1 + next_random(&random) % count;

		for (size_t i = 0; i < count; i++)
			fixture->members.list[i].weight = 1 + next_random(&random) % 10;
		configure_joining(fixture, settled, count, slot_counts[round % 3]);
		change_some_factors(fixture, &random);
		for (unsigned int change = 0; change < 10; change++) {
			build(fixture, fixture->table);
			memcpy(factors_before, fixture->members.factors, sizeof(factors_before));
			change_some_factors(fixture, &random);
			build(fixture, fixture->other);
			assert_bystanders_stay(fixture, factors_before);
		}
	}
}

/* Of 1,000 members a few serve, and these change: most slots draw in vain. */
static void bystanders_keep_their_slots_where_hardly_any_member_serves(void **state)
{
	struct fixture *fixture = *state;
	uint32_t factors_before[MEMBERS];
	uint64_t random = 5;

	configure(fixture, 1000, 4093);
	memset(fixture->members.factors, 0, sizeof(fixture->members.factors));
	for (unsigned int change = 0; change < 300; change++) {
		uint64_t number = next_random(&random);

		build(fixture, fixture->table);
		memcpy(factors_before, fixture->members.factors, sizeof(factors_before));
		fixture->members.factors[number % 7 * 100] = (number >> 16) % (FACTOR_ONE + 1);
		fixture->members.factors[(number >> 8) % 1000] = 0;
		fixture->members.factors[(number >> 40) % 1000] = number >> 63 ? FACTOR_ONE : 0;
		build(fixture, fixture->other);
		assert_bystanders_stay(fixture, factors_before);
	}
}

static void the_table_depends_on_neither_order_nor_numbering(void **state)
{
	struct fixture *fixture = *state;
	uint64_t random = 4, expected;

	for (int i = 0; i < 100; i++) {
		fixture->members.list[i].weight = 1 + i % 10;
		fixture->members.factors[i] = i % 20 == 3 ? 0 : FACTOR_ONE - i * 600;
	}
	configure(fixture, 100, 4093);
	build(fixture, fixture->table);
	expected = digest(fixture);
	for (int round = 0; round < 5; round++) {
		members_shuffle(&fixture->members, 100, &random);
		configure(fixture, 100, 4093);
		build(fixture, fixture->table);
		assert_int_equal(digest(fixture), expected);
	}

	for (int i = 0; i < 100; i++) /* where most slots draw in vain, too */
		fixture->members.factors[i] = i % 50 == 3 ? FACTOR_ONE : 0;
	build(fixture, fixture->table);
	expected = digest(fixture);
	for (int round = 0; round < 5; round++) {
		members_shuffle(&fixture->members, 100, &random);
		configure(fixture, 100, 4093);
		build(fixture, fixture->table);
		assert_int_equal(digest(fixture), expected);
	}
}

/* Slots that move while the last of a pool of `count` goes from 10 to 100 % in 19 steps. */
static uint32_t ramp_last(struct fixture *fixture, size_t count, uint16_t *before)
{
	uint32_t total = 0;

	for (uint32_t percent = 10; percent <= 100; percent += 5) {
		uint32_t moved;

		fixture->members.factors[count - 1] = FACTOR_ONE * percent / 100;
		build(fixture, fixture->other);
		moved = count_moved(before, fixture->other, SLOTS);
		for (uint32_t slot = 0; slot < SLOTS; slot++)
			if (before[slot] != fixture->other[slot] && percent > 10)
				assert_int_equal(fixture->other[slot], count - 1);
		memcpy(before, fixture->other, SLOTS * sizeof(*before));
		total += moved;
	}
	return total;
}

/* From a table in which the newcomer has but one slot: the slots between others have moved. */
static void a_ramp_moves_no_more_than_the_final_share(void **state)
{
	struct fixture *fixture = *state;
	uint32_t moved;

	configure_joining(fixture, 99, 100, SLOTS);
	fixture->members.factors[99] = 1;
	build(fixture, fixture->table);
	moved = ramp_last(fixture, 100, fixture->table);
	assert_memory_equal(fixture->table, fixture->base_table, SLOTS * sizeof(uint16_t));
	assert_true(moved >= fixture->base_owned[99] * 0.98);
	assert_true(moved <= fixture->base_owned[99]);
	print_message("a ramp moved %u slots for a share of %u\n", moved, fixture->base_owned[99]);
}

static void a_ramp_from_nothing_costs_no_more_than_the_addition(void **state)
{
	struct fixture *fixture = *state;
	uint32_t moved, at_once;

	configure_joining(fixture, 99, 100, SLOTS);
	at_once = count_moved(fixture->previous, fixture->base_table, SLOTS);
	memcpy(fixture->table, fixture->previous, SLOTS * sizeof(uint16_t));
	moved = ramp_last(fixture, 100, fixture->table);
	assert_int_equal(moved, at_once);
	assert_true(at_once <= fixture->base_owned[99] * 1.7);
	print_message("adding one moved %.2f shares\n", (double)at_once / fixture->base_owned[99]);
}

static void during_a_ramp_shares_follow_the_factor(void **state)
{
	struct fixture *fixture = *state;

	configure_joining(fixture, 99, 100, SLOTS);
	for (uint32_t percent = 1; percent <= 100; percent += 9) {
		uint32_t share = fixture->base_owned[99] * percent / 100;

		fixture->members.factors[99] = FACTOR_ONE * percent / 100;
		build(fixture, fixture->table);
		count_owned(fixture->table, SLOTS, fixture->owned);
		assert_in_range(fixture->owned[99], share - 1, share + 1);
		for (int i = 0; i < 99; i++)
			assert_true(fixture->owned[i] <= SLOTS / 99.0 * 1.05);
	}
}

/* It joins from anew when it returns; until then its slots are where they were before it came. */
static void who_fails_while_joining_gives_its_slots_back(void **state)
{
	struct fixture *fixture = *state;

	configure_joining(fixture, 99, 100, SLOTS);
	fixture->members.factors[99] = FACTOR_ONE * 6 / 10;
	build(fixture, fixture->table);
	fixture->members.factors[99] = 0;
	build(fixture, fixture->other);
	for (uint32_t slot = 0; slot < SLOTS; slot++) {
		if (fixture->table[slot] == 99)
			assert_int_equal(fixture->other[slot], fixture->previous[slot]);
		else
			assert_int_equal(fixture->other[slot], fixture->table[slot]);
	}
}

/* A member without a backend. */
static void a_vacant_seat_never_serves_and_holds_the_others_in_their_seats(void **state)
{
	struct fixture *fixture = *state;

	configure(fixture, 100, SLOTS);
	fixture->members.factors[40] = 0;
	build(fixture, fixture->table);
	fixture->members.factors[50] = 0;
	build(fixture, fixture->other);
	for (uint32_t slot = 0; slot < SLOTS; slot++) {
		assert_int_not_equal(fixture->table[slot], 40);
		assert_int_not_equal(fixture->other[slot], 40);
		if (fixture->table[slot] != 50)
			assert_int_equal(fixture->other[slot], fixture->table[slot]);
	}
}

static void owners_without_a_place_do_not_serve(void **state)
{
	struct fixture *fixture = *state;

	configure_joining(fixture, 60, 100, SLOTS);
	for (int i = 0; i < 50; i++) {
		fixture->joining[i] = true; /* so that those from 50 on are asked for as owners */
		fixture->members.factors[i] = 1 + i % 2 * FACTOR_ONE / 2;
	}
	fixture->pool.member_count = 50;
	build(fixture, fixture->table);
	for (uint32_t slot = 0; slot < SLOTS; slot++)
		assert_true(fixture->table[slot] < 50);

	memset(fixture->base_table, 0xff, SLOTS * sizeof(uint16_t));
	memset(fixture->previous, 0xff, SLOTS * sizeof(uint16_t));
	fixture->pool.member_count = 1;
	build(fixture, fixture->table);
	for (uint32_t slot = 0; slot < SLOTS; slot++)
		assert_int_equal(fixture->table[slot], 0);
}

/* The old one has lost its seat: two backends of one key, one of them in the base.
 */
static void a_replacement_with_the_same_key_takes_the_same_slots(void **state)
{
	struct fixture *fixture = *state;
	struct members *members = &fixture->members;

	members->factors[77] = 0;
	configure(fixture, 100, SLOTS);
	build(fixture, fixture->table);
	members->list[100] = members->list[40];
	members->list[100].index = 100;
	members->list[40].weight = 0;
	members->factors[40] = 0;
	configure(fixture, 101, SLOTS);
	build(fixture, fixture->other);
	for (uint32_t slot = 0; slot < SLOTS; slot++)
		assert_int_equal(fixture->other[slot],
			fixture->table[slot] == 40 ? 100 : fixture->table[slot]);
}

static double most_loaded(struct fixture *fixture, size_t serving)
{
	uint32_t most = 0;

	count_owned(fixture->table, fixture->pool.slot_count, fixture->owned);
	for (size_t i = 0; i < fixture->pool.member_count; i++)
		most = fixture->owned[i] > most ? fixture->owned[i] : most;
	return most / ((double)fixture->pool.slot_count / serving);
}

static void one_in_twenty_out_leaves_the_load_in_balance(void **state)
{
	struct fixture *fixture = *state;

	configure(fixture, 100, SLOTS);
	build(fixture, fixture->table);
	assert_true(most_loaded(fixture, 100) <= 1.002);
	fail_one_in_twenty(fixture);
	build(fixture, fixture->table);
	print_message("5 of 100 out: %.3f\n", most_loaded(fixture, 95));
	assert_true(most_loaded(fixture, 95) <= 1.05);

	configure(fixture, 1000, BIG_SLOTS);
	fail_one_in_twenty(fixture);
	build(fixture, fixture->table);
	print_message("50 of 1,000 out: %.3f\n", most_loaded(fixture, 950));
	assert_true(most_loaded(fixture, 950) <= 1.05);
}

/* As evenly as by rendezvous hashing: half of the slots falls by chance. */
static void half_of_many_out_leaves_shares_by_weight(void **state)
{
	struct fixture *fixture = *state;
	uint64_t weight = 0;
	double square = 0;

	for (size_t i = 0; i < 2000; i++) {
		fixture->members.list[i].weight = 1 + i / 2 % 4;
		fixture->members.factors[i] = i % 2 * FACTOR_ONE;
		weight += i % 2 * fixture->members.list[i].weight;
	}
	configure(fixture, 2000, BIG_SLOTS);
	build(fixture, fixture->table);
	count_owned(fixture->table, BIG_SLOTS, fixture->owned);
	for (size_t i = 1; i < 2000; i += 2) {
		double share = (double)BIG_SLOTS * fixture->members.list[i].weight / weight;
		double off = fixture->owned[i] - share;

		assert_true(off < 6 * sqrt(share / 2) && off > -6 * sqrt(share / 2));
		square += off * off / share;
	}
	print_message("1,000 of 2,000 out: deviations are %.2f of the square root of a share\n",
		sqrt(square / 1000));
	assert_true(square / 1000 < 0.6);
}

/* Who has nearly all of the base is out: the light ones have one slot each there. */
static void a_heavy_member_that_is_out_leaves_the_light_ones_their_shares(void **state)
{
	struct fixture *fixture = *state;

	for (size_t i = 0; i < 200; i++)
		fixture->members.list[i].weight = i == 7 ? 65535 : 1;
	fixture->members.factors[7] = 0;
	configure(fixture, 200, SLOTS);
	build(fixture, fixture->table);
	print_message("all but one heavy: %.3f\n", most_loaded(fixture, 199));
	assert_true(most_loaded(fixture, 199) <= 1.2);
}

static void the_last_two_share_all_slots_by_weight(void **state)
{
	struct fixture *fixture = *state;

	memset(fixture->members.factors, 0, sizeof(fixture->members.factors));
	fixture->members.factors[5] = fixture->members.factors[900] = FACTOR_ONE;
	fixture->members.list[5].weight = 300;
	configure(fixture, 1000, SLOTS);
	build(fixture, fixture->table);
	count_owned(fixture->table, SLOTS, fixture->owned);
	assert_in_range(fixture->owned[5], SLOTS * 0.74, SLOTS * 0.76);
	assert_int_equal(fixture->owned[5] + fixture->owned[900], SLOTS);
}

static void without_a_serving_backend_no_slot_has_one(void **state)
{
	struct fixture *fixture = *state;

	configure_joining(fixture, 5, 10, 251);
	memset(fixture->members.factors, 0, sizeof(fixture->members.factors));
	build(fixture, fixture->table);
	for (uint32_t slot = 0; slot < 251; slot++)
		assert_int_equal(fixture->table[slot], PATCHED_NO_BACKEND);

	fixture->members.factors[7] =
		1; /* the last one standing has all, however little it ramped */
	build(fixture, fixture->table);
	for (uint32_t slot = 0; slot < 251; slot++)
		assert_int_equal(fixture->table[slot], 7);
}

/* Computed by a program of its own: rounds, draws, races and patches played literally. */
static void tables_are_those_of_the_golden_digests(void **state)
{
	struct fixture *fixture = *state;
	struct members *members = &fixture->members;

	configure(fixture, 1000, BIG_SLOTS);
	fail_one_in_twenty(fixture);
	build(fixture, fixture->table);
	assert_int_equal(digest(fixture), 0x662fa1f4ea68a4f6);

	for (int i = 0; i < 100; i++)
		members->list[i].weight = 1 + i % 10;
	configure(fixture, 100, SLOTS);
	build(fixture, fixture->table);
	assert_int_equal(digest(fixture), 0x586c3685dc84a8c3);

	for (int i = 0; i < 100; i++)
		members->factors[i] = i % 20 == 3 ? 0 : FACTOR_ONE - i * 600;
	build(fixture, fixture->table);
	assert_int_equal(digest(fixture), 0xafa11f6bdc953eac);

	configure_joining(fixture, 96, 100, SLOTS);
	for (int i = 0; i < 100; i++)
		members->factors[i] = i >= 96       ? FACTOR_ONE * (i - 95) / 8
				      : i % 20 == 3 ? 0
						    : FACTOR_ONE;
	build(fixture, fixture->table);
	assert_int_equal(digest(fixture), 0x328343e4f8c830bf);

	fixture->pool.previous = NULL; /* so few serve that a fifth of the slots draws in vain */
	fixture->pool.joining = NULL;
	for (int i = 0; i < 100; i++)
		members->factors[i] = i % 40 == 7 ? FACTOR_ONE - i * 600 : 0;
	build(fixture, fixture->table);
	assert_int_equal(digest(fixture), 0x2f1e3d402ea76740);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_quiet_pool_has_the_table_of_maglev),
		TEST(failure_moves_the_slots_of_the_failed_and_return_restores_them),
		TEST(whatever_changes_bystanders_keep_their_slots),
		TEST(bystanders_keep_their_slots_where_hardly_any_member_serves),
		TEST(the_table_depends_on_neither_order_nor_numbering),
		TEST(a_ramp_moves_no_more_than_the_final_share),
		TEST(a_ramp_from_nothing_costs_no_more_than_the_addition),
		TEST(during_a_ramp_shares_follow_the_factor),
		TEST(who_fails_while_joining_gives_its_slots_back),
		TEST(a_vacant_seat_never_serves_and_holds_the_others_in_their_seats),
		TEST(owners_without_a_place_do_not_serve),
		TEST(a_replacement_with_the_same_key_takes_the_same_slots),
		TEST(one_in_twenty_out_leaves_the_load_in_balance),
		TEST(half_of_many_out_leaves_shares_by_weight),
		TEST(a_heavy_member_that_is_out_leaves_the_light_ones_their_shares),
		TEST(the_last_two_share_all_slots_by_weight),
		TEST(without_a_serving_backend_no_slot_has_one),
		TEST(tables_are_those_of_the_golden_digests),
	};

	return cmocka_run_group_tests_name("patched", tests, NULL, NULL);
}
