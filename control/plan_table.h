/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * plan_table: which seat has each slot of a pool. Built once, and shared by all plans that call for
 * the same one. Control thread.
 */
#pragma once

#include <stdint.h>

struct plan_table {
	unsigned int references;
	uint64_t number;  /* of those that the planner has built, from 1: which one it is */
	uint16_t seats[]; /* by slot; or PLAN_NO_BACKEND */
};

/* To be filled. NULL when memory is short. */
struct plan_table *plan_table_create(uint32_t slots, uint64_t number);

struct plan_table *plan_table_share(struct plan_table *table);
void plan_table_release(struct plan_table *table); /* NULL is allowed */
