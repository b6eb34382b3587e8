/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * plan_table: the seat of each slot of a pool. Built once, then shared by all plans that need the
 * same one. Control thread.
 */
#pragma once

#include <stdint.h>

#define PLAN_NO_BACKEND UINT16_MAX /* a slot that no seat owns: new flows find no backend */

struct plan_table {
	unsigned int references;
	uint64_t number;  /* counts the tables that planners have built, from 1 */
	uint16_t seats[]; /* by slot; or PLAN_NO_BACKEND */
};

/*
 * The caller has the first reference and fills the table before taking another one; from then on it
 * is only read. NULL when memory is short.
 */
struct plan_table *plan_table_create(uint32_t slots, uint64_t number);

struct plan_table *plan_table_ref(struct plan_table *table);
void plan_table_release(struct plan_table *table); /* NULL is allowed */
