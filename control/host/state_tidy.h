/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * state_tidy: what is left to do with the state file once packets flow, in a thread of its own
 * because it takes long: the old file's pages are freed, those of future pools allocated, and all
 * are locked in memory. Problems are logged.
 */
#pragma once

#include "base/error.h"

struct event_base;
struct state;
struct state_tidy;

/* `state` is borrowed. NULL with the sentence. */
struct state_tidy *state_tidy_start(
	struct event_base *base, struct state *state, struct error *error);

/* Waits for the end, which state_end_tidying() hastens. NULL is allowed. */
void state_tidy_finish(struct state_tidy *tidy);
