/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * state_file: finds, validates and locks the file behind the shared state, or refuses it with the
 * reason. Its content is up to state.c.
 *
 * One process owns the file, by a lock (F_OFD_SETLK) that lives as long as the process has it open
 * and is gone with the process, however that ends. A file gets its mode after it is locked, so no
 * reader can open it before its owner. A reader that locks a file without an owner cannot block a
 * start: then the lock on a second file decides, ".NAME.lock" beside it, which readers may not
 * open. Control thread.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Why state_open() said no. */
enum state_refusal_reason {
	STATE_REFUSED_LAYOUT,          /* more than a file can hold, or no worker or cell */
	STATE_REFUSED_PATH,            /* names no file, or is too long */
	STATE_REFUSED_DIRECTORY,       /* cannot be made or opened, or is a link: see code */
	STATE_REFUSED_DIRECTORY_OWNER, /* belongs neither to us nor to root: see owner */
	STATE_REFUSED_DIRECTORY_MODE,  /* others may replace files in it: see mode */
	STATE_REFUSED_FILE,            /* cannot be made, opened or locked: see code */
	STATE_REFUSED_KIND,            /* a link, directory, FIFO, device or socket */
	STATE_REFUSED_OWNER,           /* belongs to another user: see owner */
	STATE_REFUSED_MODE,            /* allows more than 0640: see mode */
	STATE_REFUSED_LINKS,           /* has a second name */
	STATE_REFUSED_FOREIGN,         /* has something else in it */
	STATE_REFUSED_HELD,            /* another process owns it: see holder */
	STATE_REFUSED_SPACE,           /* no room for it where it is: see bytes and code */
	STATE_REFUSED_MEMORY,          /* out of memory: see bytes and code */
	STATE_REFUSAL_COUNT,
};

struct state_refusal {
	enum state_refusal_reason reason;
	int code;       /* the negative errno that state_open() returned */
	pid_t holder;   /* 0 where the other process has not said */
	uid_t owner;    /* of the file or directory */
	mode_t mode;    /* its permission bits */
	uint64_t bytes; /* wanted */
};

/* Notes the reason and returns `code`. */
int state_refuse(struct state_refusal *refusal, enum state_refusal_reason reason, int code);

/* Half a sentence about the state file, for a person. Static text. */
const char *state_refusal_text(enum state_refusal_reason reason);

struct state_file {
	char name[NAME_MAX + 1];      /* in its directory */
	char next_name[NAME_MAX + 1]; /* of the file that will replace it */
	int directory;
	int descriptor; /* of the file at the path */
	int next;       /* of the file that will replace it; -1: none */
	int arbiter;    /* of the second lock file; -1: none */
	bool created;   /* the file did not exist before, or is ours by now */
	bool locked;
	bool made_directory;
};

/*
 * Opens the file at `path`, making it (0640) and its directory (0750; only the last one) where they
 * are absent, and locks it. Neither may be a symbolic link. Returns 0 or a negative errno; either
 * way `file` is to be closed.
 */
int state_file_open(struct state_file *file, const char *path, struct state_refusal *refusal);

/* Bytes of the file, from page to page. */
struct state_file_part {
	uint64_t offset;
	uint64_t length; /* may be 0 */
};

/*
 * Makes the file that will replace the one at the path: locked, signed as ours, with `size` bytes
 * allocated except for the range `later`, for which there is space at this moment and which is not
 * at the end of the file. The old file is not touched. A refusal leaves nothing behind.
 */
int state_file_prepare(struct state_file *file, uint64_t size, const struct state_file_part *later,
	struct state_refusal *refusal);

/*
 * Whether a process owns the file that is open there: owners have it locked for writing, which
 * needs more than the right to read. Any process.
 */
bool state_file_has_owner(int descriptor);

/* Whether so many bytes can be allocated where the file is: 0, -ENOSPC or another negative errno.
 */
int state_file_check_space(int descriptor, uint64_t length);

/* Allocates a part of the file that is open there. 0 or a negative errno. Any thread. */
int state_file_allocate(int descriptor, const struct state_file_part *part);

/* Gives that file, and the directory where we made it, to the group. 0 or a negative errno. */
int state_file_set_group(struct state_file *file, gid_t group);

/* Renames the prepared file to the path. The descriptor of the old file goes to *old. */
int state_file_replace(struct state_file *file, int *old, struct state_refusal *refusal);

/* Removes the prepared file, and the file at the path unless it existed before us. */
void state_file_remove(struct state_file *file);

/* Unlocks and closes. */
void state_file_close(struct state_file *file);
