/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * findings: what is wrong with a document, up to a limit of sentences. A rule adds what it finds
 * and goes on if the result says so: one run shows all mistakes, and with a limit of one it stops
 * at the first. Thread-agnostic: a value on the stack.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define FINDINGS_MAX 20

struct findings {
	size_t limit; /* 1 to FINDINGS_MAX; when it is reached, there may be more */
	size_t count;
	bool is_over;    /* nothing further can be checked: memory is short */
	bool is_partial; /* some rules could not be checked because of earlier findings */
	struct error errors[FINDINGS_MAX];
};

void findings_init(struct findings *findings, size_t limit);

/* Adds a sentence. Returns 0 to go on checking, or -EINVAL to stop. */
int findings_add(struct findings *findings, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * The same with the sentence in `error`, which is emptied; an empty one was added already and is
 * left out. `code` is the failure: -ENOMEM stops. 0 does nothing.
 */
int findings_take(struct findings *findings, int code, struct error *error);

/* Adds "out of memory", and stops: -ENOMEM. */
int findings_out_of_memory(struct findings *findings);

bool findings_is_full(const struct findings *findings);

/* 0 where nothing was found; else -EINVAL, or -ENOMEM, and `error` (NULL allowed) has the first. */
int findings_first(const struct findings *findings, struct error *error);
