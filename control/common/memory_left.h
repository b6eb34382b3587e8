/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * memory_left: how much memory this process may still take before the kernel has to kill one for
 * it. Checked before a large piece is taken at once, because a process that is killed cannot say
 * why. Reads files of /proc and of the memory cgroups (v1 or v2): any thread but a worker.
 */
#pragma once

#include <limits.h>
#include <stdint.h>

#include "base/error.h"

#define MEMORY_LEFT_UNKNOWN UINT64_MAX

struct memory_left {
	uint64_t bytes;        /* MEMORY_LEFT_UNKNOWN: nothing says how many */
	uint64_t limit;        /* of the cgroup, in bytes */
	char cgroup[PATH_MAX]; /* its directory; empty: the memory of the host is what is short */
};

/*
 * The least of what the host has available and what each cgroup leaves, from the process's own up.
 * Page cache counts as free. `proc` is "/proc" but in tests. What cannot be read sets no limit.
 */
void memory_left_read(const char *proc, struct memory_left *left);

/*
 * 0 where `bytes` more can be taken and some are left for the process to go on with, or where that
 * is not known; else -ENOMEM with both figures.
 */
int memory_left_check(const char *proc, uint64_t bytes, struct error *error);
