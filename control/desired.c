/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * While the file of one change is being written, others wait in a queue: each is edited, judged and
 * planned against what the one before has left in force.
 */
#include "desired.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "log.h"
#include "plan_compare.h"
#include "steering.h"

struct waiting {
	STAILQ_ENTRY(waiting) next;
	struct desired_change change;
};

struct desired {
	struct config_file *file;
	struct forwarding *forwarding;
	struct steering *steering;

	struct config *config; /* in force */

	STAILQ_HEAD(waiting_list, waiting) queue; /* the first is under way */
	bool busy;
	struct config *next_config; /* of the change under way */
	struct forwarding_change *forwarding_change;
};

static void drop_next(struct desired *desired)
{
	if (desired->forwarding_change != NULL)
		forwarding_abort(desired->forwarding, desired->forwarding_change);
	config_destroy(desired->next_config);
	desired->forwarding_change = NULL;
	desired->next_config = NULL;
}

/* Makes what was prepared the state in force. The old one is the caller's to destroy. */
static void commit(struct desired *desired, struct config **old_config, struct plan **old_plan)
{
	steering_withdraw(desired->steering, desired->config, desired->next_config);
	*old_plan = forwarding_take_plan(desired->forwarding);
	forwarding_commit(desired->forwarding, desired->forwarding_change);
	steering_extend(desired->steering, desired->config, desired->next_config);
	*old_config = desired->config;
	desired->config = desired->next_config;
	desired->next_config = NULL;
	desired->forwarding_change = NULL;
}

/* Takes all the room that next_config needs, and plans it. */
static int prepare(struct desired *desired, const struct live_terms *terms, struct error *error)
{
	desired->forwarding_change =
		forwarding_prepare(desired->forwarding, desired->next_config, terms, error);
	return desired->forwarding_change == NULL ? -ENOSPC : 0;
}

static int judge_moves(struct desired *desired, struct error *error)
{
	return plan_judge(desired->config, desired->next_config,
		forwarding_plan(desired->forwarding),
		forwarding_change_plan(desired->forwarding_change), error);
}

/* The document that the change asks for, or NULL with the sentence and errno set. */
static json_t *edit(
	struct desired *desired, const struct desired_change *change, struct error *error)
{
	json_t *document, *edited;

	errno = EINVAL;
	if (change->from_file)
		return config_file_load(desired->file, error);
	document = config_print_with_secret(desired->config);
	if (document == NULL) {
		error_set(error, -ENOMEM, "out of memory");
		return NULL;
	}
	edited = change->edit(document, change->arguments, error);
	json_decref(document);
	return edited;
}

static int edit_and_judge(
	struct desired *desired, const struct desired_change *change, struct error *error)
{
	json_t *edited = edit(desired, change, error);

	if (edited == NULL)
		return errno == ENOENT ? -ENOENT : -EINVAL;
	/* a document that came over the socket has no secret, a file has to have it */
	desired->next_config =
		config_read(edited, change->from_file ? NULL : desired->config->hash_key, error);
	json_decref(edited);
	if (desired->next_config == NULL)
		return -EINVAL;
	return config_compare_restart(desired->config, desired->next_config, error);
}

static bool differs(const struct config *a, const struct config *b)
{
	json_t *document = config_print(a), *other = config_print(b);
	bool equal = document != NULL && other != NULL && json_equal(document, other);

	json_decref(document);
	json_decref(other);
	return !equal;
}

/* Calls back while the change is still under way, so that a change from within only queues. */
static void answer(struct desired *desired, const struct desired_outcome *outcome)
{
	const struct desired_change *change = &STAILQ_FIRST(&desired->queue)->change;

	change->done(change->context, outcome);
}

static void drop_waiting(struct waiting *waiting)
{
	json_decref(waiting->change.arguments);
	free(waiting);
}

static void finish(struct desired *desired)
{
	struct waiting *first = STAILQ_FIRST(&desired->queue);

	STAILQ_REMOVE_HEAD(&desired->queue, next);
	drop_waiting(first);
	desired->busy = false;
}

static void refuse(struct desired *desired, int code, const struct error *error)
{
	struct desired_outcome outcome = {
		.code = code,
		.error = error,
		.dry_run = STAILQ_FIRST(&desired->queue)->change.dry_run,
	};

	drop_next(desired);
	answer(desired, &outcome);
	finish(desired);
}

static void answer_dry_run(struct desired *desired)
{
	struct error refusal = { "" };
	struct desired_outcome outcome = {
		.dry_run = true,
		.changed = differs(desired->config, desired->next_config),
		.before = forwarding_plan(desired->forwarding),
		.after = forwarding_change_plan(desired->forwarding_change),
		.config_before = desired->config,
		.config_after = desired->next_config,
		.terms = STAILQ_FIRST(&desired->queue)->change.terms,
	};

	if (!outcome.terms.force && judge_moves(desired, &refusal) != 0)
		outcome.needs_force = refusal.message;

	answer(desired, &outcome);
	drop_next(desired);
	finish(desired);
}

static void apply(struct desired *desired)
{
	struct config *old_config;
	struct plan *old_plan;
	struct desired_outcome outcome = {
		.terms = STAILQ_FIRST(&desired->queue)->change.terms,
	};

	commit(desired, &old_config, &old_plan);
	if (STAILQ_FIRST(&desired->queue)->change.from_file)
		config_file_accept(desired->file);
	/* the end of a drain is no part of the document */
	outcome.changed = differs(old_config, desired->config) || outcome.terms.deadline_s != 0;
	outcome.before = old_plan;
	outcome.after = forwarding_plan(desired->forwarding);
	outcome.config_before = old_config;
	outcome.config_after = desired->config;
	answer(desired, &outcome);
	plan_destroy(old_plan);
	config_destroy(old_config);
	finish(desired);
}

static void serve_queue(struct desired *desired);

static void written(void *context, int code, const struct error *error)
{
	struct desired *desired = context;

	if (code == 0)
		apply(desired);
	else
		refuse(desired, code, error);
	serve_queue(desired);
}

/* Hands the file to the writing thread; written() goes on from there. */
static int start_writing(struct desired *desired, struct error *error)
{
	json_t *document = config_print_with_secret(desired->next_config);
	int code;

	if (document == NULL)
		return error_set(error, -ENOMEM, "out of memory");
	code = config_file_save(desired->file, document, written, desired, error);
	json_decref(document);
	return code;
}

/* Takes the first of the queue as far as it goes now: to its answer, or to the writing thread. */
static void serve_first(struct desired *desired)
{
	const struct desired_change *change = &STAILQ_FIRST(&desired->queue)->change;
	struct error error = { "" };
	int code;

	desired->busy = true;
	code = edit_and_judge(desired, change, &error);
	if (code == 0)
		code = prepare(desired, &change->terms, &error);
	if (code == 0 && !change->dry_run && !change->terms.force)
		code = judge_moves(desired, &error);
	if (code != 0) {
		refuse(desired, code, &error);
		return;
	}
	if (change->dry_run) {
		answer_dry_run(desired);
		return;
	}
	if (change->from_file) {
		apply(desired);
		return;
	}
	code = start_writing(desired, &error);
	if (code != 0)
		refuse(desired, code, &error);
}

static void serve_queue(struct desired *desired)
{
	while (!desired->busy && !STAILQ_EMPTY(&desired->queue))
		serve_first(desired);
}

struct desired *desired_create(struct config_file *file, struct forwarding *forwarding,
	struct port *const *ports, struct config *config, struct error *error)
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
	desired->file = file;
	desired->forwarding = forwarding;
	desired->steering =
		steering_create(ports, config->dataplane.port_count, config->dataplane.state_file);
	desired->next_config = config;
	if (desired->steering == NULL)
		error_set(error, -ENOMEM, "out of memory");
	if (desired->steering == NULL || prepare(desired, &terms, error) != 0) {
		desired->next_config = NULL;
		drop_next(desired);
		steering_destroy(desired->steering);
		free(desired);
		return NULL;
	}
	commit(desired, &no_config, &no_plan);
	plan_destroy(no_plan);
	config_file_accept(file);
	return desired;
}

void desired_refuse_waiting(struct desired *desired)
{
	static const struct error stopping = { "sluiced is stopping" };
	struct waiting *first = desired == NULL ? NULL : STAILQ_FIRST(&desired->queue);
	struct waiting *waiting;

	while (first != NULL && (waiting = STAILQ_NEXT(first, next)) != NULL) {
		struct desired_outcome outcome = {
			.code = -ECANCELED,
			.error = &stopping,
			.dry_run = waiting->change.dry_run,
		};

		STAILQ_REMOVE(&desired->queue, waiting, waiting, next);
		waiting->change.done(waiting->change.context, &outcome);
		drop_waiting(waiting);
	}
}

void desired_destroy(struct desired *desired)
{
	if (desired == NULL)
		return;
	assert(!desired->busy);
	config_destroy(desired->config);
	steering_destroy(desired->steering);
	free(desired);
}

void desired_submit(struct desired *desired, const struct desired_change *change)
{
	static const struct error no_memory = { "out of memory" };
	struct waiting *waiting = calloc(1, sizeof(*waiting));

	if (waiting == NULL) {
		struct desired_outcome outcome = { .code = -ENOMEM, .error = &no_memory };

		change->done(change->context, &outcome);
		json_decref(change->arguments);
		return;
	}
	waiting->change = *change;
	STAILQ_INSERT_TAIL(&desired->queue, waiting, next);
	serve_queue(desired);
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
	return forwarding_plan(desired->forwarding);
}

json_t *desired_document(const struct desired *desired)
{
	return config_print(desired->config);
}
