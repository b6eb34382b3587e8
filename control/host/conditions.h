/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * conditions: what is currently not as it should be, a sentence each. It is logged once when it
 * begins and once when it ends; in between, `status` has it with its beginning. Each round of
 * checks notes again all that still holds, so a check keeps no state of its own. Control thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONDITIONS_MAX          64 /* further ones are not noted */
#define CONDITION_SENTENCE_SIZE 320

struct condition {
	char sentence[CONDITION_SENTENCE_SIZE]; /* also identifies it */
	int64_t since_s;                        /* CLOCK_REALTIME */
	bool holds;                             /* noted in this round */
};

/* In the order of their beginnings. Starts as { 0 }. */
struct conditions {
	struct condition list[CONDITIONS_MAX];
	size_t count;
};

/* A round: begin, a note for each that holds, end. */
void conditions_begin(struct conditions *conditions);
void conditions_note(struct conditions *conditions, int64_t now_s, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void conditions_end(struct conditions *conditions);
