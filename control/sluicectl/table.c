/* SPDX-License-Identifier: BSD-3-Clause */
#include "sluicectl/table.h"

#include <err.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define GAP "  "

struct table {
	const struct table_column *columns;
	size_t column_count;
	char **cells; /* row by row */
	size_t cell_count;
	size_t cell_room;
};

struct table *table_create(const struct table_column *columns, size_t count)
{
	struct table *table = calloc(1, sizeof(*table));

	if (table == NULL)
		err(1, "table");
	table->columns = columns;
	table->column_count = count;
	return table;
}

void table_destroy(struct table *table)
{
	for (size_t i = 0; i < table->cell_count; i++)
		free(table->cells[i]);
	free(table->cells);
	free(table);
}

char *table_text_clean(char *text)
{
	for (unsigned char *byte = (unsigned char *)text; *byte != '\0'; byte++) {
		/* C1 controls are U+0080 to U+009F: 0xc2 and a byte below 0xa0 */
		if (byte[0] == 0xc2 && byte[1] >= 0x80 && byte[1] < 0xa0)
			byte[0] = byte[1] = '?';
		if (*byte < ' ' || *byte == 0x7f)
			*byte = '?';
	}
	return text;
}

size_t table_text_width(const char *text)
{
	size_t width = 0;

	for (; *text != '\0'; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

static void make_room(struct table *table)
{
	if (table->cell_count < table->cell_room)
		return;
	table->cell_room = table->cell_room == 0 ? 64 : 2 * table->cell_room;
	table->cells = reallocarray(table->cells, table->cell_room, sizeof(table->cells[0]));
	if (table->cells == NULL)
		err(1, "table");
}

void table_add(struct table *table, const char *format, ...)
{
	va_list arguments;
	char *text;

	make_room(table);
	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		err(1, "table");
	va_end(arguments);
	if (text[0] == '\0') {
		free(text);
		text = strdup("-");
		if (text == NULL)
			err(1, "table");
	}
	table->cells[table->cell_count++] = table_text_clean(text);
}

bool table_is_empty(const struct table *table)
{
	return table->cell_count == 0;
}

static size_t measure_column(const struct table *table, size_t column)
{
	const char *title = table->columns[column].title;
	size_t width = title != NULL ? table_text_width(title) : 0;

	for (size_t i = column; i < table->cell_count; i += table->column_count)
		if (table_text_width(table->cells[i]) > width)
			width = table_text_width(table->cells[i]);
	return width;
}

static void print_cell(
	const struct table *table, size_t column, size_t width, const char *text, FILE *out)
{
	int blanks = width - table_text_width(text);
	bool last = column + 1 == table->column_count;

	if (table->columns[column].align == TABLE_RIGHT)
		fprintf(out, "%*s%s", blanks, "", text);
	else
		fprintf(out, "%s%*s", text, last ? 0 : blanks, "");
	fputs(last ? "\n" : GAP, out);
}

static void print_head(const struct table *table, const size_t *widths, FILE *out)
{
	if (table->columns[0].title == NULL)
		return;
	for (size_t i = 0; i < table->column_count; i++)
		print_cell(table, i, widths[i], table->columns[i].title, out);
}

void table_print(const struct table *table, FILE *out)
{
	size_t *widths = calloc(table->column_count, sizeof(widths[0]));

	if (widths == NULL)
		err(1, "table");
	for (size_t i = 0; i < table->column_count; i++)
		widths[i] = measure_column(table, i);
	print_head(table, widths, out);
	for (size_t i = 0; i < table->cell_count; i++)
		print_cell(table, i % table->column_count, widths[i % table->column_count],
			table->cells[i], out);
	free(widths);
}
