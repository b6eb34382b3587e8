/* SPDX-License-Identifier: BSD-3-Clause */
#include "plan/finder.h"

#include <string.h>

static bool is_at(const struct finder *finder, size_t index, const char *key)
{
	char there[FINDER_KEY_SIZE];

	if (index >= finder->count)
		return false;
	finder->key_at(finder->list, index, there);
	return strcmp(there, key) == 0;
}

static size_t search(const struct finder *finder, const char *key)
{
	for (size_t index = 0; index < finder->count; index++)
		if (is_at(finder, index, key))
			return index;
	return FINDER_NONE;
}

static void make_lookup(struct finder *finder)
{
	finder->lookup = lookup_create();
	for (size_t index = 0; finder->lookup != NULL && index < finder->count; index++) {
		char key[FINDER_KEY_SIZE];
		size_t earlier;

		finder->key_at(finder->list, index, key);
		if (lookup_add(finder->lookup, key, index, &earlier) != 0)
			finder_fini(finder);
	}
}

size_t finder_find(struct finder *finder, const char *key, size_t hint)
{
	size_t index;

	if (is_at(finder, hint, key))
		return hint;
	if (hint > 0 && is_at(finder, hint - 1, key))
		return hint - 1;
	if (is_at(finder, hint + 1, key))
		return hint + 1;
	if (finder->count == 0)
		return FINDER_NONE;
	if (finder->lookup == NULL)
		make_lookup(finder);
	if (finder->lookup == NULL)
		return search(finder, key);
	return lookup_find(finder->lookup, key, &index) == 0 ? index : FINDER_NONE;
}

void finder_fini(struct finder *finder)
{
	lookup_destroy(finder->lookup);
	finder->lookup = NULL;
}
