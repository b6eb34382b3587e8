/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A row for each key, a cache line of its own with all that a packet needs of its service, and for
 * each address family an index that finds rows: an array of a power of two of their numbers, probed
 * linearly. At most an eighth of it is taken, because how many steps a search takes nobody can
 * predict, so nearly all are to end at the first; yet it is small enough for caches that thousands
 * of rows do not fit in. Another index, of keys of VIPs alone (protocol 0, port 0), tells "ours,
 * but unclaimed" from "not ours" after a miss.
 *
 * A key's first place comes from its CRC, by multiplicative hashing (D. Knuth, TAOCP 3, 6.4): CRCs
 * alone are linear, so that the addresses and ports of one service can fall on those of another.
 * There is no secret: only the operator adds keys, so the longest run of places, which bounds the
 * work of a miss, is the operator's too.
 */
#include "service.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_common.h>
#include <rte_hash_crc.h>
#include <rte_prefetch.h>

#include "parse.h"

#define ANY_PORT       0
#define NO_ROW         0 /* what free places say: a row whose key is nobody's */
#define PLACES_PER_ROW 8 /* of an index, at least */
#define GOLDEN_RATIO   UINT32_C(2654435761)

/* More services than this do not stay in the caches that are near. */
#define NEAR_COUNT 256

/* IPv6: the address. IPv4: in the first word the address, and the tail above it. */
struct key {
	uint64_t words[2];
	uint32_t tail; /* IPv6: port as it stands in memory, a byte of zeroes, protocol; IPv4: 0 */
};

struct row {
	struct key key;
	struct service service; /* unused where it stands for a VIP alone */
} __rte_cache_aligned;

static_assert(sizeof(struct row) == RTE_CACHE_LINE_SIZE, "a line of its own");

struct index {
	uint32_t *places; /* numbers of rows */
	uint32_t mask;
	uint32_t shift;
};

struct family {
	struct index services;
	struct index vips;
};

struct service_table {
	struct family ipv4;
	struct family ipv6;
	struct row *rows;
	uint32_t row_count; /* NO_ROW included */
	uint32_t service_count;
	uint32_t room; /* services */
};

static inline uint32_t key_tail(uint8_t protocol, rte_be16_t port)
{
	return (uint32_t)port << 16 | protocol;
}

static inline struct key key_of(bool ipv6, const uint8_t *address, uint32_t tail)
{
	struct key key = { 0 };
	uint32_t word;

	if (ipv6) {
		memcpy(key.words, address, 16);
		key.tail = tail;
	} else {
		memcpy(&word, address, 4);
		key.words[0] = (uint64_t)tail << 32 | rte_le_to_cpu_32(word);
	}
	return key;
}

/*
 * What key_of() makes of the destination, for a packet that has ports. In IPv4 it is one load: the
 * protocol takes the place of the source port.
 */
static inline struct key key_of_packet(bool ipv6, const struct flow_key *flow)
{
	const uint64_t source_port = UINT64_C(0xffff) << 32;
	struct key key = { 0 };
	uint64_t word;

	if (ipv6)
		return key_of(true, flow->ipv6.destination,
			key_tail(flow->ipv6.protocol, flow->ipv6.ports[1]));
	memcpy(&word, flow->bytes + offsetof(struct flow_key_ipv4, destination), sizeof(word));
	key.words[0] = rte_le_to_cpu_64(word) & ~source_port;
	key.words[0] |= (uint64_t)flow->ipv4.protocol << 32;
	return key;
}

static inline bool is_same(bool ipv6, const struct key *a, const struct key *b)
{
	if (a->words[0] != b->words[0])
		return false;
	return !ipv6 || (a->words[1] == b->words[1] && a->tail == b->tail);
}

static inline uint32_t first_place(bool ipv6, const struct index *index, const struct key *key)
{
	uint32_t crc = rte_hash_crc_8byte(key->words[0], key->tail);

	if (ipv6)
		crc = rte_hash_crc_8byte(key->words[1], crc);
	return crc * GOLDEN_RATIO >> index->shift;
}

static inline const struct family *family_of(const struct service_table *table, bool ipv6)
{
	return ipv6 ? &table->ipv6 : &table->ipv4;
}

/* NULL where there is none. */
static inline const struct row *find(const struct service_table *table, bool ipv6,
	const struct index *index, const struct key *key)
{
	uint32_t at = first_place(ipv6, index, key);

	for (;; at = (at + 1) & index->mask) {
		const struct row *row = &table->rows[index->places[at]];

		if (likely(is_same(ipv6, &row->key, key)))
			return row;
		if (row == &table->rows[NO_ROW])
			return NULL;
	}
}

static inline const struct row *find_service(
	const struct service_table *table, bool ipv6, const struct key *key)
{
	return find(table, ipv6, &family_of(table, ipv6)->services, key);
}

static bool has_vip(const struct service_table *table, bool ipv6, const uint8_t *vip)
{
	struct key key = key_of(ipv6, vip, key_tail(0, 0));

	return find(table, ipv6, &family_of(table, ipv6)->vips, &key) != NULL;
}

bool service_table_has_vip(const struct service_table *table, const struct address *vip)
{
	return has_vip(table, vip->family == ADDRESS_IPV6, vip->bytes);
}

/* A new row for a key that is not in the index yet. */
static struct row *insert(
	struct service_table *table, bool ipv6, const struct index *index, const struct key *key)
{
	struct row *row = &table->rows[table->row_count];
	uint32_t at = first_place(ipv6, index, key);

	while (index->places[at] != NO_ROW)
		at = (at + 1) & index->mask;
	index->places[at] = table->row_count++;
	row->key = *key;
	return row;
}

static int index_init(struct index *index, uint32_t places)
{
	index->mask = places - 1;
	index->shift = 32 - rte_log2_u32(places);
	index->places = calloc(places, sizeof(*index->places));
	return index->places == NULL ? -ENOMEM : 0;
}

static int family_init(struct family *family, uint32_t places)
{
	int code = index_init(&family->services, places);

	return code != 0 ? code : index_init(&family->vips, places);
}

static void family_fini(struct family *family)
{
	free(family->services.places);
	free(family->vips.places);
}

struct service_table *service_table_create(size_t count)
{
	/* each service may bring a VIP of its own, and NO_ROW is one, too */
	uint32_t rows = 2 * count + 1;
	uint32_t places = rte_align32pow2(PLACES_PER_ROW * RTE_MAX(count, (size_t)1));
	struct service_table *table = calloc(1, sizeof(*table));

	if (table == NULL)
		return NULL;
	table->room = count;
	table->rows = aligned_alloc(RTE_CACHE_LINE_SIZE, rows * sizeof(*table->rows));
	if (table->rows == NULL || family_init(&table->ipv4, places) != 0 ||
		family_init(&table->ipv6, places) != 0) {
		service_table_destroy(table);
		return NULL;
	}
	memset(table->rows, 0, rows * sizeof(*table->rows));
	/* no key has ones in the byte between port and protocol */
	memset(&table->rows[NO_ROW].key, 0xff, sizeof(struct key));
	table->row_count = NO_ROW + 1;
	return table;
}

void service_table_destroy(struct service_table *table)
{
	if (table == NULL)
		return;
	family_fini(&table->ipv4);
	family_fini(&table->ipv6);
	free(table->rows);
	free(table);
}

static void add_vip(struct service_table *table, const struct address *vip)
{
	bool ipv6 = vip->family == ADDRESS_IPV6;
	struct key key = key_of(ipv6, vip->bytes, key_tail(0, 0));

	if (!has_vip(table, ipv6, vip->bytes))
		insert(table, ipv6, &family_of(table, ipv6)->vips, &key);
}

int service_table_add(struct service_table *table, const struct service_key *service_key,
	const struct service *service)
{
	const struct address *vip = &service_key->vip;
	bool ipv6 = vip->family == ADDRESS_IPV6;
	struct key key =
		key_of(ipv6, vip->bytes, key_tail(service_key->protocol, service_key->port));

	if (table->service_count == table->room)
		return -ENOSPC;
	if (find_service(table, ipv6, &key) != NULL)
		return -EEXIST;
	insert(table, ipv6, &family_of(table, ipv6)->services, &key)->service = *service;
	table->service_count++;
	add_vip(table, vip);
	return 0;
}

static enum verdict match_icmp_error(const struct service_table *table, struct packet *packet)
{
	enum verdict verdict = parse_icmp_error(packet);

	return verdict == VERDICT_NEXT ? service_match(table, packet) : verdict;
}

static inline const uint8_t *destination_of(bool ipv6, const struct flow_key *flow)
{
	return ipv6 ? flow->ipv6.destination : flow->ipv4.destination;
}

static inline uint8_t protocol_of(bool ipv6, const struct flow_key *flow)
{
	return ipv6 ? flow->ipv6.protocol : flow->ipv4.protocol;
}

static const struct row *find_any_port(
	const struct service_table *table, bool ipv6, const struct flow_key *flow)
{
	struct key key = key_of(
		ipv6, destination_of(ipv6, flow), key_tail(protocol_of(ipv6, flow), ANY_PORT));

	return find_service(table, ipv6, &key);
}

/* What becomes of a packet that no service takes as it is: the way of few packets. */
static __rte_noinline enum verdict judge_unserved(
	const struct service_table *table, struct packet *packet)
{
	bool ipv6 = packet->flags & PACKET_IPV6;
	uint8_t icmp = ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;

	if (!has_vip(table, ipv6, destination_of(ipv6, &packet->key)))
		return VERDICT_LEFT_TO_HOST;
	if (packet->flags & PACKET_FRAGMENT)
		return VERDICT_FRAGMENT;
	if (protocol_of(ipv6, &packet->key) != icmp)
		return VERDICT_UNCLAIMED;
	return match_icmp_error(table, packet);
}

static inline bool has_ports(const struct packet *packet)
{
	return (packet->flags & (PACKET_FRAGMENT | PACKET_PORTLESS)) == 0;
}

static inline enum verdict match(
	const struct service_table *table, struct packet *packet, bool ipv6)
{
	struct key key = key_of_packet(ipv6, &packet->key);
	const struct row *row = find_service(table, ipv6, &key);

	if (unlikely(row == NULL))
		row = find_any_port(table, ipv6, &packet->key);
	if (unlikely(row == NULL))
		return judge_unserved(table, packet);
	packet->service = &row->service;
	return VERDICT_NEXT;
}

static inline enum verdict match_packet(const struct service_table *table, struct packet *packet)
{
	if (unlikely(!has_ports(packet)))
		return judge_unserved(table, packet);
	return packet->flags & PACKET_IPV6 ? match(table, packet, true)
					   : match(table, packet, false);
}

static inline const uint32_t *likely_place(
	const struct service_table *table, const struct packet *packet)
{
	bool ipv6 = packet->flags & PACKET_IPV6;
	const struct index *index = &family_of(table, ipv6)->services;
	struct key key = key_of_packet(ipv6, &packet->key);

	return &index->places[first_place(ipv6, index, &key)];
}

/* Places for all, then rows for all, so that a burst waits for memory twice and not 64 times. */
static __rte_noinline void prefetch_rows(
	const struct service_table *table, const struct packet *packets, unsigned int count)
{
	const uint32_t *places[PACKET_BURST];
	unsigned int place_count = 0;

	for (unsigned int i = 0; i < count; i++) {
		if (packets[i].verdict != VERDICT_NEXT || !has_ports(&packets[i]))
			continue;
		places[place_count] = likely_place(table, &packets[i]);
		rte_prefetch0(places[place_count++]);
	}
	for (unsigned int i = 0; i < place_count; i++)
		rte_prefetch0(&table->rows[*places[i]]);
}

void service_match_burst(
	const struct service_table *table, struct packet *packets, unsigned int count)
{
	if (unlikely(table->service_count > NEAR_COUNT))
		prefetch_rows(table, packets, count);
	for (unsigned int i = 0; i < count; i++)
		if (likely(packets[i].verdict == VERDICT_NEXT))
			packets[i].verdict = match_packet(table, &packets[i]);
}

enum verdict service_match(const struct service_table *table, struct packet *packet)
{
	return match_packet(table, packet);
}
