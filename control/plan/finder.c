/* SPDX-License-Identifier: BSD-3-Clause */
#include "plan/finder.h"

#include <string.h>

static bool is_at(const struct finder *finder, size_t place, const char *key)
{
	char there[FINDER_KEY_SIZE];

	if (place >= finder->count)
		return false;
	finder->key_at(finder->list, place, there);
	return strcmp(there, key) == 0;
}

static size_t search(const struct finder *finder, const char *key)
{
	for (size_t place = 0; place < finder->count; place++)
		if (is_at(finder, place, key))
			return place;
	return FINDER_NONE;
}

static void make_lookup(struct finder *finder)
{
	finder->lookup = lookup_create();
	for (size_t place = 0; finder->lookup != NULL && place < finder->count; place++) {
		char key[FINDER_KEY_SIZE];
		size_t earlier;

		finder->key_at(finder->list, place, key);
		if (lookup_add(finder->lookup, key, place, &earlier) != 0)
			finder_fini(finder);
	}
}

size_t finder_find(struct finder *finder, const char *key, size_t hint)
{
	size_t place;

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
	return lookup_find(finder->lookup, key, &place) == 0 ? place : FINDER_NONE;
}

void finder_fini(struct finder *finder)
{
	lookup_destroy(finder->lookup);
	finder->lookup = NULL;
}
