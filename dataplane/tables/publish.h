/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * publish: the only way from control to the workers. Whatever workers read is built apart, made
 * reachable by one atomic store, and released only after it has become unreachable and every worker
 * has passed a quiescent state since (rte_rcu_qsbr). Workers never wait for the control thread.
 *
 * Two kinds of data change: generations of tables, which are replaced whole here, and the words
 * that tables point to (slot words, record_of), which their owner stores in place. Whatever such a
 * store makes unreachable goes to publish_retire().
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

/* From their next burst on workers read `tables`. Retires the previous generation. */
void publish_tables(struct publish *publish, struct tables *tables);

/*
 * Lets a later publish_reclaim() call release(context, value), on the control thread, once no
 * worker can hold what was reachable before this call. 0, or -ENOMEM (nothing happens).
 */
typedef void publish_release_t(void *context, uint64_t value);
int publish_retire(
	struct publish *publish, publish_release_t *release, void *context, uint64_t value);

/*
 * Releases whatever no worker can hold any more; returns how many things still wait. Never blocks.
 */
unsigned int publish_reclaim(struct publish *publish);

/* Worker side: the generation to use until the next quiescent state. */
const struct tables *publish_read(const struct publish *publish);

/*
 * Worker side: enter, report a quiescent state ("I hold nothing from earlier"), leave. The worker's
 * own thread.
 */
void publish_reader_enter(struct publish *publish, unsigned int reader);
void publish_reader_quiescent(struct publish *publish, unsigned int reader);
void publish_reader_leave(struct publish *publish, unsigned int reader);
