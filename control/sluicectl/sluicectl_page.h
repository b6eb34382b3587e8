/* SPDX-License-Identifier: BSD-3-Clause */
/* sluicectl_page: what the manual page says of commands and methods, as man(7) on stdout. */
#pragma once

#include <stddef.h>

/* How a command is written, as the tag of a paragraph. Returns 0, or -1 with a complaint. */
int page_write_command(const char *name, size_t length);

/* All methods with their parameters; those that several have are described once, at the end. */
void page_write_methods(void);

/* A page that has one command has them all: returns 0, or -1 with a complaint. */
int page_check(void);
