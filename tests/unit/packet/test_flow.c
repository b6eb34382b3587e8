/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include <arpa/inet.h>
#include <math.h>

#include "packet/flow.h"

/* The same functions in the shared library: compiled apart, without a constant length. */
extern uint64_t library_hash(const void *input, size_t length, const void *secret,
	size_t secret_size) __asm__("XXH3_64bits_withSecret");
extern int library_generate_secret(void *secret, size_t secret_size, const void *seed,
	size_t seed_size) __asm__("XXH3_generateSecret");

static const uint8_t hash_key[FLOW_HASH_KEY_SIZE] = { 0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06,
	0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f };

/* Made by a program of its own, which packs the 5-tuple by itself and calls the library. */
static const struct {
	const char *source;
	const char *destination;
	uint16_t source_port;
	uint16_t destination_port;
	uint8_t protocol;
	uint64_t hash;
	uint32_t slot; /* of 65,537 */
} vectors[] = {
	{ "198.51.100.7", "203.0.113.10", 40000, 80, 6, 0x95ea8935598062f6, 38379 },
	{ "203.0.113.10", "198.51.100.7", 80, 40000, 6, 0xd4d84c29c842b0b6, 54489 },
	{ "198.51.100.7", "203.0.113.10", 40000, 80, 17, 0x9bcc8852b4846d5b, 39885 },
	{ "0.0.0.0", "0.0.0.0", 0, 0, 0, 0x23fde86f412554e6, 9214 },
	{ "255.255.255.255", "255.255.255.255", 65535, 65535, 255, 0xd3e3184897c91ca4, 54243 },
	{ "2001:db8::7", "2001:db8:10::10", 40000, 443, 6, 0xd312c973fa2057ee, 54035 },
	{ "2001:db8:10::10", "2001:db8::7", 443, 40000, 6, 0x36d350f4118e8e8e, 14035 },
	{ "2001:db8::7", "2001:db8:10::10", 40000, 443, 17, 0xa5acebc68180a059, 42413 },
	{ "::", "::", 0, 0, 0, 0xa7eeef532ad8df38, 42991 },
	{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		65535, 65535, 255, 0xe6eef667d372852c, 59119 },
};

/* SplitMix64 (S. Vigna): the same numbers in every run. */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static void fill_random(struct flow_key *key, uint64_t *random)
{
	for (size_t i = 0; i < sizeof(key->bytes); i++)
		key->bytes[i] = next_random(random);
}

static void hashes_are_those_of_the_golden_vectors(void **state)
{
	struct flow_secret secret;

	flow_secret_generate(&secret, hash_key);
	for (size_t i = 0; i < COUNT_OF(vectors); i++) {
		struct flow_key key;
		uint64_t hash;

		memset(&key, 0xa5, sizeof(key)); /* what is not part of the key must not count */
		if (inet_pton(AF_INET, vectors[i].source, key.ipv4.source) == 1) {
			inet_pton(AF_INET, vectors[i].destination, key.ipv4.destination);
			key.ipv4.ports[0] = htons(vectors[i].source_port);
			key.ipv4.ports[1] = htons(vectors[i].destination_port);
			key.ipv4.protocol = vectors[i].protocol;
			hash = flow_hash_ipv4(&key, &secret);
		} else {
			inet_pton(AF_INET6, vectors[i].source, key.ipv6.source);
			inet_pton(AF_INET6, vectors[i].destination, key.ipv6.destination);
			key.ipv6.ports[0] = htons(vectors[i].source_port);
			key.ipv6.ports[1] = htons(vectors[i].destination_port);
			key.ipv6.protocol = vectors[i].protocol;
			hash = flow_hash_ipv6(&key, &secret);
		}
		assert_int_equal(hash, vectors[i].hash);
		assert_int_equal(flow_slot(hash, 65537), vectors[i].slot);
	}
}

static void the_secret_is_the_one_that_the_library_makes(void **state)
{
	struct flow_secret secret;
	uint8_t expected[FLOW_SECRET_SIZE];

	flow_secret_generate(&secret, hash_key);
	library_generate_secret(expected, sizeof(expected), hash_key, sizeof(hash_key));
	assert_memory_equal(secret.bytes, expected, sizeof(expected));
}

static void the_inlined_hash_is_the_one_of_the_library(void **state)
{
	uint64_t random = 1;

	for (unsigned int i = 0; i < 20000; i++) {
		struct flow_secret secret;
		struct flow_key key;
		uint8_t seed[FLOW_HASH_KEY_SIZE];

		if (i % 100 == 0) {
			for (size_t j = 0; j < sizeof(seed); j++)
				seed[j] = next_random(&random);
			flow_secret_generate(&secret, seed);
		}
		fill_random(&key, &random);
		assert_int_equal(flow_hash_ipv4(&key, &secret),
			library_hash(key.bytes, 13, secret.bytes, sizeof(secret.bytes)));
		assert_int_equal(flow_hash_ipv6(&key, &secret),
			library_hash(key.bytes, 37, secret.bytes, sizeof(secret.bytes)));
	}
}

static void every_bit_of_key_and_hash_key_counts(void **state)
{
	struct flow_secret secret, other;
	struct flow_key key;
	uint64_t random = 2, ipv4, ipv6;
	uint8_t other_key[FLOW_HASH_KEY_SIZE];

	flow_secret_generate(&secret, hash_key);
	fill_random(&key, &random);
	ipv4 = flow_hash_ipv4(&key, &secret);
	ipv6 = flow_hash_ipv6(&key, &secret);
	for (unsigned int bit = 0; bit < FLOW_KEY_IPV6_SIZE * 8; bit++) {
		key.bytes[bit / 8] ^= 1 << bit % 8;
		assert_int_not_equal(flow_hash_ipv6(&key, &secret), ipv6);
		if (bit < FLOW_KEY_IPV4_SIZE * 8)
			assert_int_not_equal(flow_hash_ipv4(&key, &secret), ipv4);
		else
			assert_int_equal(flow_hash_ipv4(&key, &secret), ipv4);
		key.bytes[bit / 8] ^= 1 << bit % 8;
	}
	for (unsigned int bit = 0; bit < FLOW_HASH_KEY_SIZE * 8; bit++) {
		memcpy(other_key, hash_key, sizeof(other_key));
		other_key[bit / 8] ^= 1 << bit % 8;
		flow_secret_generate(&other, other_key);
		assert_int_not_equal(flow_hash_ipv4(&key, &other), ipv4);
		assert_int_not_equal(flow_hash_ipv6(&key, &other), ipv6);
	}
}

static void the_way_back_has_another_hash(void **state)
{
	struct flow_secret secret;
	uint64_t random = 3;

	flow_secret_generate(&secret, hash_key);
	for (unsigned int i = 0; i < 10000; i++) {
		struct flow_key there, back;

		fill_random(&there, &random);
		back = there;
		memcpy(back.ipv4.source, there.ipv4.destination, 4);
		memcpy(back.ipv4.destination, there.ipv4.source, 4);
		back.ipv4.ports[0] = there.ipv4.ports[1];
		back.ipv4.ports[1] = there.ipv4.ports[0];
		assert_int_not_equal(
			flow_hash_ipv4(&there, &secret), flow_hash_ipv4(&back, &secret));
		back = there;
		memcpy(back.ipv6.source, there.ipv6.destination, 16);
		memcpy(back.ipv6.destination, there.ipv6.source, 16);
		back.ipv6.ports[0] = there.ipv6.ports[1];
		back.ipv6.ports[1] = there.ipv6.ports[0];
		assert_int_not_equal(
			flow_hash_ipv6(&there, &secret), flow_hash_ipv6(&back, &secret));
	}
}

/* Client number `i` of a service: neighbouring addresses and ports, as a network has them. */
static uint64_t hash_of_client(uint32_t i, const struct flow_secret *secret)
{
	struct flow_key key;

	memcpy(key.ipv4.addresses, (uint8_t[8]){ 198, 51, i >> 16, i >> 8, 203, 0, 113, 10 }, 8);
	key.ipv4.ports[0] = htons(32768 + (i & 255));
	key.ipv4.ports[1] = htons(443);
	key.ipv4.protocol = 6;
	return flow_hash_ipv4(&key, secret);
}

/*
 * Pearson's statistic has mean M - 1 and variance about 2 (M - 1). What is hashed never changes,
 * so neither does the result; a hash that clusters is tens of deviations off.
 */
static void slots_are_below_the_count_and_equally_likely(void **state)
{
	static const uint32_t slot_counts[] = { 251, 65537, 655373, 5000011 };
	static const uint32_t clients = 1 << 20;
	struct flow_secret secret;

	flow_secret_generate(&secret, hash_key);
	for (size_t i = 0; i < COUNT_OF(slot_counts); i++) {
		uint32_t slot_count = slot_counts[i];
		uint16_t *hits = calloc(slot_count, sizeof(*hits));
		double expected = (double)clients / slot_count;
		double squares = 0, deviation;

		assert_non_null(hits);
		for (uint32_t client = 0; client < clients; client++) {
			uint32_t slot = flow_slot(hash_of_client(client, &secret), slot_count);

			assert_true(slot < slot_count);
			hits[slot]++;
		}
		for (uint32_t slot = 0; slot < slot_count; slot++)
			squares += (hits[slot] - expected) * (hits[slot] - expected) / expected;
		deviation = (squares - (slot_count - 1)) / sqrt(2.0 * (slot_count - 1));
		assert_true(deviation > -4 && deviation < 4);
		free(hits);
	}
}

static void the_slot_of_an_extreme_hash_is_the_first_or_the_last(void **state)
{
	assert_int_equal(flow_slot(0, 65537), 0);
	assert_int_equal(flow_slot(UINT32_MAX, 65537), 0); /* the lower half does not count */
	assert_int_equal(flow_slot(UINT64_MAX, 65537), 65536);
	assert_int_equal(flow_slot(UINT64_MAX, 5000011), 5000010);
	assert_int_equal(flow_slot(UINT64_MAX, 1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hashes_are_those_of_the_golden_vectors),
		cmocka_unit_test(the_secret_is_the_one_that_the_library_makes),
		cmocka_unit_test(the_inlined_hash_is_the_one_of_the_library),
		cmocka_unit_test(every_bit_of_key_and_hash_key_counts),
		cmocka_unit_test(the_way_back_has_another_hash),
		cmocka_unit_test(slots_are_below_the_count_and_equally_likely),
		cmocka_unit_test(the_slot_of_an_extreme_hash_is_the_first_or_the_last),
	};

	return cmocka_run_group_tests_name("flow", tests, NULL, NULL);
}
