/* SPDX-License-Identifier: BSD-3-Clause */
/* members: backends 10.2.0.0, 10.2.0.1 ... as the builders of tables see them. After unit.h. */
#pragma once

#include "maglev/factor.h"
#include "packet/flow.h"
#include "maglev/maglev.h"

#define MEMBERS 2500
#define SLOTS   65537

/* All of weight 100 and serving. key_hashes[] is by index. */
struct members {
	struct flow_secret secret;
	char keys[MEMBERS][24];
	struct maglev_member list[MEMBERS];
	uint32_t factors[MEMBERS];
	uint64_t key_hashes[MEMBERS];
};

static inline void members_init(struct members *members)
{
	static const uint8_t hash_key[FLOW_HASH_KEY_SIZE] = { 0x00, 0x01, 0x02, 0x03, 0x04, 0x05,
		0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f };

	flow_secret_generate(&members->secret, hash_key);
	for (int i = 0; i < MEMBERS; i++) {
		struct maglev_member *member = &members->list[i];

		snprintf(members->keys[i], sizeof(members->keys[i]), "10.2.%d.%d", i >> 8, i & 255);
		member->key = members->keys[i];
		member->key_length = strlen(members->keys[i]);
		member->key_hash =
			maglev_key_hash(&members->secret, member->key, member->key_length);
		member->weight = 100;
		member->index = i;
		members->factors[i] = FACTOR_ONE;
		members->key_hashes[i] = member->key_hash;
	}
}

/* SplitMix64 (S. Vigna): the same numbers in every run. */
static inline uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* Puts the first `count` in another order, with indices to match. */
static inline void members_shuffle(struct members *members, int count, uint64_t *random)
{
	for (int i = count - 1; i > 0; i--) {
		int j = next_random(random) % (i + 1);
		struct maglev_member member = members->list[i];
		uint32_t factor = members->factors[i];

		members->list[i] = members->list[j];
		members->list[j] = member;
		members->factors[i] = members->factors[j];
		members->factors[j] = factor;
	}
	for (int i = 0; i < count; i++) {
		members->list[i].index = i;
		members->key_hashes[i] = members->list[i].key_hash;
	}
}

static inline uint32_t count_moved(const uint16_t *before, const uint16_t *after, uint32_t slots)
{
	uint32_t moved = 0;

	for (uint32_t slot = 0; slot < slots; slot++)
		moved += before[slot] != after[slot];
	return moved;
}

static inline void count_owned(const uint16_t *table, uint32_t slots, uint32_t owned[MEMBERS])
{
	memset(owned, 0, MEMBERS * sizeof(*owned));
	for (uint32_t slot = 0; slot < slots; slot++) {
		assert_true(table[slot] < MEMBERS);
		owned[table[slot]]++;
	}
}
