/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * finder: finds the index that an element had in an earlier list. Most changes leave elements where
 * they were or move them by one, so it first looks around a hint. When that fails for the first
 * time, it makes a dictionary of the whole list, so that no change takes quadratic time. Control
 * thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "json/lookup.h"

#define FINDER_KEY_SIZE 128 /* CONFIG_MEMBER_SIZE */

struct finder {
	const void *list; /* may be NULL while count is 0 */
	size_t count;
	/* Writes the key of the element at `index`, which is unique in the list. */
	void (*key_at)(const void *list, size_t index, char key[static FINDER_KEY_SIZE]);
	struct lookup *lookup; /* NULL until it is needed */
};

#define FINDER_NONE ((size_t)-1)

/* The index of the element with that key, or FINDER_NONE. Without memory it searches linearly. */
size_t finder_find(struct finder *finder, const char *key, size_t hint);

/* Frees what finder_find() made; the list is the caller's. */
void finder_fini(struct finder *finder);
