/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * service_lookup: the inside of a service table (service.h), as service.c builds it and
 * service_match.h searches it.
 *
 * One row per key, one cache line per row. Per address family, an open-addressing hash table (power
 * of two, linear probing) of row numbers. At most an eighth of its cells is used, because the
 * length of a search is unpredictable and nearly every search should end at the first cell; yet it
 * fits caches that thousands of rows do not fit. A second hash table, of VIPs alone (protocol 0,
 * port 0), tells "ours, but no such service" from "not ours" after a miss.
 *
 * A key's first cell comes from its CRC by multiplicative hashing (D. Knuth, TAOCP 3, 6.4). A CRC
 * alone is linear, so addresses and ports of one service could collide with those of another. There
 * is no secret: only the operator adds keys, so only the operator can make a long run of cells,
 * which bounds the work of a miss.
 *
 * Services with rules about clients (service_split.h) are in a third hash table, and not in the
 * first: their packets miss there and take the way of all misses, so that others do not even test
 * for rules.
 *
 * Built by the control thread, read-only from the moment workers can reach it.
 */
#pragma once

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_byteorder.h>
#include <rte_common.h>
#ifdef __SSE4_2__
#include <nmmintrin.h>
#else
#include <rte_hash_crc.h>
#endif

#include "packet/flow.h"
#include "service/service.h"

#define SERVICE_NO_ROW       0 /* content of a free cell: a row that matches no key */
#define SERVICE_ANY_PORT     0
#define SERVICE_ANY_PROTOCOL 0
#define SERVICE_MULTIPLIER   UINT32_C(2654435761) /* 2^32 by the golden ratio, a prime */

/*
 * A key in machine words. IPv6: address; then port as in memory, a zero byte, protocol. IPv4: all
 * in the first word.
 */
struct service_words {
	uint64_t part[2];
	uint32_t tail;
};

struct service_row {
	struct service_words words;
	struct service service;      /* unused in the row of a VIP, and of a service with rules */
	struct service_split *split; /* owned; NULL: no rules */
} __rte_cache_aligned;

static_assert(sizeof(struct service_row) == RTE_CACHE_LINE_SIZE, "a line of its own");

struct service_index {
	uint32_t *cells; /* numbers of rows */
	uint32_t mask;
	uint32_t shift;
};

struct service_family {
	struct service_index services;
	struct service_index vips;
	struct service_index splits; /* services with rules; no cells while there is none */
};

struct service_table {
	struct service_family ipv4;
	struct service_family ipv6;
	struct service_row *rows;
	uint32_t row_count; /* SERVICE_NO_ROW included */
	uint32_t service_count;
	uint32_t split_count; /* of these, with rules */
	uint32_t room;        /* services */
};

static inline struct service_words service_words_of(
	bool ipv6, const uint8_t *address, uint8_t protocol, rte_be16_t port)
{
	uint32_t tail = (uint32_t)port << 16 | protocol;
	struct service_words words = { 0 };
	uint32_t word;

	if (ipv6) {
		memcpy(words.part, address, 16);
		words.tail = tail;
	} else {
		memcpy(&word, address, 4);
		words.part[0] = (uint64_t)tail << 32 | rte_le_to_cpu_32(word);
	}
	return words;
}

/*
 * Same, for a packet's destination. For IPv4 it is one load; the protocol replaces the source port.
 */
static inline struct service_words service_words_of_packet(bool ipv6, const struct flow_key *flow)
{
	const uint64_t source_port = UINT64_C(0xffff) << 32;
	struct service_words words = { 0 };
	uint64_t word;

	if (ipv6)
		return service_words_of(
			true, flow->ipv6.destination, flow->ipv6.protocol, flow->ipv6.ports[1]);
	memcpy(&word, flow->bytes + offsetof(struct flow_key_ipv4, destination), sizeof(word));
	words.part[0] = rte_le_to_cpu_64(word) & ~source_port;
	words.part[0] |= (uint64_t)flow->ipv4.protocol << 32;
	return words;
}

static inline bool service_words_equal(
	bool ipv6, const struct service_words *a, const struct service_words *b)
{
	if (a->part[0] != b->part[0])
		return false;
	return !ipv6 || (a->part[1] == b->part[1] && a->tail == b->tail);
}

/* Unlike rte_hash_crc_8byte(), does not check the CPU features on each call. */
static inline uint32_t service_crc(uint64_t word, uint32_t crc)
{
#ifdef __SSE4_2__
	return _mm_crc32_u64(crc, word);
#else
	return rte_hash_crc_8byte(word, crc);
#endif
}

static inline uint32_t service_first_cell(
	bool ipv6, const struct service_index *index, const struct service_words *words)
{
	uint32_t crc = service_crc(words->part[0], words->tail);

	if (ipv6)
		crc = service_crc(words->part[1], crc);
	return crc * SERVICE_MULTIPLIER >> index->shift;
}

static inline const struct service_family *service_family(
	const struct service_table *table, bool ipv6)
{
	return ipv6 ? &table->ipv6 : &table->ipv4;
}

/* NULL if there is none. */
static inline const struct service_row *service_find_row(const struct service_table *table,
	bool ipv6, const struct service_index *index, const struct service_words *words)
{
	uint32_t at = service_first_cell(ipv6, index, words);

	for (;; at = (at + 1) & index->mask) {
		const struct service_row *row = &table->rows[index->cells[at]];

		if (likely(service_words_equal(ipv6, &row->words, words)))
			return row;
		if (row == &table->rows[SERVICE_NO_ROW])
			return NULL;
	}
}

/* The row of exactly this key; NULL without one. */
static inline const struct service_row *service_find(
	const struct service_table *table, bool ipv6, const struct service_words *words)
{
	return service_find_row(table, ipv6, &service_family(table, ipv6)->services, words);
}

/* The same among services with rules. */
static inline const struct service_row *service_find_split(
	const struct service_table *table, bool ipv6, const struct service_words *words)
{
	const struct service_index *index = &service_family(table, ipv6)->splits;

	return index->cells == NULL ? NULL : service_find_row(table, ipv6, index, words);
}

/* Whether any service has this VIP, in network byte order. */
static inline bool service_has_vip(const struct service_table *table, bool ipv6, const uint8_t *vip)
{
	struct service_words words =
		service_words_of(ipv6, vip, SERVICE_ANY_PROTOCOL, SERVICE_ANY_PORT);

	return service_find_row(table, ipv6, &service_family(table, ipv6)->vips, &words) != NULL;
}
