/* SPDX-License-Identifier: BSD-3-Clause */
/* sluicectl_invocation: a command line, understood. */
#pragma once

#include "sluicectl/sluicectl_command.h"

enum invocation_wish {
	INVOCATION_RUN,
	INVOCATION_HELP, /* of `command`, of `group`, or of the whole where both are NULL */
	INVOCATION_VERSION,
};

struct invocation {
	enum invocation_wish wish;
	const char *socket;
	bool json;
	const struct command *command; /* also set where a usage error is about one */
	const struct method *method;   /* of the control socket, which help is about; or NULL */
	const char *group;             /* "backend": the commands that begin with it; or NULL */
	json_t *params;                /* released by invocation_release() */
	bool all;                      /* switches: "--all" */
	bool quiet;                    /* "--quiet" */
	bool wait;                     /* "--wait" */
	bool follow;                   /* "--follow" */
};

/*
 * Reads the words after the program's name. Returns 0; -EINVAL for a wrong use; any other errno
 * where a file that was named cannot be read. `invocation` wants invocation_release() either way.
 */
int invocation_parse(
	struct invocation *invocation, size_t count, char *const *words, struct error *error);
void invocation_release(struct invocation *invocation);

/* Whether it is to change anything, and for real: it is of those that may be run dry, and is not.
 */
bool invocation_changes(const struct invocation *invocation);
