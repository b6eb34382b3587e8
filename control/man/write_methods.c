/* SPDX-License-Identifier: BSD-3-Clause */
/* write_methods: the table of methods in C, as sluicectl knows it (sluicectl_method.h). */
#include <err.h>
#include <stdio.h>
#include <string.h>

#include "api/api_kinds.h"
#include "api/api_methods.h"
#include "config/config_health.h"
#include "config/config_keys.h"
#include "config/config_kinds.h"
#include "json/json_schema.h"

static bool is_object(const struct json_key *key)
{
	return key->kind == &api_kind_object || key->kind == &api_kind_pool;
}

static const char *name_kind(const struct json_key *key)
{
	static const struct {
		const struct json_kind *kind;
		const char *name;
	} names[] = {
		{ &api_kind_text, "PARAM_TEXT" },
		{ &api_kind_revision, "PARAM_TEXT" },
		{ &api_kind_instance, "PARAM_TEXT" },
		{ &config_kind_name, "PARAM_TEXT" },
		{ &config_kind_pool, "PARAM_TEXT" },
		{ &config_kind_seat, "PARAM_TEXT" },
		{ &api_kind_address, "PARAM_ADDRESS" },
		{ &config_kind_address, "PARAM_ADDRESS" },
		{ &config_kind_vip, "PARAM_ADDRESS" },
		{ &config_kind_port, "PARAM_PORT" },
		{ &json_kind_word, "PARAM_WORD" },
		{ &api_kind_words, "PARAM_WORDS" },
		{ &json_kind_object, "PARAM_OBJECT" },
		{ &config_kind_health, "PARAM_OBJECT" },
		{ &config_kind_flows, "PARAM_FLOWS" },
		{ &config_kind_threshold, "PARAM_THRESHOLD" },
		{ &json_kind_objects, "PARAM_DOCUMENT" },
		{ &json_kind_list, "PARAM_DOCUMENT" },
		{ &api_kind_object, "PARAM_DOCUMENT" },
		{ &api_kind_pool, "PARAM_DOCUMENT" },
		{ &api_kind_document, "PARAM_DOCUMENT" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].kind == key->kind)
			return names[i].name;
	if (key->kind == &json_kind_flag)
		return key->has_default && key->number != 0 ? "PARAM_YES_NO" : "PARAM_FLAG";
	if (key->kind != &json_kind_integer)
		errx(1, "%s: sluicectl knows no kind of parameter for its value", key->name);
	return key->unit != NULL && strcmp(key->unit, "s") == 0 ? "PARAM_SECONDS" : "PARAM_NUMBER";
}

static void write_text(const char *text)
{
	putchar('"');
	for (; *text != '\0'; text++)
		printf("%s%c", *text == '"' || *text == '\\' ? "\\" : "", *text);
	putchar('"');
}

static void write_default(const struct json_key *key)
{
	if (key->text != NULL)
		write_text(key->text);
	else if (key->has_default)
		printf("\"%lld\"", (long long)key->number);
	else
		fputs("NULL", stdout);
}

static void write_words(const struct json_choice *words)
{
	fputs("\t\t(const char *const[]){ ", stdout);
	for (; words->name != NULL; words++) {
		if (words->value == JSON_CHOICE_NOT_YET)
			continue;
		write_text(words->name);
		fputs(", ", stdout);
	}
	fputs("NULL },\n", stdout);
}

/* `param` is the key itself or, where that is one of a configuration, who says which. */
static void write_row(
	const char *prefix, const struct json_key *param, const struct json_key *key, bool required)
{
	char values[JSON_VALUES_SIZE];

	printf("\t{ \"%s%s\", %s, %s,\n", prefix, param->name, name_kind(key),
		required ? "true" : "false");
	if (key->words != NULL)
		write_words(key->words);
	else
		fputs("\t\tNULL,\n", stdout);
	fputs("\t\t", stdout);
	write_text(json_schema_values(key, values));
	fputs(", ", stdout);
	if (param == key)
		write_default(key);
	else
		fputs("NULL", stdout);
	fputs(",\n\t\t", stdout);
	write_text(key->summary);
	fputs(" },\n", stdout);
}

/* A pool may be added without what is a list. */
static void write_keys_of(const struct json_key *object)
{
	char prefix[64];

	snprintf(prefix, sizeof(prefix), "%s.", object->name);
	for (const struct json_key *key = object->keys; key->name != NULL; key++)
		if (key->kind != NULL)
			write_row(prefix, key, key,
				key->presence == JSON_KEY_REQUIRED && key->element_size == 0);
}

static void write_params(const struct api_method *method, size_t number)
{
	printf("static const struct param params_%zu[] = {\n", number);
	for (const struct json_key *param = method->params; param->name != NULL; param++) {
		write_row("", param, api_method_row(param), param->presence == JSON_KEY_REQUIRED);
		if (is_object(param))
			write_keys_of(param);
	}
	fputs("\t{ .name = NULL },\n};\n\n", stdout);
}

int main(void)
{
	fputs("/* Made by write_methods. */\n#include \"sluicectl/sluicectl_method.h\"\n\n",
		stdout);
	for (size_t i = 0; i < api_method_count; i++)
		write_params(&api_methods[i], i);
	fputs("const struct method method_table[] = {\n", stdout);
	for (size_t i = 0; i < api_method_count; i++) {
		printf("\t{ \"%s\", %s, params_%zu,\n\t\t", api_methods[i].name,
			api_methods[i].changes ? "true" : "false", i);
		write_text(api_methods[i].summary);
		fputs(" },\n", stdout);
	}
	printf("};\n\nconst size_t method_count = %zu;\n", api_method_count);
	return fflush(stdout) != 0 || ferror(stdout);
}
