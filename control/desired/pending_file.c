/* SPDX-License-Identifier: BSD-3-Clause */
/* What a change reads and writes, in the disk thread. */
#include <errno.h>
#include <stdlib.h>

#include "config/config_text.h"
#include "desired/pending.h"

void pending_work_on_load(struct background_job *job)
{
	struct pending *pending = job->context;
	json_t *document =
		config_file_load(pending->file->path, &pending->version, &pending->error);

	pending->code = -EINVAL;
	if (document == NULL)
		return;
	pending->config = pending_validate_document(pending, document, NULL);
	json_decref(document);
	if (pending->config == NULL)
		return;
	pending->loaded = config_digest_of(pending->config);
	pending->code = 0;
}

/*
 * The file was edited by hand and not loaded. If the edit is outside of pools and services (most
 * such keys wait for a restart), keeps it and adds the change. Returns the document to write; or
 * NULL, and then the save is refused because the file differs.
 */
static json_t *merge(struct pending *pending)
{
	struct config_file_version version;
	json_t *document = config_file_load(pending->file->path, &version, NULL);
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
	const struct saved_file *file = pending->file;
	json_t *document = NULL;
	char *text;

	pending->merged = false;
	if (!pending->change.overwrite &&
		config_file_look(file->path, &pending->version) == CONFIG_FILE_EDITED)
		document = merge(pending);
	text = document != NULL ? config_text_dump(document, length)
				: config_text_print(file->text, pending->config, length);
	json_decref(document);
	return text;
}

static int save(struct pending *pending, const char *text, size_t length)
{
	const char *path = pending->file->path;

	if (pending->change.overwrite)
		return config_file_overwrite(
			path, text, length, &pending->version, &pending->replaced, &pending->error);
	return config_file_save(
		path, text, length, &pending->version, &pending->replaced, &pending->error);
}

/* Names only options that the change has: an edit has no --overwrite, a save no --volatile. */
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

void pending_work_on_write(struct background_job *job)
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

void pending_work_on_put_back(struct background_job *job)
{
	struct pending *pending = job->context;
	struct error error = { "" };

	if (pending->replaced >= 0 && config_file_put_back(pending->file->path, pending->replaced,
					      &pending->version, &error) == 0)
		pending->stored = false;
}
