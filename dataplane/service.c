/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Both families share one shape: an array of a power of two of entries, at most half full, probed
 * linearly from the CRC of the key. Beside each service's own key stands one for its VIP alone
 * (protocol 0, port 0), which tells "ours, but unclaimed" from "not ours" after a miss.
 *
 * The CRC needs no secret: only the operator adds keys, so the longest run of entries, which bounds
 * the work of a miss, is the operator's too.
 */
#include "service.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_common.h>
#include <rte_hash_crc.h>

#include "parse.h"

#define NO_SERVICE UINT32_MAX /* the entry stands for a VIP alone */
#define ANY_PORT   0

/* A key in machine words: address bytes zero-padded, then port, protocol and a mark of "in use". */
struct entry_ipv4 {
	uint64_t key;
	uint32_t service;
	uint32_t unused;
};

struct entry_ipv6 {
	uint64_t address[2];
	uint32_t tail;
	uint32_t service;
};

struct service_table {
	uint32_t mask_ipv4;
	uint32_t mask_ipv6;
	struct entry_ipv4 *ipv4;
	struct entry_ipv6 *ipv6;
	struct service *services;
	uint32_t count;
	uint32_t room;
};

static inline uint32_t key_tail(uint8_t protocol, rte_be16_t port)
{
	return (uint32_t)port << 16 | (uint32_t)protocol << 8 | 1;
}

static inline struct entry_ipv4 *find_ipv4(
	const struct service_table *table, const uint8_t address[4], uint32_t tail)
{
	uint64_t key;
	uint32_t at, word;

	memcpy(&word, address, 4);
	key = (uint64_t)word << 32 | tail;
	at = rte_hash_crc_8byte(key, 0) & table->mask_ipv4;
	while (table->ipv4[at].key != key && table->ipv4[at].key != 0)
		at = (at + 1) & table->mask_ipv4;
	return &table->ipv4[at];
}

static inline struct entry_ipv6 *find_ipv6(
	const struct service_table *table, const uint8_t address[16], uint32_t tail)
{
	struct entry_ipv6 *entry;
	uint64_t words[2];
	uint32_t at;

	memcpy(words, address, 16);
	at = rte_hash_crc_8byte(words[0], tail);
	at = rte_hash_crc_8byte(words[1], at) & table->mask_ipv6;
	for (;; at = (at + 1) & table->mask_ipv6) {
		entry = &table->ipv6[at];
		if (entry->tail == 0 || (entry->tail == tail && entry->address[0] == words[0] &&
						entry->address[1] == words[1]))
			return entry;
	}
}

/* The index stored for a key: NO_SERVICE for a VIP alone, -1 where there is none. */
static inline int64_t lookup(
	const struct service_table *table, bool ipv6, const uint8_t *address, uint32_t tail)
{
	if (ipv6) {
		const struct entry_ipv6 *entry = find_ipv6(table, address, tail);

		return entry->tail == 0 ? -1 : (int64_t)entry->service;
	} else {
		const struct entry_ipv4 *entry = find_ipv4(table, address, tail);

		return entry->key == 0 ? -1 : (int64_t)entry->service;
	}
}

static int insert(
	struct service_table *table, const struct address *vip, uint32_t tail, uint32_t service)
{
	if (lookup(table, vip->family == ADDRESS_IPV6, vip->bytes, tail) >= 0)
		return -EEXIST;
	if (vip->family == ADDRESS_IPV6) {
		struct entry_ipv6 *entry = find_ipv6(table, vip->bytes, tail);

		memcpy(entry->address, vip->bytes, 16);
		entry->tail = tail;
		entry->service = service;
	} else {
		struct entry_ipv4 *entry = find_ipv4(table, vip->bytes, tail);
		uint32_t word;

		memcpy(&word, vip->bytes, 4);
		entry->key = (uint64_t)word << 32 | tail;
		entry->service = service;
	}
	return 0;
}

struct service_table *service_table_create(size_t count)
{
	/*
	 * Each service may bring a VIP of its own, and seven eighths of the entries stay free: how
	 * many steps a search takes nobody can predict, so nearly all are to find it at the first.
	 */
	uint32_t entries = rte_align32pow2(RTE_MAX(16 * count, (size_t)8));
	struct service_table *table = calloc(1, sizeof(*table));

	if (table == NULL)
		return NULL;
	table->mask_ipv4 = table->mask_ipv6 = entries - 1;
	table->room = count;
	table->ipv4 = calloc(entries, sizeof(*table->ipv4));
	table->ipv6 = calloc(entries, sizeof(*table->ipv6));
	table->services = calloc(RTE_MAX(count, (size_t)1), sizeof(*table->services));
	if (table->ipv4 == NULL || table->ipv6 == NULL || table->services == NULL) {
		service_table_destroy(table);
		return NULL;
	}
	return table;
}

void service_table_destroy(struct service_table *table)
{
	if (table == NULL)
		return;
	free(table->ipv4);
	free(table->ipv6);
	free(table->services);
	free(table);
}

int service_table_add(
	struct service_table *table, const struct service_key *key, const struct service *service)
{
	int error;

	if (table->count == table->room)
		return -ENOSPC;
	error = insert(table, &key->vip, key_tail(key->protocol, key->port), table->count);
	if (error != 0)
		return error;
	table->services[table->count++] = *service;
	if (!service_table_has_vip(table, &key->vip))
		return insert(table, &key->vip, key_tail(0, 0), NO_SERVICE);
	return 0;
}

bool service_table_has_vip(const struct service_table *table, const struct address *vip)
{
	return lookup(table, vip->family == ADDRESS_IPV6, vip->bytes, key_tail(0, 0)) >= 0;
}

static enum verdict match_icmp_error(const struct service_table *table, struct packet *packet)
{
	enum verdict verdict = parse_icmp_error(packet);

	return verdict == VERDICT_NEXT ? service_match(table, packet) : verdict;
}

/* What becomes of a packet that no service takes as it is: the way of few packets. */
static enum verdict judge_unserved(
	const struct service_table *table, struct packet *packet, const uint8_t *vip)
{
	bool ipv6 = packet->flags & PACKET_IPV6;
	uint8_t icmp = ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	uint8_t protocol = ipv6 ? packet->key.ipv6.protocol : packet->key.ipv4.protocol;

	if (lookup(table, ipv6, vip, key_tail(0, 0)) < 0)
		return VERDICT_LEFT_TO_HOST;
	if (packet->flags & PACKET_FRAGMENT)
		return VERDICT_FRAGMENT;
	return protocol == icmp ? match_icmp_error(table, packet) : VERDICT_UNCLAIMED;
}

static inline enum verdict match(const struct service_table *table, struct packet *packet,
	bool ipv6, const uint8_t *vip, uint8_t protocol, rte_be16_t port)
{
	int64_t index;

	if (unlikely(packet->flags & (PACKET_FRAGMENT | PACKET_PORTLESS)))
		return judge_unserved(table, packet, vip);
	index = lookup(table, ipv6, vip, key_tail(protocol, port));
	if (unlikely(index < 0))
		index = lookup(table, ipv6, vip, key_tail(protocol, ANY_PORT));
	if (unlikely(index < 0))
		return judge_unserved(table, packet, vip);
	packet->service = &table->services[index];
	return VERDICT_NEXT;
}

static inline enum verdict match_packet(const struct service_table *table, struct packet *packet)
{
	if (packet->flags & PACKET_IPV6) {
		const struct flow_key_ipv6 *key = &packet->key.ipv6;

		return match(table, packet, true, key->destination, key->protocol, key->ports[1]);
	} else {
		const struct flow_key_ipv4 *key = &packet->key.ipv4;

		return match(table, packet, false, key->destination, key->protocol, key->ports[1]);
	}
}

void service_match_burst(
	const struct service_table *table, struct packet *packets, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		if (likely(packets[i].verdict == VERDICT_NEXT))
			packets[i].verdict = match_packet(table, &packets[i]);
}

enum verdict service_match(const struct service_table *table, struct packet *packet)
{
	return match_packet(table, packet);
}
