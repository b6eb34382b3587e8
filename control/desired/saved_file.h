/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * saved_file: what is known of the configuration's file: which version was loaded or written last,
 * what that holds, and whether the file has been edited since. The event loop's thread, but for
 * `text`.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "common/background.h"
#include "config/config_digest.h"
#include "config/config_file.h"
#include "config/config_text.h"

struct saved_file {
	const char *path;         /* borrowed */
	struct background *disk;  /* borrowed */
	struct config_text *text; /* of what was written last; belongs to the disk thread */

	struct config_file_version version; /* of the file that was loaded or written last */
	struct config_digest digest;        /* of what it holds */
	unsigned int version_number;        /* grows with each such version */
	time_t unsaved_since;         /* since when the file lacks what is in force; 0: it has it */
	enum config_file_state state; /* as seen last */
	bool is_exposed;              /* all users may read it, as seen last */

	struct background_job look;
	bool looking;
	/* these belong to the job */
	struct config_file_version looked_at;
	unsigned int look_number;
	enum config_file_state look_state;
	bool look_exposed;
};

/* -ENOMEM where memory is short. */
int saved_file_init(struct saved_file *file, const char *path, struct background *disk,
	const struct config_file_version *version, struct config_digest digest);

/* No look may be under way. A zeroed one is allowed. */
void saved_file_fini(struct saved_file *file);

/* From now on the file is that version and holds `digest`. */
void saved_file_set(struct saved_file *file, const struct config_file_version *version,
	struct config_digest digest);

/*
 * The change with `digest` was written into a file that also holds edits which are not loaded yet.
 */
void saved_file_set_merged(struct saved_file *file, struct config_digest digest);

/* Updates `unsaved_since`: `in_force` is the digest of the configuration in force. */
void saved_file_note_unsaved(struct saved_file *file, struct config_digest in_force);

/* Looks at the file in the background, unless a look is under way already. */
void saved_file_look(struct saved_file *file);
