/* SPDX-License-Identifier: BSD-3-Clause */
/* One change: what it does, and what refuses it. */
#include "unit.h"

#include <errno.h>

#include "desired_fixture.h"

static void a_change_is_in_force_and_on_disk_when_it_is_answered(void **state)
{
	struct world *world = *state;
	const struct tables *tables = forwarding_tables(world->node->forwarding);
	const struct answer *answer = ask(world, add_backend("w4", "10.2.0.4"));

	assert_done(answer);
	assert_true(answer->changed);
	assert_false(answer->dry_run);
	assert_int_equal(answer->backends_before, 3);
	assert_int_equal(answer->backends_after, 4);
	assert_in_range(answer->moved, 62, 100);
	assert_int_equal(backend(world, "w4")->weight, 100);
	assert_ptr_not_equal(forwarding_tables(world->node->forwarding), tables);
	assert_on_disk(world);
}

static void a_change_to_what_is_already_so_changes_nothing(void **state)
{
	struct world *world = *state;
	const struct answer *answer = ask(world, set_weight("w2", 100));

	assert_done(answer);
	assert_false(answer->changed);
	assert_int_equal(answer->moved, 0);
	assert_on_disk(world);
}

static void the_arguments_are_taken_over(void **state)
{
	struct world *world = *state;
	struct desired_change change = set_weight("w2", 7);
	json_t *arguments = json_incref(change.arguments);

	ask(world, change);
	background_finish(world->directory.work); /* which gives up what a change was made of */
	assert_int_equal(arguments->refcount, 1);
	json_decref(arguments);
}

static void a_document_without_the_secret_keeps_it(void **state)
{
	struct world *world = *state;
	json_t *document = config_print(desired_config(world->desired));

	assert_null(json_object_get(json_object_get(document, "node"), "hash_key"));
	json_array_clear(json_object_get(document, "services"));
	assert_done(ask(world, apply_document(document)));
	assert_int_equal(desired_config(world->desired)->service_count, 0);
	assert_on_disk(world);
}

static void a_dry_run_tells_and_changes_nothing(void **state)
{
	struct world *world = *state;
	struct snapshot before = take_snapshot(world);
	const struct answer *answer = ask(world, dry(add_backend("w4", "10.2.0.4")));
	uint32_t moved = answer->moved;

	assert_done(answer);
	assert_true(answer->dry_run);
	assert_true(answer->changed);
	assert_int_equal(answer->backends_after, 4);
	assert_unchanged(world, &before);
	answer = ask(world, add_backend("w4", "10.2.0.4"));
	assert_done(answer);
	assert_int_equal(answer->moved, moved); /* as the dry run said */
}

static void a_dry_run_needs_no_place_to_write(void **state)
{
	struct world *world = *state;

	config_directory_forbid_writing(&world->directory);
	assert_done(ask(world, dry(set_weight("w1", 7))));
	config_directory_allow_writing(&world->directory);
}

static void what_the_edit_refuses_changes_nothing(void **state)
{
	struct world *world = *state;
	struct snapshot before = take_snapshot(world);

	assert_refused(
		ask(world, set_weight("w9", 7)), -ENOENT, "pool \"web\" has no backend \"w9\"");
	assert_unchanged(world, &before);
}

static void what_no_configuration_may_say_changes_nothing(void **state)
{
	struct world *world = *state;
	struct snapshot before = take_snapshot(world);

	assert_refused(ask(world, set_weight("w2", 70000)), -EINVAL,
		"pools[web].backends[w2].weight: 70000 is not a weight (0-65535)");
	assert_unchanged(world, &before);
	before = take_snapshot(world);
	assert_refused(ask(world, dry(add_backend("w4", "10.2.0.1"))), -EINVAL,
		"pools[web].backends[new].address: 10.2.0.1 is taken by pools[web].backends[w1]");
	assert_unchanged(world, &before);
}

static void what_needs_a_restart_changes_nothing(void **state)
{
	struct world *world = *state;
	struct snapshot before = take_snapshot(world);
	json_t *document = config_print(desired_config(world->desired));

	json_object_set_new(json_object_get(document, "dataplane"), "mbufs", json_integer(4096));
	assert_refused(
		ask(world, apply_document(document)), -EPERM, "dataplane.mbufs: needs a restart");
	assert_unchanged(world, &before);
}

static void what_does_not_fit_changes_nothing(void **state)
{
	struct world *world = *state;
	struct snapshot before = take_snapshot(world);
	json_t *document = config_print(desired_config(world->desired));

	json_object_set_new(json_array_get(json_object_get(document, "pools"), 0), "slots",
		json_integer(65537));
	assert_refused(ask(world, apply_document(document)), -ENOSPC,
		"the state file has no room left for the slots of another pool; a restart makes "
		"room for twice the configuration, up to the limits of a state file");
	assert_unchanged(world, &before);
	assert_done(ask(world, set_weight("w1", 7)));
}

static void what_cannot_be_written_is_not_applied(void **state)
{
	struct world *world = *state;
	struct snapshot before = take_snapshot(world);
	const struct answer *answer;
	char sentence[256];

	config_directory_forbid_writing(&world->directory);
	answer = ask(world, set_weight("w1", 7));
	config_directory_allow_writing(&world->directory);
	snprintf(sentence, sizeof(sentence),
		"cannot write %s: Permission denied; --volatile makes the change without the file",
		world->directory.path);
	assert_refused(answer, -EACCES, sentence);
	assert_unchanged(world, &before);
	assert_done(ask(world, set_weight("w1", 7)));
	assert_int_equal(backend(world, "w1")->weight, 7);
	assert_on_disk(world);
}

static void a_whole_document_is_refused_with_all_that_is_wrong(void **state)
{
	struct world *world = *state;
	struct snapshot before = take_snapshot(world);
	json_t *document = config_print(desired_config(world->desired));
	json_t *backends =
		json_object_get(json_array_get(json_object_get(document, "pools"), 0), "backends");
	const struct answer *answer;

	json_object_set_new(json_array_get(backends, 0), "weight", json_integer(-1));
	json_object_set_new(json_array_get(backends, 1), "colour", json_integer(1));
	json_object_set_new(json_array_get(backends, 2), "weight", json_integer(65536));
	answer = ask(world, apply_document(document));
	assert_refused(
		answer, -EINVAL, "pools[0].backends[0].weight: -1 is not a weight (0-65535)");
	assert_int_equal(answer->finding_count, 3);
	assert_string_equal(answer->last_finding,
		"pools[0].backends[2].weight: 65536 is not a weight (0-65535)");
	assert_unchanged(world, &before);
	edit_file(world, "weight", json_integer(65536));
	assert_int_equal(ask(world, reload())->finding_count, 1);
	edit_file(world, "weight", json_integer(33));
	assert_int_equal(ask(world, reload())->finding_count, 0);
}

/* Whoever asks: a call, a document, or the file. */
static void no_source_leaves_a_service_without_a_backend_unless_forced(void **state)
{
	static const char *const sentence =
		"service \"www\" would be left without a backend that takes new flows (pool "
		"\"web\"): needs force";
	struct world *world = *state;
	struct desired_change forced;
	json_t *idle;

	assert_done(ask(world, set_weight("w1", 0)));
	assert_done(ask(world, set_weight("w2", 0)));
	assert_refused(ask(world, set_weight("w3", 0)), -EPERM, sentence);
	idle = config_print(desired_config(world->desired));
	json_object_set_new(
		json_array_get(json_object_get(json_array_get(json_object_get(idle, "pools"), 0),
				       "backends"),
			2),
		"state", json_string("drain"));
	assert_refused(ask(world, apply_document(idle)), -EPERM, sentence);
	edit_file(world, "state", json_string("disabled"));
	assert_refused(ask(world, reload()), -EPERM, sentence);
	forced = reload();
	forced.terms.force = true;
	assert_done(ask(world, forced));
	assert_done(ask(world, set_weight("w2", 0))); /* it takes nothing away any more */
}

static void a_document_that_removes_too_much_needs_force(void **state)
{
	static const char *const sentence =
		"would remove 2 of 3 backends (66.7 %), and control.max_removed_percent is 50: needs "
		"force";
	struct world *world = *state;
	json_t *document = config_print(desired_config(world->desired)), *backends;
	struct desired_change change;

	json_object_set_new(
		json_object_get(document, "control"), "max_removed_percent", json_integer(50));
	assert_done(ask(world, apply_document(json_deep_copy(document))));
	json_object_set_new(
		json_object_get(document, "control"), "max_removed_percent", json_integer(100));
	backends =
		json_object_get(json_array_get(json_object_get(document, "pools"), 0), "backends");
	json_array_remove(backends, 2);
	json_array_remove(backends, 0);
	assert_refused(ask(world, apply_document(json_incref(document))), -EPERM, sentence);
	change = apply_document(document);
	change.terms.force = true;
	assert_done(ask(world, change));
}

static void a_change_of_another_revision_is_refused_with_both(void **state)
{
	struct world *world = *state;
	uint64_t first = desired_revision(world->desired), second;
	const struct answer *answer;
	char sentence[256];

	answer = ask(world, dry(at_revision(set_weight("w1", 7), first)));
	assert_done(answer);
	assert_int_equal(answer->revision, first); /* what it was tried on */
	answer = ask(world, at_revision(set_weight("w1", 7), first));
	assert_done(answer);
	second = answer->revision;
	assert_int_not_equal(second, first);
	assert_int_equal(desired_revision(world->desired), second);
	snprintf(sentence, sizeof(sentence),
		"the configuration is at revision %016lx and not at %016lx: it was changed since "
		"that one was read",
		(unsigned long)second, (unsigned long)first);
	assert_refused(ask(world, at_revision(set_weight("w1", 8), first)), -ESTALE, sentence);
	assert_done(ask(world, at_revision(set_weight("w1", 100), second)));
	assert_int_equal(desired_revision(world->desired), first); /* the same again */
}

static void what_a_whole_document_changes_is_said(void **state)
{
	struct world *world = *state;
	json_t *document = config_print(desired_config(world->desired));
	json_t *pool = json_array_get(json_object_get(document, "pools"), 0);
	json_t *backends = json_object_get(pool, "backends");

	json_object_set_new(json_array_get(backends, 0), "weight", json_integer(7));
	json_array_remove(backends, 1);
	json_array_append_new(
		backends, json_pack("{s:s, s:s}", "name", "w4", "address", "10.2.0.4"));
	json_array_clear(json_object_get(document, "services"));
	assert_string_equal(ask(world, apply_document(document))->changes,
		"services removed www; backends added web/w4; backends removed web/w2; backends "
		"changed web/w1");
	assert_string_equal(ask(world, set_weight("w1", 8))->changes, "");
	edit_file(world, "weight", json_integer(33));
	assert_string_equal(ask(world, reload())->changes, "backends changed web/w4");
}

static void keys_outside_of_pools_and_services_are_said_by_their_paths(void **state)
{
	struct world *world = *state;
	json_t *document = config_print(desired_config(world->desired));
	json_t *port =
		json_array_get(json_object_get(json_object_get(document, "dataplane"), "ports"), 0);
	json_t *neighbours = json_object_get(port, "neighbours");
	char expected[256], before[64];

	snprintf(before, sizeof(before), "%s",
		json_string_value(json_object_get(json_array_get(neighbours, 1), "address")));
	json_object_set_new(json_array_get(neighbours, 0), "mac", json_string("02:00:00:00:00:99"));
	json_array_remove(neighbours, 1);
	snprintf(expected, sizeof(expected),
		"keys removed dataplane.ports[%s].neighbours[%s]; keys changed "
		"dataplane.ports[%s].neighbours[%s].mac",
		json_string_value(json_object_get(port, "name")), before,
		json_string_value(json_object_get(port, "name")),
		json_string_value(json_object_get(json_array_get(neighbours, 0), "address")));
	assert_string_equal(ask(world, apply_document(document))->changes, expected);
}

static void a_configuration_that_does_not_fit_is_no_start(void **state)
{
	struct world *world = *state;
	struct state_layout layout = node_layout;
	struct error error = { "" };
	struct desired_context context;
	struct config *config;
	struct node *tight;

	layout.backends = 2;
	tight = node_create(world->node->host, &layout, 1);
	config = small_config_web(1, 3, "ipip");
	context = context_of(world, tight);
	assert_null(desired_create(&context, config, &world->directory.version, &error));
	assert_string_equal(error.message,
		"the state file has no room left for another backend; a restart makes room for "
		"twice the configuration, up to the limits of a state file");
	config_destroy(config); /* still ours */
	node_destroy(tight);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)
	const struct CMUnitTest tests[] = {
		TEST(a_change_is_in_force_and_on_disk_when_it_is_answered),
		TEST(a_change_to_what_is_already_so_changes_nothing),
		TEST(the_arguments_are_taken_over),
		TEST(a_document_without_the_secret_keeps_it),
		TEST(a_dry_run_tells_and_changes_nothing),
		TEST(a_dry_run_needs_no_place_to_write),
		TEST(what_the_edit_refuses_changes_nothing),
		TEST(what_no_configuration_may_say_changes_nothing),
		TEST(a_whole_document_is_refused_with_all_that_is_wrong),
		TEST(what_needs_a_restart_changes_nothing),
		TEST(what_does_not_fit_changes_nothing),
		TEST(what_cannot_be_written_is_not_applied),
		TEST(no_source_leaves_a_service_without_a_backend_unless_forced),
		TEST(a_document_that_removes_too_much_needs_force),
		TEST(a_change_of_another_revision_is_refused_with_both),
		TEST(what_a_whole_document_changes_is_said),
		TEST(keys_outside_of_pools_and_services_are_said_by_their_paths),
		TEST(a_configuration_that_does_not_fit_is_no_start),
	};
#undef TEST

	return cmocka_run_group_tests_name("desired", tests, node_host_start, node_host_stop);
}
