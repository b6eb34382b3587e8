/* SPDX-License-Identifier: BSD-3-Clause */
/* lookup: a dictionary from a text to the position of its first entry. Control thread only. */
#pragma once

#include <stddef.h>

struct lookup;

struct lookup *lookup_create(void);         /* NULL: no memory */
void lookup_destroy(struct lookup *lookup); /* NULL is allowed */

/*
 * Enters a key (ASCII). Returns 0; -EEXIST where it is there already, with its position in
 * `earlier`; or -ENOMEM.
 */
int lookup_add(struct lookup *lookup, const char *key, size_t position, size_t *earlier);

/* Returns 0 with the position, or -ENOENT. */
int lookup_find(const struct lookup *lookup, const char *key, size_t *position);
