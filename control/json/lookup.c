/* SPDX-License-Identifier: BSD-3-Clause */
/* jansson's object is a hash table with a random seed: all that is needed here, and linked anyway.
 */
#include "json/lookup.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

struct lookup {
	json_t *positions;
};

struct lookup *lookup_create(void)
{
	struct lookup *lookup = calloc(1, sizeof(*lookup));

	if (lookup == NULL)
		return NULL;
	lookup->positions = json_object();
	if (lookup->positions == NULL) {
		free(lookup);
		return NULL;
	}
	return lookup;
}

void lookup_destroy(struct lookup *lookup)
{
	if (lookup == NULL)
		return;
	json_decref(lookup->positions);
	free(lookup);
}

int lookup_add(struct lookup *lookup, const char *key, size_t position, size_t *earlier)
{
	json_t *value;

	if (lookup_find(lookup, key, earlier) == 0)
		return -EEXIST;
	value = json_integer((json_int_t)position);
	return json_object_set_new_nocheck(lookup->positions, key, value) == 0 ? 0 : -ENOMEM;
}

int lookup_find(const struct lookup *lookup, const char *key, size_t *position)
{
	const json_t *value = json_object_get(lookup->positions, key);

	if (value == NULL)
		return -ENOENT;
	*position = (size_t)json_integer_value(value);
	return 0;
}
