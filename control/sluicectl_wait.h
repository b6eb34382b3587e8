/* SPDX-License-Identifier: BSD-3-Clause */
/* sluicectl_wait: waiting for the end of a drain that has begun. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "sluicectl_link.h"

struct wait_result {
	bool ended;        /* no flow is left, or the deadline has come */
	long long flows;   /* that were left when the deadline came: cut off */
	unsigned int in_s; /* how long that took */
};

/*
 * Asks once a second for the backend `name` of `pool` and says in `out` (NULL: nowhere) how many
 * flows are left whenever that changes. Returns as link_ask() does, with the sentence.
 */
enum link_end wait_for_drain(const char *socket, const char *pool, const char *name, FILE *out,
	struct wait_result *result, struct error *error);

/* What a list of backends says of the drain; for tests. */
enum wait_state {
	WAIT_GOES_ON,
	WAIT_NO_FLOWS, /* none is left */
	WAIT_IS_OVER,  /* it drains no more: the deadline has come, or somebody ended it */
};
enum wait_state wait_judge(const json_t *backends, const char *name, const json_t **flows);
