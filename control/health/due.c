/* SPDX-License-Identifier: BSD-3-Clause */
#include "health/due.h"

#include <stddef.h>

void due_queue_init(struct due_queue *queue, const uint32_t most[static DUE_LANES])
{
	*queue = (struct due_queue){ 0 };
	for (size_t i = 0; i < DUE_LANES; i++) {
		TAILQ_INIT(&queue->lanes[i].waiting);
		queue->lanes[i].most = most[i];
	}
}

void due_wait(struct due_queue *queue, struct due *due)
{
	TAILQ_INSERT_TAIL(&queue->lanes[due->lane].waiting, due, entry);
	due->stage = DUE_WAITING;
	queue->waiting++;
}

struct due *due_begin(struct due_queue *queue)
{
	for (size_t i = 0; i < DUE_LANES; i++) {
		struct due *due = TAILQ_FIRST(&queue->lanes[i].waiting);

		if (due == NULL || queue->lanes[i].used + due->cost > queue->lanes[i].most)
			continue;
		due_end(queue, due);
		due->stage = DUE_UNDER_WAY;
		queue->lanes[i].used += due->cost;
		queue->under_way++;
		return due;
	}
	return NULL;
}

void due_end(struct due_queue *queue, struct due *due)
{
	if (due->stage == DUE_WAITING) {
		TAILQ_REMOVE(&queue->lanes[due->lane].waiting, due, entry);
		queue->waiting--;
	} else if (due->stage == DUE_UNDER_WAY) {
		queue->lanes[due->lane].used -= due->cost;
		queue->under_way--;
	}
	due->stage = DUE_IDLE;
}

uint64_t due_oldest_ms(const struct due_queue *queue)
{
	uint64_t oldest_ms = 0;

	for (size_t i = 0; i < DUE_LANES; i++) {
		const struct due *due = TAILQ_FIRST(&queue->lanes[i].waiting);

		if (due != NULL && (oldest_ms == 0 || due->due_ms < oldest_ms))
			oldest_ms = due->due_ms;
	}
	return oldest_ms;
}
