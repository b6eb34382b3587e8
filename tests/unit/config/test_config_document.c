/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include <sys/stat.h>
#include <unistd.h>

#include "config_fixture.h"

#define MUTATIONS 20000

/* A text with its length, because some hold a NUL. */
#define TEXT(literal) literal, sizeof(literal) - 1

static void what_is_no_document_is_refused_with_line_and_column(void **state)
{
	static const struct {
		const char *text;
		size_t length;
		const char *sentence;
	} rows[] = {
		{ TEXT(""), "line 1, column 0: '[' or '{' expected near end of file" },
		{ TEXT("7"), "line 1, column 1: '[' or '{' expected" },
		{ TEXT("{\n  \"node\": \n"),
			"line 3, column 0: unexpected token near end of file" },
		{ TEXT("{} {}"), "line 1, column 4: end of file expected" },
		{ TEXT("{\"node\": 1,}"), "line 1, column 12: string or '}' expected" },
		{ TEXT("{\"a\": 1,\n \"a\": 2}"),
			"line 2, column 4: duplicate object key near '\"a\"'" },
		{ TEXT("{\"a\": {\"b\": 1, \"b\": 1}}"),
			"line 1, column 18: duplicate object key near '\"b\"'" },
		{ TEXT("{\n\"\xc3\xa4\": \0}"), "line 2, column 6: a NUL byte" },
		{ TEXT("{\"a\": \"b\0c\"}"), "line 1, column 9: a NUL byte" },
		{ TEXT("{}\0"), "line 1, column 3: a NUL byte" },
		{ TEXT("{\"a\": \"\\u0000\"}"), "line 1, column 14: a NUL byte" },
		{ TEXT("{\"a\": \"\xff\"}"), "line 1, column 7: not UTF-8" },
		{ TEXT("{\"a\": \"\xc3\"}"), "line 1, column 7: not UTF-8" },
		{ TEXT("{\"a\": \"\\ud800\"}"), "line 1, column 14: invalid Unicode '\\uD800'" },
		{ TEXT("{\"a\": 99999999999999999999}"), "line 1, column 26: too big integer" },
		{ TEXT("{\"a\": 1e999}"), "line 1, column 11: real number overflow" },
		{ TEXT("{\"a\": 01}"), "line 1, column 7: invalid token" },
		{ TEXT("{\"a\": NaN}"), "line 1, column 9: invalid token" },
		{ TEXT("{'a': 1}"), "line 1, column 2: string or '}' expected" },
		{ TEXT("\xef\xbb\xbf{}"), "line 1, column 1: '[' or '{' expected" },
		{ TEXT("{\"a\": 1} // why"), "line 1, column 10: end of file expected" },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct error error = { "" };
		json_t *document = config_document_parse(rows[i].text, rows[i].length, &error);

		assert_null(document);
		assert_string_equal(error.message, rows[i].sentence);
	}
}

static json_t *parse_nested(size_t depth, struct error *error)
{
	size_t length = 2 * depth;
	char *text = malloc(length);
	json_t *document;

	memset(text, '[', depth);
	memset(text + depth, ']', depth);
	document = config_document_parse(text, length, error);
	free(text);
	return document;
}

static void nesting_is_bounded_before_it_is_followed(void **state)
{
	static const char quoted[] = "{\"[[[[[[[[[[[[[[[[[[[[\\\"[[[[[[\": \"{{{{{{{{{{{{{{{{{\"}";
	struct error error = { "" };
	json_t *document = parse_nested(16, &error);

	assert_non_null(document);
	json_decref(document);
	assert_null(parse_nested(17, &error));
	assert_string_equal(error.message, "line 1, column 17: nested deeper than 16");
	assert_null(parse_nested(1000000, &error));
	assert_string_equal(error.message, "line 1, column 17: nested deeper than 16");
	document = config_document_parse(quoted, sizeof(quoted) - 1, &error);
	assert_non_null(document);
	json_decref(document);
}

static void a_document_beyond_64_mib_is_refused_unread(void **state)
{
	struct error error = { "" };

	assert_null(config_document_parse("{}", CONFIG_FILE_MAX + (size_t)1, &error));
	assert_string_equal(error.message, "document: 67108865 bytes (0-67108864 are allowed)");
}

static void no_sentence_repeats_the_secret(void **state)
{
	static const char *const texts[] = {
		"{\"node\": {\"hash_key\" \"00112233445566\"}}",
		"{\"node\": {\"hash_key\": \"0011223344",
		"{\"node\": {\"hash_key\": 0011223344}}",
		"{\"node\": {\"hash_key\": \"00112233445566\" \"00112233445566\"}}",
	};

	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		struct error error = { "" };

		assert_null(config_document_parse(texts[i], strlen(texts[i]), &error));
		assert_non_null(strstr(error.message, "line 1, column"));
		assert_null(strstr(error.message, "0011"));
	}
}

/* In memory of exactly its size, so that the address sanitizer sees a read past the end. */
static json_t *parse_exactly(const char *text, size_t length, struct error *error)
{
	char *copy = malloc(length > 0 ? length : 1);
	json_t *document;

	memcpy(copy, text, length);
	document = config_document_parse(copy, length, error);
	free(copy);
	return document;
}

static void a_document_cut_short_anywhere_is_refused(void **state)
{
	size_t length;
	char *text = config_fixture_text("full.json", &length);
	json_t *document;
	struct error error;

	while (text[length - 1] == '\n')
		length--;
	document = parse_exactly(text, length, &error);
	assert_non_null(document);
	json_decref(document);
	for (size_t cut = 0; cut < length; cut++) {
		error.message[0] = '\0';
		assert_null(parse_exactly(text, cut, &error));
		assert_true(strncmp(error.message, "line ", 5) == 0);
	}
	free(text);
}

/* Marsaglia's xorshift64: the same mutations in every run. */
static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static void mutate(char *text, size_t length, uint64_t *seed)
{
	static const char likely[] = "\"{}[],:0123456789.-eanull\\ \n";
	size_t edits = 1 + next_random(seed) % 3;

	for (size_t i = 0; i < edits; i++) {
		char *byte = text + next_random(seed) % length;
		uint64_t roll = next_random(seed);

		*byte = roll % 2 == 0 ? (char)(roll >> 8)
				      : likely[(roll >> 8) % (sizeof(likely) - 1)];
	}
}

/* 1 where the text is a configuration, which must then print canonically; else 0. */
static int judge(const char *text, size_t length)
{
	struct error error = { "" };
	json_t *document = parse_exactly(text, length, &error);
	struct config *config = config_read(document, NULL, &error);
	struct config *again;
	json_t *printed;
	char *once, *twice;

	json_decref(document);
	if (config == NULL) {
		assert_true(error.message[0] != '\0');
		return 0;
	}
	printed = config_print_with_secret(config);
	again = config_fixture_read(printed);
	once = config_fixture_dump(printed);
	twice = config_fixture_dump(config_print_with_secret(again));
	assert_string_equal(once, twice);
	free(twice);
	free(once);
	config_destroy(again);
	config_destroy(config);
	return 1;
}

static void random_edits_are_refused_or_understood(void **state)
{
	uint64_t seed = 0x5157a1ce0f5eed;
	size_t length;
	char *text = config_fixture_text("full.json", &length);
	char *mutated = malloc(length);
	unsigned int accepted = 0;

	for (unsigned int i = 0; i < MUTATIONS; i++) {
		memcpy(mutated, text, length);
		mutate(mutated, length, &seed);
		accepted += judge(mutated, length);
	}
	/* edits of a digit or a letter of a name stay good: the test reaches the printer */
	assert_in_range(accepted, MUTATIONS / 100, MUTATIONS / 2);
	free(mutated);
	free(text);
}

static void expect_load_failure(const char *path, const char *cause)
{
	struct error error = { "" };
	char sentence[512];

	snprintf(sentence, sizeof(sentence), "%s: %s", path, cause);
	assert_null(config_document_load(path, &error));
	assert_string_equal(error.message, sentence);
}

static void write_file(const char *path, const char *text, off_t size)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
	if (size > 0)
		assert_int_equal(truncate(path, size), 0);
}

static void a_file_that_cannot_be_a_configuration_is_refused(void **state)
{
	char directory[] = "/tmp/sluice-config-XXXXXX";
	char path[64];

	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/it", directory);
	expect_load_failure(path, "No such file or directory");
	expect_load_failure(directory, "not a regular file");
	assert_int_equal(mkfifo(path, 0600), 0);
	expect_load_failure(path, "not a regular file");
	unlink(path);
	write_file(path, "", 0);
	expect_load_failure(path, "line 1, column 0: '[' or '{' expected near end of file");
	write_file(path, "{", 0);
	expect_load_failure(path, "line 1, column 1: string or '}' expected near end of file");
	write_file(path, "{", CONFIG_FILE_MAX + 1);
	expect_load_failure(path, "67108865 bytes (0-67108864 are allowed)");
	unlink(path);
	rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_document_is_refused_with_line_and_column),
		cmocka_unit_test(nesting_is_bounded_before_it_is_followed),
		cmocka_unit_test(a_document_beyond_64_mib_is_refused_unread),
		cmocka_unit_test(no_sentence_repeats_the_secret),
		cmocka_unit_test(a_document_cut_short_anywhere_is_refused),
		cmocka_unit_test(random_edits_are_refused_or_understood),
		cmocka_unit_test(a_file_that_cannot_be_a_configuration_is_refused),
	};

	return cmocka_run_group_tests_name("config_document", tests, NULL, NULL);
}
