/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include <errno.h>

#include "base/error.h"

static void a_sentence_is_kept_and_the_code_returned(void **state)
{
	struct error error = { "" };

	assert_int_equal(error_set(&error, -EINVAL, "port %d is not a port", 70000), -EINVAL);
	assert_string_equal(error.message, "port 70000 is not a port");
}

static void context_goes_before_the_cause(void **state)
{
	struct error error = { "" };

	error_set(&error, -ENOENT, "no such file");
	assert_int_equal(error_wrap(&error, -ENOENT, "reading %s", "a.json"), -ENOENT);
	assert_string_equal(error.message, "reading a.json: no such file");
}

static void a_long_sentence_is_cut_between_characters(void **state)
{
	struct error error = { "" };
	char text[2 * sizeof(error.message)];

	/* 511 bytes fit; an odd number of two-byte characters would be cut through the middle */
	for (size_t i = 0; i + 2 < sizeof(text); i += 2)
		memcpy(text + i, "\xc3\xa4", 2);
	text[sizeof(text) - 2] = '\0';
	error_set(&error, -E2BIG, "%s", text);
	assert_int_equal(strlen(error.message), sizeof(error.message) - 2);
}

static void without_a_struct_error_the_code_is_still_returned(void **state)
{
	assert_int_equal(error_set(NULL, -EIO, "lost"), -EIO);
	assert_int_equal(error_wrap(NULL, -EIO, "lost"), -EIO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sentence_is_kept_and_the_code_returned),
		cmocka_unit_test(context_goes_before_the_cause),
		cmocka_unit_test(a_long_sentence_is_cut_between_characters),
		cmocka_unit_test(without_a_struct_error_the_code_is_still_returned),
	};

	return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
