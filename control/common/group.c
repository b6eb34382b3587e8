/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/group.h"

#include <errno.h>
#include <grp.h>
#include <string.h>

int group_find(const char *name, gid_t *group, struct error *error)
{
	const struct group *found;

	*group = GROUP_NONE;
	if (name[0] == '\0')
		return 0;
	errno = 0;
	found = getgrnam(name);
	if (found != NULL) {
		*group = found->gr_gid;
		return 0;
	}
	if (errno == 0 || errno == ENOENT || errno == ESRCH)
		return error_set(error, -EINVAL,
			"control.group: there is no group \"%s\" on this machine (groupadd "
			"--system %s)",
			name, name);
	return error_set(error, -EINVAL, "control.group: cannot look up the group \"%s\": %s", name,
		strerror(errno));
}
