/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include "common/suggestion.h"
#include "sluicectl/table.h"

static void expect_print(const struct table *table, const char *golden)
{
	char *text;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	table_print(table, out);
	fclose(out);
	assert_string_equal(text, golden);
	free(text);
}

static void numbers_stand_right_and_text_left_and_no_line_ends_in_blanks(void **state)
{
	static const struct table_column columns[] = { { "name", TABLE_LEFT },
		{ "packets", TABLE_RIGHT }, { "services", TABLE_LEFT } };
	struct table *table = table_create(columns, COUNT_OF(columns));

	table_add(table, "web-1");
	table_add(table, "%d", 7);
	table_add(table, "www");
	table_add(table, "w");
	table_add(table, "%d", 123456789);
	table_add(table, "www,www6");
	expect_print(table, "name     packets  services\n"
			    "web-1          7  www\n"
			    "w      123456789  www,www6\n");
	table_destroy(table);
}

static void a_table_without_titles_has_no_head(void **state)
{
	static const struct table_column columns[] = { { NULL, TABLE_LEFT },
		{ NULL, TABLE_RIGHT } };
	struct table *table = table_create(columns, COUNT_OF(columns));

	assert_true(table_is_empty(table));
	expect_print(table, "");
	table_add(table, "forwarded");
	table_add(table, "1000");
	table_add(table, "malformed");
	table_add(table, "3");
	assert_false(table_is_empty(table));
	expect_print(table, "forwarded  1000\n"
			    "malformed     3\n");
	table_destroy(table);
}

static void an_empty_cell_is_shown_as_a_dash(void **state)
{
	static const struct table_column columns[] = { { "a", TABLE_LEFT }, { "b", TABLE_LEFT } };
	struct table *table = table_create(columns, COUNT_OF(columns));

	table_add(table, "%s", "");
	table_add(table, "%s", "");
	expect_print(table, "a  b\n"
			    "-  -\n");
	table_destroy(table);
}

static void characters_are_counted_and_not_bytes(void **state)
{
	static const struct table_column columns[] = { { "a", TABLE_LEFT }, { "b", TABLE_LEFT } };
	struct table *table = table_create(columns, COUNT_OF(columns));

	table_add(table, "z\xc3\xbcrich");
	table_add(table, "x");
	table_add(table, "london");
	table_add(table, "y");
	expect_print(table, "a       b\n"
			    "z\xc3\xbcrich  x\n"
			    "london  y\n");
	table_destroy(table);
}

static void control_characters_never_reach_the_terminal(void **state)
{
	static const struct {
		const char *text;
		const char *clean;
	} rows[] = {
		{ "\x1b[31mred\x1b[0m", "?[31mred?[0m" },
		{ "a\nb\tc\rd\x7f", "a?b?c?d?" },
		{ "\xc2\x9b"
		  "31m",
			"??31m" },
		{ "z\xc3\xbcrich \xc2\xa7", "z\xc3\xbcrich \xc2\xa7" },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char text[64];

		snprintf(text, sizeof(text), "%s", rows[i].text);
		assert_string_equal(table_text_clean(text), rows[i].clean);
	}
}

static void many_rows_are_kept(void **state)
{
	static const struct table_column columns[] = { { NULL, TABLE_RIGHT } };
	struct table *table = table_create(columns, 1);
	char golden[1000 * 4 + 1] = "";

	for (int i = 0; i < 1000; i++) {
		table_add(table, "%d", i);
		sprintf(golden + 4 * i, "%3d\n", i);
	}
	expect_print(table, golden);
	table_destroy(table);
}

static void a_slip_of_the_keys_is_recognised(void **state)
{
	static const char *const known[] = { "status", "stats", "services", "backend set",
		"--weight" };
	static const struct {
		const char *word;
		const char *meant;
	} rows[] = {
		{ "statu", "status" },
		{ "sattus", "status" },
		{ "stat", "stats" },
		{ "--wieght", "--weight" },
		{ "backend se", "backend set" },
		{ "service", "services" },
		{ "frobnicate", NULL },
		{ "", NULL },
		{ "a-word-that-is-far-too-long-to-be-any-command-at-all", NULL },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct suggestion suggestion = { 0 };

		for (size_t j = 0; j < COUNT_OF(known); j++)
			suggestion_offer(&suggestion, rows[i].word, known[j]);
		if (rows[i].meant == NULL)
			assert_null(suggestion.meant);
		else
			assert_string_equal(suggestion.meant, rows[i].meant);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_stand_right_and_text_left_and_no_line_ends_in_blanks),
		cmocka_unit_test(a_table_without_titles_has_no_head),
		cmocka_unit_test(an_empty_cell_is_shown_as_a_dash),
		cmocka_unit_test(characters_are_counted_and_not_bytes),
		cmocka_unit_test(control_characters_never_reach_the_terminal),
		cmocka_unit_test(many_rows_are_kept),
		cmocka_unit_test(a_slip_of_the_keys_is_recognised),
	};

	return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
