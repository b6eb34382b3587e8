/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tables: one generation of the lookup tables of the workers. The control thread makes it, it is
 * never written once published, and it is destroyed after every worker has passed a quiescent
 * state.
 */
#pragma once

#include <rte_common.h>

#include "packet/flow.h"
#include "encap/record.h"
#include "service/service.h"

struct affinity;

struct tables {
	struct flow_secret secret __rte_cache_aligned;
	struct service_table *services;       /* owned */
	const struct backend_record *records; /* cells in the state file, shared by generations */
	/* borrowed, set by whoever creates the tables; NULL: every slot counts as quiet */
	const struct affinity *affinity;
};

/* An empty generation: every packet is left to the host. NULL when memory is short. */
struct tables *tables_create(const struct flow_secret *secret, const struct backend_record *records,
	size_t service_count);
void tables_destroy(struct tables *tables); /* NULL is allowed */
