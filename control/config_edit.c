/* SPDX-License-Identifier: BSD-3-Clause */
#include "config_edit.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "config_edit_seat.h"
#include "json.h"

/* Ends an edit: the copy, or where something went wrong NULL with errno. */
static json_t *finish(json_t *copy, int result)
{
	if (result == 0)
		return copy;
	json_decref(copy);
	errno = -result;
	return NULL;
}

static json_t *begin(const json_t *document, struct error *error)
{
	json_t *copy = json_deep_copy(document);

	if (copy == NULL) {
		errno = -error_set(error, -ENOMEM, "out of memory");
		return NULL;
	}
	return copy;
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
	return error_set(error, -ENOMEM, "out of memory");
}

/* A pool of `copy`, borrowed, or NULL with the sentence. */
static json_t *find_pool(const json_t *copy, const char *pool, struct error *error)
{
	const json_t *pools = json_object_get(copy, "pools");
	ssize_t position = find_named(pools, pool);
	char quoted[JSON_QUOTE_SIZE];

	if (position >= 0)
		return json_array_get(pools, (size_t)position);
	error_set(error, -ENOENT, "there is no pool %s", json_quote(pool, quoted));
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
	json_t *copy = begin(document, error);

	if (copy == NULL)
		return NULL;
	return finish(copy, append_copy(json_object_get(copy, "services"), service, error));
}

json_t *config_edit_service_remove(const json_t *document, const char *name, struct error *error)
{
	json_t *copy = begin(document, error);
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

static bool is_udp(const json_t *service)
{
	const char *protocol = json_string_value(json_object_get(service, "protocol"));

	return protocol != NULL && strcmp(protocol, "udp") == 0;
}

json_t *config_edit_service_set(
	const json_t *document, const char *name, const json_t *changes, struct error *error)
{
	json_t *copy = begin(document, error);
	json_t *services = json_object_get(copy, "services");
	ssize_t position = find_named(services, name);
	char quoted[JSON_QUOTE_SIZE];
	json_t *service;

	if (copy == NULL)
		return NULL;
	if (position < 0)
		return finish(copy, error_set(error, -ENOENT, "there is no service %s",
					    json_quote(name, quoted)));
	service = json_array_get(services, (size_t)position);
	if (json_object_update(service, (json_t *)changes) != 0)
		return finish(copy, error_set(error, -ENOMEM, "out of memory"));
	if (json_object_get(changes, "udp") == NULL && !is_udp(service))
		json_object_del(service, "udp"); /* it goes with the protocol that it was for */
	return copy;
}

json_t *config_edit_pool_add(const json_t *document, const json_t *pool, struct error *error)
{
	json_t *copy = begin(document, error);
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
	json_t *copy = begin(document, error);
	json_t *pools = json_object_get(copy, "pools");
	ssize_t position = find_named(pools, name);
	char quoted[JSON_QUOTE_SIZE];

	if (copy == NULL)
		return NULL;
	if (position < 0)
		return finish(copy,
			error_set(error, -ENOENT, "there is no pool %s", json_quote(name, quoted)));
	json_array_remove(pools, (size_t)position);
	return copy;
}

json_t *config_edit_backend_add(
	const json_t *document, const char *pool, const json_t *backend, struct error *error)
{
	json_t *copy = begin(document, error);
	json_t *edited, *backends;
	int result;

	if (copy == NULL)
		return NULL;
	edited = find_pool(copy, pool, error);
	if (edited == NULL)
		return finish(copy, -ENOENT);
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
	struct backend_edit edit = { .copy = begin(document, error) };
	ssize_t position;

	if (edit.copy == NULL)
		return edit;
	edit.pool = find_pool(edit.copy, pool, error);
	edit.backends = json_object_get(edit.pool, "backends");
	position = edit.backends != NULL ? find_backend(edit.backends, pool, name, error) : -ENOENT;
	if (position < 0)
		edit.copy = finish(edit.copy, -ENOENT);
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

static int judge_changes(const json_t *changes, struct error *error)
{
	struct json_place root = json_place_root(changes);
	const char *key;
	json_t *value;

	if (!json_is_object(changes) || json_object_size(changes) == 0)
		return error_set(error, -EINVAL, "nothing to set: give a weight or a state");
	json_object_foreach ((json_t *)changes, key, value) {
		struct json_place place = json_place_member(&root, key);

		if (strcmp(key, "weight") != 0 && strcmp(key, "state") != 0)
			return json_refuse(
				&place, error, "cannot be set (a backend's weight and state can)");
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
	backend = json_array_get(edit.backends, edit.position);
	before = json_copy(backend);
	result = judge_changes(changes, error);
	if (result == 0 && (before == NULL || json_object_update(backend, (json_t *)changes) != 0))
		result = error_set(error, -ENOMEM, "out of memory");
	if (result == 0)
		result = config_edit_seat_reweigh(edit.pool, before, backend, error);
	json_decref(before);
	return finish(edit.copy, result);
}
