/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sluicectl_rows: JSON objects as rows of a table. A field says which member fills a column, so a
 * report is a list of fields. What an object lacks is shown as "-".
 */
#pragma once

#include <jansson.h>
#include <stdio.h>

#include "sluicectl/table.h"

struct row_field {
	const char *title;
	const char *member; /* "a", or "a.b" of an object in it; NULL: the object's own key */
	enum table_align align;
};

/*
 * `rows` is an array of objects, or an object of objects. The first prints `none` where there is
 * no row; the second a blank line, a title and the table, or nothing.
 */
void rows_print(const char *none, const json_t *rows, const struct row_field *fields, size_t count,
	FILE *out);
void rows_print_section(const char *title, const json_t *rows, const struct row_field *fields,
	size_t count, FILE *out);

/* Adds a row of two cells, title and value, for each of the fields that the object has and that is
 * not null. */
void rows_add_members(
	struct table *table, const json_t *object, const struct row_field *fields, size_t count);

/* Adds a cell: text and integers as they are, reals with one decimal, lists with commas. */
void rows_add_value(struct table *table, const json_t *value);

/* Gives an object that was copied a text in place of what has no form of its own in a table. */
void rows_set_text(json_t *object, const char *member, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* A text of an object, or "-", without control characters, for a sentence. The caller frees it. */
char *rows_take_text(const json_t *object, const char *member);

/* 3277 as 3,277, for sentences: the cells of tables stay plain. Returns `text`. */
const char *rows_group_digits(json_int_t number, char text[static 32]);
