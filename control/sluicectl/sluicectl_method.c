/* SPDX-License-Identifier: BSD-3-Clause */
#include "sluicectl/sluicectl_method.h"

#include <ctype.h>
#include <string.h>

#include "sluicectl/table.h"

const struct method *method_find(const char *name)
{
	for (size_t i = 0; i < method_count; i++)
		if (strcmp(method_table[i].name, name) == 0)
			return &method_table[i];
	return NULL;
}

const struct param *method_find_param(const struct method *method, const char *name, size_t length)
{
	for (const struct param *param = method->params; param->name != NULL; param++)
		if (strncmp(param->name, name, length) == 0 && param->name[length] == '\0')
			return param;
	return NULL;
}

const char *method_shorten(const char *sentences, char text[static METHOD_SUMMARY_SIZE])
{
	const char *end = strstr(sentences, ". ");
	size_t length = end != NULL ? (size_t)(end - sentences) : strlen(sentences);

	snprintf(text, METHOD_SUMMARY_SIZE, "%.*s", (int)length, sentences);
	length = strlen(text);
	if (length > 0 && text[length - 1] == '.')
		text[length - 1] = '\0';
	if (length > 1 && !isupper((unsigned char)text[1])) /* unless it is an abbreviation */
		text[0] = (char)tolower((unsigned char)text[0]);
	return text;
}

void method_print_help(const struct method *method, FILE *out)
{
	static const struct table_column columns[] = { { NULL, TABLE_LEFT }, { NULL, TABLE_LEFT },
		{ NULL, TABLE_LEFT } };
	struct table *table = table_create(columns, 3);

	fprintf(out, "%s, a method of the control socket%s\n\n%s\n", method->name,
		method->changes ? " for operators" : "", method->summary);
	for (const struct param *param = method->params; param->name != NULL; param++) {
		char text[METHOD_SUMMARY_SIZE];

		table_add(table, "  %s", param->name);
		table_add(table, "%s%s%s%s", param->values, param->required ? "; required" : "",
			param->fallback != NULL ? "; default " : "",
			param->fallback != NULL ? param->fallback : "");
		table_add(table, "%s", method_shorten(param->summary, text));
	}
	if (method->params->name != NULL)
		fputc('\n', out);
	table_print(table, out);
	table_destroy(table);
}
