/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sluicectl_link: one question to sluiced over its control socket, and the answer to it; or a
 * connection on which messages follow the answer.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

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

/*
 * The same, but stays connected: where it was answered, `link` is to be closed by link_close().
 */
struct link;
enum link_end link_open(const char *path, const char *method, json_t *params, struct link **link,
	json_t **result, struct error *error);

enum link_message {
	LINK_MESSAGE,
	LINK_HUNG_UP,   /* sluiced has ended, or the connection; with a sentence */
	LINK_NO_READER, /* `output` has none any more */
};

/*
 * Waits for the next message, however long it takes, and sets `message` to a new reference.
 * `output` is a descriptor to watch meanwhile: a pipe that nobody reads any more ends the wait.
 */
enum link_message link_next(struct link *link, int output, json_t **message, struct error *error);

/* Whether the next message has been received already, so that link_next() will not wait. */
bool link_has_next(const struct link *link);

void link_close(struct link *link); /* NULL is allowed */
