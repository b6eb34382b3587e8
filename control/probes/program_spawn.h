/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * program_spawn: begins a program as another user. setpriv(1) of util-linux takes the privileges
 * away, because this process has many threads and large mappings: it is neither to be copied by
 * fork(), nor to wait for a program's file on a slow disk, nor to share its memory with a process
 * that is another user's already.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define PROGRAM_ARGUMENTS_MAX   64
#define PROGRAM_ENVIRONMENT_MAX 8

struct program_identity {
	uid_t user;
	gid_t group;
};

/*
 * The program leads a session and a process group, reads /dev/null, and writes both its output and
 * its errors to `output`. 0, or -errno. The arguments are as in struct program_order.
 */
int program_spawn(char *const *arguments, size_t count, const char *const *environment,
	struct program_identity identity, int output, pid_t *process);

/*
 * Whether an exit status and the first line of output are those of setpriv that could not begin the
 * program: the reason as an errno, 0 where they are not. `*line` is moved to where the reason
 * begins.
 */
int program_spawn_failure(int status, const char **line);
