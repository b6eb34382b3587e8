/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * program_users: users by their names, as the system knows them. A name that was found is not asked
 * for again, and one that was not for some seconds: where users are in a directory on the network,
 * each look-up makes the loop wait.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "probes/program_spawn.h"

#define PROGRAM_USERS_MAX      8
#define PROGRAM_USER_NAME_SIZE 64
#define PROGRAM_USERS_AGAIN_S  5 /* until a look-up that failed is tried again */

struct program_user {
	char name[PROGRAM_USER_NAME_SIZE]; /* "": none */
	int code;                          /* 0: it is known, or what the look-up failed by */
	uint64_t until_ns;                 /* that is so, if `code` is not 0 */
	struct program_identity identity;
};

/* Zeroed at the start. */
struct program_users {
	struct program_user known[PROGRAM_USERS_MAX];
	size_t next; /* which one gives way to a new one */
};

/*
 * 0, -ENOENT: there is no such user, or what the look-up failed by. `now_ns` is of CLOCK_MONOTONIC.
 */
int program_users_find(struct program_users *users, const char *name, uint64_t now_ns,
	struct program_identity *identity);
