/* SPDX-License-Identifier: BSD-3-Clause */
/* config_schema: what configurations may contain, for programs and for people. */
#pragma once

#include <stdio.h>

/* Prints the JSON Schema. 0, or -errno. */
int config_schema_print(FILE *file);

/*
 * Copies the manual page `input` to `file`; the line `@KEYS@` is replaced by the reference of all
 * keys. 0, or -errno; -EINVAL where there is no such line.
 */
int config_schema_write_manual(FILE *input, FILE *file);
