/* SPDX-License-Identifier: BSD-3-Clause */
#include "json/json.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUOTE_BYTES    40 /* of a text from the document that a sentence repeats */
#define SENTENCE_BYTES 384

/* Every byte can become `\xNN`; then the quotes, three dots and the NUL. */
static_assert(JSON_QUOTE_SIZE >= 4 * QUOTE_BYTES + 6, "a quoted text has room");

struct json_path json_path_root(const json_t *document)
{
	return (struct json_path){ .value = document };
}

struct json_path json_path_key(const struct json_path *object, const char *key)
{
	return (struct json_path){
		.parent = object,
		.key = key,
		.value = json_object_get(object->value, key),
		.findings = object->findings,
	};
}

struct json_path json_path_element(const struct json_path *list, size_t index)
{
	return (struct json_path){
		.parent = list,
		.index = index,
		.value = json_array_get(list->value, index),
		.findings = list->findings,
	};
}

static bool is_printable(char c)
{
	return c >= 0x20 && c <= 0x7e;
}

const char *json_quote(const char *text, char quoted[static JSON_QUOTE_SIZE])
{
	char *end = quoted;

	*end++ = '"';
	for (size_t i = 0; i < QUOTE_BYTES && text[i] != '\0'; i++) {
		if (!is_printable(text[i])) {
			end += sprintf(end, "\\x%02x", (unsigned char)text[i]);
			continue;
		}
		if (text[i] == '"' || text[i] == '\\')
			*end++ = '\\';
		*end++ = text[i];
	}
	strcpy(end, strlen(text) > QUOTE_BYTES ? "...\"" : "\"");
	return quoted;
}

static bool is_plain_key(const char *key)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
	size_t length = strspn(key, plain);

	return length > 0 && length <= QUOTE_BYTES && key[length] == '\0';
}

static void append_step(const struct json_path *path, char text[static JSON_PATH_SIZE])
{
	char quoted[JSON_QUOTE_SIZE];
	size_t used = strlen(text);
	char *end = text + used;
	size_t room = JSON_PATH_SIZE - used;

	if (path->key == NULL)
		snprintf(end, room, "[%zu]", path->index);
	else
		snprintf(end, room, "%s%s", used > 0 ? "." : "",
			is_plain_key(path->key) ? path->key : json_quote(path->key, quoted));
}

/* Recurses to the top first; a document nests 16 deep at most. */
static void append_path(const struct json_path *path, char text[static JSON_PATH_SIZE])
{
	if (path->parent == NULL)
		return;
	append_path(path->parent, text);
	append_step(path, text);
}

const char *json_path_format(const struct json_path *path, char text[static JSON_PATH_SIZE])
{
	text[0] = '\0';
	append_path(path, text);
	if (text[0] == '\0')
		strcpy(text, "document");
	return text;
}

int json_refuse(const struct json_path *path, struct error *error, const char *format, ...)
{
	char text[JSON_PATH_SIZE];
	char sentence[SENTENCE_BYTES];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(sentence, sizeof(sentence), format, arguments);
	va_end(arguments);
	return error_set(error, -EINVAL, "%s: %s", json_path_format(path, text), sentence);
}

static const char *describe(const json_t *value, char text[static JSON_QUOTE_SIZE])
{
	size_t flags = JSON_ENCODE_ANY | JSON_REAL_PRECISION(12);

	if (value == NULL)
		return "nothing";
	if (json_is_object(value))
		return "an object";
	if (json_is_array(value))
		return "a list";
	if (json_is_string(value))
		return json_quote(json_string_value(value), text);
	text[json_dumpb(value, text, JSON_QUOTE_SIZE - 1, flags)] = '\0';
	return text;
}

int json_mismatch(const struct json_path *path, const char *wanted, struct error *error)
{
	char text[JSON_QUOTE_SIZE];

	return json_refuse(path, error, "%s is not %s", describe(path->value, text), wanted);
}

int json_take_refusal(const struct json_path *whole, int result, struct error *error)
{
	return whole->findings == NULL ? result : findings_take(whole->findings, result, error);
}

size_t json_count_refusals(const struct json_path *path)
{
	return path->findings == NULL ? 0 : path->findings->count;
}

int json_list_validate(
	const struct json_path *path, const struct json_list *list, struct error *error)
{
	size_t length = json_array_size(path->value);

	if (!json_is_array(path->value))
		return json_mismatch(path, "a list", error);
	if (length < list->minimum || length > list->maximum)
		return json_refuse(path, error, "%zu entries (%zu-%zu are allowed)", length,
			list->minimum, list->maximum);
	return 0;
}

void *json_list_create(const struct json_path *path, const struct json_list *list, size_t *count,
	struct error *error)
{
	size_t length = json_array_size(path->value);
	void *elements;

	*count = 0;
	if (json_list_validate(path, list, error) != 0)
		return NULL;
	elements = calloc(length > 0 ? length : 1, list->element_size);
	if (elements == NULL) {
		error_set(error, -ENOMEM, "out of memory");
		return NULL;
	}
	*count = length;
	return elements;
}

int json_list_read(const struct json_path *path, const struct json_list *list, void *elements,
	struct error *error)
{
	size_t before = json_count_refusals(path);

	if (elements == NULL)
		return -EINVAL;
	for (size_t i = 0; i < json_array_size(path->value); i++) {
		struct json_path element = json_path_element(path, i);
		int result = list->read(&element, (char *)elements + i * list->element_size, error);

		result = json_take_refusal(path, result, error);
		if (result != 0)
			return result;
	}
	return json_count_refusals(path) != before ? -EINVAL : 0;
}

const char *json_read_string(const struct json_path *path, const char *wanted, struct error *error)
{
	if (!json_is_string(path->value)) {
		json_mismatch(path, wanted, error);
		return NULL;
	}
	return json_string_value(path->value);
}

int json_read_integer(const struct json_path *path, int64_t minimum, int64_t maximum,
	const char *wanted, int64_t *number, struct error *error)
{
	if (!json_is_integer(path->value))
		return json_mismatch(path, wanted, error);
	*number = json_integer_value(path->value);
	if (*number < minimum || *number > maximum)
		return json_mismatch(path, wanted, error);
	return 0;
}

int json_read_choice(const struct json_path *path, const struct json_choice *choices,
	const char *wanted, int *value, struct error *error)
{
	const char *text = json_read_string(path, wanted, error);

	if (text == NULL)
		return -EINVAL;
	for (const struct json_choice *choice = choices; choice->name != NULL; choice++) {
		if (strcmp(choice->name, text) != 0)
			continue;
		if (choice->value == JSON_CHOICE_NOT_YET)
			return json_refuse(path, error, "\"%s\" is not in this version", text);
		*value = choice->value;
		return 0;
	}
	return json_mismatch(path, wanted, error);
}

const char *json_choice_name(const struct json_choice *choices, int value)
{
	for (const struct json_choice *choice = choices; choice->name != NULL; choice++) {
		if (choice->value == value)
			return choice->name;
	}
	return NULL;
}
