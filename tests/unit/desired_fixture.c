/* SPDX-License-Identifier: BSD-3-Clause */
#include "desired_fixture.h"

#include "unit.h"

#include <errno.h>
#include <sched.h>

#include "edit/config_edit.h"
#include "impact/plan_compare.h"

struct desired_context context_of(const struct world *world, const struct node *node)
{
	return (struct desired_context){
		.path = world->directory.path,
		.forwarding = node->forwarding,
		.ports = node->host->ports,
		.work = world->directory.work,
		.disk = world->directory.disk,
	};
}

int open_world(void **state)
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

int close_world(void **state)
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
	answer->written = outcome->written;
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

void submit(struct world *world, struct desired_change *change)
{
	int number = world->asked_count++;

	world->asked[number] = (struct asked){ world, number };
	change->done = note_answer;
	change->context = &world->asked[number];
	desired_submit(world->desired, change);
}

void wait_for_answers(struct world *world)
{
	if (world->answer_count < world->asked_count)
		config_directory_wait(&world->directory);
	assert_int_equal(world->answer_count, world->asked_count);
}

const struct answer *ask(struct world *world, struct desired_change change)
{
	submit(world, &change);
	wait_for_answers(world);
	return &world->answers[world->answer_count - 1];
}

static int edit_backend(
	const json_t *document, const json_t *arguments, json_t **edited, struct error *error)
{
	*edited = config_edit_backend_set(document, "web",
		json_string_value(json_object_get(arguments, "name")),
		json_object_get(arguments, "changes"), error);
	return *edited == NULL ? -errno : 0;
}

struct desired_change set_weight(const char *name, int weight)
{
	struct desired_change change = {
		.edit = edit_backend,
		.excerpt = { .part = CONFIG_POOL, .name = "web" },
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

struct desired_change add_backend(const char *name, const char *address)
{
	struct desired_change change = {
		.edit = edit_add,
		.excerpt = { .part = CONFIG_POOL, .name = "web" },
		.arguments = json_pack("{s:s, s:s}", "name", name, "address", address),
	};

	return change;
}

struct desired_change apply_document(json_t *document)
{
	struct desired_change change = { .source = DESIRED_DOCUMENT, .arguments = document };

	return change;
}

struct desired_change save(void)
{
	struct desired_change change = { .source = DESIRED_SAVE };

	return change;
}

struct desired_change overwriting(struct desired_change change)
{
	change.overwrite = true;
	return change;
}

struct desired_change volatile_only(struct desired_change change)
{
	change.volatile_only = true;
	return change;
}

struct desired_change at_revision(struct desired_change change, uint64_t revision)
{
	change.has_revision = true;
	change.revision = revision;
	return change;
}

struct desired_change dry(struct desired_change change)
{
	change.dry_run = true;
	return change;
}

struct desired_change reload(void)
{
	struct desired_change change = { .source = DESIRED_FILE };

	return change;
}

struct snapshot take_snapshot(const struct world *world)
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

void assert_unchanged(const struct world *world, struct snapshot *before)
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

void assert_refused(const struct answer *answer, int code, const char *sentence)
{
	assert_string_equal(answer->sentence, sentence);
	assert_int_equal(answer->code, code);
	assert_false(answer->has_plans);
}

void assert_done(const struct answer *answer)
{
	if (answer->code != 0)
		fail_msg("%s", answer->sentence);
	assert_true(answer->has_plans);
}

const struct config_backend *backend(const struct world *world, const char *name)
{
	const struct config_pool *pool = &desired_config(world->desired)->pools[0];
	int position = config_find_backend(pool, name);

	if (position < 0)
		fail_msg("no backend %s", name);
	return &pool->backends[position];
}

void assert_is_in_force(const struct world *world, const json_t *document)
{
	json_t *expected = config_print_with_secret(desired_config(world->desired));

	assert_true(json_equal(document, expected));
	json_decref(expected);
}

void assert_on_disk(const struct world *world)
{
	json_t *seen = config_directory_document(&world->directory);

	assert_is_in_force(world, seen);
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(seen, "node"), "hash_key")),
		"000102030405060708090a0b0c0d0e0f");
	json_decref(seen);
	assert_int_equal(config_directory_count_files(&world->directory), 1);
}

void edit_file(struct world *world, const char *key, json_t *value)
{
	json_t *document = config_directory_document(&world->directory);
	json_t *pool = json_array_get(json_object_get(document, "pools"), 0);

	json_object_set_new(json_array_get(json_object_get(pool, "backends"), 2), key, value);
	config_directory_write(&world->directory, document);
	json_decref(document);
}

enum config_file_state look(struct world *world)
{
	desired_look(world->desired);
	background_finish(world->directory.disk);
	return desired_file(world->desired).state;
}

static void hang(struct background_job *job)
{
	struct hang *hanging = job->context;

	while (!atomic_load(&hanging->over))
		sched_yield();
}

void end_hang(struct background_job *job)
{
}

void start_hanging(struct background *thread, struct hang *hanging)
{
	*hanging = (struct hang){
		.job = { .work = hang, .done = end_hang, .context = hanging },
	};
	background_run(thread, &hanging->job);
}

void end_hanging(struct hang *hanging)
{
	atomic_store(&hanging->over, true);
}

void submit_and_work(struct world *world, struct desired_change change)
{
	submit(world, &change);
	background_finish(world->directory.work);
}
