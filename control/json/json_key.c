/* SPDX-License-Identifier: BSD-3-Clause */
#include "json/json_key.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/json_schema.h"
#include "common/suggestion.h"

static void *field_of(const struct json_key *key, void *owner)
{
	return (char *)owner + key->offset;
}

static const void *const_field_of(const struct json_key *key, const void *owner)
{
	return (const char *)owner + key->offset;
}

const struct json_key *json_key_find(const struct json_key *keys, const char *name)
{
	for (; keys->name != NULL; keys++)
		if (strcmp(keys->name, name) == 0)
			return keys;
	return NULL;
}

static int refuse_unknown(
	const struct json_path *path, const struct json_key *keys, struct error *error)
{
	struct suggestion suggestion = { 0 };

	for (; keys->name != NULL; keys++)
		if (keys->kind != NULL)
			suggestion_offer(&suggestion, path->key, keys->name);
	if (suggestion.meant == NULL)
		return json_refuse(path, error, "unknown key");
	return json_refuse(path, error, "unknown key (did you mean \"%s\"?)", suggestion.meant);
}

static int check_name(
	const struct json_path *path, const struct json_key *keys, struct error *error)
{
	const struct json_key *key = json_key_find(keys, path->key);

	if (key == NULL)
		return refuse_unknown(path, keys, error);
	if (key->kind != NULL)
		return 0;
	return json_refuse(
		path, error, "%s", key->instead != NULL ? key->instead : "not in this version");
}

static int check_names(
	const struct json_path *object, const struct json_key *keys, struct error *error)
{
	json_t *iterable = (json_t *)object->value; /* jansson's iterators are not const-correct */
	const char *name;
	json_t *value;

	json_object_foreach (iterable, name, value) {
		struct json_path path = { .parent = object, .key = name, .value = value };
		int result = json_take_refusal(object, check_name(&path, keys, error), error);

		if (result != 0)
			return result;
	}
	return 0;
}

static int read_value(
	const struct json_key *key, const struct json_path *path, void *owner, struct error *error)
{
	int result = key->kind->read != NULL
			     ? key->kind->read(key, path, owner, error)
			     : key->kind->read_field(path, field_of(key, owner), error);

	/* An object has its check in json_keys_read(), a list none. */
	if (result == 0 && key->check != NULL && key->keys == NULL)
		result = key->check(path, owner, error);
	return result;
}

static int read_key(const struct json_key *key, const struct json_path *object, void *owner,
	struct error *error)
{
	struct json_path path = json_path_key(object, key->name);

	if (key->kind == NULL)
		return 0;
	if (path.value != NULL)
		return read_value(key, &path, owner, error);
	if (key->presence == JSON_KEY_REQUIRED)
		return json_refuse(&path, error, "missing");
	return 0;
}

int json_keys_read(
	const struct json_key *keys, const struct json_path *path, void *owner, struct error *error)
{
	size_t before = json_count_refusals(path);
	int result;

	if (!json_is_object(path->value))
		return json_mismatch(path, "an object", error);
	result = check_names(path, keys, error);
	for (; keys->name != NULL && result == 0; keys++)
		result = json_take_refusal(path, read_key(keys, path, owner, error), error);
	return result == 0 && json_count_refusals(path) != before ? -EINVAL : result;
}

int json_keys_init(const struct json_key *keys, void *owner, struct error *error)
{
	int result = 0;

	for (; keys->name != NULL && result == 0; keys++)
		if (keys->kind != NULL && keys->kind->init != NULL)
			result = keys->kind->init(keys, owner, error);
	return result;
}

enum json_key_restart json_key_restart(const struct json_key *key, enum json_key_restart parent)
{
	return key->restart == JSON_KEY_AS_PARENT ? parent : key->restart;
}

json_t *json_key_print(const struct json_key *key, const void *owner, const void *context)
{
	return key->kind->print(key, owner, context);
}

json_t *json_keys_print(const struct json_key *keys, const void *owner, const void *context)
{
	json_t *object = json_object();

	for (; keys->name != NULL && object != NULL; keys++) {
		if (keys->kind == NULL || (keys->is_absent != NULL && keys->is_absent(owner)))
			continue;
		if (json_object_set_new(object, keys->name, json_key_print(keys, owner, context)) ==
			0)
			continue;
		json_decref(object);
		object = NULL;
	}
	return object;
}

/* integer */

static void store_integer(const struct json_key *key, void *owner, int64_t number)
{
	void *field = field_of(key, owner);

	assert(key->width == sizeof(uint16_t) || key->width == sizeof(uint32_t) ||
		key->width == sizeof(uint64_t));
	if (key->width == sizeof(uint16_t))
		*(uint16_t *)field = (uint16_t)number;
	else if (key->width == sizeof(uint32_t))
		*(uint32_t *)field = (uint32_t)number;
	else
		*(uint64_t *)field = (uint64_t)number;
}

static int64_t load_integer(const struct json_key *key, const void *owner)
{
	const void *field = const_field_of(key, owner);

	if (key->width == sizeof(uint16_t))
		return *(const uint16_t *)field;
	return key->width == sizeof(uint32_t) ? *(const uint32_t *)field
					      : (int64_t) * (const uint64_t *)field;
}

static int read_integer(
	const struct json_key *key, const struct json_path *path, void *owner, struct error *error)
{
	char wanted[96];
	int64_t number = 0;
	int result;

	snprintf(wanted, sizeof(wanted), "%s (%s%s%" PRId64 "-%" PRId64 ")", key->what,
		key->also != NULL ? key->also : "", key->also != NULL ? ", " : "", key->least,
		key->most);
	result = json_read_integer(path, key->least, key->most, wanted, &number, error);
	if (result == 0)
		store_integer(key, owner, number);
	return result;
}

static int init_integer(const struct json_key *key, void *owner, struct error *error)
{
	if (key->has_default)
		store_integer(key, owner, key->number);
	return 0;
}

static json_t *print_integer(const struct json_key *key, const void *owner, const void *context)
{
	return json_integer(load_integer(key, owner));
}

static json_t *describe_integer(const struct json_key *key)
{
	json_t *schema = json_pack("{s:s, s:I, s:I}", "type", "integer", "minimum",
		(json_int_t)key->least, "maximum", (json_int_t)key->most);

	if (key->has_default)
		json_object_set_new(schema, "default", json_integer(key->number));
	return schema;
}

const struct json_kind json_kind_integer = {
	.noun = "integer",
	.read = read_integer,
	.init = init_integer,
	.print = print_integer,
	.describe = describe_integer,
};

/* flag */

static int read_flag(const struct json_path *path, void *field, struct error *error)
{
	if (!json_is_boolean(path->value))
		return json_mismatch(path, "true or false", error);
	*(bool *)field = json_is_true(path->value);
	return 0;
}

static int init_flag(const struct json_key *key, void *owner, struct error *error)
{
	*(bool *)field_of(key, owner) = key->number != 0;
	return 0;
}

static json_t *print_flag(const struct json_key *key, const void *owner, const void *context)
{
	return json_boolean(*(const bool *)const_field_of(key, owner));
}

static json_t *describe_flag(const struct json_key *key)
{
	return json_pack("{s:s, s:b}", "type", "boolean", "default", key->number != 0);
}

const struct json_kind json_kind_flag = {
	.noun = "true or false",
	.read_field = read_flag,
	.init = init_flag,
	.print = print_flag,
	.describe = describe_flag,
};

/* word */

static int read_word(
	const struct json_key *key, const struct json_path *path, void *owner, struct error *error)
{
	int *field = field_of(key, owner);
	int value = 0;
	int result = json_read_choice(path, key->words, key->what, &value, error);

	if (result == 0)
		*field = value;
	return result;
}

static int init_word(const struct json_key *key, void *owner, struct error *error)
{
	int *field = field_of(key, owner);

	for (const struct json_choice *word = key->words; key->text != NULL && word->name != NULL;
		word++)
		if (strcmp(word->name, key->text) == 0)
			*field = word->value;
	return 0;
}

static json_t *print_word(const struct json_key *key, const void *owner, const void *context)
{
	const int *field = const_field_of(key, owner);

	return json_string(json_choice_name(key->words, *field));
}

static json_t *describe_word(const struct json_key *key)
{
	json_t *words = json_array();
	json_t *schema = json_pack("{s:o}", "enum", words);

	for (const struct json_choice *word = key->words; word->name != NULL; word++)
		if (word->value != JSON_CHOICE_NOT_YET)
			json_array_append_new(words, json_string(word->name));
	if (key->text != NULL)
		json_object_set_new(schema, "default", json_string(key->text));
	return schema;
}

const struct json_kind json_kind_word = {
	.noun = "word",
	.read = read_word,
	.init = init_word,
	.print = print_word,
	.describe = describe_word,
};

/* object */

static int read_object(
	const struct json_key *key, const struct json_path *path, void *owner, struct error *error)
{
	void *object = field_of(key, owner);
	int result = json_keys_read(key->keys, path, object, error);

	return result == 0 && key->check != NULL ? key->check(path, object, error) : result;
}

static int init_object(const struct json_key *key, void *owner, struct error *error)
{
	return json_keys_init(key->keys, field_of(key, owner), error);
}

static json_t *print_object(const struct json_key *key, const void *owner, const void *context)
{
	return json_keys_print(key->keys, const_field_of(key, owner), context);
}

const struct json_kind json_kind_object = {
	.noun = "object",
	.read = read_object,
	.init = init_object,
	.print = print_object,
	.describe = json_schema_object,
};

/* lists */

static size_t *count_of(const struct json_key *key, void *owner)
{
	return (size_t *)((char *)owner + key->count_offset);
}

/* Zeroed room for the elements. The struct owns it before any of them is read. */
static int create_elements(
	const struct json_key *key, const struct json_path *path, void *owner, struct error *error)
{
	const struct json_list list = { (size_t)key->least, (size_t)key->most, key->element_size,
		NULL };
	void **field = field_of(key, owner);

	*field = json_list_create(path, &list, count_of(key, owner), error);
	return *field != NULL ? 0 : -EINVAL;
}

int json_key_read_element(const struct json_key *key, const struct json_path *path, void *element,
	struct error *error)
{
	int result = json_keys_init(key->keys, element, error);

	if (result == 0)
		result = json_keys_read(key->keys, path, element, error);
	return result == 0 && key->check != NULL ? key->check(path, element, error) : result;
}

static int read_list_value(const struct json_key *key, const struct json_path *path, void *element,
	struct error *error)
{
	return key->elements->read_field(path, element, error);
}

static int read_elements(
	const struct json_key *key, const struct json_path *path, void *owner, struct error *error)
{
	int result = create_elements(key, path, owner, error);
	size_t before = json_count_refusals(path);
	char *elements = *(char **)field_of(key, owner);

	for (size_t i = 0; result == 0 && i < json_array_size(path->value); i++) {
		struct json_path element = json_path_element(path, i);
		void *field = elements + i * key->element_size;

		result = key->keys != NULL ? json_key_read_element(key, &element, field, error)
					   : read_list_value(key, &element, field, error);
		result = json_take_refusal(path, result, error);
	}
	return result == 0 && json_count_refusals(path) != before ? -EINVAL : result;
}

static json_t *print_element(const struct json_key *key, const void *element, const void *context)
{
	static const struct json_key whole = { .name = "" };

	if (key->keys != NULL)
		return json_keys_print(key->keys, element, context);
	return key->elements->print(&whole, element, context);
}

static json_t *print_elements(const struct json_key *key, const void *owner, const void *context)
{
	const char *elements = *(const char *const *)const_field_of(key, owner);
	size_t count = *(const size_t *)((const char *)owner + key->count_offset);
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++) {
		if (json_array_append_new(list,
			    print_element(key, elements + i * key->element_size, context)) == 0)
			continue;
		json_decref(list);
		return NULL;
	}
	return list;
}

const struct json_kind json_kind_objects = {
	.noun = "list of objects",
	.read = read_elements,
	.print = print_elements,
	.describe = json_schema_list,
};

const struct json_kind json_kind_list = {
	.noun = "list",
	.read = read_elements,
	.print = print_elements,
	.describe = json_schema_list,
};
