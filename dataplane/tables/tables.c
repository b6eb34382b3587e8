/* SPDX-License-Identifier: BSD-3-Clause */
#include "tables/tables.h"

#include <stdlib.h>

#include <rte_common.h>

struct tables *tables_create(const struct flow_secret *secret, const struct backend_record *records,
	size_t service_count)
{
	size_t size = RTE_ALIGN(sizeof(struct tables), RTE_CACHE_LINE_SIZE);
	struct tables *tables = aligned_alloc(RTE_CACHE_LINE_SIZE, size);

	if (tables == NULL)
		return NULL;
	tables->secret = *secret;
	tables->records = records;
	tables->affinity = NULL;
	tables->services = service_table_create(service_count);
	if (tables->services == NULL) {
		free(tables);
		return NULL;
	}
	return tables;
}

void tables_destroy(struct tables *tables)
{
	if (tables == NULL)
		return;
	service_table_destroy(tables->services);
	free(tables);
}
