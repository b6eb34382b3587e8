/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Retired things wait in a list, oldest first, each with the token of the grace period that began
 * when it became unreachable. Tokens only grow, so a walk ends at the first grace period that is
 * not over.
 */
#include "tables/publish.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/queue.h>

#include <rte_common.h>

struct retired {
	STAILQ_ENTRY(retired) next;
	uint64_t token;
	publish_release_t *release;
	void *context;
	uint64_t value;
};

struct publish {
	_Atomic(struct tables *) tables;
	struct rte_rcu_qsbr *qsbr;
	STAILQ_HEAD(retired_list, retired) retired;
	unsigned int retired_count;
};

struct publish *publish_create(unsigned int readers)
{
	struct publish *publish = calloc(1, sizeof(*publish));
	size_t size = rte_rcu_qsbr_get_memsize(readers);

	if (publish == NULL)
		return NULL;
	STAILQ_INIT(&publish->retired);
	publish->qsbr = aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_ALIGN(size, RTE_CACHE_LINE_SIZE));
	if (publish->qsbr == NULL || rte_rcu_qsbr_init(publish->qsbr, readers) != 0) {
		publish_destroy(publish);
		return NULL;
	}
	return publish;
}

static void release_first(struct publish *publish)
{
	struct retired *first = STAILQ_FIRST(&publish->retired);

	STAILQ_REMOVE_HEAD(&publish->retired, next);
	publish->retired_count--;
	first->release(first->context, first->value);
	free(first);
}

void publish_destroy(struct publish *publish)
{
	if (publish == NULL)
		return;
	while (!STAILQ_EMPTY(&publish->retired))
		release_first(publish);
	tables_destroy(atomic_load_explicit(&publish->tables, memory_order_relaxed));
	free(publish->qsbr);
	free(publish);
}

int publish_retire(
	struct publish *publish, publish_release_t *release, void *context, uint64_t value)
{
	struct retired *retired = malloc(sizeof(*retired));

	if (retired == NULL)
		return -ENOMEM;
	retired->release = release;
	retired->context = context;
	retired->value = value;
	/* rte_rcu_qsbr_start() orders the stores that hid the thing before the new token */
	retired->token = rte_rcu_qsbr_start(publish->qsbr);
	STAILQ_INSERT_TAIL(&publish->retired, retired, next);
	publish->retired_count++;
	return 0;
}

static void release_tables(void *context, uint64_t value)
{
	tables_destroy(context);
}

void publish_tables(struct publish *publish, struct tables *tables)
{
	struct tables *before;

	before = atomic_exchange_explicit(&publish->tables, tables, memory_order_acq_rel);
	/* Without memory for the entry the old generation is leaked, which is safe. */
	if (before != NULL)
		publish_retire(publish, release_tables, before, 0);
}

unsigned int publish_reclaim(struct publish *publish)
{
	struct retired *first;

	while ((first = STAILQ_FIRST(&publish->retired)) != NULL) {
		if (rte_rcu_qsbr_check(publish->qsbr, first->token, false) != 1)
			break;
		release_first(publish);
	}
	return publish->retired_count;
}

const struct tables *publish_read(const struct publish *publish)
{
	return atomic_load_explicit(&publish->tables, memory_order_acquire);
}

void publish_reader_enter(struct publish *publish, unsigned int reader)
{
	rte_rcu_qsbr_thread_register(publish->qsbr, reader);
	rte_rcu_qsbr_thread_online(publish->qsbr, reader);
}

void publish_reader_quiescent(struct publish *publish, unsigned int reader)
{
	rte_rcu_qsbr_quiescent(publish->qsbr, reader);
}

void publish_reader_leave(struct publish *publish, unsigned int reader)
{
	rte_rcu_qsbr_thread_offline(publish->qsbr, reader);
	rte_rcu_qsbr_thread_unregister(publish->qsbr, reader);
}
