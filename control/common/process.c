/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/process.h"

#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>

#define PF_EXITING 0x4 /* of the flags in /proc/PID/stat, proc(5); include/linux/sched.h */

bool process_is_ending(pid_t process)
{
	unsigned int flags = 0;
	char path[32], state;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)process);
	file = fopen(path, "re");
	if (file == NULL)
		return errno == ENOENT;
	/* the command in brackets is our own: it has no bracket in it */
	if (fscanf(file, "%*d (%*[^)]) %c %*d %*d %*d %*d %*d %u", &state, &flags) != 2)
		state = 'X'; /* it went while we were reading */
	fclose(file);
	return state == 'Z' || state == 'X' || (flags & PF_EXITING) != 0;
}

unsigned long process_raise_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return 0;
	if (limit.rlim_cur < limit.rlim_max) {
		struct rlimit raised = { limit.rlim_max, limit.rlim_max };

		if (setrlimit(RLIMIT_NOFILE, &raised) == 0)
			limit = raised;
	}
	return limit.rlim_cur;
}
