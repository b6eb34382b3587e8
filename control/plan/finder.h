/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * finder: where a thing stood in an earlier list. Most changes leave things where they were or move
 * them by one, so the neighbourhood of a hint is looked at first; a dictionary of the whole
 * list is made when that fails for the first time, so that no change costs quadratic time. Control
 * thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "json/lookup.h"

#define FINDER_KEY_SIZE 64

struct finder {
	const void *list; /* may be NULL while count is 0 */
	size_t count;
	/* Writes the key of the thing at `index`, which tells it from all others in the list. */
	void (*key_at)(const void *list, size_t index, char key[static FINDER_KEY_SIZE]);
	struct lookup *lookup; /* NULL until it is needed */
};

#define FINDER_NONE ((size_t)-1)

/* The index of the thing with that key, or FINDER_NONE. Short of memory it looks at each. */
size_t finder_find(struct finder *finder, const char *key, size_t hint);

/* Frees what finder_find() made; the list is the caller's. */
void finder_fini(struct finder *finder);
