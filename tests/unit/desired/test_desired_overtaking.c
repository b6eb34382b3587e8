/* SPDX-License-Identifier: BSD-3-Clause */
/* Changes that need no file, while the disk of another one hangs. */
#include "unit.h"

#include <errno.h>

#include "desired_fixture.h"

static void a_volatile_change_overtakes_one_whose_disk_hangs(void **state)
{
	struct world *world = *state;
	struct desired_change stuck = set_weight("w1", 7), behind = set_weight("w3", 9);
	struct desired_change urgent = volatile_only(set_weight("w2", 8));
	struct hang hanging;

	start_hanging(world->directory.disk, &hanging);
	submit(world, &stuck);
	submit(world, &behind);
	background_finish(world->directory.work); /* it is edited, and waits to be written */
	submit(world, &urgent);
	background_finish(world->directory.work);
	assert_int_equal(world->answer_count, 1);
	assert_int_equal(world->answers[0].number, 2);
	assert_done(&world->answers[0]);
	assert_int_equal(backend(world, "w2")->weight, 8);
	assert_int_equal(backend(world, "w1")->weight, 100);
	end_hanging(&hanging);
	wait_for_answers(world);
	assert_done(&world->answers[1]);
	assert_done(&world->answers[2]);
	assert_int_equal(backend(world, "w1")->weight, 7);
	assert_int_equal(backend(world, "w2")->weight, 8);
	assert_int_equal(backend(world, "w3")->weight, 9);
	assert_int_equal(desired_file(world->desired).unsaved_since, 0);
	assert_on_disk(world);
}

static void a_save_undoes_no_volatile_change_that_overtook_it(void **state)
{
	struct world *world = *state;
	struct hang hanging;

	assert_done(ask(world, volatile_only(set_weight("w1", 7))));
	start_hanging(world->directory.disk, &hanging);
	submit_and_work(world, save());
	submit_and_work(world, volatile_only(set_weight("w2", 8)));
	assert_done(&world->answers[0]);
	end_hanging(&hanging);
	wait_for_answers(world);
	assert_done(&world->answers[1]);
	assert_int_equal(backend(world, "w1")->weight, 7);
	assert_int_equal(backend(world, "w2")->weight, 8);
	assert_true(desired_file(world->desired).unsaved_since != 0); /* w2 */
}

static void a_change_is_overtaken_once_at_most(void **state)
{
	struct world *world = *state;
	struct hang first, second;

	start_hanging(world->directory.disk, &first);
	submit_and_work(world, set_weight("w1", 7));
	start_hanging(world->directory.disk,
		&second); /* it would have to wait for this one to be written again */
	submit_and_work(world, volatile_only(set_weight("w2", 8)));
	assert_int_equal(world->answer_count, 1);
	end_hanging(&first);
	wait_for_answers(world);
	end_hanging(&second);
	background_finish(world->directory.disk);
	assert_int_equal(world->answers[1].number, 0);
	assert_done(&world->answers[1]);
	assert_int_equal(backend(world, "w1")->weight, 7);
	assert_int_equal(backend(world, "w2")->weight, 8);
	assert_true(desired_file(world->desired).unsaved_since != 0); /* w2 */
}

struct tally {
	int done, refused;
	char sentence[512]; /* of the last refusal */
};

static void count_answer(void *context, const struct desired_outcome *outcome)
{
	struct tally *tally = context;

	tally->done += outcome->code == 0;
	tally->refused += outcome->code != 0;
	if (outcome->code != 0)
		snprintf(tally->sentence, sizeof(tally->sentence), "%s", outcome->error->message);
}

/* One after the other, while the disk hangs. */
static struct tally overtake(struct world *world, int count, int weight)
{
	struct tally tally = { .sentence = "" };

	for (int i = 0; i < count; i++) {
		struct desired_change change = volatile_only(set_weight("w2", weight + i % 2));

		change.done = count_answer;
		change.context = &tally;
		desired_submit(world->desired, &change);
		background_finish(world->directory.work);
	}
	return tally;
}

static void a_disk_that_hangs_is_overtaken_so_often_and_no_more(void **state)
{
	struct world *world = *state;
	struct tally tally;
	struct hang hanging;

	start_hanging(world->directory.disk, &hanging);
	submit_and_work(world, set_weight("w1", 7));
	tally = overtake(world, 1030, 8);
	assert_int_equal(tally.done, 1024);
	assert_int_equal(tally.refused, 6);
	assert_non_null(strstr(tally.sentence, "1024 changes have been made in memory"));
	/* what a whole document says makes up for them, and there is room again */
	submit_and_work(
		world, volatile_only(apply_document(small_config_document(POOLS, SERVICES))));
	assert_done(&world->answers[0]);
	tally = overtake(world, 1030, 20);
	assert_int_equal(tally.done, 1023);
	end_hanging(&hanging);
	wait_for_answers(world);
	assert_done(&world->answers[1]);
	assert_int_equal(backend(world, "w1")->weight, 100); /* of the document, which came later */
	assert_int_equal(backend(world, "w2")->weight, 20);
	tally = overtake(world, 1, 30);
	assert_int_equal(tally.done, 1);
}

static void a_volatile_change_overtakes_a_reload_whose_disk_hangs(void **state)
{
	struct world *world = *state;
	struct hang hanging;

	edit_file(world, "weight", json_integer(33));
	start_hanging(world->directory.disk, &hanging);
	submit_and_work(world, reload());
	submit_and_work(world, volatile_only(set_weight("w2", 8)));
	assert_int_equal(world->answer_count, 1);
	assert_int_equal(world->answers[0].number, 1);
	assert_done(&world->answers[0]);
	assert_int_equal(backend(world, "w2")->weight, 8);
	end_hanging(&hanging);
	wait_for_answers(world);
	assert_done(&world->answers[1]);
	assert_int_equal(backend(world, "w3")->weight, 33);
	assert_int_equal(backend(world, "w2")->weight, 8); /* it was asked for after the reload */
	assert_true(desired_file(world->desired).unsaved_since != 0);
	assert_int_equal(look(world), CONFIG_FILE_SAME);
	assert_done(ask(world, reload()));
	assert_int_equal(backend(world, "w2")->weight, 100);
	assert_int_equal(desired_file(world->desired).unsaved_since, 0);
}

static void what_waits_undoes_no_volatile_change_that_was_asked_for_later(void **state)
{
	struct world *world = *state;
	struct desired_change waiting[] = { set_weight("w1", 7), reload(),
		apply_document(config_print(desired_config(world->desired))) };
	struct hang hanging;

	start_hanging(world->directory.disk, &hanging);
	for (size_t i = 0; i < COUNT_OF(waiting); i++)
		submit(world, &waiting[i]);
	background_finish(world->directory.work);
	submit_and_work(world, volatile_only(set_weight("w2", 8)));
	assert_int_equal(world->answer_count, 1);
	end_hanging(&hanging);
	wait_for_answers(world);
	for (int i = 0; i < world->answer_count; i++)
		assert_done(&world->answers[i]);
	assert_int_equal(backend(world, "w1")->weight, 100);
	assert_int_equal(backend(world, "w2")->weight, 8);
}

static int edit_strictness(
	const json_t *document, const json_t *arguments, json_t **edited, struct error *error)
{
	*edited = json_deep_copy(document);
	json_object_set_new(json_array_get(json_object_get(*edited, "pools"), 0),
		"max_disruption_percent", json_integer(1));
	return 0;
}

/* From then on a backend cannot be added without force. */
static struct desired_change be_strict(void)
{
	struct desired_change change = { .edit = edit_strictness };

	return volatile_only(change);
}

static void a_change_that_is_overtaken_and_then_refused_is_not_in_the_file(void **state)
{
	struct world *world = *state;
	char *before = config_directory_text(&world->directory), *after;
	struct hang hanging;

	start_hanging(world->directory.disk, &hanging);
	submit_and_work(world, add_backend("w4", "10.2.0.4"));
	submit_and_work(world, be_strict());
	end_hanging(&hanging);
	wait_for_answers(world);
	assert_done(&world->answers[0]);
	assert_int_equal(world->answers[1].code, -EPERM);
	assert_non_null(strstr(world->answers[1].sentence,
		"needs force; the file had this change already and is put back"));
	after = config_directory_text(&world->directory);
	assert_string_equal(after, before);
	assert_int_equal(config_directory_count_files(&world->directory), 1);
	assert_int_equal(look(world), CONFIG_FILE_SAME);
	assert_int_equal(desired_config(world->desired)->pools[0].backend_count, 3);
	assert_done(ask(world, save()));
	assert_on_disk(world);
	free(after);
	free(before);
}

static json_int_t weight_on_disk(const struct world *world, size_t position)
{
	json_t *document = config_directory_document(&world->directory);
	json_t *pool = json_array_get(json_object_get(document, "pools"), 0);
	json_t *seen = json_array_get(json_object_get(pool, "backends"), position);
	json_int_t weight = json_integer_value(json_object_get(seen, "weight"));

	json_decref(document);
	return weight;
}

struct editor {
	struct background_job job;
	struct world *world;
};

static void edit_now(struct background_job *job)
{
	struct editor *editor = job->context;

	edit_file(editor->world, "weight", json_integer(33));
}

static void a_file_that_was_edited_meanwhile_is_not_put_back(void **state)
{
	struct world *world = *state;
	struct editor editor = { { .work = edit_now, .done = end_hang }, world };
	struct hang hanging;

	editor.job.context = &editor;
	start_hanging(world->directory.disk, &hanging);
	submit_and_work(world, add_backend("w4", "10.2.0.4"));
	background_run(world->directory.disk, &editor.job); /* between the two writes */
	submit_and_work(world, be_strict());
	end_hanging(&hanging);
	wait_for_answers(world);
	assert_int_equal(world->answers[1].code, -EPERM);
	assert_non_null(strstr(world->answers[1].sentence,
		"needs force; the file holds this change already, sluicectl config save takes it "
		"out"));
	assert_int_equal(look(world), CONFIG_FILE_EDITED);
	assert_int_equal(weight_on_disk(world, 2), 33);
}

/* It has been overtaken, is in the file, and has not gone on yet. */
static void at_the_end_what_is_in_the_file_is_made(void **state)
{
	struct world *world = *state;
	struct desired_change urgent = volatile_only(set_weight("w2", 8)), behind = reload();
	struct hang disk, work;

	start_hanging(world->directory.disk, &disk);
	submit_and_work(world, set_weight("w1", 7));
	start_hanging(world->directory.work, &work);
	submit(world, &urgent);
	submit(world, &behind);
	end_hanging(&disk);
	background_finish(world->directory.disk);
	assert_int_equal(world->answer_count, 0);
	end_hanging(&work);
	desired_finish(world->desired);
	assert_int_equal(world->answer_count, 3);
	assert_int_equal(world->answers[0].number, 2);
	assert_refused(&world->answers[0], -ECANCELED, "sluiced is stopping");
	assert_done(&world->answers[1]);
	assert_int_equal(world->answers[2].number, 0);
	assert_done(&world->answers[2]);
	assert_int_equal(backend(world, "w1")->weight, 7);
	assert_int_equal(backend(world, "w2")->weight, 8);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)
	const struct CMUnitTest tests[] = {
		TEST(a_volatile_change_overtakes_one_whose_disk_hangs),
		TEST(a_save_undoes_no_volatile_change_that_overtook_it),
		TEST(a_change_is_overtaken_once_at_most),
		TEST(a_disk_that_hangs_is_overtaken_so_often_and_no_more),
		TEST(a_volatile_change_overtakes_a_reload_whose_disk_hangs),
		TEST(what_waits_undoes_no_volatile_change_that_was_asked_for_later),
		TEST(a_change_that_is_overtaken_and_then_refused_is_not_in_the_file),
		TEST(a_file_that_was_edited_meanwhile_is_not_put_back),
		TEST(at_the_end_what_is_in_the_file_is_made),
	};
#undef TEST

	return cmocka_run_group_tests_name(
		"desired_overtaking", tests, node_host_start, node_host_stop);
}
