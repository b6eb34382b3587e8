/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * desired: the configuration in force and the one way to change it. Whatever asks for a change (a
 * method of the control socket, SIGHUP) hands in how the document is to be edited; changes are done
 * one after the other, each all or nothing:
 *
 *	edit -> judge -> take room -> plan -> judge what moves -> write the file -> commit -> answer
 *
 * A change that fails at any step before the commit leaves everything as it was, the file included;
 * the commit cannot fail. Control thread.
 */
#pragma once

#include <event2/event.h>
#include <jansson.h>
#include <stdbool.h>

#include "config.h"
#include "config_file.h"
#include "error.h"
#include "flow.h"
#include "forwarding.h"
#include "plan.h"
#include "port.h"
#include "steering.h"

struct desired;

/* What a change did, or would do: valid during the call of desired_done_t only. */
struct desired_outcome {
	int code; /* 0, or -errno with the sentence in `error`: nothing was changed */
	const struct error *error;
	bool dry_run;
	bool changed;              /* the document differs */
	const struct plan *before; /* both NULL on failure */
	const struct plan *after;
	const struct config *config_before; /* the same */
	const struct config *config_after;
	const char *needs_force; /* of a dry run: why it would be refused without, or NULL */
	struct live_terms terms;
};
typedef void desired_done_t(void *context, const struct desired_outcome *outcome);

/*
 * Returns the edited document (new reference) of `document`, the canonical form with the secret, or
 * NULL with the sentence and errno set. It may be called late, and sees all earlier changes.
 */
typedef json_t *desired_edit_t(
	const json_t *document, const json_t *arguments, struct error *error);

struct desired_change {
	bool from_file;       /* take the document from the file, as SIGHUP does: no edit */
	desired_edit_t *edit; /* otherwise */
	json_t *arguments;    /* a reference that the change takes over; NULL is allowed */
	bool dry_run;         /* stop before anything is written */
	struct live_terms terms;
	desired_done_t *done;
	void *context;
};

/*
 * Starts with `config`, as it was loaded from the file, which it owns from here on; NULL with the
 * sentence, and then `config` is still the caller's. The ports are in the order of the
 * configuration. All others are borrowed.
 */
struct desired *desired_create(struct config_file *file, struct forwarding *forwarding,
	struct port *const *ports, struct config *config, struct error *error);

/*
 * After the file has been destroyed, with which a change that was being written has ended. NULL is
 * allowed.
 */
void desired_destroy(struct desired *desired);

/*
 * At the end, while those who asked can still be answered, and before the file is destroyed: what
 * waits behind the change under way is refused. NULL is allowed.
 */
void desired_refuse_waiting(struct desired *desired);

/* Queues a change; done() is called exactly once, perhaps before this returns. */
void desired_submit(struct desired *desired, const struct desired_change *change);

/* How the VIPs of the configuration in force are steered to the workers. */
struct steering *desired_steering(struct desired *desired);

const struct config *desired_config(const struct desired *desired);
const struct plan *desired_plan(const struct desired *desired);

/* Canonical, without the secret; new reference. */
json_t *desired_document(const struct desired *desired);
