/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * desired: the configuration in force and the one way to change it. Whatever asks for a change (a
 * method of the control socket, SIGHUP) hands in how the document is to be edited; changes are done
 * one after the other, each all or nothing:
 *
 *	edit, validate -> take room -> plan -> check moves -> write the file -> commit -> answer
 *	(work thread)     (loop)       (work)  (loop)         (disk thread)     (loop)
 *
 * A change that fails at any step before the commit leaves everything as it was, the file included;
 * the commit cannot fail. A volatile change writes no file, so it overtakes changes that wait for
 * the disk; the result is as if it had been made after them. All functions here belong to the event
 * loop's thread; only the edits run in the work thread.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <time.h>

#include "common/background.h"
#include "config/config.h"
#include "config/config_digest.h"
#include "edit/config_excerpt.h"
#include "config/config_file.h"
#include "base/error.h"
#include "packet/flow.h"
#include "forwarding/forwarding.h"
#include "health/health.h"
#include "plan/plan.h"
#include "port.h"
#include "steering/steering.h"

struct desired;

/* What a change did, or would do: valid during the call of desired_done_t only. */
struct desired_outcome {
	int code; /* 0, or -errno with the sentence in `error`: nothing was changed */
	const struct error *error;
	const struct findings *findings; /* all that is wrong with the document; else NULL */
	bool dry_run;
	bool changed;              /* the document differs */
	const struct plan *before; /* both NULL on failure */
	const struct plan *after;
	const struct config *config_before; /* both NULL on failure */
	const struct config *config_after;
	const struct impact *impact; /* whose connections it breaks; NULL on failure */
	const char *needs_force; /* of a dry run: why it would be refused without force, or NULL */
	uint64_t revision;       /* in force from now on, or what a dry run was tried on */
	bool volatile_only;      /* it is not in the file */
	bool written;            /* the file was written, also where nothing else changed */
	const char *changes;     /* of a whole document: what differs, in short; else "" */
	json_t *differences;     /* of the dry run of one: config_differences(); else NULL */
	struct live_terms terms;
};
typedef void desired_done_t(void *context, const struct desired_outcome *outcome);

/* Where the next configuration comes from. */
enum desired_source {
	DESIRED_EDIT,     /* the one in force, edited */
	DESIRED_DOCUMENT, /* the arguments are the whole document; without a hash key it keeps the
			     one in force */
	DESIRED_FILE,     /* the file, as SIGHUP takes it */
	DESIRED_SAVE,     /* the one in force as it is, to be written */
};

struct desired_change {
	enum desired_source source;
	/* Of DESIRED_EDIT. Runs in a thread, perhaps late, perhaps more than once, and sees all
	 * earlier changes. */
	config_editor_t *edit;
	struct config_excerpt excerpt; /* what it touches; the name is of the arguments */
	json_t *arguments;             /* a reference that the change takes over; NULL is allowed */
	bool dry_run;                  /* stop before anything is written */
	bool volatile_only; /* leave the file as it is: the change does not wait for the disk */
	bool overwrite;     /* replace the file even if it was edited since it was read */
	bool has_revision;  /* refuse the change unless `revision` is in force at its turn */
	uint64_t revision;
	struct live_terms terms;
	desired_done_t *done;
	void *context;
};

/* What it works with, all borrowed. Both threads are for it alone. */
struct desired_context {
	const char *path; /* of the file */
	struct forwarding *forwarding;
	struct health *health;     /* follows each commit; NULL: none does */
	struct port *const *ports; /* in the order of the configuration */
	struct background *work;   /* for edits and plans: never waits for a disk */
	struct background *disk;
};

/*
 * Starts with `config`, which was loaded from that version of the file, and takes it over. NULL
 * with the sentence, and then `config` is still the caller's.
 */
struct desired *desired_create(const struct desired_context *context, struct config *config,
	const struct config_file_version *version, struct error *error);

/* After desired_finish(). NULL is allowed. */
void desired_destroy(struct desired *desired);

/*
 * At the end, while answers can still be sent: refuses waiting changes, and waits for those under
 * way. NULL is allowed.
 */
void desired_finish(struct desired *desired);

/*
 * Queues a change; done() is called exactly once, from the event loop. After a restart changes wait
 * until all tables are rebuilt (forwarding_unbuilt()); desired_look() then goes on with them.
 */
void desired_submit(struct desired *desired, const struct desired_change *change);

/* How the VIPs of the configuration in force are steered to the workers. */
struct steering *desired_steering(struct desired *desired);

/* Looks at the file, in the background; to be called once a second. */
void desired_look(struct desired *desired);

/* How the file compares with the configuration in force. */
struct desired_file {
	const char *path;
	enum config_file_state state; /* compared with the version that was read or written last */
	time_t unsaved_since;         /* changes have been made in memory only; 0: none */
	bool is_exposed;              /* all users may read it, as seen last */
};
struct desired_file desired_file(const struct desired *desired);

const struct config *desired_config(const struct desired *desired);
const struct plan *desired_plan(const struct desired *desired);

/*
 * Takes a reference to the configuration in force, for a reader in the background; released with
 * config_destroy().
 */
struct config *desired_config_ref(const struct desired *desired);

/* Names the configuration in force: the same configuration has the same revision. */
uint64_t desired_revision(const struct desired *desired);
