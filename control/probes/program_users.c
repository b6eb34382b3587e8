/* SPDX-License-Identifier: BSD-3-Clause */
#include "probes/program_users.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#define ENTRY_SIZE 4096

static const struct program_user *find_known(const struct program_users *users, const char *name)
{
	for (size_t i = 0; i < PROGRAM_USERS_MAX; i++)
		if (users->known[i].name[0] != '\0' && strcmp(users->known[i].name, name) == 0)
			return &users->known[i];
	return NULL;
}

static void remember(
	struct program_users *users, const char *name, struct program_identity identity)
{
	struct program_user *user = &users->known[users->next];

	if (strlen(name) >= sizeof(user->name))
		return;
	strcpy(user->name, name);
	user->identity = identity;
	users->next = (users->next + 1) % PROGRAM_USERS_MAX;
}

int program_users_find(
	struct program_users *users, const char *name, struct program_identity *identity)
{
	const struct program_user *known = find_known(users, name);
	struct passwd entry, *found = NULL;
	char buffer[ENTRY_SIZE];
	int code;

	if (known != NULL) {
		*identity = known->identity;
		return 0;
	}
	code = getpwnam_r(name, &entry, buffer, sizeof(buffer), &found);
	if (found == NULL)
		return code == 0 ? -ENOENT : -code;
	*identity = (struct program_identity){ found->pw_uid, found->pw_gid };
	remember(users, name, *identity);
	return 0;
}
