/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * gid_table: which backend has a gid, and where it is in the committed configuration; every commit
 * may move it. Control thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct gid_table;

struct gid_table *gid_table_create(uint32_t size); /* NULL when memory is short */
void gid_table_destroy(struct gid_table *table);   /* NULL is allowed */

/* Another backend has the gid from now on; no backend has it any more. */
void gid_table_enter(struct gid_table *table, uint32_t gid);
void gid_table_leave(struct gid_table *table, uint32_t gid);

/* Its backend is this one of this pool now. */
void gid_table_set(struct gid_table *table, uint32_t gid, size_t pool, size_t backend);

/* Counts the backends that have had the gid, from 1 on. */
uint32_t gid_table_generation(const struct gid_table *table, uint32_t gid);

/* Where that backend is: the gid's owner of that generation. 0, or -ENOENT once it has gone. */
int gid_table_locate(const struct gid_table *table, uint32_t gid, uint32_t generation, size_t *pool,
	size_t *backend);
