/* SPDX-License-Identifier: BSD-3-Clause */
#include "json/json_schema.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define PATH_SIZE 128

/* Of a table with constant rows: a text that does not parse is a mistake in the source. */
static json_t *parse(const char *text)
{
	json_t *schema = json_loads(text, 0, NULL);

	if (schema == NULL)
		abort();
	return schema;
}

static json_t *describe_kind(const struct json_key *key, const struct json_kind *kind)
{
	return kind->describe != NULL ? kind->describe(key) : parse(kind->schema);
}

json_t *json_schema_key(const struct json_key *key)
{
	json_t *schema = describe_kind(key, key->kind);

	if (key->text != NULL)
		json_object_set_new(schema, "default", json_string(key->text));
	if (key->summary != NULL)
		json_object_set_new(schema, "description", json_string(key->summary));
	return schema;
}

static json_t *describe_keys(const struct json_key *keys)
{
	json_t *properties = json_object();
	json_t *required = json_array();
	json_t *schema = json_pack("{s:s, s:b, s:o, s:o}", "type", "object", "additionalProperties",
		0, "required", required, "properties", properties);

	for (; keys->name != NULL; keys++) {
		if (keys->kind == NULL)
			continue;
		if (keys->presence != JSON_KEY_OPTIONAL)
			json_array_append_new(required, json_string(keys->name));
		json_object_set_new(properties, keys->name, json_schema_key(keys));
	}
	if (json_array_size(required) == 0)
		json_object_del(schema, "required");
	return schema;
}

static json_t *describe_with_rule(const struct json_key *key)
{
	json_t *schema = describe_keys(key->keys);

	if (key->rule != NULL)
		json_object_update_new(schema, parse(key->rule));
	return schema;
}

json_t *json_schema_object(const struct json_key *key)
{
	return describe_with_rule(key);
}

json_t *json_schema_list(const struct json_key *key)
{
	json_t *items =
		key->keys != NULL ? describe_with_rule(key) : describe_kind(key, key->elements);
	json_t *schema = json_pack("{s:s, s:I, s:o}", "type", "array", "maxItems",
		(json_int_t)key->most, "items", items);

	if (key->least > 0)
		json_object_set_new(schema, "minItems", json_integer(key->least));
	if (key->presence == JSON_KEY_OPTIONAL)
		json_object_set_new(schema, "default", json_array());
	return schema;
}

json_t *json_schema_document(
	const struct json_key *keys, const char *title, const char *description)
{
	json_t *schema = json_pack("{s:s, s:s, s:s}", "$schema",
		"https://json-schema.org/draft/2020-12/schema", "title", title, "description",
		description);

	json_object_update_new(schema, describe_keys(keys));
	return schema;
}

static void list_words(const struct json_choice *words, char text[static JSON_VALUES_SIZE])
{
	size_t used = 0;

	text[0] = '\0';
	for (; words->name != NULL && used < JSON_VALUES_SIZE; words++)
		if (words->value != JSON_CHOICE_NOT_YET)
			used += snprintf(text + used, JSON_VALUES_SIZE - used, "%s%s",
				used > 0 ? ", " : "", words->name);
}

const char *json_schema_values(const struct json_key *key, char text[static JSON_VALUES_SIZE])
{
	const bool has_unit = key->unit != NULL, is_special = key->also != NULL;

	if (key->words != NULL)
		list_words(key->words, text);
	else if (key->kind == &json_kind_integer)
		snprintf(text, JSON_VALUES_SIZE, "%s%s%" PRId64 "-%" PRId64 "%s%s",
			is_special ? key->also : "", is_special ? ", " : "", key->least, key->most,
			has_unit ? " " : "", has_unit ? key->unit : "");
	else if (key->kind == &json_kind_objects || key->kind == &json_kind_list)
		snprintf(text, JSON_VALUES_SIZE, "list of %" PRId64 "-%" PRId64 " %s", key->least,
			key->most, key->keys != NULL ? "objects" : "texts");
	else
		snprintf(text, JSON_VALUES_SIZE, "%s", key->kind->noun);
	return text;
}

/*
 * The manual. A dot or an apostrophe at the start of a line would be a request of roff, and a
 * quotation mark would end an argument.
 */
static void write_text(const char *text, FILE *file)
{
	if (text[0] == '.' || text[0] == '\'')
		fputs("\\&", file);
	for (; *text != '\0'; text++) {
		if (*text == '\\')
			fputs("\\e", file);
		else if (*text == '-')
			fputs("\\-", file);
		else if (*text == '"')
			fputs("\\(dq", file);
		else
			fputc(*text, file);
	}
}

static void write_values(const struct json_key *key, FILE *file)
{
	char values[JSON_VALUES_SIZE];

	write_text(json_schema_values(key, values), file);
}

static void write_default(const struct json_key *key, FILE *file)
{
	if (key->presence != JSON_KEY_OPTIONAL)
		fputs("; required", file);
	else if (key->text != NULL) {
		fputs("; default ", file);
		write_text(key->text, file);
	} else if (key->kind == &json_kind_flag)
		fprintf(file, "; default %s", key->number != 0 ? "true" : "false");
	else if (key->has_default)
		fprintf(file, "; default %" PRId64, key->number);
}

static void write_restart(const struct json_key *key, enum json_key_restart parent, FILE *file)
{
	enum json_key_restart restart = json_key_restart(key, parent);

	if (restart == JSON_KEY_RESTART_TO_LOWER)
		fputs(" To lower it needs a restart.", file);
	else if (restart == JSON_KEY_RESTART && key->keys == NULL)
		fputs(" A change needs a restart.", file);
	else if (restart == JSON_KEY_AT_ONCE && parent == JSON_KEY_RESTART)
		fputs(" May be changed while running.", file);
}

static void write_keys(
	const struct json_key *keys, const char *prefix, enum json_key_restart parent, FILE *file)
{
	for (; keys->name != NULL; keys++) {
		const bool is_list = keys->element_size > 0;
		char path[PATH_SIZE];

		if (keys->kind == NULL)
			continue;
		snprintf(path, sizeof(path), "%s%s", prefix, keys->name);
		fputs(".TP\n.B ", file);
		write_text(path, file);
		fputs("\n.RI ( ", file);
		fputs("\"", file);
		write_values(keys, file);
		write_default(keys, file);
		fputs("\" )\n.br\n", file);
		write_text(keys->summary, file);
		write_restart(keys, parent, file);
		fputc('\n', file);
		if (keys->keys == NULL)
			continue;
		strncat(path, is_list ? "[]." : ".", sizeof(path) - strlen(path) - 1);
		write_keys(keys->keys, path, json_key_restart(keys, parent), file);
	}
}

void json_schema_write_manual(const struct json_key *keys, FILE *file)
{
	write_keys(keys, "", JSON_KEY_AT_ONCE, file);
}
