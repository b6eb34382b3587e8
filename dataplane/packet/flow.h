/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * flow: the 5-tuple of a packet, its keyed hash, and the slot the hash falls into.
 *
 * The hash is XXH3 (64 bit) over the bytes of the key as they stand on the wire, with a secret of
 * 192 bytes that XXH3_generateSecret() makes of the configured hash key. A secret and not a seed,
 * because a seed of XXH3 is one 64-bit number mixed into a public constant: an attacker who aims
 * flows at one slot would need to guess far less. The same key gives the same hash on every node
 * and every processor; tests/unit/packet/test_flow.c holds golden vectors.
 *
 * Header-only, because the hash belongs to the packet path: with a constant length the compiler
 * keeps only the branch of XXH3 for that length. Any thread.
 */
#pragma once

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_byteorder.h>

/*
 * Here and nowhere else: a second way of including xxhash.h would be a second hash function. For
 * AVX2 it has GCC compile all of itself at -O2, and GCC does not inline that into code of another
 * level: 6.5 instead of 3.5 cycles for a key of 13 bytes. Keys are too short for vectors anyway.
 */
#define XXH_INLINE_ALL
#ifdef __x86_64__
#define XXH_VECTOR XXH_SSE2
#endif
#include <xxhash.h>

#define FLOW_KEY_IPV4_SIZE 13
#define FLOW_KEY_IPV6_SIZE 37
#define FLOW_HASH_KEY_SIZE 16
#define FLOW_SECRET_SIZE   192

/*
 * Network byte order throughout. Protocols without ports, and fragments, have ports of zero. The
 * byte of padding behind `protocol` is not part of the key.
 */
struct flow_key_ipv4 {
	union {
		struct {
			uint8_t source[4];
			uint8_t destination[4];
		};
		uint8_t addresses[8]; /* both, side by side as in the IPv4 header */
	};
	rte_be16_t ports[2]; /* source, destination */
	uint8_t protocol;
};

struct flow_key_ipv6 {
	union {
		struct {
			uint8_t source[16];
			uint8_t destination[16];
		};
		uint8_t addresses[32]; /* both, side by side as in the IPv6 header */
	};
	rte_be16_t ports[2]; /* source, destination */
	uint8_t protocol;
};

struct flow_key {
	union {
		struct flow_key_ipv4 ipv4;
		struct flow_key_ipv6 ipv6;
		uint8_t bytes[FLOW_KEY_IPV6_SIZE];
	};
};

static_assert(offsetof(struct flow_key_ipv4, protocol) + 1 == FLOW_KEY_IPV4_SIZE, "no holes");
static_assert(offsetof(struct flow_key_ipv6, protocol) + 1 == FLOW_KEY_IPV6_SIZE, "no holes");

struct flow_secret {
	uint8_t bytes[FLOW_SECRET_SIZE];
};

static_assert(FLOW_SECRET_SIZE == XXH3_SECRET_DEFAULT_SIZE, "what XXH3 itself works with");

/* Makes the secret of the configured key. Both are to be kept secret. */
void flow_secret_generate(struct flow_secret *secret, const uint8_t key[static FLOW_HASH_KEY_SIZE]);

/*
 * The hash of the first 13 bytes. Hash a burst in a step of its own, after all its keys have been
 * filled: a key that is read right after it was written in other pieces waits for the store buffer
 * (5 cycles for both steps, 26 when each key is filled and hashed in turn).
 */
static inline uint64_t flow_hash_ipv4(const struct flow_key *key, const struct flow_secret *secret)
{
	return XXH3_64bits_withSecret(
		key->bytes, FLOW_KEY_IPV4_SIZE, secret->bytes, FLOW_SECRET_SIZE);
}

/* The hash of all 37 bytes; as above. */
static inline uint64_t flow_hash_ipv6(const struct flow_key *key, const struct flow_secret *secret)
{
	return XXH3_64bits_withSecret(
		key->bytes, FLOW_KEY_IPV6_SIZE, secret->bytes, FLOW_SECRET_SIZE);
}

/*
 * The slot of a hash in a table of `slot_count` slots, always below it: multiply and shift instead
 * of a division (D. Lemire, "Fast random integer generation in an interval", 2019). It takes the
 * upper half of the hash; the lower half is left for other uses.
 */
static inline uint32_t flow_slot(uint64_t hash, uint32_t slot_count)
{
	return ((hash >> 32) * slot_count) >> 32;
}
