/* SPDX-License-Identifier: BSD-3-Clause */
/* The system's users are this test's: getpwnam_r() is its own. */
#include "unit.h"

#include <errno.h>
#include <pwd.h>

#include "probes/program_users.h"

#define SECOND_NS UINT64_C(1000000000)

static struct {
	unsigned int asked;
	bool exists;
	size_t needed; /* bytes of the entry */
} directory;

int getpwnam_r(
	const char *name, struct passwd *entry, char *buffer, size_t size, struct passwd **found)
{
	directory.asked++;
	*found = NULL;
	if (!directory.exists)
		return 0;
	if (size < directory.needed)
		return ERANGE;
	memset(entry, 0, sizeof(*entry));
	memset(buffer, 'x', directory.needed);
	entry->pw_uid = 7;
	entry->pw_gid = 8;
	*found = entry;
	return 0;
}

static int reset(void **state)
{
	memset(&directory, 0, sizeof(directory));
	return 0;
}

static void user_that_was_found_is_not_asked_for_again(void **state)
{
	struct program_users users = { .next = 0 };
	struct program_identity identity;

	directory.exists = true;
	for (uint64_t hour = 0; hour < 3; hour++) {
		assert_int_equal(
			program_users_find(&users, "check", hour * 3600 * SECOND_NS, &identity), 0);
		assert_int_equal(identity.user, 7);
		assert_int_equal(identity.group, 8);
	}
	assert_int_equal(directory.asked, 1);
}

static void user_that_is_missing_is_asked_for_again_after_some_seconds(void **state)
{
	const uint64_t again = PROGRAM_USERS_AGAIN_S * SECOND_NS;
	struct program_users users = { .next = 0 };
	struct program_identity identity;

	assert_int_equal(program_users_find(&users, "check", 0, &identity), -ENOENT);
	assert_int_equal(program_users_find(&users, "check", again - 1, &identity), -ENOENT);
	assert_int_equal(directory.asked, 1);
	assert_int_equal(program_users_find(&users, "check", again, &identity), -ENOENT);
	assert_int_equal(directory.asked, 2);
	directory.exists = true;
	assert_int_equal(program_users_find(&users, "check", 2 * again, &identity), 0);
	assert_int_equal(identity.user, 7);
}

static void long_entry_is_read(void **state)
{
	struct program_users users = { .next = 0 };
	struct program_identity identity;

	directory.exists = true;
	directory.needed = 100000;
	assert_int_equal(program_users_find(&users, "check", 0, &identity), 0);
	assert_int_equal(identity.user, 7);
}

static void entry_without_an_end_is_not_read_for_ever(void **state)
{
	struct program_users users = { .next = 0 };
	struct program_identity identity;

	directory.exists = true;
	directory.needed = SIZE_MAX;
	assert_int_equal(program_users_find(&users, "check", 0, &identity), -ERANGE);
	assert_true(directory.asked < 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(user_that_was_found_is_not_asked_for_again, reset),
		cmocka_unit_test_setup(
			user_that_is_missing_is_asked_for_again_after_some_seconds, reset),
		cmocka_unit_test_setup(long_entry_is_read, reset),
		cmocka_unit_test_setup(entry_without_an_end_is_not_read_for_ever, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
