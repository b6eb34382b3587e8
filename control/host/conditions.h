/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * conditions: what is currently not as it should be, a sentence each. There is an event when it
 * begins and one when it ends; in between, `status` has it with its beginning. Each round of
 * checks notes again all that still holds, so a check keeps no state of its own. Control thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/events.h"

#define CONDITIONS_MAX          64 /* further ones are not noted */
#define CONDITION_SENTENCE_SIZE 320

struct condition {
	enum event_kind kind;                   /* of its events */
	enum event_object object;               /* what it is about */
	char name[EVENT_NAME_SIZE];             /* of the object; "": the node */
	char sentence[CONDITION_SENTENCE_SIZE]; /* also identifies it */
	int64_t since_s;                        /* CLOCK_REALTIME */
	bool holds;                             /* noted in this round */
};

/* In the order of their beginnings. Starts as { 0 }. */
struct conditions {
	struct condition list[CONDITIONS_MAX];
	size_t count;
};

/*
 * A round: begin, a note for each that holds, end. `about` is that of the event when it begins;
 * the end is of level EVENT_LEVEL_INFO.
 */
void conditions_begin(struct conditions *conditions);
void conditions_note(struct conditions *conditions, int64_t now_s, const struct event_about *about,
	const char *format, ...) __attribute__((format(printf, 4, 5)));
void conditions_end(struct conditions *conditions);
