/* SPDX-License-Identifier: BSD-3-Clause */
#include "sluicectl/sluicectl_rows.h"

#include <err.h>
#include <stdarg.h>
#include <string.h>

#define COLUMNS_MAX 20
#define MEMBER_SIZE 64  /* of one step of a path */
#define CELL_SIZE   512 /* longer ones are cut */

static int format_list(char *text, size_t size, const json_t *list)
{
	size_t index, used = 0;
	json_t *value;

	text[0] = '\0';
	json_array_foreach (list, index, value) {
		const char *name = json_string_value(value);

		if (name != NULL && used < size)
			used += snprintf(
				text + used, size - used, "%s%s", used > 0 ? "," : "", name);
	}
	return used;
}

static int format_value(char *text, size_t size, const json_t *value)
{
	if (json_is_string(value))
		return snprintf(text, size, "%s", json_string_value(value));
	if (json_is_integer(value))
		return snprintf(text, size, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	if (json_is_real(value))
		return snprintf(text, size, "%.1f", json_real_value(value));
	if (json_is_boolean(value))
		return snprintf(text, size, "%s", json_is_true(value) ? "yes" : "no");
	if (json_is_array(value))
		return format_list(text, size, value);
	return snprintf(text, size, "-");
}

void rows_add_value(struct table *table, const json_t *value)
{
	char text[CELL_SIZE];

	format_value(text, sizeof(text), value);
	table_add(table, "%s", text);
}

/* The value at "a" or "a.b", or NULL. */
static const json_t *find_value(const json_t *object, const char *path)
{
	const char *dot = strchr(path, '.');
	char member[MEMBER_SIZE];

	if (dot == NULL)
		return json_object_get(object, path);
	snprintf(member, sizeof(member), "%.*s", (int)(dot - path), path);
	return json_object_get(json_object_get(object, member), dot + 1);
}

static void add_row(struct table *table, const char *key, const json_t *object,
	const struct row_field *fields, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (fields[i].member == NULL)
			table_add(table, "%s", key);
		else
			rows_add_value(table, find_value(object, fields[i].member));
	}
}

/* A table of the objects in an array, or of those in an object with their keys. */
static void print_table(const json_t *rows, const struct row_field *fields, size_t count, FILE *out)
{
	struct table_column columns[COLUMNS_MAX];
	struct table *table;
	const char *key;
	size_t index;
	json_t *row;

	for (size_t i = 0; i < count; i++)
		columns[i] = (struct table_column){ fields[i].title, fields[i].align };
	table = table_create(columns, count);
	json_array_foreach (rows, index, row)
		add_row(table, "", row, fields, count);
	json_object_foreach ((json_t *)rows, key, row)
		add_row(table, key, row, fields, count);
	table_print(table, out);
	table_destroy(table);
}

static bool is_empty(const json_t *rows)
{
	return json_array_size(rows) + json_object_size(rows) == 0;
}

void rows_print_section(const char *title, const json_t *rows, const struct row_field *fields,
	size_t count, FILE *out)
{
	if (is_empty(rows))
		return;
	fprintf(out, "\n%s\n", title);
	print_table(rows, fields, count, out);
}

void rows_print(const char *none, const json_t *rows, const struct row_field *fields, size_t count,
	FILE *out)
{
	if (is_empty(rows))
		fprintf(out, "%s\n", none);
	else
		print_table(rows, fields, count, out);
}

void rows_add_members(
	struct table *table, const json_t *object, const struct row_field *fields, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const json_t *value = find_value(object, fields[i].member);

		if (value == NULL || json_is_null(value))
			continue;
		table_add(table, "%s", fields[i].title);
		rows_add_value(table, value);
	}
}

void rows_set_text(json_t *object, const char *member, const char *format, ...)
{
	va_list arguments;
	json_t *text;

	va_start(arguments, format);
	text = json_vsprintf(format, arguments);
	va_end(arguments);
	if (json_object_set_new(object, member, text) != 0)
		err(1, "result");
}

char *rows_take_text(const json_t *object, const char *member)
{
	const char *text = json_string_value(json_object_get(object, member));
	char *copy = strdup(text != NULL ? text : "-");

	if (copy == NULL)
		err(1, "result");
	return table_text_clean(copy);
}

const char *rows_group_digits(json_int_t number, char text[static 32])
{
	char digits[32];
	size_t length = snprintf(digits, sizeof(digits), "%" JSON_INTEGER_FORMAT, number);
	char *end = text;

	for (size_t i = 0; i < length; i++) {
		if (i > 0 && (length - i) % 3 == 0 && digits[i - 1] != '-')
			*end++ = ',';
		*end++ = digits[i];
	}
	*end = '\0';
	return text;
}
