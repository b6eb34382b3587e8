/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * maglev: the lookup table of a pool, by Maglev hashing (D. Eisenbud et al., "Maglev: A Fast and
 * Reliable Software Network Load Balancer", NSDI 2016, section 3.4), with weights by smooth turns
 * as in Envoy and Katran (MaglevHashV2).
 *
 * The same members with the same secret give the same table on every node, in whatever order they
 * come and whatever indices they have: all depends on the keys and weights alone.
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
	uint16_t index;    /* what the table holds for it: its place in the pool */
};

/*
 * The order in which a backend asks for slots: offset, offset + skip, offset + 2 skip ... modulo
 * the number of slots. Since that is prime and skip is between 1 and it less one, all slots come
 * once; the order is walked and never stored.
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
 * A table that remembers in which order each owner took its slots. Whoever holds but the first of
 * them (a share of `owned`, by rank) gets more by taking slots of its own and none of another's:
 * slow start and dynamic weights then need no other table. All memory is the caller's.
 */
struct maglev_base {
	uint16_t *table; /* [slot]: index of its owner */
	uint32_t *ranks; /* [slot]: how many slots its owner had taken before */
	uint32_t *owned; /* [index]: slots that are its own; room up to the largest index */
};

/* Whether `number` may be the number of slots of a table. */
bool maglev_is_prime(uint32_t number);

/* Hash of a backend's key, keyed; never equal by construction to the hash of a flow. */
uint64_t maglev_key_hash(const struct flow_secret *secret, const void *key, size_t length);

struct maglev_permutation maglev_permutation(uint64_t key_hash, uint32_t slot_count);

/*
 * Writes the index of the owner of each of `slot_count` slots (a prime: the caller's duty) into
 * `table`. Shares are proportional to the weights, to within a slot or so; every member that has a
 * weight owns at least one. Time grows with slot_count * log(slot_count), not with the weights.
 *
 * -ENOENT: no member has a weight, the table is left alone. -EINVAL: more members with a weight
 * than slots (or than 65,535). -EEXIST: two members have the same key. -ENOMEM.
 */
int maglev_build(
	const struct maglev_member *members, size_t count, uint32_t slot_count, uint16_t *table);

/*
 * maglev_build() that fills a base: the same table and errors. In `owned` every member is written,
 * 0 for those without a weight. After an error nothing has been written.
 */
int maglev_build_base(const struct maglev_member *members, size_t count, uint32_t slot_count,
	const struct maglev_base *base);

/* Orders members by their keys alone: negative, 0 (the same key) or positive, as memcmp(). */
int maglev_compare_keys(const struct maglev_member *left, const struct maglev_member *right);

/*
 * The inner part of maglev_build(), which the paper's own example can be put to: the takers fill
 * the table in the order in which they stand. 1 <= count <= slot_count, count <= 65,535. 0 or
 * -ENOMEM.
 */
int maglev_fill(
	const struct maglev_turn_taker *takers, size_t count, uint32_t slot_count, uint16_t *table);

/*
 * XXH3 (64 bit) over the key_hash of each slot's owner, little endian, so that nodes which number
 * their backends differently agree. `key_hashes` is indexed by what the table holds.
 */
uint64_t maglev_digest(const uint16_t *table, uint32_t slot_count, const uint64_t *key_hashes);
