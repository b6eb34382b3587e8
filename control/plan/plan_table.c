/* SPDX-License-Identifier: BSD-3-Clause */
#include "plan/plan_table.h"

#include <stdlib.h>

struct plan_table *plan_table_create(uint32_t slots, uint64_t number)
{
	struct plan_table *table = malloc(sizeof(*table) + slots * sizeof(table->seats[0]));

	if (table == NULL)
		return NULL;
	table->references = 1;
	table->number = number;
	return table;
}

struct plan_table *plan_table_ref(struct plan_table *table)
{
	table->references++;
	return table;
}

void plan_table_release(struct plan_table *table)
{
	if (table != NULL && --table->references == 0)
		free(table);
}
