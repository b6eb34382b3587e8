/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "edit/config_edit.h"
#include "config_directory.h"
#include "desired/desired.h"
#include "impact/plan_compare.h"
#include "node_fixture.h"

#define ANSWERS_MAX 16

#define POOLS                                                                                 \
	"[{'name': 'web', 'slots': 251, 'backends': [{'name': 'w1', 'address': '10.2.0.1'}, " \
	"{'name': 'w2', 'address': '10.2.0.2'}, {'name': 'w3', 'address': '10.2.0.3'}]}]"
#define SERVICES                                                                                 \
	"[{'name': 'www', 'vip': '203.0.113.10', 'protocol': 'tcp', 'port': 80, 'pool': 'web', " \
	"'forward': 'ipip'}]"

/* What a change was answered, in the order of the answers. */
struct answer {
	int number; /* of the change */
	int code;
	char sentence[512];
	bool dry_run;
	bool changed;
	bool has_plans;
	uint64_t revision;
	char changes[256];
	uint32_t moved; /* slots of pool 0 */
	size_t backends_before, backends_after;
	size_t finding_count;
	char last_finding[128];
};

struct world;

struct asked {
	struct world *world;
	int number;
};

struct world {
	struct node *node;
	struct config_directory directory;
	struct desired *desired;
	struct asked asked[ANSWERS_MAX];
	struct answer answers[ANSWERS_MAX];
	int asked_count, answer_count;
	struct desired_change *next; /* to be submitted by the next answer, or NULL */
};

static struct desired_context context_of(const struct world *world, const struct node *node)
{
	return (struct desired_context){
		.path = world->directory.path,
		.forwarding = node->forwarding,
		.ports = node->host->ports,
		.work = world->directory.work,
		.disk = world->directory.disk,
	};
}

/* *state is the host before and after a test, and the world during it. */
static int open_world(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	json_t *document = small_config_document(POOLS, SERVICES);
	struct desired_context context;
	struct error error = { "" };
	struct config *config;

	world->node = node_create(*state, &node_layout, 1);
	config_directory_open(&world->directory, document);
	config = config_read(document, NULL, &error);
	assert_non_null(config);
	json_decref(document);
	context = context_of(world, world->node);
	world->desired = desired_create(&context, config, &world->directory.version, &error);
	if (world->desired == NULL)
		fail_msg("%s", error.message);
	*state = world;
	return 0;
}

static int close_world(void **state)
{
	struct world *world = *state;

	*state = (void *)world->node->host;
	desired_finish(world->desired);
	desired_destroy(world->desired);
	config_directory_close(&world->directory);
	node_destroy(world->node);
	free(world);
	return 0;
}

/* ---- asking -----------------------------------------------------------------------------------
 */

static void submit(struct world *world, struct desired_change *change);

static void note_answer(void *context, const struct desired_outcome *outcome)
{
	struct asked *asked = context;
	struct world *world = asked->world;
	struct answer *answer = &world->answers[world->answer_count++];
	struct desired_change *next = world->next;

	answer->number = asked->number;
	answer->code = outcome->code;
	answer->dry_run = outcome->dry_run;
	answer->changed = outcome->changed;
	answer->revision = outcome->revision;
	snprintf(answer->changes, sizeof(answer->changes), "%s",
		outcome->changes == NULL ? "" : outcome->changes);
	answer->has_plans = outcome->before != NULL && outcome->after != NULL;
	if (outcome->code != 0)
		snprintf(answer->sentence, sizeof(answer->sentence), "%s", outcome->error->message);
	answer->finding_count = outcome->findings == NULL ? 0 : outcome->findings->count;
	if (answer->finding_count > 0)
		snprintf(answer->last_finding, sizeof(answer->last_finding), "%s",
			outcome->findings->errors[answer->finding_count - 1].message);
	if (answer->has_plans) {
		answer->moved =
			plan_slots_moved(&outcome->before->pools[0], &outcome->after->pools[0]);
		answer->backends_before = outcome->before->pools[0].backend_count;
		answer->backends_after = outcome->after->pools[0].backend_count;
	}
	world->next = NULL;
	if (next != NULL)
		submit(world, next);
	if (world->answer_count == world->asked_count)
		config_directory_wake(&world->directory);
}

static void submit(struct world *world, struct desired_change *change)
{
	int number = world->asked_count++;

	world->asked[number] = (struct asked){ world, number };
	change->done = note_answer;
	change->context = &world->asked[number];
	desired_submit(world->desired, change);
}

static void wait_for_answers(struct world *world)
{
	if (world->answer_count < world->asked_count)
		config_directory_wait(&world->directory);
	assert_int_equal(world->answer_count, world->asked_count);
}

/* Asks and waits for the one answer. */
static const struct answer *ask(struct world *world, struct desired_change change)
{
	submit(world, &change);
	wait_for_answers(world);
	return &world->answers[world->answer_count - 1];
}

/* ---- changes ----------------------------------------------------------------------------------
 */

static int edit_backend(
	const json_t *document, const json_t *arguments, json_t **edited, struct error *error)
{
	*edited = config_edit_backend_set(document, "web",
		json_string_value(json_object_get(arguments, "name")),
		json_object_get(arguments, "changes"), error);
	return *edited == NULL ? -errno : 0;
}

static struct desired_change set_weight(const char *name, int weight)
{
	struct desired_change change = {
		.edit = edit_backend,
		.excerpt = { CONFIG_POOL, "web" },
		.arguments = json_pack("{s:s, s:{s:i}}", "name", name, "changes", "weight", weight),
	};

	return change;
}

static int edit_add(
	const json_t *document, const json_t *arguments, json_t **edited, struct error *error)
{
	*edited = config_edit_backend_add(document, "web", arguments, error);
	return *edited == NULL ? -errno : 0;
}

static struct desired_change add_backend(const char *name, const char *address)
{
	struct desired_change change = {
		.edit = edit_add,
		.excerpt = { CONFIG_POOL, "web" },
		.arguments = json_pack("{s:s, s:s}", "name", name, "address", address),
	};

	return change;
}

/* As config.apply does: the whole document. */
static struct desired_change apply_document(json_t *document)
{
	struct desired_change change = { .source = DESIRED_DOCUMENT, .arguments = document };

	return change;
}

static struct desired_change save(void)
{
	struct desired_change change = { .source = DESIRED_SAVE };

	return change;
}

static struct desired_change overwriting(struct desired_change change)
{
	change.overwrite = true;
	return change;
}

static struct desired_change volatile_only(struct desired_change change)
{
	change.volatile_only = true;
	return change;
}

static struct desired_change at_revision(struct desired_change change, uint64_t revision)
{
	change.has_revision = true;
	change.revision = revision;
	return change;
}

static struct desired_change dry(struct desired_change change)
{
	change.dry_run = true;
	return change;
}

static struct desired_change reload(void)
{
	struct desired_change change = { .source = DESIRED_FILE };

	return change;
}

/* ---- what is in force -------------------------------------------------------------------------
 */

/* Everything that a refused change must leave as it was. */
struct snapshot {
	const struct config *config;
	const struct plan *plan;
	const struct tables *tables;
	char *text;
	struct stat file;
};

static struct snapshot take_snapshot(const struct world *world)
{
	struct snapshot snapshot = {
		.config = desired_config(world->desired),
		.plan = desired_plan(world->desired),
		.tables = forwarding_tables(world->node->forwarding),
		.text = config_directory_text(&world->directory),
	};

	assert_int_equal(stat(world->directory.path, &snapshot.file), 0);
	return snapshot;
}

static void assert_unchanged(const struct world *world, struct snapshot *before)
{
	struct snapshot after = take_snapshot(world);

	assert_ptr_equal(after.config, before->config);
	assert_ptr_equal(after.plan, before->plan);
	assert_ptr_equal(after.tables, before->tables);
	assert_string_equal(after.text, before->text);
	assert_int_equal(after.file.st_ino, before->file.st_ino);
	assert_int_equal(config_directory_count_files(&world->directory), 1);
	free(after.text);
	free(before->text);
}

static void assert_refused(const struct answer *answer, int code, const char *sentence)
{
	assert_string_equal(answer->sentence, sentence);
	assert_int_equal(answer->code, code);
	assert_false(answer->has_plans);
}

static void assert_done(const struct answer *answer)
{
	if (answer->code != 0)
		fail_msg("%s", answer->sentence);
	assert_true(answer->has_plans);
}

static const struct config_backend *backend(const struct world *world, const char *name)
{
	const struct config_pool *pool = &desired_config(world->desired)->pools[0];
	int position = config_find_backend(pool, name);

	if (position < 0)
		fail_msg("no backend %s", name);
	return &pool->backends[position];
}

static void assert_is_in_force(const struct world *world, const json_t *document)
{
	json_t *expected = config_print_with_secret(desired_config(world->desired));

	assert_true(json_equal(document, expected));
	json_decref(expected);
}

/* The file is what is in force, with the secret. */
static void assert_on_disk(const struct world *world)
{
	json_t *seen = config_directory_document(&world->directory);

	assert_is_in_force(world, seen);
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(seen, "node"), "hash_key")),
		"000102030405060708090a0b0c0d0e0f");
	json_decref(seen);
	assert_int_equal(config_directory_count_files(&world->directory), 1);
}

/* ---- one change -------------------------------------------------------------------------------
 */

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
	assert_int_equal(answer->moved, moved); /* it told the truth */
}

static void a_dry_run_needs_no_place_to_write(void **state)
{
	struct world *world = *state;

	config_directory_forbid_writing(&world->directory);
	assert_done(ask(world, dry(set_weight("w1", 7))));
	config_directory_allow_writing(&world->directory);
}

/* ---- refusals ----------------------------------------------------------------------------------
 */

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

/* ---- the file -----------------------------------------------------------------------------------
 */

/* As an editor would: weight 33 for w3, in the file. */
static void edit_file(struct world *world, const char *key, json_t *value)
{
	json_t *document = config_directory_document(&world->directory);
	json_t *pool = json_array_get(json_object_get(document, "pools"), 0);

	json_object_set_new(json_array_get(json_object_get(pool, "backends"), 2), key, value);
	config_directory_write(&world->directory, document);
	json_decref(document);
}

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
}

/* ---- without the file --------------------------------------------------------------------------
 */

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

static void a_document_is_applied_over_an_edited_file_where_that_is_asked_for(void **state)
{
	struct world *world = *state;

	edit_file(world, "weight", json_integer(33));
	assert_done(ask(
		world, overwriting(apply_document(config_print(desired_config(world->desired))))));
	assert_int_equal(backend(world, "w3")->weight, 100);
	assert_on_disk(world);
}

/* Stands for a disk that hangs: nothing comes back from the thread that writes. */
struct hang {
	struct background_job job;
	atomic_bool over;
};

static void hang(struct background_job *job)
{
	struct hang *hanging = job->context;

	while (!atomic_load(&hanging->over))
		sched_yield();
}

static void end_hang(struct background_job *job)
{
}

static void a_volatile_change_overtakes_one_whose_disk_hangs(void **state)
{
	struct world *world = *state;
	struct desired_change stuck = set_weight("w1", 7), behind = set_weight("w3", 9);
	struct desired_change urgent = volatile_only(set_weight("w2", 8));
	struct hang hanging = { .job = { .work = hang, .done = end_hang } };

	hanging.job.context = &hanging;
	background_run(world->directory.disk, &hanging.job);
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
	atomic_store(&hanging.over, true);
	wait_for_answers(world);
	assert_done(&world->answers[1]);
	assert_done(&world->answers[2]);
	assert_int_equal(backend(world, "w1")->weight, 7);
	assert_int_equal(backend(world, "w2")->weight, 8);
	assert_int_equal(backend(world, "w3")->weight, 9);
	assert_int_equal(desired_file(world->desired).unsaved_since, 0);
	assert_on_disk(world);
}

/* ---- looking at the file -----------------------------------------------------------------------
 */

static enum config_file_state look(struct world *world)
{
	desired_look(world->desired);
	background_finish(world->directory.disk);
	return desired_file(world->desired).state;
}

/* ---- changes that overtake
 * -----------------------------------------------------------------------
 */

/* Until end_hanging(), whatever comes after it waits. */
static void start_hanging(struct world *world, struct hang *hanging)
{
	*hanging = (struct hang){
		.job = { .work = hang, .done = end_hang, .context = hanging },
	};
	background_run(world->directory.disk, &hanging->job);
}

static void end_hanging(struct hang *hanging)
{
	atomic_store(&hanging->over, true);
}

static void submit_and_work(struct world *world, struct desired_change change)
{
	submit(world, &change);
	background_finish(world->directory.work);
}

static void a_change_is_overtaken_once_at_most(void **state)
{
	struct world *world = *state;
	struct hang first, second;

	start_hanging(world, &first);
	submit_and_work(world, set_weight("w1", 7));
	start_hanging(world, &second); /* it would have to wait for this one to be written again */
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

	start_hanging(world, &hanging);
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
	start_hanging(world, &hanging);
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

	start_hanging(world, &hanging);
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

static void a_change_that_is_overtaken_and_then_refused_is_not_in_the_file(void **state)
{
	struct world *world = *state;
	char *before = config_directory_text(&world->directory), *after;
	struct hang hanging;

	start_hanging(world, &hanging);
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
	start_hanging(world, &hanging);
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

/* ---- what is seen of the file
 * --------------------------------------------------------------------
 */

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

/* ---- revisions ---------------------------------------------------------------------------------
 */

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

/* ---- several changes ----------------------------------------------------------------------------
 */

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

/* It has been overtaken, is in the file, and has not gone on yet. */
static void at_the_end_what_is_in_the_file_is_made(void **state)
{
	struct world *world = *state;
	struct desired_change urgent = volatile_only(set_weight("w2", 8)), behind = reload();
	struct hang disk, work = { .job = { .work = hang, .done = end_hang } };

	start_hanging(world, &disk);
	submit_and_work(world, set_weight("w1", 7));
	work.job.context = &work;
	background_run(world->directory.work, &work.job);
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
	node_settle(world->node);
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
		TEST(a_document_is_applied_over_an_edited_file_where_that_is_asked_for),
		TEST(a_volatile_change_overtakes_one_whose_disk_hangs),
		TEST(a_change_is_overtaken_once_at_most),
		TEST(a_disk_that_hangs_is_overtaken_so_often_and_no_more),
		TEST(a_volatile_change_overtakes_a_reload_whose_disk_hangs),
		TEST(what_waits_undoes_no_volatile_change_that_was_asked_for_later),
		TEST(no_source_leaves_a_service_without_a_backend_unless_forced),
		TEST(a_change_that_is_overtaken_and_then_refused_is_not_in_the_file),
		TEST(a_file_that_was_edited_meanwhile_is_not_put_back),
		TEST(a_file_that_is_edited_and_not_loaded_is_seen),
		TEST(a_change_of_another_revision_is_refused_with_both),
		TEST(what_a_whole_document_changes_is_said),
		TEST(changes_at_once_are_made_one_after_the_other),
		TEST(a_refused_change_does_not_hold_up_those_behind_it),
		TEST(a_change_that_came_while_a_file_was_written_is_not_lost),
		TEST(a_change_may_be_asked_for_in_the_answer_to_another),
		TEST(at_the_end_the_change_under_way_is_made_and_others_are_refused),
		TEST(at_the_end_what_is_in_the_file_is_made),
		TEST(at_the_end_there_need_be_nothing_to_refuse),
		TEST(a_change_waits_while_tables_are_rebuilt),
		TEST(at_the_end_changes_that_wait_for_tables_are_refused),
		TEST(a_configuration_that_does_not_fit_is_no_start),
	};
#undef TEST

	return cmocka_run_group_tests_name("desired", tests, node_host_start, node_host_stop);
}
