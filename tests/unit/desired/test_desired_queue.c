/* SPDX-License-Identifier: BSD-3-Clause */
/* Several changes, at the end, and while tables are rebuilt. */
#include "unit.h"

#include <errno.h>

#include "desired_fixture.h"

static void assert_answered_in_order(const struct world *world)
{
	for (int i = 0; i < world->answer_count; i++)
		assert_int_equal(world->answers[i].number, i);
}

static void changes_at_once_are_made_one_after_the_other(void **state)
{
	struct world *world = *state;
	struct desired_change changes[] = { add_backend("w4", "10.2.0.4"), set_weight("w4", 7),
		add_backend("w5", "10.2.0.5") };

	for (size_t i = 0; i < COUNT_OF(changes); i++)
		submit(world, &changes[i]);
	assert_int_equal(world->answer_count, 0); /* the first is still being written */
	wait_for_answers(world);
	assert_answered_in_order(world);
	for (size_t i = 0; i < COUNT_OF(changes); i++)
		assert_done(&world->answers[i]);
	assert_int_equal(world->answers[2].backends_before, 4);
	assert_int_equal(backend(world, "w4")->weight, 7);
	assert_int_equal(backend(world, "w5")->weight, 100);
	assert_on_disk(world);
}

static void a_refused_change_does_not_hold_up_those_behind_it(void **state)
{
	struct world *world = *state;
	struct desired_change changes[] = { set_weight("w1", 7), set_weight("w9", 7),
		dry(set_weight("w2", 8)), set_weight("w3", 9) };

	for (size_t i = 0; i < COUNT_OF(changes); i++)
		submit(world, &changes[i]);
	wait_for_answers(world);
	assert_answered_in_order(world);
	assert_done(&world->answers[0]);
	assert_int_equal(world->answers[1].code, -ENOENT);
	assert_done(&world->answers[2]);
	assert_done(&world->answers[3]);
	assert_int_equal(backend(world, "w1")->weight, 7);
	assert_int_equal(backend(world, "w2")->weight, 100);
	assert_int_equal(backend(world, "w3")->weight, 9);
	assert_on_disk(world);
}

static void a_change_that_came_while_a_file_was_written_is_not_lost(void **state)
{
	struct world *world = *state;
	struct desired_change first = set_weight("w1", 7), second = reload();

	submit(world, &first);
	submit(world, &second);
	wait_for_answers(world);
	assert_answered_in_order(world);
	assert_done(&world->answers[0]);
	assert_done(&world->answers[1]);
	assert_false(world->answers[1].changed);
	assert_int_equal(backend(world, "w1")->weight, 7);
}

static void a_change_may_be_asked_for_in_the_answer_to_another(void **state)
{
	struct world *world = *state;
	struct desired_change first[] = { set_weight("w1", 7), set_weight("w9", 7),
		dry(set_weight("w1", 8)) };

	for (size_t i = 0; i < COUNT_OF(first); i++) {
		struct desired_change second = set_weight("w2", 10 + (int)i);

		world->next = &second;
		submit(world, &first[i]);
		wait_for_answers(world);
		assert_int_equal(world->answer_count, 2 * (i + 1));
		assert_done(&world->answers[2 * i + 1]);
		assert_int_equal(backend(world, "w2")->weight, 10 + i);
	}
	assert_answered_in_order(world);
}

/* What stands in the file when the process ends is what was said to be done. */
static void at_the_end_the_change_under_way_is_made_and_others_are_refused(void **state)
{
	struct world *world = *state;
	struct desired_change changes[] = { set_weight("w1", 7), set_weight("w2", 7), reload() };

	for (size_t i = 0; i < COUNT_OF(changes); i++)
		submit(world, &changes[i]);
	desired_finish(world->desired);
	assert_int_equal(world->answer_count, 3);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(world->answers[i].number, i + 1);
		assert_refused(&world->answers[i], -ECANCELED, "sluiced is stopping");
	}
	assert_int_equal(world->answers[2].number, 0);
	assert_done(&world->answers[2]);
	assert_int_equal(backend(world, "w1")->weight, 7);
	assert_int_equal(backend(world, "w2")->weight, 100);
	assert_on_disk(world);
}

static void at_the_end_there_need_be_nothing_to_refuse(void **state)
{
	struct world *world = *state;

	desired_finish(world->desired);
	desired_finish(NULL);
	desired_destroy(NULL);
	assert_int_equal(world->answer_count, 0);
}

/* Another process goes on with the node, and has built none of its tables yet. */
static void restart_unbuilt(struct world *world)
{
	char said[NODE_SAID_SIZE];
	struct error error = { "" };
	struct desired_context context;
	struct config *config;
	json_t *document;

	desired_finish(world->desired);
	desired_destroy(world->desired);
	node_stop(world->node);
	document = config_directory_document(&world->directory);
	config = config_read(document, NULL, &error);
	assert_non_null(config);
	json_decref(document);
	node_adopt(world->node, config, said);
	assert_string_equal(said, "");
	context = context_of(world, world->node);
	world->desired = desired_create(&context, config, &world->directory.version, &error);
	if (world->desired == NULL)
		fail_msg("%s", error.message);
	node_commit(world->node);
}

static size_t unbuilt(const struct world *world)
{
	size_t pools;

	return forwarding_unbuilt(world->node->forwarding, &pools);
}

static void a_change_waits_while_tables_are_rebuilt(void **state)
{
	struct world *world = *state;
	struct desired_change changes[] = { set_weight("w1", 7), reload(),
		dry(set_weight("w2", 9)) };

	restart_unbuilt(world);
	for (size_t i = 0; i < COUNT_OF(changes); i++)
		submit(world, &changes[i]);
	desired_look(world->desired);
	background_finish(world->directory.work);
	background_finish(world->directory.disk);
	assert_int_equal(unbuilt(world), 1);
	assert_int_equal(world->answer_count, 0);
	assert_int_equal(backend(world, "w1")->weight, 100);
	node_build(world->node);
	assert_int_equal(unbuilt(world), 0);
	desired_look(world->desired);
	wait_for_answers(world);
	for (size_t i = 0; i < COUNT_OF(changes); i++) {
		assert_int_equal(world->answers[i].number, i);
		assert_done(&world->answers[i]);
	}
	assert_true(world->answers[0].has_plans);
	assert_int_not_equal(world->answers[0].moved, 0);
	assert_int_equal(backend(world, "w1")->weight, 7);
	assert_int_equal(backend(world, "w2")->weight, 100);
	assert_on_disk(world);
}

static void at_the_end_changes_that_wait_for_tables_are_refused(void **state)
{
	struct world *world = *state;
	struct desired_change change = set_weight("w1", 7);

	restart_unbuilt(world);
	submit(world, &change);
	desired_finish(world->desired);
	assert_int_equal(world->answer_count, 1);
	assert_refused(&world->answers[0], -ECANCELED, "sluiced is stopping");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)
	const struct CMUnitTest tests[] = {
		TEST(changes_at_once_are_made_one_after_the_other),
		TEST(a_refused_change_does_not_hold_up_those_behind_it),
		TEST(a_change_that_came_while_a_file_was_written_is_not_lost),
		TEST(a_change_may_be_asked_for_in_the_answer_to_another),
		TEST(at_the_end_the_change_under_way_is_made_and_others_are_refused),
		TEST(at_the_end_there_need_be_nothing_to_refuse),
		TEST(a_change_waits_while_tables_are_rebuilt),
		TEST(at_the_end_changes_that_wait_for_tables_are_refused),
	};
#undef TEST

	return cmocka_run_group_tests_name("desired_queue", tests, node_host_start, node_host_stop);
}
