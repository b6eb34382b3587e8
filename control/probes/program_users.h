/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * program_users: users by their names, as the system knows them. A name that was found is not asked
 * for again: where users are in a directory on the network, that would make the loop wait.
 */
#pragma once

#include <stddef.h>

#include "probes/program_spawn.h"

#define PROGRAM_USERS_MAX      8
#define PROGRAM_USER_NAME_SIZE 64

struct program_user {
	char name[PROGRAM_USER_NAME_SIZE]; /* "": none */
	struct program_identity identity;
};

/* Zeroed at the start. */
struct program_users {
	struct program_user known[PROGRAM_USERS_MAX];
	size_t next; /* which one gives way to a new one */
};

/* 0, -ENOENT: there is no such user, or what the look-up failed by. */
int program_users_find(
	struct program_users *users, const char *name, struct program_identity *identity);
