/* SPDX-License-Identifier: BSD-3-Clause */
/* error: one sentence for the user, which names the path or the thing that is wrong. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>

struct error {
	char message[512]; /* "" while nothing went wrong */
};

/*
 * Both write the sentence (cut off at the size of the buffer, on a character boundary of UTF-8) and
 * return `code`, a negative errno, so that a failing function can end in `return error_set(...)`.
 * `error` may be NULL: the code alone is returned.
 */
int error_set(struct error *error, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts "context: " before the sentence that `error` already holds. */
int error_wrap(struct error *error, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
