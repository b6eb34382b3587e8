/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * due: what is due waits here until there is room for it. Each lane has a limit of its own, so a
 * lane that is full holds up no other: programs may take seconds, and gateways must be asked while
 * everything else fails. Within a lane, who came first begins first.
 *
 * For one thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

enum due_lane {
	DUE_GATEWAYS, /* the first to begin, where several lanes have room */
	DUE_BACKENDS, /* probed by sockets of this process */
	DUE_PROGRAMS, /* backends that a program is run for */
	DUE_LANES,
};

/* Part of what is due; its owner keeps the memory. All zero at the start. */
struct due {
	enum due_lane lane;
	uint32_t cost;   /* descriptors, at least 1 and not above the limit of the lane */
	uint64_t due_ms; /* since when; clock_ms() */
	enum { DUE_IDLE, DUE_WAITING, DUE_UNDER_WAY } stage;
	TAILQ_ENTRY(due) entry;
};

TAILQ_HEAD(due_list, due);

struct due_queue {
	struct {
		struct due_list waiting;
		uint32_t used, most; /* descriptors */
	} lanes[DUE_LANES];
	uint32_t waiting, under_way;
};

/* `most` has the limits, in descriptors. */
void due_queue_init(struct due_queue *queue, const uint32_t most[static DUE_LANES]);

/*
 * It was idle, and waits from now on. The lane stays until due_end(), and the cost from the
 * beginning on.
 */
void due_wait(struct due_queue *queue, struct due *due);

/* The next one that there is room for, which is under way from now on. NULL: there is none. */
struct due *due_begin(struct due_queue *queue);

/* It is idle from now on, whether it waited, was under way or was idle. */
void due_end(struct due_queue *queue, struct due *due);

/* Since when the one that has waited longest has been due; 0: none waits. */
uint64_t due_oldest_ms(const struct due_queue *queue);
