/* SPDX-License-Identifier: BSD-3-Clause */
/* process: what the kernel knows of another process. Any thread. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* Whether it is ending or gone: what it still holds will be free in a moment. */
bool process_is_ending(pid_t process);

/* Raises the soft limit of open files to the hard one; returns what is in force now. */
unsigned long process_raise_files(void);
