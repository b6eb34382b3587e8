/* SPDX-License-Identifier: BSD-3-Clause */
#include "probes/program_users.h"

#include <errno.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define ENTRY_SIZE     4096 /* bytes at first */
#define ENTRY_SIZE_MAX (1 << 20)

static struct program_user *find_row(struct program_users *users, const char *name)
{
	for (size_t i = 0; i < PROGRAM_USERS_MAX; i++)
		if (users->known[i].name[0] != '\0' && strcmp(users->known[i].name, name) == 0)
			return &users->known[i];
	return NULL;
}

static bool is_fresh(const struct program_user *user, uint64_t now_ns)
{
	return user != NULL && (user->code == 0 || now_ns < user->until_ns);
}

static void remember(struct program_users *users, const char *name, int code, uint64_t now_ns,
	struct program_identity identity)
{
	struct program_user *user = find_row(users, name);

	if (strlen(name) >= sizeof(user->name))
		return;
	if (user == NULL) {
		user = &users->known[users->next];
		users->next = (users->next + 1) % PROGRAM_USERS_MAX;
	}
	strcpy(user->name, name);
	user->code = code;
	user->until_ns = now_ns + PROGRAM_USERS_AGAIN_S * UINT64_C(1000000000);
	user->identity = identity;
}

/* With room for `size` bytes of the entry; -ERANGE: that is too little. */
static int look_up_within(const char *name, size_t size, struct program_identity *identity)
{
	struct passwd entry, *found = NULL;
	char *buffer = malloc(size);
	int code;

	if (buffer == NULL)
		return -ENOMEM;
	code = getpwnam_r(name, &entry, buffer, size, &found);
	if (found != NULL)
		*identity = (struct program_identity){ found->pw_uid, found->pw_gid };
	free(buffer);
	if (found != NULL)
		return 0;
	return code == 0 ? -ENOENT : -code;
}

static int look_up(const char *name, struct program_identity *identity)
{
	int code = -ERANGE;

	for (size_t size = ENTRY_SIZE; code == -ERANGE && size <= ENTRY_SIZE_MAX; size *= 2)
		code = look_up_within(name, size, identity);
	return code;
}

int program_users_find(struct program_users *users, const char *name, uint64_t now_ns,
	struct program_identity *identity)
{
	const struct program_user *known = find_row(users, name);
	struct program_identity found = { 0 };
	int code;

	if (is_fresh(known, now_ns)) {
		*identity = known->identity;
		return known->code;
	}
	code = look_up(name, &found);
	remember(users, name, code, now_ns, found);
	*identity = found;
	return code;
}
