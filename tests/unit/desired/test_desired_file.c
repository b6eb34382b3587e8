/* SPDX-License-Identifier: BSD-3-Clause */
/* A change and the file: edited by others, reloaded, or left as it is. */
#include "unit.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "desired_fixture.h"

static void assert_advised(
	const struct world *world, const struct answer *answer, const char *advice)
{
	char sentence[256];

	snprintf(sentence, sizeof(sentence),
		"%s has changed on disk since it was read: reload it (SIGHUP) or undo that first%s",
		world->directory.path, advice);
	assert_refused(answer, -ESTALE, sentence);
}

static void assert_found_changed(const struct world *world, const struct answer *answer)
{
	assert_advised(world, answer, "; --volatile leaves the file alone");
}

/* A document may be forced upon it, and a saving goes with no --volatile. */
static void what_helps_with_an_edited_file_is_what_the_change_takes(void **state)
{
	struct world *world = *state;

	edit_file(world, "weight", json_integer(33));
	assert_advised(
		world, ask(world, set_weight("w1", 7)), "; --volatile leaves the file alone");
	assert_advised(world, ask(world, save()), "; --overwrite does not heed what it holds");
	assert_advised(world, ask(world, apply_document(small_config_document(POOLS, "[]"))),
		"; --volatile leaves the file alone; --overwrite does not heed what it holds");
}

static void a_file_that_was_edited_is_not_written_over(void **state)
{
	struct world *world = *state;
	struct snapshot before;

	edit_file(world, "weight", json_integer(33));
	before = take_snapshot(world);
	assert_found_changed(world, ask(world, set_weight("w1", 7)));
	assert_unchanged(world, &before);
	assert_int_equal(backend(world, "w1")->weight, 100);
}

static void a_reload_takes_the_file_as_it_is(void **state)
{
	struct world *world = *state;
	const struct answer *answer;
	struct stat before, after;

	edit_file(world, "weight", json_integer(33));
	assert_int_equal(stat(world->directory.path, &before), 0);
	answer = ask(world, reload());
	assert_done(answer);
	assert_true(answer->changed);
	assert_true(answer->moved > 0);
	assert_int_equal(backend(world, "w3")->weight, 33);
	assert_int_equal(stat(world->directory.path, &after), 0);
	assert_int_equal(after.st_ino, before.st_ino);
	assert_done(ask(world, set_weight("w1", 7)));
	assert_int_equal(backend(world, "w3")->weight, 33);
	assert_on_disk(world);
}

static void a_reload_of_the_same_file_changes_nothing(void **state)
{
	struct world *world = *state;
	const struct answer *answer = ask(world, reload());

	assert_done(answer);
	assert_false(answer->changed);
	assert_int_equal(answer->moved, 0);
}

static void a_reload_tried_only_changes_nothing(void **state)
{
	struct world *world = *state;
	struct snapshot before;
	const struct answer *answer;

	edit_file(world, "weight", json_integer(33));
	before = take_snapshot(world);
	answer = ask(world, dry(reload()));
	assert_done(answer);
	assert_true(answer->changed);
	assert_unchanged(world, &before);
	assert_found_changed(world, ask(world, set_weight("w1", 7)));
}

static void a_refused_reload_changes_nothing(void **state)
{
	struct world *world = *state;
	struct snapshot before;

	edit_file(world, "weight", json_integer(65536));
	before = take_snapshot(world);
	assert_refused(ask(world, reload()), -EINVAL,
		"pools[0].backends[2].weight: 65536 is not a weight (0-65535)");
	assert_unchanged(world, &before);
	config_directory_write_text(&world->directory, "{");
	before = take_snapshot(world);
	assert_int_equal(ask(world, reload())->code, -EINVAL);
	assert_unchanged(world, &before);
}

/* Else the next change over the socket would undo what its author is still working on. */
static void a_file_whose_reload_was_refused_is_not_written_over(void **state)
{
	struct world *world = *state;
	struct snapshot before;

	edit_file(world, "weight", json_integer(65536));
	assert_int_equal(ask(world, reload())->code, -EINVAL);
	before = take_snapshot(world);
	assert_found_changed(world, ask(world, set_weight("w1", 7)));
	assert_unchanged(world, &before);
	edit_file(world, "weight", json_integer(33));
	assert_done(ask(world, reload()));
	assert_done(ask(world, set_weight("w1", 7)));
	assert_int_equal(backend(world, "w3")->weight, 33);
	assert_on_disk(world);
}

/* What waits for a restart in the file stays there, and is in the way of no change. */
static void a_change_goes_into_a_file_that_waits_for_a_restart(void **state)
{
	struct world *world = *state;
	json_t *document = config_directory_document(&world->directory);

	json_object_set_new(json_object_get(document, "dataplane"), "mbufs", json_integer(4096));
	config_directory_write(&world->directory, document);
	json_decref(document);
	for (int weight = 7; weight < 10; weight++) {
		assert_refused(ask(world, reload()), -EPERM, "dataplane.mbufs: needs a restart");
		assert_done(ask(world, set_weight("w1", weight)));
		assert_int_equal(desired_file(world->desired).state, CONFIG_FILE_EDITED);
		assert_int_equal(backend(world, "w1")->weight, weight);
		document = config_directory_document(&world->directory);
		assert_int_equal(json_integer_value(json_object_get(
					 json_object_get(document, "dataplane"), "mbufs")),
			4096);
		json_object_set_new(
			json_object_get(document, "dataplane"), "mbufs", json_integer(65536));
		assert_is_in_force(world, document);
		json_decref(document);
		world->asked_count = world->answer_count = 0;
	}
	assert_int_equal(look(world), CONFIG_FILE_EDITED);
}

static void a_volatile_change_leaves_the_file_as_it_is_until_another_is_written(void **state)
{
	struct world *world = *state;
	char *before = config_directory_text(&world->directory), *after;
	time_t since;

	assert_int_equal(desired_file(world->desired).unsaved_since, 0);
	assert_done(ask(world, volatile_only(set_weight("w1", 7))));
	assert_int_equal(backend(world, "w1")->weight, 7);
	after = config_directory_text(&world->directory);
	assert_string_equal(after, before);
	since = desired_file(world->desired).unsaved_since;
	assert_in_range(since, time(NULL) - 10, time(NULL));
	assert_done(ask(world, volatile_only(set_weight("w1", 8))));
	assert_int_equal(desired_file(world->desired).unsaved_since, since);
	assert_done(ask(world, set_weight("w2", 9)));
	assert_int_equal(desired_file(world->desired).unsaved_since, 0);
	assert_int_equal(backend(world, "w1")->weight, 8);
	assert_on_disk(world);
	free(after);
	free(before);
}

static void a_volatile_change_that_is_undone_leaves_nothing_to_save(void **state)
{
	struct world *world = *state;

	assert_done(ask(world, volatile_only(set_weight("w1", 7))));
	assert_true(desired_file(world->desired).unsaved_since != 0);
	assert_done(ask(world, volatile_only(set_weight("w1", 100))));
	assert_int_equal(desired_file(world->desired).unsaved_since, 0);
}

static void a_reload_puts_back_what_was_changed_without_the_file(void **state)
{
	struct world *world = *state;

	assert_done(ask(world, volatile_only(set_weight("w1", 7))));
	assert_done(ask(world, reload()));
	assert_int_equal(backend(world, "w1")->weight, 100);
	assert_int_equal(desired_file(world->desired).unsaved_since, 0);
}

/* A file that was edited is left to its author. */
static void a_volatile_change_needs_neither_the_file_nor_a_place_to_write(void **state)
{
	struct world *world = *state;

	edit_file(world, "weight", json_integer(33));
	config_directory_forbid_writing(&world->directory);
	assert_done(ask(world, volatile_only(set_weight("w1", 7))));
	config_directory_allow_writing(&world->directory);
	assert_int_equal(backend(world, "w1")->weight, 7);
	assert_int_equal(backend(world, "w3")->weight, 100);
}

static void a_full_disk_is_in_the_way_of_the_file_only(void **state)
{
	struct world *world = *state;
	const struct answer *answer;

	config_directory_fill_disk(&world->directory);
	answer = ask(world, set_weight("w1", 7));
	assert_int_equal(answer->code, -ENOSPC);
	assert_non_null(strstr(answer->sentence, "--volatile makes the change without the file"));
	assert_int_equal(backend(world, "w1")->weight, 100);
	assert_done(ask(world, volatile_only(set_weight("w1", 7))));
	assert_int_equal(backend(world, "w1")->weight, 7);
	assert_int_equal(ask(world, save())->code, -ENOSPC);
	config_directory_empty_disk(&world->directory);
	assert_done(ask(world, save()));
	assert_on_disk(world);
}

static void the_running_configuration_is_saved_over_whatever_the_file_holds(void **state)
{
	struct world *world = *state;

	assert_done(ask(world, volatile_only(set_weight("w1", 7))));
	config_directory_write_text(&world->directory, "{ broken");
	assert_int_equal(ask(world, save())->code, -ESTALE);
	assert_done(ask(world, overwriting(save())));
	assert_on_disk(world);
	assert_int_equal(unlink(world->directory.path), 0);
	assert_int_equal(ask(world, save())->code, -ENOENT);
	assert_done(ask(world, overwriting(save())));
	assert_on_disk(world);
	assert_done(ask(world, set_weight("w1", 8)));
	assert_on_disk(world);
}

/* Although nothing else changes. */
static void an_answer_says_whether_the_file_was_written(void **state)
{
	struct world *world = *state;
	const struct answer *answer = ask(world, save());

	assert_done(answer);
	assert_false(answer->changed);
	assert_true(answer->written);
	assert_false(ask(world, volatile_only(set_weight("w1", 7)))->written);
	assert_false(ask(world, dry(set_weight("w1", 8)))->written);
	assert_false(ask(world, reload())->written);
	assert_true(ask(world, set_weight("w1", 8))->written);
}

static void a_document_is_applied_over_an_edited_file_where_that_is_asked_for(void **state)
{
	struct world *world = *state;

	edit_file(world, "weight", json_integer(33));
	assert_done(ask(
		world, overwriting(apply_document(config_print(desired_config(world->desired))))));
	assert_int_equal(backend(world, "w3")->weight, 100);
	assert_on_disk(world);
}

static void a_file_that_is_edited_and_not_loaded_is_seen(void **state)
{
	struct world *world = *state;

	assert_int_equal(look(world), CONFIG_FILE_SAME);
	edit_file(world, "weight", json_integer(33));
	assert_int_equal(look(world), CONFIG_FILE_EDITED);
	assert_done(ask(world, reload()));
	assert_int_equal(look(world), CONFIG_FILE_SAME);
	assert_done(ask(world, set_weight("w1", 7)));
	assert_int_equal(look(world), CONFIG_FILE_SAME);
	assert_int_equal(unlink(world->directory.path), 0);
	assert_int_equal(look(world), CONFIG_FILE_UNREADABLE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)
	const struct CMUnitTest tests[] = {
		TEST(a_file_that_was_edited_is_not_written_over),
		TEST(what_helps_with_an_edited_file_is_what_the_change_takes),
		TEST(a_reload_takes_the_file_as_it_is),
		TEST(a_reload_of_the_same_file_changes_nothing),
		TEST(a_reload_tried_only_changes_nothing),
		TEST(a_refused_reload_changes_nothing),
		TEST(a_file_whose_reload_was_refused_is_not_written_over),
		TEST(a_change_goes_into_a_file_that_waits_for_a_restart),
		TEST(a_volatile_change_leaves_the_file_as_it_is_until_another_is_written),
		TEST(a_volatile_change_that_is_undone_leaves_nothing_to_save),
		TEST(a_reload_puts_back_what_was_changed_without_the_file),
		TEST(a_volatile_change_needs_neither_the_file_nor_a_place_to_write),
		TEST(a_full_disk_is_in_the_way_of_the_file_only),
		TEST(the_running_configuration_is_saved_over_whatever_the_file_holds),
		TEST(an_answer_says_whether_the_file_was_written),
		TEST(a_document_is_applied_over_an_edited_file_where_that_is_asked_for),
		TEST(a_file_that_is_edited_and_not_loaded_is_seen),
	};
#undef TEST

	return cmocka_run_group_tests_name("desired_file", tests, node_host_start, node_host_stop);
}
