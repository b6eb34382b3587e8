/* SPDX-License-Identifier: BSD-3-Clause */
#include "desired/change_queue.h"

#include <errno.h>
#include <stdlib.h>

void change_queue_init(struct change_queue *queue)
{
	*queue = (struct change_queue){ .current = NULL };
	STAILQ_INIT(&queue->waiting);
	overtakers_init(&queue->overtakers);
}

void change_queue_fini(struct change_queue *queue)
{
	overtakers_fini(&queue->overtakers);
}

bool change_queue_is_idle(const struct change_queue *queue)
{
	return queue->current == NULL && queue->on_disk == NULL && STAILQ_EMPTY(&queue->waiting);
}

void change_queue_add(struct change_queue *queue, struct pending *pending)
{
	pending->number = ++queue->last_number;
	STAILQ_INSERT_TAIL(&queue->waiting, pending, next);
}

/* Forgets those whose overtaken changes are all over. */
static void forget_overtakers(struct change_queue *queue)
{
	const struct pending *on_disk = queue->on_disk, *first = STAILQ_FIRST(&queue->waiting);
	uint64_t oldest = UINT64_MAX;

	if (on_disk != NULL)
		oldest = on_disk->number;
	if (first != NULL && first->number < oldest)
		oldest = first->number;
	overtakers_forget(&queue->overtakers, oldest);
}

/* Whether it needs no file, so that it need not wait for the disk. */
static bool may_overtake(const struct pending *pending)
{
	return pending->change.volatile_only && !pending_is_from_file(pending);
}

struct pending *change_queue_take(struct change_queue *queue)
{
	struct pending *pending = STAILQ_FIRST(&queue->waiting);

	if (queue->current != NULL)
		return NULL;
	forget_overtakers(queue);
	while (pending != NULL && queue->on_disk != NULL && !may_overtake(pending))
		pending = STAILQ_NEXT(pending, next);
	if (pending != NULL)
		STAILQ_REMOVE(&queue->waiting, pending, pending, next);
	return pending;
}

struct pending *change_queue_take_unstored(struct change_queue *queue)
{
	struct pending *pending = STAILQ_FIRST(&queue->waiting);

	while (pending != NULL && pending->stored)
		pending = STAILQ_NEXT(pending, next);
	if (pending != NULL)
		STAILQ_REMOVE(&queue->waiting, pending, pending, next);
	return pending;
}

static int overtake(
	struct change_queue *queue, struct pending *pending, const char *path, struct error *error)
{
	if (queue->overtakers.count >= OVERTAKERS_MAX && pending->change.source != DESIRED_DOCUMENT)
		return error_set(error, -EBUSY,
			"%s: its disk does not answer, and %zu changes have been made in memory "
			"meanwhile: no more are taken until it does, but for a whole document",
			path, queue->overtakers.count);
	pending->overtaker = calloc(1, sizeof(*pending->overtaker));
	if (pending->overtaker == NULL)
		return error_set(error, -ENOMEM, "out of memory");
	queue->on_disk->overtaken = true;
	return 0;
}

int change_queue_begin(
	struct change_queue *queue, struct pending *pending, const char *path, struct error *error)
{
	int code = queue->on_disk == NULL ? 0 : overtake(queue, pending, path, error);

	if (code == 0)
		queue->current = pending;
	return code;
}

void change_queue_leave_to_disk(struct change_queue *queue, struct pending *pending)
{
	if (queue->current == pending)
		queue->current = NULL;
	queue->on_disk = pending;
}

void change_queue_return(struct change_queue *queue, struct pending *pending)
{
	pending->overtaken = false;
	queue->on_disk = NULL;
	STAILQ_INSERT_HEAD(&queue->waiting, pending, next);
}

void change_queue_keep(struct change_queue *queue, struct pending *pending)
{
	struct overtaker *overtaker = pending->overtaker;

	if (overtaker == NULL)
		return;
	*overtaker = (struct overtaker){
		.number = pending->number,
		.source = pending->change.source,
		.edit = pending->change.edit,
		.excerpt = pending->change.excerpt,
		.arguments = pending->change.arguments,
	};
	pending->overtaker = NULL;
	/* what this one replaces may be large: it is freed in the background, with the change */
	pending->change.arguments = overtakers_add(&queue->overtakers, overtaker);
}

void change_queue_end(struct change_queue *queue, struct pending *pending)
{
	if (queue->current == pending)
		queue->current = NULL;
	if (queue->on_disk == pending)
		queue->on_disk = NULL;
}
