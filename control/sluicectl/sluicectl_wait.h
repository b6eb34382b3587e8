/* SPDX-License-Identifier: BSD-3-Clause */
/* sluicectl_wait: waiting for the end of a drain that has begun. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "sluicectl/sluicectl_link.h"

/* How a drain can end. */
enum wait_state {
	WAIT_GOES_ON,
	WAIT_NO_FLOWS,  /* none is left */
	WAIT_DEADLINE,  /* the deadline has come: what was left is cut off */
	WAIT_WITHDRAWN, /* the backend takes new flows again, and has kept its own */
	WAIT_FAILED,    /* its check has failed for too long: its flows have left it */
	WAIT_DISABLED,  /* somebody has disabled it: what was left is cut off */
	WAIT_REMOVED,   /* it is not there any more: the same */
};

struct wait_result {
	enum wait_state end;
	bool flows_known;    /* what was left when it was last seen to drain */
	bool flows_complete; /* and not only a part of it: else there were more */
	long long flows;
	unsigned int in_s; /* how long it took */
};

/*
 * Asks once a second for the backend `name` of `pool` and says in `out` (NULL: nowhere) how many
 * flows are left whenever that changes, and how it ended. Returns as link_ask() does, with the
 * sentence.
 */
enum link_end wait_for_drain(const char *socket, const char *pool, const char *name, FILE *out,
	struct wait_result *result, struct error *error);

/* What a list of backends says of the drain, with the flows that are left (NULL: not said). */
enum wait_state wait_classify(const json_t *backends, const char *name, const json_t **flows);

/* Whether all flows have ended by themselves, or how many did not is known (`flows`). */
bool wait_is_counted(const struct wait_result *result);

/* "no_flows", ... Static text. */
const char *wait_state_name(enum wait_state state);

/* Writes how it ended, as a sentence. */
/* A line while the drain goes on; `backend` is a row of backend.list. */
void wait_describe_progress(const char *name, const json_t *backend, char *text, size_t size);

void wait_describe(const char *name, const struct wait_result *result, char *text, size_t size);
