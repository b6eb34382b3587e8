/* SPDX-License-Identifier: BSD-3-Clause */
/* origin: who asks for a change, and for which: for the log and `status`. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#define ORIGIN_WHAT_SIZE 1024

struct origin {
	const char *method;          /* "backend.set", "SIGHUP"; outlives the change */
	char what[ORIGIN_WHAT_SIZE]; /* its parameters, or what is another than before; cut off */
	bool has_peer; /* by the control socket: the two below are the kernel's word */
	uid_t uid;
	pid_t pid; /* as it was when it connected */
};
