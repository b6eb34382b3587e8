/* SPDX-License-Identifier: BSD-3-Clause */
#include "service/service.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <rte_prefetch.h>

#include "packet/parse.h"
#include "service/service_lookup.h"

#define ANY_PORT      0
#define ANY_PROTOCOL  0
#define CELLS_PER_ROW 8   /* of an index, at least */
#define NEAR_COUNT    256 /* services; the rows of more do not stay in the near caches */

static const struct service_row *find_service(
	const struct service_table *table, bool ipv6, const struct service_words *words)
{
	return service_find_row(table, ipv6, &service_family(table, ipv6)->services, words);
}

static bool has_vip(const struct service_table *table, bool ipv6, const uint8_t *vip)
{
	struct service_words words = service_words_of(ipv6, vip, ANY_PROTOCOL, ANY_PORT);

	return service_find_row(table, ipv6, &service_family(table, ipv6)->vips, &words) != NULL;
}

bool service_table_has_vip(const struct service_table *table, const struct address *vip)
{
	return has_vip(table, vip->family == ADDRESS_IPV6, vip->bytes);
}

/* A new row for a key that is not in the index yet. */
static struct service_row *insert(struct service_table *table, bool ipv6,
	const struct service_index *index, const struct service_words *words)
{
	struct service_row *row = &table->rows[table->row_count];
	uint32_t at = service_first_cell(ipv6, index, words);

	while (index->cells[at] != SERVICE_NO_ROW)
		at = (at + 1) & index->mask;
	index->cells[at] = table->row_count++;
	row->words = *words;
	return row;
}

static int index_init(struct service_index *index, uint32_t cells)
{
	index->mask = cells - 1;
	index->shift = 32 - rte_log2_u32(cells);
	index->cells = calloc(cells, sizeof(*index->cells));
	return index->cells == NULL ? -ENOMEM : 0;
}

static int family_init(struct service_family *family, uint32_t cells)
{
	int code = index_init(&family->services, cells);

	return code != 0 ? code : index_init(&family->vips, cells);
}

static void family_fini(struct service_family *family)
{
	free(family->services.cells);
	free(family->vips.cells);
}

/* Each service may add a VIP row, and SERVICE_NO_ROW is a row as well. */
static uint32_t rows_for(size_t count)
{
	return 2 * count + 1;
}

static uint32_t cells_for(size_t count)
{
	return rte_align32pow2(CELLS_PER_ROW * RTE_MAX(count, (size_t)1));
}

uint64_t service_table_memory(size_t count)
{
	return sizeof(struct service_table) +
	       (uint64_t)rows_for(count) * sizeof(struct service_row) +
	       UINT64_C(4) * cells_for(count) * sizeof(uint32_t); /* two indexes of each family */
}

struct service_table *service_table_create(size_t count)
{
	uint32_t rows = rows_for(count);
	uint32_t cells = cells_for(count);
	struct service_table *table = calloc(1, sizeof(*table));

	if (table == NULL)
		return NULL;
	table->room = count;
	table->rows = aligned_alloc(RTE_CACHE_LINE_SIZE, rows * sizeof(*table->rows));
	if (table->rows == NULL || family_init(&table->ipv4, cells) != 0 ||
		family_init(&table->ipv6, cells) != 0) {
		service_table_destroy(table);
		return NULL;
	}
	memset(table->rows, 0, rows * sizeof(*table->rows));
	/* matches no key: in a key the byte between port and protocol is zero */
	memset(&table->rows[SERVICE_NO_ROW].words, 0xff, sizeof(struct service_words));
	table->row_count = SERVICE_NO_ROW + 1;
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
	struct service_words words = service_words_of(ipv6, vip->bytes, ANY_PROTOCOL, ANY_PORT);

	if (!has_vip(table, ipv6, vip->bytes))
		insert(table, ipv6, &service_family(table, ipv6)->vips, &words);
}

int service_table_add(
	struct service_table *table, const struct service_key *key, const struct service *service)
{
	bool ipv6 = key->vip.family == ADDRESS_IPV6;
	struct service_words words =
		service_words_of(ipv6, key->vip.bytes, key->protocol, key->port);

	if (table->service_count == table->room)
		return -ENOSPC;
	if (find_service(table, ipv6, &words) != NULL)
		return -EEXIST;
	insert(table, ipv6, &service_family(table, ipv6)->services, &words)->service = *service;
	table->service_count++;
	add_vip(table, &key->vip);
	return 0;
}

static const uint8_t *destination_of(bool ipv6, const struct flow_key *flow)
{
	return ipv6 ? flow->ipv6.destination : flow->ipv4.destination;
}

static uint8_t protocol_of(bool ipv6, const struct flow_key *flow)
{
	return ipv6 ? flow->ipv6.protocol : flow->ipv4.protocol;
}

static const struct service_row *find_any_port(
	const struct service_table *table, bool ipv6, const struct flow_key *flow)
{
	struct service_words words = service_words_of(
		ipv6, destination_of(ipv6, flow), protocol_of(ipv6, flow), ANY_PORT);

	return find_service(table, ipv6, &words);
}

static enum verdict match_icmp_error(const struct service_table *table, struct packet *packet)
{
	enum verdict verdict = parse_icmp_error(packet);

	return verdict == VERDICT_NEXT ? service_match(table, packet) : verdict;
}

/* The verdict for a packet that matches no service directly. Few packets come here. */
static enum verdict classify_unserved(const struct service_table *table, struct packet *packet)
{
	bool ipv6 = packet->flags & PACKET_IPV6;
	uint8_t icmp = ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;

	if (!has_vip(table, ipv6, destination_of(ipv6, &packet->key)))
		return VERDICT_LEFT_TO_HOST;
	if (packet->flags & PACKET_FRAGMENT)
		return VERDICT_FRAGMENT;
	if (protocol_of(ipv6, &packet->key) != icmp)
		return VERDICT_NO_SERVICE;
	return match_icmp_error(table, packet);
}

enum verdict service_match_inexact(const struct service_table *table, struct packet *packet)
{
	const struct service_row *row = NULL;

	if (service_packet_has_ports(packet))
		row = find_any_port(table, packet->flags & PACKET_IPV6, &packet->key);
	if (row == NULL)
		return classify_unserved(table, packet);
	packet->service = &row->service;
	return VERDICT_NEXT;
}

enum verdict service_match(const struct service_table *table, struct packet *packet)
{
	return service_match_packet(table, packet);
}

static const uint32_t *first_cell(const struct service_table *table, const struct packet *packet)
{
	bool ipv6 = packet->flags & PACKET_IPV6;
	const struct service_index *index = &service_family(table, ipv6)->services;
	struct service_words words = service_words_of_packet(ipv6, &packet->key);

	return &index->cells[service_first_cell(ipv6, index, &words)];
}

/* Prefetches all cells, then all rows: a burst waits for memory twice, not 64 times. */
static void prefetch_rows(
	const struct service_table *table, const struct packet *packets, unsigned int count)
{
	const uint32_t *cells[PACKET_BURST];
	unsigned int cell_count = 0;

	for (unsigned int i = 0; i < count; i++) {
		if (packets[i].verdict != VERDICT_NEXT || !service_packet_has_ports(&packets[i]))
			continue;
		cells[cell_count] = first_cell(table, &packets[i]);
		rte_prefetch0(cells[cell_count++]);
	}
	for (unsigned int i = 0; i < cell_count; i++)
		rte_prefetch0(&table->rows[*cells[i]]);
}

void service_prefetch_burst(
	const struct service_table *table, const struct packet *packets, unsigned int count)
{
	if (unlikely(table->service_count > NEAR_COUNT))
		prefetch_rows(table, packets, count);
}
