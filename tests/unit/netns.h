/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * netns: for unit tests that need network devices of their own: the process moves to a private
 * network namespace, which goes away with it. Needs root; without, the set-up and so the test
 * fails.
 */
#pragma once

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

/* For a cmocka group set-up: 0, or -1 with a line on stderr. */
static inline int netns_enter(void)
{
	if (unshare(CLONE_NEWNET) == 0)
		return 0;
	perror("a network namespace (root needed)");
	return -1;
}

/* Runs a line of shell; 0, or -1 with the line on stderr. */
static inline int netns_run(const char *line)
{
	if (system(line) == 0)
		return 0;
	fprintf(stderr, "failed: %s\n", line);
	return -1;
}
