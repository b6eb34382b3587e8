/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two configurations are compared key by key, by the table of keys, so that no new key can be
 * forgotten here. Only keys that need a restart are compared.
 */
#include "config/config.h"

#include <errno.h>

#include "config/config_keys.h"

/* One and the same object of the old and the new configuration. */
struct sides {
	const void *old, *new;
	const struct config *old_config, *new_config;
};

static int refuse(const struct json_path *path, struct error *error)
{
	json_refuse(path, error, "needs a restart");
	return -EPERM;
}

/* The path of the first element that differs, or of the list if its length does. */
static int compare_lists(
	const struct json_path *path, const json_t *old, const json_t *new, struct error *error)
{
	if (json_array_size(old) != json_array_size(new))
		return refuse(path, error);
	for (size_t i = 0; i < json_array_size(old); i++) {
		struct json_path element = json_path_element(path, i);

		if (!json_equal(json_array_get(old, i), json_array_get(new, i)))
			return refuse(&element, error);
	}
	return 0;
}

static json_t *print_unless_absent(
	const struct json_key *key, const void *owner, const struct config *config)
{
	if (key->is_absent != NULL && key->is_absent(owner))
		return json_null();
	return json_key_print(key, owner, config);
}

static int compare_values(const struct json_key *key, const struct json_path *path,
	const struct sides *sides, struct error *error)
{
	json_t *old = print_unless_absent(key, sides->old, sides->old_config);
	json_t *new = print_unless_absent(key, sides->new, sides->new_config);
	int result = 0;

	if (old == NULL || new == NULL)
		result = error_set(error, -ENOMEM, "out of memory");
	else if (json_is_array(old) && json_is_array(new))
		result = compare_lists(path, old, new, error);
	else if (!json_equal(old, new) &&
		 (key->restart != JSON_KEY_RESTART_TO_LOWER ||
			 json_integer_value(new) < json_integer_value(old)))
		result = refuse(path, error);
	json_decref(new);
	json_decref(old);
	return result;
}

static int compare_keys(const struct json_key *keys, const struct json_path *object,
	enum json_key_restart parent, const struct sides *sides, struct error *error);

static struct sides step_into(const struct json_key *key, const struct sides *sides)
{
	struct sides inside = *sides;

	inside.old = (const char *)sides->old + key->offset;
	inside.new = (const char *)sides->new + key->offset;
	return inside;
}

static size_t count_at(const struct json_key *key, const void *owner)
{
	return *(const size_t *)((const char *)owner + key->count_offset);
}

static const char *elements_at(const struct json_key *key, const void *owner)
{
	return *(const char *const *)((const char *)owner + key->offset);
}

static int compare_objects(const struct json_key *key, const struct json_path *path,
	enum json_key_restart restart, const struct sides *sides, struct error *error)
{
	size_t count = count_at(key, sides->old);
	struct sides element = *sides;
	int result = 0;

	if (count != count_at(key, sides->new))
		return refuse(path, error);
	for (size_t i = 0; i < count && result == 0; i++) {
		struct json_path inside = json_path_element(path, i);

		element.old = elements_at(key, sides->old) + i * key->element_size;
		element.new = elements_at(key, sides->new) + i * key->element_size;
		result = compare_keys(key->keys, &inside, restart, &element, error);
	}
	return result;
}

static int compare_key(const struct json_key *key, const struct json_path *object,
	enum json_key_restart parent, const struct sides *sides, struct error *error)
{
	enum json_key_restart restart = json_key_restart(key, parent);
	struct json_path path = json_path_key(object, key->name);
	struct sides inside;

	if (restart == JSON_KEY_AT_ONCE)
		return 0;
	if (key->keys == NULL)
		return compare_values(key, &path, sides, error);
	if (key->element_size > 0)
		return compare_objects(key, &path, restart, sides, error);
	inside = step_into(key, sides);
	return compare_keys(key->keys, &path, restart, &inside, error);
}

static int compare_keys(const struct json_key *keys, const struct json_path *object,
	enum json_key_restart parent, const struct sides *sides, struct error *error)
{
	int result = 0;

	for (; keys->name != NULL && result == 0; keys++)
		if (keys->kind != NULL)
			result = compare_key(keys, object, parent, sides, error);
	return result;
}

int config_compare_restart(const struct config *old, const struct config *new, struct error *error)
{
	struct json_path root = json_path_root(NULL);
	struct sides sides = { old, new, old, new };

	return compare_keys(config_keys, &root, JSON_KEY_AT_ONCE, &sides, error);
}
