/* SPDX-License-Identifier: BSD-3-Clause */
#include "forwarding/gid_table.h"

#include <errno.h>
#include <stdlib.h>

#define NO_POOL UINT32_MAX

struct owner {
	uint32_t generation;
	uint32_t pool; /* NO_POOL: the gid is free */
	uint32_t backend;
};

struct gid_table {
	uint32_t size;
	struct owner owners[]; /* by gid */
};

struct gid_table *gid_table_create(uint32_t size)
{
	struct gid_table *table = calloc(1, sizeof(*table) + size * sizeof(table->owners[0]));

	if (table != NULL)
		table->size = size;
	return table;
}

void gid_table_destroy(struct gid_table *table)
{
	free(table);
}

void gid_table_enter(struct gid_table *table, uint32_t gid)
{
	table->owners[gid].generation++;
	table->owners[gid].pool = NO_POOL;
}

void gid_table_leave(struct gid_table *table, uint32_t gid)
{
	table->owners[gid].pool = NO_POOL;
}

void gid_table_set(struct gid_table *table, uint32_t gid, size_t pool, size_t backend)
{
	table->owners[gid].pool = pool;
	table->owners[gid].backend = backend;
}

uint32_t gid_table_generation(const struct gid_table *table, uint32_t gid)
{
	return table->owners[gid].generation;
}

int gid_table_locate(const struct gid_table *table, uint32_t gid, uint32_t generation, size_t *pool,
	size_t *backend)
{
	const struct owner *owner;

	if (gid >= table->size || generation == 0)
		return -ENOENT;
	owner = &table->owners[gid];
	if (owner->generation != generation || owner->pool == NO_POOL)
		return -ENOENT;
	*pool = owner->pool;
	*backend = owner->backend;
	return 0;
}
