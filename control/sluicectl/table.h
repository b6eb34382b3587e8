/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * table: columns aligned for people, plain enough for grep and awk: cells are two blanks apart,
 * numbers are right-aligned and not grouped, nothing is drawn, no line ends in blanks.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct table;

enum table_align { TABLE_LEFT, TABLE_RIGHT };

struct table_column {
	const char *title; /* NULL in every column: the table has no head */
	enum table_align align;
};

/* `columns` must outlive the table. Without memory this ends the program. */
struct table *table_create(const struct table_column *columns, size_t count);
void table_destroy(struct table *table);

/* Adds the next cell, row by row from left to right. "" is shown as "-". Control characters become
 * '?': a name never gets to speak to the terminal. Without memory this ends the program. */
void table_add(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));

bool table_is_empty(const struct table *table);

/* Every row must be complete. Prints nothing where there is no row and no head. */
void table_print(const struct table *table, FILE *out);

/* Columns a UTF-8 text takes: its characters, each counted as one. */
size_t table_text_width(const char *text);

/* Replaces control characters by '?', in place; returns `text`. */
char *table_text_clean(char *text);
