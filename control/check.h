/* SPDX-License-Identifier: BSD-3-Clause */
/* check: `sluiced --check`. */
#pragma once

/* Prints the canonical form and warnings, or what is wrong. The process's exit status. */
int check_run(const char *path);
