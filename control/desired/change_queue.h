/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * change_queue: the order of changes. One change at a time is worked on (`current`). Another one
 * may be waiting for the disk meanwhile (`on_disk`); only changes that write no file overtake it.
 * The event loop's thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "desired/overtakers.h"
#include "desired/pending.h"

struct change_queue {
	struct pending_list waiting;
	struct pending *current; /* from its edit to its answer, or until it is on the disk */
	struct pending *on_disk;
	uint64_t last_number;
	struct overtakers overtakers; /* kept while a change with a lower number is under way */
};

void change_queue_init(struct change_queue *queue);

/* The queue must be idle. */
void change_queue_fini(struct change_queue *queue);

bool change_queue_is_idle(const struct change_queue *queue);

/* Adds a change at the end, which gets its number. */
void change_queue_add(struct change_queue *queue, struct pending *pending);

/* Removes and returns the change that can begin now: the first, or the first that may overtake the
 * one on the disk. NULL: none. */
struct pending *change_queue_take(struct change_queue *queue);

/* When sluiced ends: removes and returns the first change that is not in the file yet, to be
 * refused. Those that are in the file are completed. NULL: none. */
struct pending *change_queue_take_unstored(struct change_queue *queue);

/*
 * Makes the change the current one. If another one is on the disk, this one overtakes it. On
 * failure there is no current one; the sentence names the file by `path`.
 */
int change_queue_begin(
	struct change_queue *queue, struct pending *pending, const char *path, struct error *error);

/* The change is on the disk from now on, and another one may begin. */
void change_queue_leave_to_disk(struct change_queue *queue, struct pending *pending);

/* The change is no longer on the disk; it is first in the queue, to be edited again. */
void change_queue_return(struct change_queue *queue, struct pending *pending);

/* Remembers a committed change if it overtook another one; that one will repeat it. */
void change_queue_keep(struct change_queue *queue, struct pending *pending);

/* The change is over. */
void change_queue_end(struct change_queue *queue, struct pending *pending);
