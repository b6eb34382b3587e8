/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One change at a time is edited and planned against what is in force (`current`), both in the
 * thread for it; only room is taken and given back in the event loop. While its file is read or
 * written (`on_disk`), others wait, but for those that need no file: a disk that hangs must not be
 * in the way of a drain. Such a change overtakes the one that is on the disk, and those that wait
 * for it.
 *
 * In the end all is as if changes had been made in the order in which they were asked for. What is
 * overtaken therefore goes on from what it has read or written, with the changes that overtook it
 * made once more on top of that (`early`). It is planned again, but its file is not written again:
 * so it is overtaken once at most, however many such changes there are. Where it is refused then,
 * the file is put back.
 */
#include "desired/desired.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "edit/config_changes.h"
#include "edit/config_differences.h"
#include "config/config_text.h"
#include "host/feasible.h"
#include "common/log.h"
#include "desired/origin.h"
#include "impact/plan_compare.h"
#include "steering/steering.h"

/* A change on its way. Jobs of background own all below `job` until they are done. */
struct pending {
	STAILQ_ENTRY(pending) next;
	struct desired *desired;
	struct desired_change change;
	uint64_t number; /* in the order in which they were asked for */
	bool overtaken;

	struct background_job job;
	struct config_file_version version; /* loaded; or expected, and then written */
	struct config_digest saved;         /* of the file of that version, before it is written */
	struct config *config;              /* as it is to be */
	struct config_digest digest;        /* of it */
	struct config_digest loaded;        /* of what a file held */
	struct early *early;                /* room for it, of a change that overtakes */
	char changes[ORIGIN_WHAT_SIZE];
	json_t *differences;                       /* NULL where nobody wants them */
	struct forwarding_change *planned;         /* while its tables are built */
	bool stored;                               /* it is in the file already, but not in force */
	int replaced;                              /* the file from before (config_file.h), or -1 */
	struct config_file_version version_before; /* of that */
	bool merged; /* what was written is not `config`, but an edited file with this change */
	int code;
	struct error error;
	struct findings *findings; /* NULL where the document is good */
};

STAILQ_HEAD(pending_list, pending);

/* Edits that overtake changes whose disk hangs: more of them are refused. */
#define EARLY_MAX 1024

/* A change that was made before others that had been asked for earlier. */
struct early {
	STAILQ_ENTRY(early) next;
	uint64_t number;
	enum desired_source source;
	config_editor_t *edit;
	struct config_excerpt excerpt; /* its name is of the arguments */
	json_t *arguments;
};

STAILQ_HEAD(early_list, early);

struct desired {
	struct desired_context context;
	struct steering *steering;

	struct config *config; /* in force */
	struct config_digest digest;

	struct pending_list queue;
	struct pending *current; /* from its edit to its answer, or until it is on the disk */
	struct pending *on_disk;
	uint64_t last_number;
	struct early_list early; /* as long as a change of a lower number is under way */
	size_t early_count;
	struct forwarding_change *forwarding_change; /* of one of these two, or NULL */
	struct impact *impact;                       /* of that */

	struct config_file_version version; /* of the file that was loaded or written last */
	struct config_digest saved;         /* of what it holds */
	unsigned int version_number;        /* counts such files */
	struct config_text *text;           /* of what was written last; the disk's thread's */
	time_t unsaved_since;
	bool stopping; /* takes no change and begins no look any more */

	struct background_job look;
	bool looking;
	size_t dropping; /* changes that are over, and whose memory is being freed */
	struct config_file_version looked_at; /* the job's own */
	unsigned int look_number;
	enum config_file_state look_state;
	bool look_exposed, is_exposed; /* of the job; as seen last */
	enum config_file_state file_state;
};

static void abort_forwarding(struct desired *desired)
{
	if (desired->forwarding_change != NULL)
		forwarding_abort(desired->context.forwarding, desired->forwarding_change);
	desired->forwarding_change = NULL;
	impact_destroy(desired->impact);
	desired->impact = NULL;
}

/* Makes what was prepared the state in force. The old one is the caller's to destroy. */
static void commit(struct desired *desired, struct config *config, struct config **old_config,
	struct plan **old_plan)
{
	struct forwarding *forwarding = desired->context.forwarding;

	steering_withdraw(desired->steering, desired->config, config);
	*old_plan = forwarding_take_plan(forwarding);
	forwarding_commit(forwarding, desired->forwarding_change);
	steering_extend(desired->steering, desired->config, config);
	*old_config = desired->config;
	desired->config = config;
	desired->forwarding_change = NULL;
}

/* Before anything is stored: what breaks is seen in what is live. */
static int find_losses(struct desired *desired, struct error *error)
{
	desired->impact =
		forwarding_find_losses(desired->context.forwarding, desired->forwarding_change);
	return desired->impact == NULL ? error_set(error, -ENOMEM, "out of memory") : 0;
}

static int check_moves(
	const struct desired *desired, const struct pending *pending, struct error *error)
{
	const struct plan *before = forwarding_plan(desired->context.forwarding);
	const struct plan *after = forwarding_change_plan(desired->forwarding_change);
	int code = impact_check(desired->impact, error);

	if (code == 0)
		code = plan_check_services(desired->config, pending->config, before, after, error);
	if (code == 0)
		code = plan_check(pending->config, before, after, desired->impact, error);
	return code;
}

/* ---- editing, in the thread for it; desired->config and desired->early stay meanwhile */

/* The configuration of a whole document, or all that is wrong with it. */
static struct config *validate_document(
	struct pending *pending, const json_t *document, const uint8_t *hash_key)
{
	struct findings *findings = malloc(sizeof(*findings));
	struct config *config;

	if (findings == NULL)
		return config_read(document, hash_key, &pending->error);
	findings_init(findings, FINDINGS_MAX);
	config = config_validate(document, hash_key, findings);
	if (findings_first(findings, &pending->error) == 0) {
		free(findings);
		return config;
	}
	config_destroy(config);
	free(pending->findings);
	pending->findings = findings;
	return NULL;
}

static int make_config(struct pending *pending)
{
	const struct desired_change *change = &pending->change;
	const struct config *config = pending->desired->config;
	int code = 0;

	switch (change->source) {
	case DESIRED_FILE: break; /* it has been loaded */
	case DESIRED_EDIT:
		code = config_excerpt_edit(config, &change->excerpt, change->edit,
			change->arguments, &pending->config, &pending->error);
		if (code == -ENOENT)
			config_excerpt_suggest(config, &change->excerpt, &pending->error);
		else if (code != 0)
			config_excerpt_name_path(config, &pending->error);
		break;
	case DESIRED_DOCUMENT:
		pending->config = validate_document(pending, change->arguments, config->hash_key);
		break;
	case DESIRED_SAVE: pending->config = config_copy(config, &pending->error); break;
	}
	return code != 0 ? code : pending->config == NULL ? -EINVAL : 0;
}

/* What finds nothing to change any more has been made in vain: the document has no such thing. */
static void repeat(struct pending *pending, const struct early *early)
{
	struct config *next = NULL;
	struct error ignored;

	if (early->source == DESIRED_DOCUMENT)
		next = config_read(early->arguments, pending->config->hash_key, &ignored);
	else if (config_excerpt_edit(pending->config, &early->excerpt, early->edit,
			 early->arguments, &next, &ignored) != 0)
		return;
	if (next == NULL)
		return;
	config_destroy(pending->config);
	pending->config = next;
}

/* The changes that were asked for later and made earlier are still in force after this one. */
static void repeat_early(struct pending *pending)
{
	const struct early *early;

	STAILQ_FOREACH(early, &pending->desired->early, next)
	if (early->number > pending->number)
		repeat(pending, early);
}

static int check_revision(struct pending *pending)
{
	uint64_t in_force = pending->desired->digest.all;

	if (!pending->change.has_revision || pending->change.revision == in_force)
		return 0;
	return error_set(&pending->error, -ESTALE,
		"the configuration is at revision %016lx and not at %016lx: it was changed since "
		"that one was read",
		(unsigned long)in_force, (unsigned long)pending->change.revision);
}

static void describe(struct pending *pending)
{
	bool is_whole = pending->change.source == DESIRED_FILE ||
			pending->change.source == DESIRED_DOCUMENT;

	pending->changes[0] = '\0';
	if (is_whole && pending->digest.all != pending->desired->digest.all)
		config_changes_describe(pending->desired->config, pending->config, pending->changes,
			sizeof(pending->changes));
	json_decref(pending->differences);
	pending->differences =
		is_whole && pending->change.dry_run
			? config_differences(pending->desired->config, pending->config)
			: NULL;
}

static bool is_from_file(const struct pending *pending)
{
	return pending->change.source == DESIRED_FILE;
}

static void work_on_edit(struct background_job *job)
{
	struct pending *pending = job->context;

	pending->error.message[0] = '\0';
	pending->code = pending->stored ? 0 : check_revision(pending);
	if (pending->code == 0 && pending->config == NULL)
		pending->code = make_config(pending);
	if (pending->code == 0 && pending->change.source != DESIRED_SAVE)
		repeat_early(pending);
	if (pending->code == 0)
		pending->code = config_compare_restart(
			pending->desired->config, pending->config, &pending->error);
	if (pending->code == 0) {
		pending->digest = config_digest_of(pending->config);
		describe(pending);
	}
}

/* ---- reading and writing, in the disk's thread */

static void work_on_load(struct background_job *job)
{
	struct pending *pending = job->context;
	json_t *document = config_file_load(
		pending->desired->context.path, &pending->version, &pending->error);

	pending->code = -EINVAL;
	if (document == NULL)
		return;
	pending->config = validate_document(pending, document, NULL);
	json_decref(document);
	if (pending->config == NULL)
		return;
	pending->loaded = config_digest_of(pending->config);
	pending->code = 0;
}

/*
 * The file was edited and not loaded. Where only keys outside of pools and services were, which
 * mostly wait for a restart, the change goes into that file: these keys stay as they were edited.
 * Returns the document; or NULL, and then whatever differs is found by the saving.
 */
static json_t *merge(struct pending *pending)
{
	struct config_file_version version;
	json_t *document = config_file_load(pending->desired->context.path, &version, NULL);
	struct config *edited = document == NULL ? NULL : config_read(document, NULL, NULL);
	json_t *merged = NULL, *ours;

	json_decref(document);
	if (edited != NULL && config_digest_of(edited).services == pending->saved.services &&
		pending->digest.rest == pending->saved.rest) {
		merged = config_print_with_secret(edited);
		ours = config_print_with_secret(pending->config);
		if (json_object_set(merged, "pools", json_object_get(ours, "pools")) != 0 ||
			json_object_set(merged, "services", json_object_get(ours, "services")) !=
				0) {
			json_decref(merged);
			merged = NULL;
		}
		json_decref(ours);
	}
	config_destroy(edited);
	edited = merged == NULL ? NULL : config_read(merged, NULL, NULL);
	if (edited == NULL) {
		json_decref(merged);
		return NULL;
	}
	config_destroy(edited);
	pending->version = version;
	pending->merged = true;
	return merged;
}

/* To be freed; NULL where memory is short. */
static char *text_to_write(struct pending *pending, size_t *length)
{
	struct desired *desired = pending->desired;
	json_t *document = NULL;
	char *text;

	pending->merged = false;
	if (!pending->change.overwrite &&
		config_file_look(desired->context.path, &pending->version) == CONFIG_FILE_EDITED)
		document = merge(pending);
	text = document != NULL ? config_text_dump(document, length)
				: config_text_print(desired->text, pending->config, length);
	json_decref(document);
	return text;
}

static int save(struct pending *pending, const char *text, size_t length)
{
	const char *path = pending->desired->context.path;

	if (pending->change.overwrite)
		return config_file_overwrite(
			path, text, length, &pending->version, &pending->replaced, &pending->error);
	return config_file_save(
		path, text, length, &pending->version, &pending->replaced, &pending->error);
}

/* Only what the change takes: an edit no --overwrite, and a saving no --volatile. */
static void advise(struct pending *pending)
{
	enum desired_source source = pending->change.source;
	struct error cause = pending->error;

	if (pending->code == -ESTALE)
		error_set(&pending->error, pending->code,
			"%.350s: reload it (SIGHUP) or undo that first%s%s", cause.message,
			source == DESIRED_SAVE ? "" : "; --volatile leaves the file alone",
			source == DESIRED_EDIT ? "" : "; --overwrite does not heed what it holds");
	else if (source != DESIRED_SAVE)
		error_set(&pending->error, pending->code,
			"%.400s; --volatile makes the change without the file", cause.message);
}

static void work_on_file(struct background_job *job)
{
	struct pending *pending = job->context;
	size_t length;
	char *text = text_to_write(pending, &length);

	pending->error.message[0] = '\0';
	if (text == NULL) {
		pending->code = error_set(&pending->error, -ENOMEM, "out of memory");
		return;
	}
	pending->code = save(pending, text, length);
	free(text);
	if (pending->code != 0)
		advise(pending);
}

static void work_on_put_back(struct background_job *job)
{
	struct pending *pending = job->context;
	struct error error = { "" };

	if (pending->replaced >= 0 && config_file_put_back(pending->desired->context.path,
					      pending->replaced, &pending->version, &error) == 0)
		pending->stored = false;
}

/* ---- the way of a change, in the event loop */

static void serve(struct desired *desired);

static void drop(struct pending *pending)
{
	config_destroy(pending->config);
	json_decref(pending->change.arguments);
	json_decref(pending->differences);
	free(pending->findings);
	free(pending->early);
	free(pending);
}

static void work_on_drop(struct background_job *job)
{
	struct pending *pending = job->context;

	config_destroy(pending->config);
	json_decref(pending->change.arguments);
	json_decref(pending->differences);
	pending->config = NULL;
	pending->change.arguments = NULL;
	pending->differences = NULL;
}

static void work_on_close(struct background_job *job)
{
	struct pending *pending = job->context;

	close(pending->replaced);
	pending->replaced = -1;
}

static void dropped(struct background_job *job)
{
	struct pending *pending = job->context;

	if (pending->replaced >= 0) { /* the disk frees the room of the file from before */
		pending->job = (struct background_job){
			.work = work_on_close,
			.done = dropped,
			.context = pending,
		};
		background_run(pending->desired->context.disk, &pending->job);
		return;
	}
	pending->desired->dropping--;
	drop(pending);
}

/*
 * Where it was made: a large document that is freed by another thread than the one that allocated
 * it has cost the event loop 20 ms, for the allocator gives the memory back to the system.
 */
static void drop_in_background(struct pending *pending)
{
	struct desired *desired = pending->desired;

	desired->dropping++;
	pending->job = (struct background_job){
		.work = work_on_drop,
		.done = dropped,
		.context = pending,
	};
	background_run(desired->context.work, &pending->job);
}

/* Calls back while the change is still under way, so that a change from within only queues. */
static void answer(struct pending *pending, const struct desired_outcome *outcome)
{
	pending->change.done(pending->change.context, outcome);
}

static void finish(struct pending *pending)
{
	struct desired *desired = pending->desired;

	if (desired->current == pending)
		desired->current = NULL;
	if (desired->on_disk == pending)
		desired->on_disk = NULL;
	serve(desired); /* first: whoever waits for an answer is served before memory is freed */
	drop_in_background(pending);
}

/* The file holds `digest` from now on, as that version. */
static void note_file(struct desired *desired, const struct config_file_version *version,
	struct config_digest digest)
{
	desired->version = *version;
	desired->version_number++;
	desired->saved = digest;
	desired->file_state = CONFIG_FILE_SAME;
}

static void note_unsaved(struct desired *desired)
{
	if (desired->digest.all == desired->saved.all)
		desired->unsaved_since = 0;
	else if (desired->unsaved_since == 0)
		desired->unsaved_since = time(NULL);
}

static void answer_refusal(struct pending *pending)
{
	struct desired_outcome outcome = {
		.code = pending->code,
		.error = &pending->error,
		.findings = pending->findings,
		.dry_run = pending->change.dry_run,
	};

	answer(pending, &outcome);
	finish(pending);
}

/* The file has held what is refused after all: whoever asked has to know, and the log, too. */
static void put_back(struct background_job *job)
{
	struct pending *pending = job->context;
	struct desired *desired = pending->desired;
	struct error cause = pending->error;

	if (!pending->stored) {
		desired->version = pending->version_before;
		desired->version_number++;
		desired->saved = pending->saved;
		note_unsaved(desired);
	}
	error_set(&pending->error, pending->code,
		pending->stored ? "%.350s; the file holds this change already, sluicectl config "
				  "save takes it out"
				: "%.350s; the file had this change already and is put back",
		cause.message);
	log_warning("%s: %s", desired->context.path, pending->error.message);
	answer_refusal(pending);
}

static void run_on_disk(struct pending *pending, void (*work)(struct background_job *job),
	void (*done)(struct background_job *job))
{
	struct desired *desired = pending->desired;

	if (desired->current == pending)
		desired->current = NULL;
	desired->on_disk = pending;
	pending->job = (struct background_job){
		.work = work,
		.done = done,
		.context = pending,
	};
	background_run(desired->context.disk, &pending->job);
}

static void refuse(struct pending *pending)
{
	struct desired *desired = pending->desired;

	if (!pending->overtaken) /* else there is none, or it is the overtaker's */
		abort_forwarding(desired);
	if (!pending->stored) {
		answer_refusal(pending);
		return;
	}
	run_on_disk(pending, work_on_put_back, put_back);
	serve(desired);
}

static void answer_dry_run(struct pending *pending)
{
	struct desired *desired = pending->desired;
	struct error refusal = { "" };
	struct desired_outcome outcome = {
		.dry_run = true,
		.changed = pending->digest.all != desired->digest.all,
		.before = forwarding_plan(desired->context.forwarding),
		.after = forwarding_change_plan(desired->forwarding_change),
		.config_before = desired->config,
		.config_after = pending->config,
		.impact = desired->impact,
		.revision = desired->digest.all,
		.volatile_only = pending->change.volatile_only,
		.changes = pending->changes,
		.differences = pending->differences,
		.terms = pending->change.terms,
	};

	if (!outcome.terms.force && check_moves(desired, pending, &refusal) != 0)
		outcome.needs_force = refusal.message;
	answer(pending, &outcome);
	abort_forwarding(desired);
	finish(pending);
}

/* Takes the first off the list, and returns its arguments. */
static json_t *take_early(struct desired *desired)
{
	struct early *early = STAILQ_FIRST(&desired->early);
	json_t *arguments = early->arguments;

	STAILQ_REMOVE_HEAD(&desired->early, next);
	desired->early_count--;
	free(early);
	return arguments;
}

/* A whole document makes up for all before it. They are freed with this change. */
static void forget_replaced(struct pending *pending)
{
	struct desired *desired = pending->desired;
	json_t *replaced = json_array();

	while (desired->early_count > 0)
		json_array_append_new(replaced, take_early(desired));
	pending->change.arguments = replaced;
}

/* This change was made before its turn. */
static void note_early(struct pending *pending)
{
	struct early *early = pending->early;

	if (early == NULL)
		return;
	*early = (struct early){
		.number = pending->number,
		.source = pending->change.source,
		.edit = pending->change.edit,
		.excerpt = pending->change.excerpt,
		.arguments = pending->change.arguments,
	};
	pending->early = NULL;
	pending->change.arguments = NULL;
	if (early->source == DESIRED_DOCUMENT)
		forget_replaced(pending);
	STAILQ_INSERT_TAIL(&pending->desired->early, early, next);
	pending->desired->early_count++;
}

static void forget_early(struct desired *desired)
{
	const struct pending *on_disk = desired->on_disk, *first = STAILQ_FIRST(&desired->queue);
	uint64_t oldest = UINT64_MAX;
	const struct early *early;

	if (on_disk != NULL)
		oldest = on_disk->number;
	if (first != NULL && first->number < oldest)
		oldest = first->number;
	while ((early = STAILQ_FIRST(&desired->early)) != NULL && early->number < oldest)
		json_decref(take_early(desired));
}

static void apply(struct pending *pending)
{
	struct desired *desired = pending->desired;
	struct desired_outcome outcome = {
		.revision = pending->digest.all,
		.volatile_only = pending->change.volatile_only,
		.changes = pending->changes,
		.terms = pending->change.terms,
	};
	struct config *old_config;
	struct plan *old_plan;

	/* the end of a drain is no part of the document */
	outcome.changed =
		pending->digest.all != desired->digest.all || outcome.terms.deadline_s != 0;
	commit(desired, pending->config, &old_config, &old_plan);
	pending->config = NULL;
	desired->digest = pending->digest;
	if (is_from_file(pending))
		note_file(desired, &pending->version, pending->loaded);
	note_unsaved(desired);
	note_early(pending);
	outcome.before = old_plan;
	outcome.after = forwarding_plan(desired->context.forwarding);
	outcome.config_before = old_config;
	outcome.config_after = desired->config;
	outcome.impact = desired->impact;
	answer(pending, &outcome);
	impact_destroy(desired->impact);
	desired->impact = NULL;
	plan_destroy(old_plan);
	pending->config = old_config; /* no longer in force, and dropped with the change */
	finish(pending);
}

/* What it needed the disk for is done: on with its edit, before all that wait. */
static void go_on(struct pending *pending)
{
	struct desired *desired = pending->desired;

	pending->overtaken = false;
	desired->on_disk = NULL;
	STAILQ_INSERT_HEAD(&desired->queue, pending, next);
	serve(desired);
}

static void loaded(struct background_job *job)
{
	struct pending *pending = job->context;

	if (pending->code != 0)
		refuse(pending);
	else
		go_on(pending);
}

static void written(struct background_job *job)
{
	struct pending *pending = job->context;
	struct desired *desired = pending->desired;

	if (pending->code == 0 && pending->merged) /* it is still to be loaded */
		desired->saved = pending->digest;
	else if (pending->code == 0)
		note_file(desired, &pending->version, pending->digest);
	if (pending->overtaken)
		note_unsaved(desired);
	pending->stored = pending->code == 0 && pending->overtaken;
	if (pending->code != 0)
		refuse(pending);
	else if (pending->overtaken)
		go_on(pending);
	else
		apply(pending);
}

static void start_writing(struct pending *pending)
{
	struct desired *desired = pending->desired;

	pending->version = pending->version_before = desired->version;
	pending->saved = desired->saved;
	run_on_disk(pending, work_on_file, written);
	serve(desired);
}

static void work_on_plan(struct background_job *job)
{
	struct pending *pending = job->context;

	forwarding_plan_change(pending->planned);
}

static void planned(struct background_job *job)
{
	struct pending *pending = job->context;
	const struct desired_change *change = &pending->change;
	struct desired *desired = pending->desired;

	pending->planned = NULL;
	pending->code = forwarding_end_plan(desired->forwarding_change, &pending->error);
	if (pending->code == 0)
		pending->code = find_losses(desired, &pending->error);
	if (pending->code == 0 && !change->dry_run && !change->terms.force)
		pending->code = check_moves(desired, pending, &pending->error);
	if (pending->code != 0)
		refuse(pending);
	else if (change->dry_run)
		answer_dry_run(pending);
	else if (is_from_file(pending) || change->volatile_only || pending->stored)
		apply(pending);
	else
		start_writing(pending);
}

static void work_on_nothing(struct background_job *job)
{
}

static void take_room(struct background_job *job);

/* The loop has a turn before each. */
static void take_turn(struct pending *pending)
{
	pending->job = (struct background_job){
		.work = work_on_nothing,
		.done = take_room,
		.context = pending,
	};
	background_run(pending->desired->context.work, &pending->job);
}

static void start_planning(struct pending *pending)
{
	pending->planned = pending->desired->forwarding_change;
	pending->job = (struct background_job){
		.work = work_on_plan,
		.done = planned,
		.context = pending,
	};
	background_run(pending->desired->context.work, &pending->job);
}

/* All the room that the configuration needs, turn by turn. */
static void take_room(struct background_job *job)
{
	struct pending *pending = job->context;
	struct desired *desired = pending->desired;

	pending->code = forwarding_take_room(
		desired->context.forwarding, desired->forwarding_change, &pending->error);
	if (pending->code < 0)
		refuse(pending);
	else if (pending->code == 0)
		start_planning(pending);
	else
		take_turn(pending);
}

static void edited(struct background_job *job)
{
	struct pending *pending = job->context;
	struct desired *desired = pending->desired;

	if (pending->code == 0) {
		desired->forwarding_change = forwarding_begin(desired->context.forwarding,
			pending->config, &pending->change.terms, &pending->error);
		if (desired->forwarding_change == NULL)
			pending->code = -ENOSPC;
	}
	if (pending->code != 0)
		refuse(pending);
	else
		take_room(job);
}

/* Whether it needs no file, so that no disk is in its way. */
static bool may_overtake(const struct pending *pending)
{
	return pending->change.volatile_only && !is_from_file(pending);
}

/* It goes before the one that is on the disk, whose plan is of no use then. */
static int overtake(struct pending *pending)
{
	struct desired *desired = pending->desired;

	if (desired->early_count >= EARLY_MAX && pending->change.source != DESIRED_DOCUMENT)
		return error_set(&pending->error, -EBUSY,
			"%s: its disk does not answer, and %zu changes have been made in memory "
			"meanwhile: no more are taken until it does, but for a whole document",
			desired->context.path, desired->early_count);
	pending->early = calloc(1, sizeof(*pending->early));
	if (pending->early == NULL)
		return error_set(&pending->error, -ENOMEM, "out of memory");
	if (!desired->on_disk->overtaken)
		abort_forwarding(desired);
	desired->on_disk->overtaken = true;
	return 0;
}

static void begin(struct pending *pending)
{
	struct desired *desired = pending->desired;

	if (is_from_file(pending) && pending->config == NULL) {
		run_on_disk(pending, work_on_load, loaded);
		return;
	}
	desired->current = pending;
	if (desired->on_disk != NULL)
		pending->code = overtake(pending);
	if (pending->code != 0) {
		desired->current = NULL;
		pending->overtaken = true;
		refuse(pending);
		return;
	}
	pending->job = (struct background_job){
		.work = work_on_edit,
		.done = edited,
		.context = pending,
	};
	background_run(desired->context.work, &pending->job);
}

/* After a restart there are no tables yet to compare others with. */
static bool is_rebuilding(const struct desired *desired)
{
	size_t pools;

	return forwarding_unbuilt(desired->context.forwarding, &pools) != 0;
}

/* What can be begun now: the first; while a file is on the disk, the first that needs none. */
static struct pending *take_next(struct desired *desired)
{
	struct pending *pending = STAILQ_FIRST(&desired->queue);

	if (desired->current != NULL || is_rebuilding(desired))
		return NULL;
	forget_early(desired);
	while (pending != NULL && desired->on_disk != NULL && !may_overtake(pending))
		pending = STAILQ_NEXT(pending, next);
	if (pending != NULL)
		STAILQ_REMOVE(&desired->queue, pending, pending, next);
	return pending;
}

static void serve(struct desired *desired)
{
	struct pending *next;

	while ((next = take_next(desired)) != NULL)
		begin(next);
}

static void refuse_at_end(const struct desired_change *change)
{
	static const struct error stopping = { "sluiced is stopping" };
	const struct desired_outcome outcome = {
		.code = -ECANCELED,
		.error = &stopping,
		.dry_run = change->dry_run,
	};

	change->done(change->context, &outcome);
}

void desired_submit(struct desired *desired, const struct desired_change *change)
{
	static const struct error no_memory = { "out of memory" };
	struct pending *pending;

	if (desired->stopping) {
		refuse_at_end(change);
		json_decref(change->arguments);
		return;
	}
	pending = calloc(1, sizeof(*pending));
	if (pending == NULL) {
		struct desired_outcome outcome = { .code = -ENOMEM, .error = &no_memory };

		change->done(change->context, &outcome);
		json_decref(change->arguments);
		return;
	}
	pending->desired = desired;
	pending->change = *change;
	pending->replaced = -1;
	pending->number = ++desired->last_number;
	STAILQ_INSERT_TAIL(&desired->queue, pending, next);
	serve(desired);
}

/* ---- start and end */

struct desired *desired_create(const struct desired_context *context, struct config *config,
	const struct config_file_version *version, struct error *error)
{
	static const struct live_terms terms = { .force = true };
	struct desired *desired = calloc(1, sizeof(*desired));
	struct config *no_config;
	struct plan *no_plan;

	if (desired == NULL) {
		error_set(error, -ENOMEM, "out of memory");
		return NULL;
	}
	STAILQ_INIT(&desired->queue);
	STAILQ_INIT(&desired->early);
	desired->context = *context;
	desired->steering = steering_create(context->ports, config->dataplane.port_count,
		config->dataplane.state_file, context->disk);
	desired->text = config_text_create();
	if (desired->steering == NULL || desired->text == NULL)
		error_set(error, -ENOMEM, "out of memory");
	else
		desired->forwarding_change =
			forwarding_prepare(context->forwarding, config, &terms, error);
	if (desired->forwarding_change == NULL) {
		steering_destroy(desired->steering);
		config_text_destroy(desired->text);
		free(desired);
		return NULL;
	}
	commit(desired, config, &no_config, &no_plan);
	plan_destroy(no_plan);
	desired->digest = config_digest_of(config);
	note_file(desired, version, desired->digest);
	desired->is_exposed = feasible_is_exposed(context->path);
	return desired;
}

static void refuse_waiting(struct desired *desired)
{
	struct pending *pending, *next;

	for (pending = STAILQ_FIRST(&desired->queue); pending != NULL; pending = next) {
		next = STAILQ_NEXT(pending, next);
		if (pending->stored) /* it is in the file, and goes on */
			continue;
		STAILQ_REMOVE(&desired->queue, pending, pending, next);
		refuse_at_end(&pending->change);
		drop(pending);
	}
}

static bool is_under_way(const struct desired *desired)
{
	return desired->current != NULL || desired->on_disk != NULL ||
	       !STAILQ_EMPTY(&desired->queue) || desired->looking || desired->dropping != 0;
}

void desired_finish(struct desired *desired)
{
	if (desired == NULL)
		return;
	desired->stopping = true;
	forwarding_end_filling(desired->context.forwarding);
	refuse_waiting(desired);
	while (is_under_way(desired)) {
		background_finish(desired->context.work);
		background_finish(desired->context.disk);
	}
}

void desired_destroy(struct desired *desired)
{
	if (desired == NULL)
		return;
	assert(!is_under_way(desired));
	forget_early(desired);
	config_destroy(desired->config);
	steering_destroy(desired->steering);
	config_text_destroy(desired->text);
	free(desired);
}

/* ---- what is asked about it */

static void work_on_look(struct background_job *job)
{
	struct desired *desired = job->context;

	desired->look_state = config_file_look(desired->context.path, &desired->looked_at);
	desired->look_exposed = feasible_is_exposed(desired->context.path);
}

static void looked(struct background_job *job)
{
	struct desired *desired = job->context;

	desired->looking = false;
	desired->is_exposed = desired->look_exposed;
	if (desired->look_number != desired->version_number)
		return;
	desired->file_state = desired->look_state;
	desired->version = desired->looked_at; /* perhaps touched, with the same bytes */
}

void desired_look(struct desired *desired)
{
	if (desired->stopping)
		return;
	serve(desired);
	if (desired->looking)
		return;
	desired->looking = true;
	desired->look_number = desired->version_number;
	desired->looked_at = desired->version;
	desired->look = (struct background_job){
		.work = work_on_look,
		.done = looked,
		.context = desired,
	};
	background_run(desired->context.disk, &desired->look);
}

struct desired_file desired_file(const struct desired *desired)
{
	return (struct desired_file){
		.path = desired->context.path,
		.state = desired->file_state,
		.unsaved_since = desired->unsaved_since,
		.is_exposed = desired->is_exposed,
	};
}

struct steering *desired_steering(struct desired *desired)
{
	return desired->steering;
}

const struct config *desired_config(const struct desired *desired)
{
	return desired->config;
}

const struct plan *desired_plan(const struct desired *desired)
{
	return forwarding_plan(desired->context.forwarding);
}

struct config *desired_config_ref(const struct desired *desired)
{
	return config_ref(desired->config);
}

uint64_t desired_revision(const struct desired *desired)
{
	return desired->digest.all;
}
