/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include <jansson.h>

#include "common/printable.h"

static void what_is_printable_stays_and_the_rest_becomes_question_marks(void **state)
{
	static const struct {
		const char *before, *after;
	} texts[] = {
		{ "", "" },
		{ "pool web: moved 5 of 1000 slots", "pool web: moved 5 of 1000 slots" },
		{ "Zürich \xe2\x82\xac \xf0\x9f\x98\x80", "Zürich \xe2\x82\xac \xf0\x9f\x98\x80" },
		{ "two\nlines\r\x1b[0m\x7f", "two?lines??[0m?" },
		{ "C1 \xc2\x85 control", "C1 ?? control" },
		{ "overlong \xc0\xaf", "overlong ??" },
		{ "surrogate \xed\xa0\x80", "surrogate ???" },
		{ "beyond \xf4\x90\x80\x80", "beyond ????" },
		{ "no first byte \x80", "no first byte ?" },
		{ "cut off \xe2\x82", "cut off " },
		{ "reversed \xe2\x80\xae"
		  "gpj.exe",
			"reversed ???gpj.exe" },
		{ "isolated \xe2\x81\xa6x", "isolated ???x" },
		{ "private \xee\x84\xb6", "private ???" },
		{ "tagged \xf3\xa0\x81\x81", "tagged ????" },
		{ "interrupted \xe2\x82x", "interrupted ??x" },
	};

	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		char text[64];

		strcpy(text, texts[i].before);
		printable_make(text);
		assert_string_equal(text, texts[i].after);
	}
}

/* jansson knows UTF-8 by itself, and refuses what is none. */
static void any_bytes_become_a_text_that_json_takes(void **state)
{
	unsigned int random = 1;

	for (int i = 0; i < 20000; i++) {
		char text[9] = "";
		json_t *value;

		for (size_t at = 0; at < sizeof(text) - 1; at++) {
			random = random * 1103515245 + 12345;
			text[at] = (char)(random >> 16 | (i & 1 ? 0x80 : 0));
		}
		printable_make(text);
		value = json_string(text);
		assert_non_null(value);
		json_decref(value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_printable_stays_and_the_rest_becomes_question_marks),
		cmocka_unit_test(any_bytes_become_a_text_that_json_takes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
