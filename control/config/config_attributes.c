/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/config_attributes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define NAMES_SIZE 65536 /* XATTR_LIST_MAX and XATTR_SIZE_MAX of Linux */
#define VALUE_SIZE 65536

static void copy_one(int from, int to, const char *name, char *value)
{
	ssize_t size = fgetxattr(from, name, value, VALUE_SIZE);

	if (size >= 0)
		fsetxattr(to, name, value, (size_t)size, 0);
}

static void copy_extended(int from, int to)
{
	char *room = malloc(NAMES_SIZE + VALUE_SIZE);
	ssize_t size = room == NULL ? 0 : flistxattr(from, room, NAMES_SIZE);

	for (ssize_t at = 0; at < size; at += (ssize_t)strlen(room + at) + 1)
		copy_one(from, to, room + at, room + NAMES_SIZE);
	free(room);
}

int config_attributes_copy(int from, int to)
{
	struct stat status;

	if (fstat(from, &status) != 0)
		return -errno;
	/* the owner first: to change it takes away set-id bits; an ACL last: it goes into the mode
	 */
	if (fchown(to, status.st_uid, status.st_gid) != 0)
		return -errno;
	if (fchmod(to, status.st_mode & 07777) != 0)
		return -errno;
	copy_extended(from, to);
	return 0;
}
