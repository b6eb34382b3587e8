/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * publish: the one door from control to the workers. Whatever a worker can reach is built aside,
 * made reachable by one atomic store, and released only after every worker has passed a quiescent
 * state since it became unreachable (rte_rcu_qsbr). Workers never wait for the control thread.
 *
 * Two kinds of things change behind it: generations of tables, replaced whole here, and the words
 * that tables point to (slot words, record_of), each stored in place by its owner; what such a
 * store makes unreachable is handed to publish_retire().
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include <rte_rcu_qsbr.h>

#include "tables/tables.h"

struct publish;

/* For `readers` workers, numbered from 0. NULL when memory is short. Control thread. */
struct publish *publish_create(unsigned int readers);

/* Releases everything at once: no worker may run any more. NULL is allowed. */
void publish_destroy(struct publish *publish);

/* Makes `tables` what workers read from their next burst on and retires the generation before. */
void publish_tables(struct publish *publish, struct tables *tables);

/*
 * Calls release(context, value) on the control thread, from a later publish_reclaim(), when no
 * worker can hold what was reachable before this call any more. 0 or -ENOMEM (nothing happens).
 */
typedef void publish_release_t(void *context, uint64_t value);
int publish_retire(
	struct publish *publish, publish_release_t *release, void *context, uint64_t value);

/* Releases what every worker has left behind; returns how many things still wait. Never blocks. */
unsigned int publish_reclaim(struct publish *publish);

/* Worker side: the generation to use until the next quiescent state. */
const struct tables *publish_read(const struct publish *publish);

/* Worker side: comes in, says "I hold nothing from before", leaves. By the worker's own thread. */
void publish_reader_enter(struct publish *publish, unsigned int reader);
void publish_reader_quiescent(struct publish *publish, unsigned int reader);
void publish_reader_leave(struct publish *publish, unsigned int reader);
