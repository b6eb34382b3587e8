/* SPDX-License-Identifier: BSD-3-Clause */
/* group: the Unix group whose members may read the control socket and the state file. */
#pragma once

#include <sys/types.h>

#include "base/error.h"

#define GROUP_NONE ((gid_t)-1) /* that of the process stays */

/*
 * Finds the group of that name; GROUP_NONE where the name is empty. 0, or -EINVAL with the sentence
 * where there is none. Asks the system's databases, which may be remote: at the start only.
 */
int group_find(const char *name, gid_t *group, struct error *error);
