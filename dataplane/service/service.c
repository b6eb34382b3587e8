/* SPDX-License-Identifier: BSD-3-Clause */
#include "service/service.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "service/service_lookup.h"
#include "service/service_split.h"

#define CELLS_PER_ROW 8 /* of an index, at least */

bool service_table_has_vip(const struct service_table *table, const struct address *vip)
{
	return service_has_vip(table, vip->family == ADDRESS_IPV6, vip->bytes);
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
	free(family->splits.cells);
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
	for (uint32_t i = 0; table->rows != NULL && i < table->row_count; i++)
		service_split_destroy(table->rows[i].split);
	free(table->rows);
	free(table);
}

static void add_vip(struct service_table *table, const struct address *vip)
{
	bool ipv6 = vip->family == ADDRESS_IPV6;
	struct service_words words =
		service_words_of(ipv6, vip->bytes, SERVICE_ANY_PROTOCOL, SERVICE_ANY_PORT);

	if (!service_has_vip(table, ipv6, vip->bytes))
		insert(table, ipv6, &service_family(table, ipv6)->vips, &words);
}

static int check_key(
	const struct service_table *table, bool ipv6, const struct service_words *words)
{
	if (table->service_count == table->room)
		return -ENOSPC;
	if (service_find(table, ipv6, words) != NULL ||
		service_find_split(table, ipv6, words) != NULL)
		return -EEXIST;
	return 0;
}

int service_table_add(
	struct service_table *table, const struct service_key *key, const struct service *service)
{
	bool ipv6 = key->vip.family == ADDRESS_IPV6;
	struct service_words words =
		service_words_of(ipv6, key->vip.bytes, key->protocol, key->port);
	int code = check_key(table, ipv6, &words);

	if (code != 0)
		return code;
	insert(table, ipv6, &service_family(table, ipv6)->services, &words)->service = *service;
	table->service_count++;
	add_vip(table, &key->vip);
	return 0;
}

/* Room for all services that there can be, once there is one with rules. */
static int make_splits(struct service_table *table, bool ipv6)
{
	struct service_family *family = ipv6 ? &table->ipv6 : &table->ipv4;

	if (family->splits.cells != NULL)
		return 0;
	return index_init(&family->splits, cells_for(table->room));
}

int service_table_add_split(struct service_table *table, const struct service_key *key,
	const struct service *service, const struct service_rule *rules, size_t count)
{
	bool ipv6 = key->vip.family == ADDRESS_IPV6;
	struct service_words words =
		service_words_of(ipv6, key->vip.bytes, key->protocol, key->port);
	int code = check_key(table, ipv6, &words);
	struct service_split *split;

	if (code == 0)
		code = make_splits(table, ipv6);
	if (code != 0)
		return code;
	split = service_split_create(service, rules, count);
	if (split == NULL)
		return -ENOMEM;
	insert(table, ipv6, &service_family(table, ipv6)->splits, &words)->split = split;
	table->service_count++;
	table->split_count++;
	add_vip(table, &key->vip);
	return 0;
}
