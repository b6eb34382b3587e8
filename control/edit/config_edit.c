/* SPDX-License-Identifier: BSD-3-Clause */
#include "edit/config_edit.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "edit/config_edit_seat.h"
#include "json/json.h"

/* Ends an edit: the copy; or NULL with errno, if anything failed. */
static json_t *finish(json_t *copy, int result)
{
	if (result == 0)
		return copy;
	json_decref(copy);
	errno = -result;
	return NULL;
}

/*
 * A copy shares unchanged values with the document, which may be a thousand backends. A value is
 * copied before it is changed: these return the copy, borrowed from the `object` or the list that
 * it is in now, or NULL where memory is short.
 */
static json_t *own_member(json_t *object, const char *key)
{
	json_t *value = json_copy(json_object_get(object, key));

	return json_object_set_new(object, key, value) == 0 ? value : NULL;
}

static json_t *own_element(json_t *list, size_t position)
{
	json_t *value = json_copy(json_array_get(list, position));

	return json_array_set_new(list, position, value) == 0 ? value : NULL;
}

static int out_of_memory(struct error *error)
{
	return error_set(error, -ENOMEM, "out of memory");
}

/* With a list of its own under `name`. NULL with the sentence and errno. */
static json_t *begin(const json_t *document, const char *name, struct error *error)
{
	json_t *copy = json_copy((json_t *)document);

	if (copy != NULL && own_member(copy, name) != NULL)
		return copy;
	json_decref(copy);
	errno = -out_of_memory(error);
	return NULL;
}

/* The position of the object with that name in a list, or -ENOENT. */
static ssize_t find_named(const json_t *list, const char *name)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *other = json_object_get(json_array_get(list, i), "name");

		if (json_is_string(other) && strcmp(json_string_value(other), name) == 0)
			return (ssize_t)i;
	}
	return -ENOENT;
}

static int append_copy(json_t *list, const json_t *element, struct error *error)
{
	if (json_array_append_new(list, json_deep_copy(element)) == 0)
		return 0;
	return out_of_memory(error);
}

/* A pool of `copy`, whose lists may be changed, borrowed; or NULL with the sentence and errno. */
static json_t *own_pool(const json_t *copy, const char *pool, struct error *error)
{
	json_t *pools = json_object_get(copy, "pools"), *owned;
	ssize_t position = find_named(pools, pool);
	char quoted[JSON_QUOTE_SIZE];

	if (position >= 0) {
		owned = own_element(pools, (size_t)position);
		if (owned != NULL && own_member(owned, "backends") != NULL &&
			(json_object_get(owned, "vacant") == NULL ||
				own_member(owned, "vacant") != NULL))
			return owned;
		errno = -out_of_memory(error);
		return NULL;
	}
	errno = -error_set(error, -ENOENT, "there is no pool %s", json_quote(pool, quoted));
	return NULL;
}

/* The position of a backend, or -ENOENT with the sentence. */
static ssize_t find_backend(
	const json_t *backends, const char *pool, const char *name, struct error *error)
{
	ssize_t position = find_named(backends, name);
	char quoted_pool[JSON_QUOTE_SIZE];
	char quoted_name[JSON_QUOTE_SIZE];

	if (position >= 0)
		return position;
	return error_set(error, -ENOENT, "pool %s has no backend %s", json_quote(pool, quoted_pool),
		json_quote(name, quoted_name));
}

json_t *config_edit_service_add(const json_t *document, const json_t *service, struct error *error)
{
	json_t *copy = begin(document, "services", error);

	if (copy == NULL)
		return NULL;
	return finish(copy, append_copy(json_object_get(copy, "services"), service, error));
}

json_t *config_edit_service_remove(const json_t *document, const char *name, struct error *error)
{
	json_t *copy = begin(document, "services", error);
	json_t *services = json_object_get(copy, "services");
	ssize_t position = find_named(services, name);
	char quoted[JSON_QUOTE_SIZE];

	if (copy == NULL)
		return NULL;
	if (position < 0)
		return finish(copy, error_set(error, -ENOENT, "there is no service %s",
					    json_quote(name, quoted)));
	json_array_remove(services, (size_t)position);
	return copy;
}

static bool is_text(const json_t *object, const char *key, const char *text)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value != NULL && strcmp(value, text) == 0;
}

static bool lists_pool(const json_t *list, const char *pool)
{
	size_t index;
	json_t *element;

	json_array_foreach (list, index, element)
		if (is_text(element, "pool", pool))
			return true;
	return false;
}

/* As its pool, in a list of several, or for some clients. */
static bool uses_pool(const json_t *service, const char *pool)
{
	return is_text(service, "pool", pool) ||
	       lists_pool(json_object_get(service, "pools"), pool) ||
	       lists_pool(json_object_get(service, "split"), pool);
}

static bool is_udp(const json_t *service)
{
	return is_text(service, "protocol", "udp");
}

json_t *config_edit_service_set(
	const json_t *document, const char *name, const json_t *changes, struct error *error)
{
	json_t *copy = begin(document, "services", error);
	json_t *services = json_object_get(copy, "services");
	ssize_t position = find_named(services, name);
	char quoted[JSON_QUOTE_SIZE];
	json_t *service;

	if (copy == NULL)
		return NULL;
	if (position < 0)
		return finish(copy, error_set(error, -ENOENT, "there is no service %s",
					    json_quote(name, quoted)));
	service = own_element(services, (size_t)position);
	if (service == NULL || json_object_update(service, (json_t *)changes) != 0)
		return finish(copy, out_of_memory(error));
	if (json_object_get(changes, "pool") == NULL && json_object_get(changes, "pools") != NULL)
		json_object_del(service, "pool");
	if (json_object_get(changes, "pools") == NULL && json_object_get(changes, "pool") != NULL)
		json_object_del(service, "pools");
	if (json_object_get(changes, "udp") == NULL && !is_udp(service))
		json_object_del(service, "udp"); /* it belonged to the old protocol */
	return copy;
}

json_t *config_edit_pool_add(const json_t *document, const json_t *pool, struct error *error)
{
	json_t *copy = begin(document, "pools", error);
	json_t *pools = json_object_get(copy, "pools");
	json_t *added;
	int code;

	if (copy == NULL)
		return NULL;
	code = append_copy(pools, pool, error);
	added = json_array_get(pools, json_array_size(pools) - 1);
	if (code == 0 && json_is_object(added) && json_object_get(added, "backends") == NULL)
		json_object_set_new(added, "backends", json_array());
	return finish(copy, code);
}

json_t *config_edit_pool_remove(const json_t *document, const char *name, struct error *error)
{
	json_t *copy = begin(document, "pools", error);
	json_t *pools = json_object_get(copy, "pools");
	ssize_t position = find_named(pools, name);
	char quoted[JSON_QUOTE_SIZE];
	json_t *service;
	size_t index;

	if (copy == NULL)
		return NULL;
	if (position < 0)
		return finish(copy,
			error_set(error, -ENOENT, "there is no pool %s", json_quote(name, quoted)));
	json_array_foreach (json_object_get(copy, "services"), index, service)
		if (uses_pool(service, name))
			return finish(copy,
				error_set(error, -EINVAL, CONFIG_EDIT_POOL_IN_USE,
					json_string_value(json_object_get(service, "name")), name));
	json_array_remove(pools, (size_t)position);
	return copy;
}

json_t *config_edit_backend_add(
	const json_t *document, const char *pool, const json_t *backend, struct error *error)
{
	json_t *copy = begin(document, "pools", error);
	json_t *edited, *backends;
	int result;

	if (copy == NULL)
		return NULL;
	edited = own_pool(copy, pool, error);
	if (edited == NULL)
		return finish(copy, -errno);
	backends = json_object_get(edited, "backends");
	result = append_copy(backends, backend, error);
	if (result == 0)
		result = config_edit_seat_take(
			edited, json_array_get(backends, json_array_size(backends) - 1), error);
	return finish(copy, result);
}

/* A copy of the document with one of its backends found. */
struct backend_edit {
	json_t *copy; /* NULL: failed, with the sentence and errno */
	json_t *pool; /* borrowed from the copy, as its backends are */
	json_t *backends;
	size_t position; /* among them */
};

static struct backend_edit begin_backend(
	const json_t *document, const char *pool, const char *name, struct error *error)
{
	struct backend_edit edit = { .copy = begin(document, "pools", error) };
	ssize_t position;

	if (edit.copy == NULL)
		return edit;
	edit.pool = own_pool(edit.copy, pool, error);
	edit.backends = json_object_get(edit.pool, "backends");
	position = edit.backends != NULL ? find_backend(edit.backends, pool, name, error) : -errno;
	if (position < 0)
		edit.copy = finish(edit.copy, (int)position);
	else
		edit.position = (size_t)position;
	return edit;
}

json_t *config_edit_backend_remove(
	const json_t *document, const char *pool, const char *name, struct error *error)
{
	struct backend_edit edit = begin_backend(document, pool, name, error);
	json_t *backend;
	int result;

	if (edit.copy == NULL)
		return NULL;
	backend = json_incref(json_array_get(edit.backends, edit.position));
	json_array_remove(edit.backends, edit.position);
	result = config_edit_seat_leave(edit.pool, backend, error);
	json_decref(backend);
	return finish(edit.copy, result);
}

static int validate_changes(const json_t *changes, struct error *error)
{
	struct json_path root = json_path_root(changes);
	const char *key;
	json_t *value;

	if (!json_is_object(changes) || json_object_size(changes) == 0)
		return error_set(error, -EINVAL, "nothing to set: give a weight or a state");
	json_object_foreach ((json_t *)changes, key, value) {
		struct json_path path = json_path_key(&root, key);

		if (strcmp(key, "weight") != 0 && strcmp(key, "state") != 0)
			return json_refuse(
				&path, error, "cannot be set (a backend's weight and state can)");
	}
	return 0;
}

json_t *config_edit_backend_set(const json_t *document, const char *pool, const char *name,
	const json_t *changes, struct error *error)
{
	struct backend_edit edit = begin_backend(document, pool, name, error);
	json_t *backend, *before;
	int result;

	if (edit.copy == NULL)
		return NULL;
	before = json_incref(json_array_get(edit.backends, edit.position));
	backend = own_element(edit.backends, edit.position);
	result = validate_changes(changes, error);
	if (result == 0 && (backend == NULL || json_object_update(backend, (json_t *)changes) != 0))
		result = out_of_memory(error);
	if (result == 0)
		result = config_edit_seat_reweigh(edit.pool, before, backend, error);
	json_decref(before);
	return finish(edit.copy, result);
}

static bool has_zone(const json_t *object, const char *name)
{
	return is_text(object, "zone", name);
}

static bool is_zone(const json_t *document, const char *name)
{
	size_t i, k;
	json_t *pool, *backend;

	if (has_zone(json_object_get(document, "node"), name) ||
		find_named(json_object_get(document, "zones"), name) >= 0)
		return true;
	json_array_foreach (json_object_get(document, "pools"), i, pool)
		json_array_foreach (json_object_get(pool, "backends"), k, backend)
			if (has_zone(backend, name))
				return true;
	return false;
}

/* The list of zones without this one; borrowed from the copy, NULL where memory is short. */
static json_t *own_other_zones(json_t *copy, const char *name)
{
	json_t *zones = json_object_get(copy, "zones");
	ssize_t position = find_named(zones, name);

	zones = zones == NULL ? json_array() : json_copy(zones);
	if (json_object_set_new(copy, "zones", zones) != 0)
		return NULL;
	if (position >= 0)
		json_array_remove(zones, (size_t)position);
	return zones;
}

json_t *config_edit_zone_set(
	const json_t *document, const char *name, const char *state, struct error *error)
{
	json_t *copy = json_copy((json_t *)document);
	char quoted[JSON_QUOTE_SIZE];
	json_t *zones;

	if (copy == NULL)
		return finish(copy, out_of_memory(error));
	if (!is_zone(document, name))
		return finish(copy, error_set(error, -ENOENT, "nothing is in a zone %s",
					    json_quote(name, quoted)));
	zones = own_other_zones(copy, name);
	if (zones == NULL ||
		(strcmp(state, "active") != 0 &&
			json_array_append_new(
				zones, json_pack("{s:s, s:s}", "name", name, "state", state)) != 0))
		return finish(copy, out_of_memory(error));
	return copy;
}
