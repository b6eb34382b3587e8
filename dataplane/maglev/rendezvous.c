/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * With u = (hash + 1) / 2^32, a candidate arrives at a slot at the time
 *
 *	distance = -log2(u), in units of 2^-26		0 ... 2^31
 *	slowness = floor(2^48 / (weight * factor))	2^16 ... 2^48
 *	time     = floor(distance * slowness / 2^16)	0 ... 2^63
 *
 * so that no weight overflows or loses precision. The earliest wins; of two that arrive together
 * the one with the lower key. -ln of a uniform number is exponentially distributed, and of several
 * exponential clocks each is the first with a probability proportional to its rate: the weight.
 *
 * Nearly all candidates of a race lose, so losing must be cheap. Candidates run in heats of 16, in
 * loops that compilers vectorize and that look up no logarithm: since -log2(u) >= 1 - u, the
 * inverted hash times the slowness, both cut to 16 bits, is a lower bound of the time. The exact
 * time is computed only for candidates whose bound does not lose already: a few in a thousand. The
 * bound decides who is examined, never who wins.
 */
#include "maglev/rendezvous.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "maglev/factor.h"

#define LOG_STEPS     4096 /* steps of the table between 1 and 2 */
#define LOG_STEP_BITS 12
#define LOG_UNIT_BITS 26 /* logarithms are in units of 2^-26 */
#define SLOWNESS_BITS 48 /* slowness of the weight 1 / FACTOR_ONE */
#define TIME_CUT_BITS 16
#define WEIGHT_MAX    65535
#define HEAT_SIZE     16
#define ROUND_SIZE    64         /* heats */
#define CUT_MIN_BITS  10         /* bits of the heaviest candidate's cut slowness, */
#define CUT_MAX       UINT16_MAX /* so that candidates 64 times lighter still fit */

static_assert((uint64_t)WEIGHT_MAX * FACTOR_ONE <= UINT32_MAX, "slowness is 2^16 at least");

struct runner {
	struct maglev_member member;
	uint64_t slowness;
};

/*
 * Vector data of 16 runners, in the same order. The slowness lacks its `cut` lowest bits. It is
 * CUT_MAX where more than 16 bits remain, and for absent runners, which thus hardly ever look
 * promising.
 */
struct heat {
	uint32_t key_low[HEAT_SIZE];
	uint32_t key_high[HEAT_SIZE];
	uint32_t slowness[HEAT_SIZE];
};

struct rendezvous {
	uint32_t logarithms[LOG_STEPS + 1]; /* floor of log2(1 + i / 4096) */
	unsigned int cut;
	size_t count;
	struct runner *runners;
	struct heat *heats;
};

/* The leader of the race for a slot. */
struct lead {
	const struct runner *runner;
	uint64_t time;
	uint32_t bound; /* a candidate with a greater bound arrives later */
};

/*
 * Squaring a number doubles its logarithm: whenever the square of 1 <= x < 2 reaches 2, the next
 * binary digit is a one. x is kept in units of 2^-62, so that what squaring cuts off is far below
 * the last of the digits.
 */
static uint32_t log2_of(uint64_t x)
{
	uint32_t digits = 0;

	for (unsigned int i = 0; i < LOG_UNIT_BITS; i++) {
		bool two;

		x = (unsigned __int128)x * x >> 62;
		two = x >> 63;
		x >>= two;
		digits = digits << 1 | two;
	}
	return digits;
}

struct rendezvous *rendezvous_create(void)
{
	struct rendezvous *rendezvous = calloc(1, sizeof(*rendezvous));

	if (rendezvous == NULL)
		return NULL;
	for (uint64_t i = 0; i < LOG_STEPS; i++)
		rendezvous->logarithms[i] = log2_of((LOG_STEPS + i) << (62 - LOG_STEP_BITS));
	rendezvous->logarithms[LOG_STEPS] = UINT32_C(1) << LOG_UNIT_BITS;
	return rendezvous;
}

static void drop_candidates(struct rendezvous *rendezvous)
{
	free(rendezvous->runners);
	free(rendezvous->heats);
	rendezvous->runners = NULL;
	rendezvous->heats = NULL;
	rendezvous->count = 0;
}

void rendezvous_destroy(struct rendezvous *rendezvous)
{
	if (rendezvous == NULL)
		return;
	drop_candidates(rendezvous);
	free(rendezvous);
}

/* Copies those that have a weight. */
static void select_runners(struct rendezvous *rendezvous, const struct maglev_member *members,
	const uint32_t *factors, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t weight = (uint64_t)members[i].weight * factors[i];

		assert(members[i].weight <= WEIGHT_MAX && factors[i] <= FACTOR_ONE);
		if (weight == 0)
			continue;
		rendezvous->runners[rendezvous->count++] = (struct runner){
			.member = members[i],
			.slowness = (UINT64_C(1) << SLOWNESS_BITS) / weight,
		};
	}
}

/*
 * How many bits to cut off, so that the heaviest candidates keep some precision and most light ones
 * fit: at least 7, as slowness has 17 bits or more.
 */
static unsigned int choose_cut(const struct runner *runners, size_t count)
{
	uint64_t least = UINT64_MAX;

	for (size_t i = 0; i < count; i++)
		if (runners[i].slowness < least)
			least = runners[i].slowness;
	return 64 - __builtin_clzll(least) - CUT_MIN_BITS;
}

static void place_runner(struct rendezvous *rendezvous, size_t number)
{
	const struct runner *runner = &rendezvous->runners[number];
	struct heat *heat = &rendezvous->heats[number / HEAT_SIZE];
	uint64_t slowness = runner->slowness >> rendezvous->cut;

	heat->key_low[number % HEAT_SIZE] = (uint32_t)runner->member.key_hash;
	heat->key_high[number % HEAT_SIZE] = runner->member.key_hash >> 32;
	heat->slowness[number % HEAT_SIZE] = slowness < CUT_MAX ? slowness : CUT_MAX;
}

static void arrange_heats(struct rendezvous *rendezvous)
{
	size_t number = 0;

	rendezvous->cut = choose_cut(rendezvous->runners, rendezvous->count);
	for (; number < rendezvous->count; number++)
		place_runner(rendezvous, number);
	for (; number % HEAT_SIZE != 0; number++)
		rendezvous->heats[number / HEAT_SIZE].slowness[number % HEAT_SIZE] = CUT_MAX;
}

int rendezvous_set_candidates(struct rendezvous *rendezvous, const struct maglev_member *members,
	const uint32_t *factors, size_t count)
{
	drop_candidates(rendezvous);
	rendezvous->runners = malloc((count + 1) * sizeof(*rendezvous->runners));
	rendezvous->heats = calloc(count / HEAT_SIZE + 1, sizeof(*rendezvous->heats));
	if (rendezvous->runners == NULL || rendezvous->heats == NULL) {
		drop_candidates(rendezvous);
		return -ENOMEM;
	}
	select_runners(rendezvous, members, factors, count);
	arrange_heats(rendezvous);
	return 0;
}

/*
 * The triple32 of C. Wellons (hash-prospector, 2018), a permutation of 32 bits, with one key added
 * before it and another after its first round. 32 bits, because processors have vector
 * multiplication for these and not for 64.
 */
static inline uint32_t mix(uint32_t x, uint32_t key_low, uint32_t key_high)
{
	x ^= key_low;
	x ^= x >> 17;
	x *= 0xed5ad4bb;
	x ^= x >> 11;
	x ^= key_high;
	x *= 0xac4c1b51;
	x ^= x >> 15;
	x *= 0x31848bab;
	return x ^ x >> 14;
}

static inline uint32_t hash_in_heat(const struct heat *heat, unsigned int i, uint32_t slot_hash)
{
	return mix(slot_hash, heat->key_low[i], heat->key_high[i]);
}

static inline uint32_t bound_in_heat(const struct heat *heat, unsigned int i, uint32_t hash)
{
	return (~hash >> 16) * heat->slowness[i];
}

static uint32_t least_bound(const struct heat *heat, uint32_t slot_hash)
{
	uint32_t least = UINT32_MAX;

	for (unsigned int i = 0; i < HEAT_SIZE; i++) {
		uint32_t bound = bound_in_heat(heat, i, hash_in_heat(heat, i, slot_hash));

		least = bound < least ? bound : least;
	}
	return least;
}

/* -log2 of (hash + 1) / 2^32, by linear interpolation in the table: never too low. */
static uint32_t distance_of(const struct rendezvous *rendezvous, uint32_t hash)
{
	uint64_t u = (uint64_t)hash + 1;
	unsigned int halvings = __builtin_clzll(u) - 31;
	uint32_t fraction = (uint32_t)(u << halvings); /* of 2^32, above 1 */
	uint32_t index = fraction >> (32 - LOG_STEP_BITS);
	uint64_t rest = fraction << LOG_STEP_BITS >> LOG_STEP_BITS;
	uint32_t below = rendezvous->logarithms[index];
	uint32_t step = rendezvous->logarithms[index + 1] - below;

	return (halvings << LOG_UNIT_BITS) - below - (step * rest >> (32 - LOG_STEP_BITS));
}

/*
 * The greatest bound of a candidate that arrives by `time`:
 *	distance * slowness < (time + 1) * 2^16, inverted hash / 2^6 <= distance, hence
 *	bound <= inverted hash * slowness / 2^(16 + cut) < (time + 1) / 2^(cut - 6)
 */
static uint32_t bound_of(const struct rendezvous *rendezvous, uint64_t time)
{
	uint64_t bound = (time + 1) >> (rendezvous->cut - 6);

	return bound < UINT32_MAX ? bound : UINT32_MAX;
}

static void run_alone(const struct rendezvous *rendezvous, const struct runner *runner,
	uint32_t hash, struct lead *lead)
{
	uint32_t distance = distance_of(rendezvous, hash);
	uint64_t time = (unsigned __int128)distance * runner->slowness >> TIME_CUT_BITS;

	if (time > lead->time)
		return;
	if (time == lead->time && maglev_compare_keys(&runner->member, &lead->runner->member) > 0)
		return;
	lead->runner = runner;
	lead->time = time;
	lead->bound = bound_of(rendezvous, time);
}

/* Computes the time of those in a heat that may beat the leader. */
static void finish_heat(
	const struct rendezvous *rendezvous, size_t number, uint32_t slot_hash, struct lead *lead)
{
	const struct heat *heat = &rendezvous->heats[number];
	const struct runner *runners = &rendezvous->runners[number * HEAT_SIZE];
	size_t left = rendezvous->count - number * HEAT_SIZE;
	uint32_t hashes[HEAT_SIZE];

	for (unsigned int i = 0; i < HEAT_SIZE; i++)
		hashes[i] = hash_in_heat(heat, i, slot_hash);
	for (unsigned int i = 0; i < HEAT_SIZE && i < left; i++)
		if (bound_in_heat(heat, i, hashes[i]) <= lead->bound)
			run_alone(rendezvous, &runners[i], hashes[i], lead);
}

/*
 * Runs up to ROUND_SIZE heats from `first`, then finishes the most promising one first, which
 * leaves little to do in the others: finding a new leader in each heat would be a branch that
 * processors predict badly.
 */
static void run_round(const struct rendezvous *rendezvous, size_t first, size_t count,
	uint32_t slot_hash, struct lead *lead)
{
	uint32_t least[ROUND_SIZE];
	size_t promising = 0;

	for (size_t i = 0; i < count; i++) {
		least[i] = least_bound(&rendezvous->heats[first + i], slot_hash);
		promising = least[i] < least[promising] ? i : promising;
	}
	finish_heat(rendezvous, first + promising, slot_hash, lead);
	for (size_t i = 0; i < count; i++)
		if (least[i] <= lead->bound && i != promising)
			finish_heat(rendezvous, first + i, slot_hash, lead);
}

uint16_t rendezvous_pick(const struct rendezvous *rendezvous, uint32_t slot)
{
	struct lead lead = { .time = UINT64_MAX, .bound = UINT32_MAX };
	size_t heats = (rendezvous->count + HEAT_SIZE - 1) / HEAT_SIZE;
	uint32_t slot_hash = mix(slot, 0, 0);

	for (size_t first = 0; first < heats; first += ROUND_SIZE) {
		size_t left = heats - first;

		run_round(
			rendezvous, first, left < ROUND_SIZE ? left : ROUND_SIZE, slot_hash, &lead);
	}
	return lead.runner == NULL ? RENDEZVOUS_NONE : lead.runner->member.index;
}

void rendezvous_build(const struct rendezvous *rendezvous, uint32_t slot_count, uint16_t *table)
{
	for (uint32_t slot = 0; slot < slot_count; slot++)
		table[slot] = rendezvous_pick(rendezvous, slot);
}
