/* SPDX-License-Identifier: BSD-3-Clause */
/* Compared as documents in canonical form, so that no key can be forgotten here. */
#include "edit/config_differences.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "config/config_keys.h"
#include "json/json_build.h"
#include "json/json_key.h"
#include "json/lookup.h"

#define VALUES_MAX 64  /* of a difference that are shown */
#define PATH_SIZE  512 /* three names and the words between them */

struct differences {
	json_t *keys;
	size_t left_out;
	char path[PATH_SIZE]; /* of what is looked at */
};

static void compare(struct differences *differences, const json_t *before, const json_t *after);

/* Takes the values in `value` from `room`; false where that is not enough. */
static bool fits(const json_t *value, size_t *room)
{
	const char *key;
	json_t *inner;
	size_t i;

	if (*room == 0)
		return false;
	(*room)--;
	if (!json_is_array(value) && !json_is_object(value))
		return true;
	json_array_foreach ((json_t *)value, i, inner)
		if (!fits(inner, room))
			return false;
	json_object_foreach ((json_t *)value, key, inner)
		if (!fits(inner, room))
			return false;
	return true;
}

/* A value to be shown; of a long one, such as a whole pool, only what it is. New reference. */
static json_t *show(const json_t *value)
{
	size_t room = VALUES_MAX;

	if (fits(value, &room))
		return json_incref((json_t *)value);
	if (json_is_array(value))
		return json_sprintf("a list of %zu", json_array_size(value));
	return json_string("an object");
}

/* Either may be NULL: it is not there. */
static void note(struct differences *differences, const json_t *before, const json_t *after)
{
	json_t *key;

	if (json_array_size(differences->keys) == CONFIG_DIFFERENCES_MAX) {
		differences->left_out++;
		return;
	}
	key = json_pack("{s:s}", "path", differences->path);
	if (before != NULL)
		json_object_set_new(key, "before", show(before));
	if (after != NULL)
		json_object_set_new(key, "after", show(after));
	json_array_append_new(differences->keys, key);
}

/* Goes one step down the path, by `opening` NAME `closing`, and back. */
static void compare_part(struct differences *differences, const char *opening, const char *name,
	const char *closing, const json_t *before, const json_t *after)
{
	size_t used = strlen(differences->path);

	snprintf(differences->path + used, PATH_SIZE - used, "%s%s%s", opening, name, closing);
	compare(differences, before, after);
	differences->path[used] = '\0';
}

static void compare_objects(
	struct differences *differences, const json_t *before, const json_t *after)
{
	const char *dot = differences->path[0] == '\0' ? "" : ".";
	const char *key;
	json_t *value;

	/* jansson's iterators are not const-correct */
	json_object_foreach ((json_t *)before, key, value)
		compare_part(differences, dot, key, "", value, json_object_get(after, key));
	json_object_foreach ((json_t *)after, key, value)
		if (json_object_get(before, key) == NULL)
			compare_part(differences, dot, key, "", NULL, value);
}

/* The name that identifies an element of a list, or NULL. */
static const char *name_of(const json_t *element)
{
	static const char *const keys[] = { "name", "key", "address" };
	const char *name = NULL;

	for (size_t i = 0; name == NULL && i < sizeof(keys) / sizeof(keys[0]); i++)
		name = json_string_value(json_object_get(element, keys[i]));
	return name;
}

/* The elements of a list by their names; NULL where they have none, or memory is short. */
static struct lookup *index_names(const json_t *list)
{
	struct lookup *names = lookup_create();
	size_t index, earlier;
	json_t *element;

	json_array_foreach (list, index, element) {
		const char *name = name_of(element);

		if (names == NULL || name == NULL ||
			lookup_add(names, name, index, &earlier) != 0) {
			lookup_destroy(names);
			return NULL;
		}
	}
	return names;
}

static void compare_named(struct differences *differences, const json_t *before,
	const struct lookup *old_names, const json_t *after, const struct lookup *new_names)
{
	size_t index, found;
	json_t *element;

	json_array_foreach (before, index, element) {
		const char *name = name_of(element);
		const json_t *other = lookup_find(new_names, name, &found) == 0
					      ? json_array_get(after, found)
					      : NULL;

		compare_part(differences, "[", name, "]", element, other);
	}
	json_array_foreach (after, index, element)
		if (lookup_find(old_names, name_of(element), &found) != 0)
			compare_part(differences, "[", name_of(element), "]", NULL, element);
}

static void compare_lists(
	struct differences *differences, const json_t *before, const json_t *after)
{
	struct lookup *old_names = index_names(before), *new_names = index_names(after);

	if (old_names != NULL && new_names != NULL)
		compare_named(differences, before, old_names, after, new_names);
	else if (!json_equal(before, after))
		note(differences, before, after);
	lookup_destroy(new_names);
	lookup_destroy(old_names);
}

static void compare(struct differences *differences, const json_t *before, const json_t *after)
{
	if (json_is_object(before) && json_is_object(after))
		compare_objects(differences, before, after);
	else if (json_is_array(before) && json_is_array(after))
		compare_lists(differences, before, after);
	else if (!json_equal(before, after))
		note(differences, before, after);
}

/* Takes over both documents, either of which may be NULL. */
static json_t *differ(json_t *before, json_t *after)
{
	struct differences differences = { .keys = json_array() };
	json_t *result = NULL;

	if (before != NULL && after != NULL) {
		compare(&differences, before, after);
		result = json_pack("{s:O, s:I}", "keys", differences.keys, "left_out",
			(json_int_t)differences.left_out);
	}
	json_decref(after);
	json_decref(before);
	json_decref(differences.keys);
	return result;
}

json_t *config_differences(const struct config *before, const struct config *after)
{
	return differ(config_print(before), config_print(after));
}

static json_t *print_rest(const struct config *config)
{
	struct json_build document = json_build_begin();
	json_t *printed;

	for (const struct json_key *key = config_keys; key->name != NULL; key++)
		if (key->kind != NULL && key->keys != config_pool_keys &&
			key->keys != config_service_keys &&
			(key->is_absent == NULL || !key->is_absent(config)))
			json_build_value(&document, key->name, json_key_print(key, config, config));
	printed = json_build_end(&document);
	json_object_del(json_object_get(printed, "node"), "hash_key");
	return printed;
}

json_t *config_differences_of_rest(const struct config *before, const struct config *after)
{
	return differ(print_rest(before), print_rest(after));
}
