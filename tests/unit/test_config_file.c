/* SPDX-License-Identifier: BSD-3-Clause */
/* Needs root, to give a file away and see that it stays so. */
#include "unit.h"

#include <errno.h>
#include <unistd.h>

#include "config_place.h"

#define OTHER_USER  12345
#define OTHER_GROUP 12346

struct fixture {
	struct config_place place;
	json_t *one, *two; /* documents; the file holds the first */
	int code;          /* what the last write ended with */
	unsigned int ended;
	struct error error;
};

static json_t *make_document(const char *value)
{
	return json_pack("{s:s, s:[i, i]}", "value", value, "list", 1, 2);
}

static int open_fixture(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	fixture->one = make_document("one");
	fixture->two = make_document("two");
	config_place_open(&fixture->place, fixture->one);
	*state = fixture;
	return 0;
}

static int close_fixture(void **state)
{
	struct fixture *fixture = *state;

	config_place_close(&fixture->place);
	json_decref(fixture->one);
	json_decref(fixture->two);
	free(fixture);
	return 0;
}

static void note_end(void *context, int code, const struct error *error)
{
	struct fixture *fixture = context;

	fixture->code = code;
	fixture->error = *error;
	fixture->ended++;
	config_place_wake(&fixture->place);
}

static void start(struct fixture *fixture, const json_t *document)
{
	struct error error = { "" };

	if (config_file_save(fixture->place.file, document, note_end, fixture, &error) != 0)
		fail_msg("%s", error.message);
}

static void save(struct fixture *fixture, const json_t *document)
{
	unsigned int before = fixture->ended;

	start(fixture, document);
	assert_int_equal(fixture->ended, before); /* the loop is not held up */
	config_place_wait(&fixture->place);
	assert_int_equal(fixture->ended, before + 1);
}

static void load(struct fixture *fixture)
{
	struct error error = { "" };
	json_t *document = config_file_load(fixture->place.file, &error);

	if (document == NULL)
		fail_msg("%s", error.message);
	json_decref(document);
}

static void assert_holds(const struct fixture *fixture, const json_t *document)
{
	json_t *seen = config_place_document(&fixture->place);

	assert_true(json_equal(seen, document));
	json_decref(seen);
	assert_int_equal(config_place_count_files(&fixture->place), 1);
}

static void assert_saved(struct fixture *fixture, const json_t *document)
{
	save(fixture, document);
	if (fixture->code != 0)
		fail_msg("%s", fixture->error.message);
	assert_string_equal(fixture->error.message, "");
	assert_holds(fixture, document);
}

/* Refused with `before`, the path, and `after`. */
static void assert_refused(struct fixture *fixture, int code, const char *before, const char *after)
{
	char expected[512];

	save(fixture, fixture->two);
	assert_int_equal(fixture->code, code);
	snprintf(expected, sizeof(expected), "%s%s%s", before, fixture->place.path, after);
	assert_string_equal(fixture->error.message, expected);
}

static void assert_found_changed(struct fixture *fixture)
{
	assert_refused(fixture, -ESTALE, "",
		" has changed on disk since it was read: reload it (SIGHUP) or undo that first");
}

static void what_was_loaded_is_written_over(void **state)
{
	struct fixture *fixture = *state;
	char *text;

	assert_saved(fixture, fixture->two);
	text = config_place_text(&fixture->place);
	assert_string_equal(
		text, "{\n  \"value\": \"two\",\n  \"list\": [\n    1,\n    2\n  ]\n}\n");
	free(text);
}

static void writes_follow_one_another(void **state)
{
	struct fixture *fixture = *state;

	for (unsigned int i = 0; i < 10; i++) {
		assert_saved(fixture, fixture->two);
		assert_saved(fixture, fixture->one);
	}
}

static void mode_and_owner_are_kept(void **state)
{
	struct fixture *fixture = *state;
	struct stat status;

	assert_int_equal(chown(fixture->place.path, OTHER_USER, OTHER_GROUP), 0);
	assert_int_equal(chmod(fixture->place.path, 0604), 0);
	assert_saved(fixture, fixture->two);
	assert_int_equal(stat(fixture->place.path, &status), 0);
	assert_int_equal(status.st_uid, OTHER_USER);
	assert_int_equal(status.st_gid, OTHER_GROUP);
	assert_int_equal(status.st_mode & 07777, 0604);
}

static void a_link_stays_and_what_it_names_is_replaced(void **state)
{
	struct fixture *fixture = *state;
	struct error error;
	struct stat status;
	char link[96];

	snprintf(link, sizeof(link), "%s/link", fixture->place.directory);
	assert_int_equal(symlink("sluice.json", link), 0);
	config_file_destroy(fixture->place.file);
	fixture->place.file = config_file_create(fixture->place.base, link, &error);
	assert_non_null(fixture->place.file);
	load(fixture);
	config_file_accept(fixture->place.file);
	save(fixture, fixture->two);
	assert_int_equal(fixture->code, 0);
	assert_int_equal(lstat(link, &status), 0);
	assert_true(S_ISLNK(status.st_mode));
	assert_int_equal(unlink(link), 0);
	assert_holds(fixture, fixture->two);
}

static void a_file_that_was_edited_meanwhile_is_left_alone(void **state)
{
	struct fixture *fixture = *state;
	json_t *edited = make_document("edited");

	config_place_write(&fixture->place, edited);
	assert_found_changed(fixture);
	assert_holds(fixture, edited);
	load(fixture);
	config_file_accept(fixture->place.file);
	assert_saved(fixture, fixture->two);
	json_decref(edited);
}

static void a_file_that_was_read_but_not_accepted_is_left_alone(void **state)
{
	struct fixture *fixture = *state;
	json_t *edited = make_document("edited");

	config_place_write(&fixture->place, edited);
	load(fixture);
	assert_found_changed(fixture);
	assert_holds(fixture, edited);
	json_decref(edited);
}

static void a_file_that_was_replaced_meanwhile_is_left_alone(void **state)
{
	struct fixture *fixture = *state;
	char other[96];

	/* the same bytes, time of change included: only the file is another */
	snprintf(other, sizeof(other), "%s/other", fixture->place.directory);
	assert_int_equal(rename(fixture->place.path, other), 0);
	config_place_write(&fixture->place, fixture->one);
	assert_int_equal(unlink(other), 0);
	assert_found_changed(fixture);
	assert_holds(fixture, fixture->one);
}

static void a_file_that_was_removed_meanwhile_is_not_made_anew(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(unlink(fixture->place.path), 0);
	assert_refused(fixture, -ENOENT, "cannot write ", ": No such file or directory");
	assert_int_equal(config_place_count_files(&fixture->place), 0);
}

static void a_directory_that_cannot_be_written_leaves_the_file_as_it_was(void **state)
{
	struct fixture *fixture = *state;

	config_place_forbid_writing(&fixture->place);
	save(fixture, fixture->two);
	config_place_allow_writing(&fixture->place);
	assert_int_equal(fixture->code, -EACCES);
	assert_non_null(strstr(fixture->error.message, "cannot write /tmp/sluice-unit-"));
	assert_non_null(strstr(fixture->error.message, "/sluice.json: Permission denied"));
	assert_holds(fixture, fixture->one);
	assert_saved(fixture, fixture->two);
}

static void an_owner_that_cannot_be_kept_leaves_the_file_as_it_was(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(chmod(fixture->place.directory, 0777), 0);
	assert_int_equal(seteuid(OTHER_USER), 0);
	save(fixture, fixture->two);
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(fixture->code, -EPERM);
	assert_holds(fixture, fixture->one);
}

static void a_write_under_way_is_waited_for_and_reported_at_the_end(void **state)
{
	struct fixture *fixture = *state;

	start(fixture, fixture->two);
	config_file_destroy(fixture->place.file);
	fixture->place.file = NULL;
	assert_int_equal(fixture->ended, 1);
	assert_int_equal(fixture->code, 0);
	assert_holds(fixture, fixture->two);
}

static void what_cannot_be_read_is_refused_with_the_reason(void **state)
{
	struct fixture *fixture = *state;
	struct error error;
	char expected[128];

	config_place_write_text(&fixture->place, "{ \"value\": ");
	assert_null(config_file_load(fixture->place.file, &error));
	assert_non_null(strstr(error.message, "/sluice.json: line 1, column 11: "));
	assert_int_equal(unlink(fixture->place.path), 0);
	assert_null(config_file_load(fixture->place.file, &error));
	snprintf(expected, sizeof(expected), "%s: No such file or directory", fixture->place.path);
	assert_string_equal(error.message, expected);
}

static void a_file_that_is_not_there_cannot_be_watched_over(void **state)
{
	struct fixture *fixture = *state;
	struct error error;

	assert_null(config_file_create(fixture->place.base, "/nowhere/sluice.json", &error));
	assert_string_equal(error.message, "/nowhere/sluice.json: No such file or directory");
	config_file_destroy(NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)
	const struct CMUnitTest tests[] = {
		TEST(what_was_loaded_is_written_over),
		TEST(writes_follow_one_another),
		TEST(mode_and_owner_are_kept),
		TEST(a_link_stays_and_what_it_names_is_replaced),
		TEST(a_file_that_was_edited_meanwhile_is_left_alone),
		TEST(a_file_that_was_read_but_not_accepted_is_left_alone),
		TEST(a_file_that_was_replaced_meanwhile_is_left_alone),
		TEST(a_file_that_was_removed_meanwhile_is_not_made_anew),
		TEST(a_directory_that_cannot_be_written_leaves_the_file_as_it_was),
		TEST(an_owner_that_cannot_be_kept_leaves_the_file_as_it_was),
		TEST(a_write_under_way_is_waited_for_and_reported_at_the_end),
		TEST(what_cannot_be_read_is_refused_with_the_reason),
		TEST(a_file_that_is_not_there_cannot_be_watched_over),
	};
#undef TEST

	return cmocka_run_group_tests_name("config_file", tests, NULL, NULL);
}
