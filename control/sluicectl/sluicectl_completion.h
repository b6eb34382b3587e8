/* SPDX-License-Identifier: BSD-3-Clause */
/* sluicectl_completion: what shells need to know of the commands, as functions on stdout. */
#pragma once

/* Behind the functions in the file `names`. Returns 0, or -1 where that cannot be read. */
int completion_write(const char *names);
