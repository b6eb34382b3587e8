/* SPDX-License-Identifier: BSD-3-Clause */
#include "forwarding/build_queue.h"

#include <stdlib.h>

struct build_queue {
	size_t count;            /* of pools that are dirty (live_pool.h) */
	forwarding_wake_t *wake; /* may be NULL */
	void *wake_context;
};

struct build_queue *build_queue_create(void)
{
	return calloc(1, sizeof(struct build_queue));
}

void build_queue_destroy(struct build_queue *queue)
{
	free(queue);
}

void build_queue_set_wake(struct build_queue *queue, forwarding_wake_t *wake, void *context)
{
	queue->wake = wake;
	queue->wake_context = context;
}

/* A clock that was turned back, as a test's may be, makes no pool wait for it to catch up. */
uint32_t build_queue_wait_ms(const struct live_pool *pool, uint64_t now_ms)
{
	uint64_t since_ms = now_ms - pool->built_ms;

	return since_ms < FORWARDING_BUILD_MS ? FORWARDING_BUILD_MS - since_ms : 0;
}

bool build_queue_is_busy(const struct live_pool *pool, uint64_t now_ms)
{
	return pool->is_dirty || build_queue_wait_ms(pool, now_ms) != 0;
}

uint32_t build_queue_add(struct build_queue *queue, struct live_pool *pool, uint64_t now_ms)
{
	uint32_t delay_ms = build_queue_wait_ms(pool, now_ms);

	if (delay_ms == 0)
		delay_ms = 1; /* it could not be built, or waits for others that are due */
	if (pool->is_dirty)
		return delay_ms;
	pool->is_dirty = true;
	queue->count++;
	if (queue->wake != NULL)
		queue->wake(queue->wake_context, delay_ms);
	return delay_ms;
}

void build_queue_remove(struct build_queue *queue, struct live_pool *pool)
{
	queue->count -= pool->is_dirty;
	pool->is_dirty = false;
}

bool build_queue_is_empty(const struct build_queue *queue)
{
	return queue->count == 0;
}
