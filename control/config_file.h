/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * config_file: the configuration's file on disk. Written whole and swapped in by rename, so that a
 * reader, a crash or a full disk never sees half of it; off the event loop, because a disk may take
 * seconds to sync.
 */
#pragma once

#include <event2/event.h>
#include <jansson.h>

#include "error.h"

struct config_file;

/* Watches over `path` (followed through links now). NULL with the sentence. Control thread. */
struct config_file *config_file_create(
	struct event_base *base, const char *path, struct error *error);

/* Waits for a write under way and calls its done(), which must not begin another. NULL is allowed.
 */
void config_file_destroy(struct config_file *file);

/* Reads the document and remembers which version of the file it was. New reference, or NULL. */
json_t *config_file_load(struct config_file *file, struct error *error);

/*
 * What was loaded last is in force, so it may be written over from now on. What was loaded and then
 * refused may not: its author is still at it.
 */
void config_file_accept(struct config_file *file);

/*
 * Writes `document` (borrowed) in a thread of its own, then calls done() in the event loop with 0
 * or -errno and the sentence. Mode and owner of the file are kept, the directory is synced. A file
 * that somebody changed since it was accepted is not overwritten: -ESTALE. One write at a time.
 */
typedef void config_file_done_t(void *context, int code, const struct error *error);
int config_file_save(struct config_file *file, const json_t *document, config_file_done_t *done,
	void *context, struct error *error);
