/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Maglev lets the backends take turns; at its turn each takes the first slot of its own permutation
 * that is still free, until no slot is free. Smooth turns give weights: in every round a backend
 * earns its weight as credit and has a turn when the credit reaches the largest weight, which it
 * then pays. Everyone starts with enough credit for a turn in round 0, so none starves.
 *
 * Played round by round, that costs rounds * backends, far more than the number of slots if one
 * backend is heavy and many are light. But the rounds in which a backend has its turns are known in
 * advance: after round r it has had 1 + floor(r * weight / largest) of them. So there are three
 * steps: find the last round by bisection; sort all turns by round (a counting sort that walks the
 * backends in order, so that within a round they keep it); then take the slots, one for each turn.
 * Each step is linear in slots and backends, whatever the weights.
 *
 * Most of the time goes into finding free slots: some M ln M probes all over the table. One bit per
 * slot keeps them in the first-level cache (8 KB for 65,537 slots), and the next probe does not
 * depend on the result of the previous one, so the processor runs ahead.
 */
#include "maglev/maglev.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "packet/flow.h"

#define TAKERS_MAX 65535

/*
 * Prefix of a backend's key when it is hashed: with 40 bytes it is longer than any flow key, so the
 * input can never be that of a flow.
 */
static const char key_label[] = "sluice: the identity of a Maglev backend";

static_assert(sizeof(key_label) - 1 > FLOW_KEY_IPV6_SIZE, "flow and backend hashes are apart");

bool maglev_is_prime(uint32_t number)
{
	if (number < 4)
		return number >= 2;
	if (number % 2 == 0)
		return false;
	for (uint64_t divisor = 3; divisor * divisor <= number; divisor += 2)
		if (number % divisor == 0)
			return false;
	return true;
}

uint64_t maglev_key_hash(const struct flow_secret *secret, const void *key, size_t length)
{
	XXH3_state_t state;

	XXH3_INITSTATE(&state);
	XXH3_64bits_reset_withSecret(&state, secret->bytes, sizeof(secret->bytes));
	XXH3_64bits_update(&state, key_label, sizeof(key_label) - 1);
	XXH3_64bits_update(&state, key, length);
	return XXH3_64bits_digest(&state);
}

/* Scales 32 random bits to 0 ... range - 1. */
static uint32_t scale(uint32_t random, uint32_t range)
{
	return (uint64_t)random * range >> 32;
}

struct maglev_permutation maglev_permutation(uint64_t key_hash, uint32_t slot_count)
{
	return (struct maglev_permutation){
		.offset = scale(key_hash >> 32, slot_count),
		.skip = 1 + scale((uint32_t)key_hash, slot_count - 1),
	};
}

static uint32_t largest_weight(const struct maglev_turn_taker *takers, size_t count)
{
	uint32_t largest = 0;

	for (size_t i = 0; i < count; i++)
		if (takers[i].weight > largest)
			largest = takers[i].weight;
	return largest;
}

/* The number of turns of all takers up to `round`; may stop counting at `enough`. */
static uint64_t turns_after(const struct maglev_turn_taker *takers, size_t count, uint32_t largest,
	uint32_t round, uint64_t enough)
{
	uint64_t turns = count;

	for (size_t i = 0; i < count && turns < enough; i++)
		turns += (uint64_t)round * takers[i].weight / largest;
	return turns;
}

/*
 * The round in which the last slot is taken. It is below the count of slots, because the heaviest
 * taker takes one per round.
 */
static uint32_t last_round(
	const struct maglev_turn_taker *takers, size_t count, uint32_t largest, uint32_t slot_count)
{
	uint32_t low = 0, high = slot_count - 1;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (turns_after(takers, count, largest, middle, slot_count) < slot_count)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Walks the rounds in which one taker has its turns. */
struct turn_walk {
	uint64_t round;
	uint64_t due;     /* remainder of the division that gives the next round */
	uint64_t whole;   /* largest / weight */
	uint64_t part;    /* largest % weight */
	uint64_t divisor; /* weight */
};

static struct turn_walk turn_walk_start(uint32_t weight, uint32_t largest)
{
	return (struct turn_walk){
		.due = weight - 1,
		.whole = largest / weight,
		.part = largest % weight,
		.divisor = weight,
	};
}

/* Turn k comes in round ceil(k * largest / weight) = floor((k * largest + weight - 1) / weight). */
static void turn_walk_next(struct turn_walk *walk)
{
	walk->round += walk->whole;
	walk->due += walk->part;
	if (walk->due >= walk->divisor) {
		walk->due -= walk->divisor;
		walk->round++;
	}
}

/*
 * Sorts the turns: turns[n] is the number of the taker that has turn n. `starts` has room for one
 * more than the number of rounds. If the last round has more turns than free slots, its last turns
 * are dropped.
 */
static void sort_turns(const struct maglev_turn_taker *takers, size_t count, uint32_t slot_count,
	uint32_t largest, uint32_t rounds, uint32_t *starts, uint16_t *turns)
{
	memset(starts, 0, (rounds + 1) * sizeof(*starts));
	for (size_t i = 0; i < count; i++) {
		struct turn_walk walk = turn_walk_start(takers[i].weight, largest);

		for (; walk.round < rounds; turn_walk_next(&walk))
			starts[walk.round + 1]++;
	}
	for (uint32_t round = 0; round < rounds; round++)
		starts[round + 1] += starts[round];
	for (size_t i = 0; i < count; i++) {
		struct turn_walk walk = turn_walk_start(takers[i].weight, largest);

		for (; walk.round < rounds; turn_walk_next(&walk)) {
			uint32_t turn = starts[walk.round]++;

			if (turn < slot_count)
				turns[turn] = i;
		}
	}
}

/* Moves on to the next free slot of a permutation, takes it, and returns it. */
static uint32_t take_slot(struct maglev_permutation *next, uint64_t *taken, uint32_t slot_count)
{
	uint32_t slot = next->offset;
	uint32_t skip = next->skip;
	uint32_t back = slot_count - skip;

	while (taken[slot / 64] >> (slot % 64) & 1)
		slot = slot >= back ? slot - back : slot + skip;
	taken[slot / 64] |= UINT64_C(1) << (slot % 64);
	next->offset = slot;
	return slot;
}

/* The working memory of maglev_fill(), freed at its end. */
struct workshop {
	struct maglev_permutation *next; /* for each taker: the slot it tries next */
	uint64_t *taken;                 /* a bit for each slot */
	uint32_t *starts;                /* for each round: the first of its turns */
	uint16_t *turns;                 /* for each turn: whose it is */
};

static int workshop_open(
	struct workshop *workshop, size_t count, uint32_t slot_count, uint32_t rounds)
{
	workshop->next = malloc(count * sizeof(*workshop->next));
	workshop->taken = calloc(slot_count / 64 + 1, sizeof(*workshop->taken));
	workshop->starts = malloc((rounds + 1) * sizeof(*workshop->starts));
	workshop->turns = malloc(slot_count * sizeof(*workshop->turns));
	if (!workshop->next || !workshop->taken || !workshop->starts || !workshop->turns)
		return -ENOMEM;
	return 0;
}

static void workshop_close(struct workshop *workshop)
{
	free(workshop->next);
	free(workshop->taken);
	free(workshop->starts);
	free(workshop->turns);
}

/* Gives each turn its slot, into a table. */
static void take_turns(const struct maglev_turn_taker *takers, const struct workshop *shop,
	uint32_t slot_count, uint16_t *table)
{
	for (uint32_t turn = 0; turn < slot_count; turn++) {
		uint16_t taker = shop->turns[turn];

		table[take_slot(&shop->next[taker], shop->taken, slot_count)] = takers[taker].index;
	}
}

/* Same, into a base whose `owned` is 0 for all takers. */
static void take_ranked_turns(const struct maglev_turn_taker *takers, const struct workshop *shop,
	uint32_t slot_count, const struct maglev_base *base)
{
	for (uint32_t turn = 0; turn < slot_count; turn++) {
		uint16_t taker = shop->turns[turn];
		uint16_t index = takers[taker].index;
		uint32_t slot = take_slot(&shop->next[taker], shop->taken, slot_count);

		base->table[slot] = index;
		base->ranks[slot] = base->owned[index]++;
	}
}

/* If base->ranks is NULL only the table is filled. */
static int fill_base(const struct maglev_turn_taker *takers, size_t count, uint32_t slot_count,
	const struct maglev_base *base)
{
	uint32_t largest = largest_weight(takers, count);
	uint32_t rounds = last_round(takers, count, largest, slot_count) + 1;
	struct workshop shop;
	int result = workshop_open(&shop, count, slot_count, rounds);

	if (result != 0)
		goto out;
	for (size_t i = 0; i < count; i++)
		shop.next[i] = takers[i].permutation;
	sort_turns(takers, count, slot_count, largest, rounds, shop.starts, shop.turns);
	if (base->ranks == NULL) {
		take_turns(takers, &shop, slot_count, base->table);
		goto out;
	}
	for (size_t i = 0; i < count; i++)
		base->owned[takers[i].index] = 0;
	take_ranked_turns(takers, &shop, slot_count, base);
out:
	workshop_close(&shop);
	return result;
}

int maglev_fill(
	const struct maglev_turn_taker *takers, size_t count, uint32_t slot_count, uint16_t *table)
{
	return fill_base(takers, count, slot_count, &(struct maglev_base){ .table = table });
}

int maglev_compare_keys(const struct maglev_member *a, const struct maglev_member *b)
{
	size_t common = a->key_length < b->key_length ? a->key_length : b->key_length;
	int order;

	if (a->key_hash != b->key_hash)
		return a->key_hash < b->key_hash ? -1 : 1;
	order = memcmp(a->key, b->key, common);
	if (order != 0)
		return order;
	return (a->key_length > b->key_length) - (a->key_length < b->key_length);
}

static int compare_members(const void *left, const void *right)
{
	return maglev_compare_keys(left, right);
}

/* Copies the members that have a weight and returns how many these are. */
static size_t select_members(
	const struct maglev_member *members, size_t count, struct maglev_member *selected)
{
	size_t found = 0;

	for (size_t i = 0; i < count; i++)
		if (members[i].weight != 0)
			selected[found++] = members[i];
	return found;
}

/* Makes takers of the members, in the order that depends on their keys alone. */
static int seat_members(struct maglev_member *members, size_t count, uint32_t slot_count,
	struct maglev_turn_taker *takers)
{
	qsort(members, count, sizeof(*members), compare_members);
	for (size_t i = 0; i < count; i++) {
		if (i > 0 && maglev_compare_keys(&members[i - 1], &members[i]) == 0)
			return -EEXIST;
		takers[i] = (struct maglev_turn_taker){
			.permutation = maglev_permutation(members[i].key_hash, slot_count),
			.weight = members[i].weight,
			.index = members[i].index,
		};
	}
	return 0;
}

static int build_base(const struct maglev_member *members, size_t count, uint32_t slot_count,
	const struct maglev_base *base)
{
	struct maglev_member *selected = malloc((count + 1) * sizeof(*selected));
	struct maglev_turn_taker *takers = malloc((count + 1) * sizeof(*takers));
	size_t taking;
	int result = -ENOMEM;

	if (!selected || !takers)
		goto out;
	taking = select_members(members, count, selected);
	result = taking == 0 ? -ENOENT : -EINVAL;
	if (taking == 0 || taking > slot_count || taking > TAKERS_MAX)
		goto out;
	result = seat_members(selected, taking, slot_count, takers);
	if (result == 0)
		result = fill_base(takers, taking, slot_count, base);
out:
	free(takers);
	free(selected);
	return result;
}

int maglev_build(
	const struct maglev_member *members, size_t count, uint32_t slot_count, uint16_t *table)
{
	return build_base(members, count, slot_count, &(struct maglev_base){ .table = table });
}

int maglev_build_base(const struct maglev_member *members, size_t count, uint32_t slot_count,
	const struct maglev_base *base)
{
	int result = build_base(members, count, slot_count, base);

	for (size_t i = 0; result == 0 && i < count; i++)
		if (members[i].weight == 0)
			base->owned[members[i].index] = 0;
	return result;
}

uint64_t maglev_digest(const uint16_t *table, uint32_t slot_count, const uint64_t *key_hashes)
{
	uint64_t owners[512];
	XXH3_state_t state;

	XXH3_INITSTATE(&state);
	XXH3_64bits_reset(&state);
	for (uint32_t slot = 0; slot < slot_count;) {
		size_t filled = 0;

		for (; filled < 512 && slot < slot_count; slot++)
			owners[filled++] = htole64(key_hashes[table[slot]]);
		XXH3_64bits_update(&state, owners, filled * sizeof(*owners));
	}
	return XXH3_64bits_digest(&state);
}
