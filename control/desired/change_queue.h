/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * change_queue: whose turn it is. One change at a time is worked on (`current`); one may be on the
 * disk meanwhile (`on_disk`), and then only those that need no file overtake it. The event loop's
 * thread.
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
	struct overtakers overtakers; /* as long as a change of a lower number is under way */
};

void change_queue_init(struct change_queue *queue);

/* The queue must be idle. */
void change_queue_fini(struct change_queue *queue);

bool change_queue_is_idle(const struct change_queue *queue);

/* Adds a change at the end, which gets its number. */
void change_queue_add(struct change_queue *queue, struct pending *pending);

/* Takes off the list what can begin now: the first, or the first that may overtake. NULL: none. */
struct pending *change_queue_take(struct change_queue *queue);

/* The same at the end: the first that is not in the file yet. One that is goes on. */
struct pending *change_queue_take_unstored(struct change_queue *queue);

/*
 * The change is worked on from now on; while another is on the disk, it overtakes that one.
 * `path` names the file in the sentence of a refusal, after which it is not the current one.
 */
int change_queue_begin(
	struct change_queue *queue, struct pending *pending, const char *path, struct error *error);

/* The change is on the disk from now on, and another one may begin. */
void change_queue_leave_to_disk(struct change_queue *queue, struct pending *pending);

/* The change that was on the disk is edited next. */
void change_queue_return(struct change_queue *queue, struct pending *pending);

/* Keeps a change that overtook others, and that has been made. */
void change_queue_keep(struct change_queue *queue, struct pending *pending);

/* The change is over. */
void change_queue_end(struct change_queue *queue, struct pending *pending);
