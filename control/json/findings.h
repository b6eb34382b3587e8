/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * findings: what is wrong with a document, in as many sentences as somebody wants to hear at once.
 * A rule that finds something adds it and goes on where it is told to, so that one run shows all
 * mistakes; with a limit of one it stops at the first. Thread-agnostic: a value on the stack.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define FINDINGS_MAX 20

struct findings {
	size_t limit; /* 1 to FINDINGS_MAX; with so many there may be more that are not looked for
		       */
	size_t count;
	bool is_over;    /* nothing further can be judged: memory is short */
	bool is_partial; /* some rules could not be looked at because of what was found */
	struct error errors[FINDINGS_MAX];
};

void findings_init(struct findings *findings, size_t limit);

/* Adds a sentence. Returns 0 where looking goes on, or -EINVAL where it is to stop. */
int findings_add(struct findings *findings, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * The same with the sentence in `error`, which is emptied; an empty one has been added before and
 * is not added twice. `code` is what it failed with: -ENOMEM stops. 0 does nothing.
 */
int findings_take(struct findings *findings, int code, struct error *error);

/* Adds "out of memory", and stops: -ENOMEM. */
int findings_out_of_memory(struct findings *findings);

bool findings_is_full(const struct findings *findings);

/* 0 where nothing was found; else -EINVAL, or -ENOMEM, and `error` (NULL allowed) has the first. */
int findings_first(const struct findings *findings, struct error *error);
