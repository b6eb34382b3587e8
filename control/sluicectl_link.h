/* SPDX-License-Identifier: BSD-3-Clause */
/* sluicectl_link: one question to sluiced over its control socket, and the answer to it. */
#pragma once

#include <jansson.h>

#include "error.h"

#define LINK_TIMEOUT_MS 10000

/*
 * Connects, asks, waits for the answer (LINK_TIMEOUT_MS for all of it) and hangs up. Returns the
 * result, a new reference, or NULL with a sentence: why sluiced was not reached, or the one it
 * refused with. Blocks.
 */
json_t *link_ask(const char *path, const char *method, json_t *params, struct error *error);
