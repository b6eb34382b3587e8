/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * config_file: the configuration's file on disk. It is written as a whole and swapped in, so that a
 * reader, a crash or a full disk never leaves half of it. What another program has written since it
 * was read is never lost: the file that ours replaces is checked after the swap, and put back if it
 * is not the one that was read.
 *
 * All of this may wait for a disk: it runs in a background thread (background.h), or at the start.
 */
#pragma once

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/error.h"

/* Which file it was, by path and content. The same bytes written again are no change. */
struct config_file_version {
	char path[PATH_MAX]; /* without symbolic links */
	uint64_t digest[2];  /* of its bytes */
	struct stat status;  /* as it was seen last: where this is the same, so are the bytes */
};

/*
 * Reads the document at `path`. Symbolic links are followed anew each time. New reference, with the
 * version of what was read; or NULL with a sentence that names the file.
 */
json_t *config_file_load(
	const char *path, struct config_file_version *version, struct error *error);

enum config_file_state {
	CONFIG_FILE_SAME,
	CONFIG_FILE_EDITED,     /* it has other bytes */
	CONFIG_FILE_ELSEWHERE,  /* the path leads to another file than when it was read */
	CONFIG_FILE_UNREADABLE, /* or not there any more */
};

/* Compares what is there now with a version. May refresh `version->status`. */
enum config_file_state config_file_look(const char *path, struct config_file_version *version);

/*
 * Replaces the version `expected` by `text`; it becomes the version that was written. Owner, mode,
 * ACL and other extended attributes of the file are kept, the last two where the file system and
 * our rights allow it. If the file is not `expected`, or is open for writing, nothing is done:
 * -ESTALE. After any other failure the file is the old one, too; if it cannot be put back it stays
 * beside ours, and the sentence gives its name.
 *
 * `*replaced` is the file that was there, open for reading and without a name any more, for the
 * caller to close; -1 where there was none, and on failure. Closing it frees its room on the disk,
 * which can take longer than all the rest: do that after the answer.
 */
int config_file_save(const char *path, const char *text, size_t length,
	struct config_file_version *expected, int *replaced, struct error *error);

/*
 * The same whatever is there now, also where there is no file: a new one is made, which only its
 * owner may read.
 */
int config_file_overwrite(const char *path, const char *text, size_t length,
	struct config_file_version *written, int *replaced, struct error *error);

/* Replaces the version `expected` by the bytes of the file that was replaced, as saving does. */
int config_file_put_back(
	const char *path, int replaced, struct config_file_version *expected, struct error *error);

/*
 * Removes what a process that was killed while it wrote the file at `path` has left beside it, and
 * logs it: copies of the configuration with its key. What may be somebody's edit, which came out
 * when it was killed, stays and is named in a warning. Not while another process may write the
 * file.
 */
void config_file_tidy(const char *path);
