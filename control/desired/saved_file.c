/* SPDX-License-Identifier: BSD-3-Clause */
#include "desired/saved_file.h"

#include <errno.h>

#include "host/feasible.h"

int saved_file_init(struct saved_file *file, const char *path, struct background *disk,
	const struct config_file_version *version, struct config_digest digest)
{
	*file = (struct saved_file){
		.path = path,
		.disk = disk,
		.text = config_text_create(),
		.is_exposed = feasible_is_exposed(path),
	};
	saved_file_set(file, version, digest);
	return file->text == NULL ? -ENOMEM : 0;
}

void saved_file_fini(struct saved_file *file)
{
	config_text_destroy(file->text);
}

void saved_file_set(struct saved_file *file, const struct config_file_version *version,
	struct config_digest digest)
{
	file->version = *version;
	file->version_number++;
	file->digest = digest;
	file->state = CONFIG_FILE_SAME;
}

void saved_file_set_merged(struct saved_file *file, struct config_digest digest)
{
	file->version_number++; /* the result of a look that is under way is stale */
	file->digest = digest;
	file->state = CONFIG_FILE_EDITED;
}

void saved_file_note_unsaved(struct saved_file *file, struct config_digest in_force)
{
	if (in_force.all == file->digest.all)
		file->unsaved_since = 0;
	else if (file->unsaved_since == 0)
		file->unsaved_since = time(NULL);
}

static void work_on_look(struct background_job *job)
{
	struct saved_file *file = job->context;

	file->look_state = config_file_look(file->path, &file->looked_at);
	file->look_exposed = feasible_is_exposed(file->path);
}

static void looked(struct background_job *job)
{
	struct saved_file *file = job->context;

	file->looking = false;
	file->is_exposed = file->look_exposed;
	if (file->look_number != file->version_number) /* replaced during the look */
		return;
	file->state = file->look_state;
	file->version = file->looked_at; /* its times may differ although its bytes do not */
}

void saved_file_look(struct saved_file *file)
{
	if (file->looking)
		return;
	file->looking = true;
	file->look_number = file->version_number;
	file->looked_at = file->version;
	file->look = (struct background_job){
		.work = work_on_look,
		.done = looked,
		.context = file,
	};
	background_run(file->disk, &file->look);
}
