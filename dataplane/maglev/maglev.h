/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * maglev: the lookup table of a pool, by Maglev hashing (D. Eisenbud et al., "Maglev: A Fast and
 * Reliable Software Network Load Balancer", NSDI 2016, section 3.4), with weights by smooth turns
 * as in Envoy and Katran (MaglevHashV2).
 *
 * The same members with the same secret give the same table on every node: only keys and weights
 * count, not the order of the members or their indices.
 *
 * Control thread. Nothing here keeps state.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct flow_secret;

/* A backend as the builder sees it. Its key is its identity: no two members have the same one. */
struct maglev_member {
	uint64_t key_hash; /* maglev_key_hash() of the key */
	const void *key;   /* the caller's; decides between members of equal key_hash */
	size_t key_length; /* bytes */
	uint32_t weight;   /* 0: gets no slot */
	uint16_t index;    /* its index in the pool, which the table holds */
};

/*
 * The order in which a backend asks for slots: offset, offset + skip, offset + 2 skip ... modulo
 * the number of slots. That number M is prime and 1 <= skip <= M - 1, so each slot comes once. The
 * order is walked and never stored.
 */
struct maglev_permutation {
	uint32_t offset;
	uint32_t skip;
};

/* A permutation with its weight, not 0, and the index that stands for it in the table. */
struct maglev_turn_taker {
	struct maglev_permutation permutation;
	uint32_t weight;
	uint16_t index;
};

/*
 * A table that remembers in which order each owner took its slots. An owner with a part of its
 * weight holds only the first of them (a share of `owned`, by rank), and a growing one takes only
 * slots of its own and none of others. So slow start and dynamic weights need no other table. All
 * memory is the caller's.
 */
struct maglev_base {
	uint16_t *table; /* [slot]: index of its owner */
	uint32_t *ranks; /* [slot]: how many slots its owner took earlier */
	uint32_t *owned; /* [index]: slots that are its own; room up to the largest index */
};

/* Whether `number` may be the number of slots of a table. */
bool maglev_is_prime(uint32_t number);

/* Keyed hash of a backend's key. Its input can never be that of a flow's hash. */
uint64_t maglev_key_hash(const struct flow_secret *secret, const void *key, size_t length);

struct maglev_permutation maglev_permutation(uint64_t key_hash, uint32_t slot_count);

/*
 * Writes the index of the owner of each of `slot_count` slots (the caller ensures that it is prime)
 * into `table`. Shares are proportional to the weights, to within a slot or so; every member with a
 * weight owns at least one slot. Time grows with slot_count * log(slot_count), not with the
 * weights.
 *
 * -ENOENT: no member has a weight, the table is left alone. -EINVAL: more members with a weight
 * than slots (or than 65,535). -EEXIST: two members have the same key. -ENOMEM.
 */
int maglev_build(
	const struct maglev_member *members, size_t count, uint32_t slot_count, uint16_t *table);

/*
 * maglev_build() that fills a base: the same table and errors. `owned` is written for every member,
 * 0 for those without a weight. After an error nothing has been written.
 */
int maglev_build_base(const struct maglev_member *members, size_t count, uint32_t slot_count,
	const struct maglev_base *base);

/* Orders members by their keys alone: negative, 0 (the same key) or positive, as memcmp(). */
int maglev_compare_keys(const struct maglev_member *left, const struct maglev_member *right);

/*
 * The inner part of maglev_build(), apart so that tests can run the paper's own example: the takers
 * fill the table in the given order. 1 <= count <= slot_count, count <= 65,535. 0 or -ENOMEM.
 */
int maglev_fill(
	const struct maglev_turn_taker *takers, size_t count, uint32_t slot_count, uint16_t *table);

/*
 * XXH3 (64 bit) over the key_hash of each slot's owner, little endian, so that nodes with different
 * indices for the same backends agree. `key_hashes` is by the index that the table holds.
 */
uint64_t maglev_digest(const uint16_t *table, uint32_t slot_count, const uint64_t *key_hashes);
