/* SPDX-License-Identifier: BSD-3-Clause */
/* origin: who requested a change, and which one: for events and `status`. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#define ORIGIN_WHAT_SIZE 1024

struct origin {
	const char *method;          /* "backend.set", "SIGHUP"; outlives the change */
	char what[ORIGIN_WHAT_SIZE]; /* its parameters, or what differs; cut off */
	bool has_peer;               /* by the control socket: the kernel reported the two below */
	uid_t uid;
	pid_t pid; /* as it was when it connected */
};
