/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One change at a time (`current`) is edited and planned against what is in force, both in the work
 * thread; the event loop only takes room, gives it back and commits. While the file of a change is
 * read or written (`on_disk`), other changes wait, unless they write no file: a volatile drain must
 * not wait for a disk that hangs. It overtakes the change on the disk and those that wait for it.
 *
 * The result is as if changes had been made in the order in which they were requested. So a change
 * that was overtaken starts from what it has read or written and repeats the overtakers on top of
 * that (overtakers.h). It is planned again, but its file is not written again, so it is overtaken
 * at most once, however many such changes there are. If it is refused then, the file is put back.
 */
#include "desired/desired.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "common/events.h"
#include "desired/change_queue.h"
#include "desired/in_force.h"
#include "desired/pending.h"
#include "desired/saved_file.h"
#include "impact/removals.h"
#include "steering/steering.h"

struct desired {
	struct desired_context context;
	struct in_force in_force;
	struct saved_file file;
	struct change_queue queue;
	size_t dropping; /* changes that are over, and whose memory is being freed */
	bool stopping;   /* takes no change and begins no look any more */
};

static void serve(struct desired *desired);

/* Runs `work` in `thread`, and then `done` in the event loop. */
static void run(struct background *thread, struct pending *pending,
	void (*work)(struct background_job *job), void (*done)(struct background_job *job))
{
	pending->job = (struct background_job){
		.work = work,
		.done = done,
		.context = pending,
	};
	background_run(thread, &pending->job);
}

static void dropped(struct background_job *job)
{
	struct pending *pending = job->context;

	if (pending->replaced >= 0) { /* closing the previous file frees its room on the disk */
		run(pending->desired->context.disk, pending, pending_work_on_close, dropped);
		return;
	}
	pending->desired->dropping--;
	pending_destroy(pending);
}

/*
 * Frees it in the thread that allocated it: when the event loop freed a large document, that took
 * 20 ms, because the allocator returned the memory to the system.
 */
static void drop_in_background(struct pending *pending)
{
	struct desired *desired = pending->desired;

	desired->dropping++;
	run(desired->context.work, pending, pending_work_on_drop, dropped);
}

/*
 * Calls back before the change ends: if the callee submits another change, that is only queued.
 */
static void answer(struct pending *pending, const struct desired_outcome *outcome)
{
	pending->change.done(pending->change.context, outcome);
}

static void finish(struct pending *pending)
{
	struct desired *desired = pending->desired;

	change_queue_end(&desired->queue, pending);
	serve(desired); /* first, so that waiting changes go before freeing memory */
	drop_in_background(pending);
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

/* The file had a change that was refused after all. The answer and the log say so. */
static void put_back(struct background_job *job)
{
	struct pending *pending = job->context;
	struct desired *desired = pending->desired;
	struct error cause = pending->error;

	if (!pending->stored) {
		desired->file.version = pending->version_before;
		desired->file.version_number++;
		desired->file.digest = pending->saved;
		saved_file_note_unsaved(&desired->file, desired->in_force.digest);
	}
	error_set(&pending->error, pending->code,
		pending->stored ? "%.350s; the file holds this change already, sluicectl config "
				  "save takes it out"
				: "%.350s; the file had this change already and is put back",
		cause.message);
	events_publish(EVENT(CONFIGURATION, WARNING, NODE, NULL), "%s: %s", desired->context.path,
		pending->error.message);
	answer_refusal(pending);
}

static void run_on_disk(struct pending *pending, void (*work)(struct background_job *job),
	void (*done)(struct background_job *job))
{
	struct desired *desired = pending->desired;

	change_queue_leave_to_disk(&desired->queue, pending);
	run(desired->context.disk, pending, work, done);
}

static void refuse(struct pending *pending)
{
	struct desired *desired = pending->desired;

	if (!pending->overtaken) /* else the change being prepared, if any, is the overtaker's */
		in_force_abort(&desired->in_force);
	if (!pending->stored) {
		answer_refusal(pending);
		return;
	}
	run_on_disk(pending, pending_work_on_put_back, put_back);
	serve(desired);
}

/* Whether the change sets when a drain ends, which is not part of the document. */
static bool sets_deadline(const struct live_terms *terms)
{
	return terms->deadline_s != 0 || terms->again;
}

/* Whether the change needs no force. An edit says itself what it removes; a document may not. */
static int check_moves(const struct pending *pending, struct error *error)
{
	const struct in_force *in_force = &pending->desired->in_force;
	enum desired_source source = pending->change.source;
	int code = in_force_check_moves(in_force, pending->config, error);

	if (code == 0 && (source == DESIRED_DOCUMENT || source == DESIRED_FILE))
		code = removals_check(in_force->config, pending->config, error);
	return code;
}

static void answer_dry_run(struct pending *pending)
{
	struct desired *desired = pending->desired;
	struct error refusal = { "" };
	struct desired_outcome outcome = {
		.dry_run = true,
		.changed = pending->digest.all != desired->in_force.digest.all ||
			   sets_deadline(&pending->change.terms),
		.before = forwarding_plan(desired->context.forwarding),
		.after = forwarding_change_plan(desired->in_force.change),
		.config_before = desired->in_force.config,
		.config_after = pending->config,
		.impact = desired->in_force.impact,
		.revision = desired->in_force.digest.all,
		.volatile_only = pending->change.volatile_only,
		.changes = pending->changes,
		.differences = pending->differences,
		.terms = pending->change.terms,
	};

	if (!outcome.terms.force && check_moves(pending, &refusal) != 0)
		outcome.needs_force = refusal.message;
	answer(pending, &outcome);
	in_force_abort(&desired->in_force);
	finish(pending);
}

/* Checks go by the configuration that is in force from now on. */
static void follow_health(const struct desired *desired)
{
	if (desired->context.health != NULL)
		health_follow(desired->context.health, desired->in_force.config);
}

static void apply(struct pending *pending)
{
	struct desired *desired = pending->desired;
	struct desired_outcome outcome = {
		.revision = pending->digest.all,
		.volatile_only = pending->change.volatile_only,
		.written = pending->written,
		.changes = pending->changes,
		.terms = pending->change.terms,
	};
	struct config *old_config;
	struct plan *old_plan;

	outcome.changed = pending->digest.all != desired->in_force.digest.all ||
			  sets_deadline(&outcome.terms);
	in_force_commit(
		&desired->in_force, pending->config, pending->digest, &old_config, &old_plan);
	if (pending_is_from_file(pending))
		saved_file_set(&desired->file, &pending->version, pending->loaded);
	saved_file_note_unsaved(&desired->file, desired->in_force.digest);
	change_queue_keep(&desired->queue, pending);
	outcome.before = old_plan;
	outcome.after = forwarding_plan(desired->context.forwarding);
	outcome.config_before = old_config;
	outcome.config_after = desired->in_force.config;
	outcome.impact = desired->in_force.impact;
	answer(pending, &outcome);
	in_force_forget_impact(&desired->in_force);
	plan_destroy(old_plan);
	follow_health(desired);
	pending->config = old_config; /* no longer in force, and dropped with the change */
	finish(pending);
}

/* Its work on the disk is done; it is edited next, before those that wait. */
static void go_on(struct pending *pending)
{
	struct desired *desired = pending->desired;

	change_queue_return(&desired->queue, pending);
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

	pending->written = pending->code == 0;
	if (pending->code == 0 && pending->merged)
		saved_file_set_merged(&desired->file, pending->digest);
	else if (pending->code == 0)
		saved_file_set(&desired->file, &pending->version, pending->digest);
	if (pending->overtaken)
		saved_file_note_unsaved(&desired->file, desired->in_force.digest);
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

	pending->version = pending->version_before = desired->file.version;
	pending->saved = desired->file.digest;
	run_on_disk(pending, pending_work_on_write, written);
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
	pending->code = forwarding_end_plan(desired->in_force.change, &pending->error);
	if (pending->code == 0)
		pending->code = in_force_find_losses(&desired->in_force, &pending->error);
	if (pending->code == 0 && !change->dry_run && !change->terms.force)
		pending->code = check_moves(pending, &pending->error);
	if (pending->code != 0)
		refuse(pending);
	else if (change->dry_run)
		answer_dry_run(pending);
	else if (pending_is_from_file(pending) || change->volatile_only || pending->stored)
		apply(pending);
	else
		start_writing(pending);
}

static void work_on_nothing(struct background_job *job)
{
}

static void take_room(struct background_job *job);

/* Lets the event loop run before each step. */
static void take_turn(struct pending *pending)
{
	run(pending->desired->context.work, pending, work_on_nothing, take_room);
}

static void start_planning(struct pending *pending)
{
	pending->planned = pending->desired->in_force.change;
	run(pending->desired->context.work, pending, work_on_plan, planned);
}

/* Takes all the room that the configuration needs, step by step. */
static void take_room(struct background_job *job)
{
	struct pending *pending = job->context;
	struct desired *desired = pending->desired;

	pending->code = forwarding_take_room(
		desired->context.forwarding, desired->in_force.change, &pending->error);
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
		desired->in_force.change = forwarding_begin(desired->context.forwarding,
			pending->config, &pending->change.terms, &pending->error);
		if (desired->in_force.change == NULL)
			pending->code = -ENOSPC;
	}
	if (pending->code != 0)
		refuse(pending);
	else
		take_room(job);
}

static void begin(struct pending *pending)
{
	struct desired *desired = pending->desired;
	const struct pending *on_disk = desired->queue.on_disk;
	bool is_first = on_disk != NULL && !on_disk->overtaken;

	if (pending_is_from_file(pending) && pending->config == NULL) {
		run_on_disk(pending, pending_work_on_load, loaded);
		return;
	}
	pending->code = change_queue_begin(
		&desired->queue, pending, desired->context.path, &pending->error);
	if (pending->code != 0) {
		answer_refusal(pending);
		return;
	}
	if (is_first) /* the plan of the overtaken change is void */
		in_force_abort(&desired->in_force);
	run(desired->context.work, pending, pending_work_on_edit, edited);
}

/* After a restart there are no tables yet that a change could be compared with. */
static bool is_rebuilding(const struct desired *desired)
{
	size_t pools;

	return forwarding_unbuilt(desired->context.forwarding, &pools) != 0;
}

static void serve(struct desired *desired)
{
	struct pending *next;

	while (!is_rebuilding(desired) && (next = change_queue_take(&desired->queue)) != NULL)
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
	pending->in_force = &desired->in_force;
	pending->overtakers = &desired->queue.overtakers;
	pending->file = &desired->file;
	change_queue_add(&desired->queue, pending);
	serve(desired);
}

/* ---- start and end */

struct desired *desired_create(const struct desired_context *context, struct config *config,
	const struct config_file_version *version, struct error *error)
{
	struct desired *desired = calloc(1, sizeof(*desired));
	struct steering *steering;

	if (desired == NULL) {
		error_set(error, -ENOMEM, "out of memory");
		return NULL;
	}
	change_queue_init(&desired->queue);
	desired->context = *context;
	steering = steering_create(context->ports, config->dataplane.port_count,
		config->dataplane.state_file, context->disk);
	if (saved_file_init(&desired->file, context->path, context->disk, version,
		    config_digest_of(config)) != 0 ||
		steering == NULL)
		error_set(error, -ENOMEM, "out of memory");
	else if (in_force_init(&desired->in_force, context->forwarding, config, steering, error) ==
		 0) {
		follow_health(desired);
		return desired;
	}
	steering_destroy(steering);
	saved_file_fini(&desired->file);
	free(desired);
	return NULL;
}

static void refuse_waiting(struct desired *desired)
{
	struct pending *pending;

	while ((pending = change_queue_take_unstored(&desired->queue)) != NULL) {
		refuse_at_end(&pending->change);
		pending_destroy(pending);
	}
}

static bool is_under_way(const struct desired *desired)
{
	return !change_queue_is_idle(&desired->queue) || desired->file.looking ||
	       desired->dropping != 0;
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
	change_queue_fini(&desired->queue);
	in_force_fini(&desired->in_force);
	saved_file_fini(&desired->file);
	free(desired);
}

/* ---- queries */

void desired_look(struct desired *desired)
{
	if (desired->stopping)
		return;
	serve(desired);
	saved_file_look(&desired->file);
}

struct desired_file desired_file(const struct desired *desired)
{
	return (struct desired_file){
		.path = desired->context.path,
		.state = desired->file.state,
		.unsaved_since = desired->file.unsaved_since,
		.is_exposed = desired->file.is_exposed,
	};
}

struct steering *desired_steering(struct desired *desired)
{
	return desired->in_force.steering;
}

const struct config *desired_config(const struct desired *desired)
{
	return desired->in_force.config;
}

const struct plan *desired_plan(const struct desired *desired)
{
	return forwarding_plan(desired->context.forwarding);
}

struct config *desired_config_ref(const struct desired *desired)
{
	return config_ref(desired->in_force.config);
}

uint64_t desired_revision(const struct desired *desired)
{
	return desired->in_force.digest.all;
}
