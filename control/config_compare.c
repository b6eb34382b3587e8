/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two configurations are compared as documents in canonical form: every key counts by being
 * printed, one that a later version adds cannot be forgotten here.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "json.h"

static int compare(const struct json_place *old, const json_t *new, struct error *error);

static int refuse(const struct json_place *place, struct error *error)
{
	json_refuse(place, error, "needs a restart");
	return -EPERM;
}

/* Keys of `old` in its order; those that only `new` has come last. */
static int compare_objects(const struct json_place *old, const json_t *new, struct error *error)
{
	json_t *old_object = (json_t *)old->value; /* jansson's iterators are not const-correct */
	json_t *new_object = (json_t *)new;
	const char *key;
	json_t *value;

	json_object_foreach (old_object, key, value) {
		struct json_place place = json_place_member(old, key);
		int result = compare(&place, json_object_get(new, key), error);

		if (result != 0)
			return result;
	}
	json_object_foreach (new_object, key, value) {
		struct json_place place = json_place_member(old, key);

		if (place.value == NULL)
			return refuse(&place, error);
	}
	return 0;
}

static int compare_lists(const struct json_place *old, const json_t *new, struct error *error)
{
	int result = 0;

	if (json_array_size(old->value) != json_array_size(new))
		return refuse(old, error);
	for (size_t i = 0; i < json_array_size(new) && result == 0; i++) {
		struct json_place place = json_place_element(old, i);

		result = compare(&place, json_array_get(new, i), error);
	}
	return result;
}

static int compare(const struct json_place *old, const json_t *new, struct error *error)
{
	if (json_is_object(old->value) && json_is_object(new))
		return compare_objects(old, new, error);
	if (json_is_array(old->value) && json_is_array(new))
		return compare_lists(old, new, error);
	return json_equal(old->value, new) ? 0 : refuse(old, error);
}

/* Keys of a port that records are made from anew at each change (live_records.h). */
static void remove_ways(json_t *document)
{
	json_t *ports = json_object_get(json_object_get(document, "dataplane"), "ports");
	json_t *port;
	size_t i;

	json_array_foreach (ports, i, port) {
		json_object_del(port, "neighbours");
		json_object_del(port, "gateway_mac");
	}
}

/* Of the whole document only what the running process is built on. */
static int compare_documents(const json_t *old, const json_t *new, struct error *error)
{
	static const char *const fixed[] = { "node", "dataplane", "control" };
	struct json_place root = json_place_root(old);
	int result = 0;

	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]) && result == 0; i++) {
		struct json_place place = json_place_member(&root, fixed[i]);

		result = compare(&place, json_object_get(new, fixed[i]), error);
	}
	return result;
}

/* The number of pins may be raised at any time. */
static int allow_more_pins(const struct config *old, const struct config *new, json_t *document)
{
	json_t *dataplane = json_object_get(document, "dataplane");

	if (new->dataplane.pins <= old->dataplane.pins)
		return 0;
	return json_object_set_new(dataplane, "pins", json_integer(old->dataplane.pins));
}

int config_compare_restart(const struct config *old, const struct config *new, struct error *error)
{
	json_t *old_document = config_print_with_secret(old);
	json_t *new_document = config_print_with_secret(new);
	int result;

	if (old_document == NULL || new_document == NULL ||
		allow_more_pins(old, new, new_document) != 0)
		result = error_set(error, -ENOMEM, "out of memory");
	else {
		remove_ways(old_document);
		remove_ways(new_document);
		result = compare_documents(old_document, new_document, error);
	}
	json_decref(new_document);
	json_decref(old_document);
	return result;
}
