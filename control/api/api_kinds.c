/* SPDX-License-Identifier: BSD-3-Clause */
#include "api/api_kinds.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/api_params.h"
#include "json/json_schema.h"

#define REVISION_DIGITS 16

static int read_text(const struct json_path *path, void *field, struct error *error)
{
	const char *text = json_read_string(path, "a string", error);

	*(const char **)field = text;
	return text == NULL ? -EINVAL : 0;
}

const struct json_kind api_kind_text = {
	.noun = "text",
	.read_field = read_text,
	.schema = "{\"type\": \"string\"}",
};

static int read_address(const struct json_path *path, void *field, struct error *error)
{
	const char *text = json_read_string(path, "an address", error);

	if (text == NULL)
		return -EINVAL;
	if (address_parse(text, field) != 0)
		return json_mismatch(path, "an IPv4 or IPv6 address", error);
	return 0;
}

const struct json_kind api_kind_address = {
	.noun = "IPv4 or IPv6 address",
	.read_field = read_address,
	.schema = "{\"type\": \"string\", \"anyOf\": [{\"format\": \"ipv4\"}, {\"format\": "
		  "\"ipv6\"}]}",
};

static int read_instance(const struct json_path *path, void *field, struct error *error)
{
	const char *text = json_read_string(path, "an instance id (1-128 bytes)", error);

	if (text == NULL)
		return -EINVAL;
	if (text[0] == '\0' || strlen(text) > 128)
		return json_mismatch(path, "an instance id (1-128 bytes)", error);
	*(const char **)field = text;
	return 0;
}

const struct json_kind api_kind_instance = {
	.noun = "text of 1-128 bytes",
	.read_field = read_instance,
	.schema = "{\"type\": \"string\", \"minLength\": 1, \"maxLength\": 128}",
};

static int read_revision(const struct json_path *path, void *field, struct error *error)
{
	const char *text = json_read_string(path, "a string", error);
	struct api_revision *revision = field;
	size_t digits;

	if (text == NULL)
		return -EINVAL;
	digits = strspn(text, "0123456789abcdef");
	if (digits != REVISION_DIGITS || text[digits] != '\0')
		return json_refuse(path, error, "a revision has 16 hexadecimal digits (0-9 a-f)");
	*revision = (struct api_revision){ true, strtoull(text, NULL, 16) };
	return 0;
}

const struct json_kind api_kind_revision = {
	.noun = "16 hexadecimal digits",
	.read_field = read_revision,
	.schema = "{\"type\": \"string\", \"pattern\": \"^[0-9a-f]{16}$\"}",
};

static int read_words(
	const struct json_key *key, const struct json_path *path, void *owner, struct error *error)
{
	const struct json_list list = { .minimum = 1, .maximum = 32 };
	uint32_t *bits = (uint32_t *)((char *)owner + key->offset);

	if (json_list_validate(path, &list, error) != 0)
		return -EINVAL;
	for (size_t i = 0; i < json_array_size(path->value); i++) {
		struct json_path element = json_path_element(path, i);
		int value;

		if (json_read_choice(&element, key->words, key->what, &value, error) != 0)
			return -EINVAL;
		*bits |= UINT32_C(1) << value;
	}
	return 0;
}

static json_t *describe_words(const struct json_key *key)
{
	return json_pack("{s:s, s:i, s:i, s:o}", "type", "array", "minItems", 1, "maxItems", 32,
		"items", json_kind_word.describe(key));
}

const struct json_kind api_kind_words = {
	.noun = "list of words",
	.read = read_words,
	.describe = describe_words,
};

static int read_value(const struct json_path *path, void *field, struct error *error)
{
	*(const json_t **)field = path->value;
	return 0;
}

/* Where it is left out it stays as it is, so that its default says nothing here. */
static json_t *describe_key(const struct json_key *key)
{
	json_t *schema = json_schema_key(json_key_find(key->keys, key->name));

	json_object_del(schema, "default");
	return schema;
}

const struct json_kind api_kind_key = {
	.noun = "value",
	.read_field = read_value,
	.describe = describe_key,
};

const struct json_kind api_kind_object = {
	.noun = "object",
	.read_field = read_value,
	.describe = json_schema_object,
};

/* What need not be there, because it is kept or filled in. */
static void make_optional(json_t *schema, const char *key)
{
	json_t *required = json_object_get(schema, "required"), *name;
	size_t index;

	json_array_foreach (required, index, name)
		if (strcmp(json_string_value(name), key) == 0)
			json_array_remove(required, index--);
}

static json_t *describe_pool(const struct json_key *key)
{
	json_t *schema = json_schema_object(key);

	make_optional(schema, "backends");
	return schema;
}

const struct json_kind api_kind_pool = {
	.noun = "object",
	.read_field = read_value,
	.describe = describe_pool,
};

static json_t *describe_document(const struct json_key *key)
{
	json_t *schema = json_schema_object(key);
	json_t *properties = json_object_get(schema, "properties");

	make_optional(json_object_get(properties, "node"), "hash_key");
	return schema;
}

const struct json_kind api_kind_document = {
	.noun = "object",
	.read_field = read_value,
	.describe = describe_document,
};
