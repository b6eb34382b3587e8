/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include "config_fixture.h"

json_t *config_fixture_load(const char *name)
{
	struct error error = { "" };
	char path[512];
	json_t *document;

	snprintf(path, sizeof(path), FIXTURES "/%s", name);
	document = config_document_load(path, &error);
	if (document == NULL)
		fail_msg("%s", error.message);
	return document;
}

char *config_fixture_text(const char *name, size_t *length)
{
	char path[512];
	char *text = NULL;
	size_t room = 0;
	ssize_t count;
	FILE *file;

	snprintf(path, sizeof(path), FIXTURES "/%s", name);
	file = fopen(path, "r");
	assert_non_null(file);
	count = getdelim(&text, &room, '\0', file);
	assert_true(count > 0);
	fclose(file);
	*length = (size_t)count;
	return text;
}

static json_t *step(json_t *value, const char *token)
{
	return json_is_array(value) ? json_array_get(value, strtoul(token, NULL, 10))
				    : json_object_get(value, token);
}

/* Walks to the parent of what `pointer` names; `token` becomes the last step, within `tokens`. */
static json_t *find_parent(json_t *document, char *tokens, const char **token)
{
	char *rest = tokens + 1;
	char *slash;

	while ((slash = strchr(rest, '/')) != NULL) {
		*slash = '\0';
		document = step(document, rest);
		assert_non_null(document);
		rest = slash + 1;
	}
	*token = rest;
	return document;
}

static void set_value(json_t *parent, const char *token, json_t *value)
{
	if (json_is_object(parent))
		assert_int_equal(json_object_set(parent, token, value), 0);
	else if (strcmp(token, "-") == 0)
		assert_int_equal(json_array_append(parent, value), 0);
	else
		assert_int_equal(json_array_set(parent, strtoul(token, NULL, 10), value), 0);
}

/* Takes `document` over and returns it, or what takes its place where the pointer is empty. */
static json_t *set(json_t *document, const char *pointer, json_t *value)
{
	char tokens[256];
	const char *token;
	json_t *parent;

	if (pointer[0] == '\0') {
		json_decref(document);
		return json_incref(value);
	}
	assert_true(strlen(pointer) < sizeof(tokens));
	strcpy(tokens, pointer);
	parent = find_parent(document, tokens, &token);
	set_value(parent, token, value);
	return document;
}

static void drop(json_t *document, const char *pointer)
{
	char tokens[256];
	const char *token;
	json_t *parent;

	assert_true(strlen(pointer) < sizeof(tokens));
	strcpy(tokens, pointer);
	parent = find_parent(document, tokens, &token);
	assert_int_equal(json_object_del(parent, token), 0);
}

json_t *config_fixture_change(const json_t *document, const json_t *row)
{
	json_t *changed = json_deep_copy(document);
	const char *removed = json_string_value(json_object_get(row, "remove"));
	const char *pointer;
	json_t *value;

	json_object_foreach (json_object_get(row, "set"), pointer, value)
		changed = set(changed, pointer, value);
	if (removed != NULL)
		drop(changed, removed);
	return changed;
}

json_t *config_fixture_change_one(const json_t *document, const char *pointer, const char *value)
{
	json_t *changed = json_deep_copy(document);
	json_t *parsed;

	if (value == NULL) {
		drop(changed, pointer);
		return changed;
	}
	parsed = json_loads(value, JSON_DECODE_ANY, NULL);
	assert_non_null(parsed);
	changed = set(changed, pointer, parsed);
	json_decref(parsed);
	return changed;
}

struct config *config_fixture_read(const json_t *document)
{
	struct error error = { "" };
	struct config *config = config_read(document, NULL, &error);

	if (config == NULL)
		fail_msg("refused: %s", error.message);
	return config;
}

const char *config_fixture_refusal(const json_t *document, struct error *error)
{
	struct config *config;

	error->message[0] = '\0';
	config = config_read(document, NULL, error);
	if (config != NULL) {
		config_destroy(config);
		fail_msg("accepted what should be refused");
	}
	return error->message;
}

char *config_fixture_dump(json_t *document)
{
	char *text = json_dumps(document, JSON_INDENT(2));

	json_decref(document);
	assert_non_null(text);
	return text;
}
