/* SPDX-License-Identifier: BSD-3-Clause */
/* sluicectl_link: one question to sluiced over its control socket, and the answer to it. */
#pragma once

#include <jansson.h>

#include "base/error.h"

#define LINK_TIMEOUT_MS 10000

enum link_end {
	LINK_ANSWERED,
	LINK_REFUSED, /* by sluiced; or it never got the whole question: nothing was done */
	LINK_LOST,    /* it was asked, and whether it did anything is not known */
};

/*
 * Connects, asks, waits for the answer (LINK_TIMEOUT_MS for all of it) and hangs up. Sets `result`
 * to a new reference where it was answered, else to NULL, with a sentence: why sluiced was not
 * reached, what it refused with, or how the answer was lost. Where it refused a whole document,
 * `result` is an object of all `errors`, with whether that is `complete`. Blocks.
 */
enum link_end link_ask(
	const char *path, const char *method, json_t *params, json_t **result, struct error *error);
