/* SPDX-License-Identifier: BSD-3-Clause */
#include "steering/vips_note.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/events.h"

struct content {
	struct former_vips former;
	struct address *in_use;
	size_t count;
};

struct vips_note {
	char *path;
	struct background *disk;
	struct background_job job;
	struct content *latest;  /* the content to write; NULL: none was set yet */
	struct content *written; /* what the job writes, or wrote last; NULL: nothing */
	bool is_busy;            /* the job has `written` */
	bool fails;
	int code;
};

static void destroy_content(struct content *content)
{
	if (content == NULL)
		return;
	former_vips_fini(&content->former);
	free(content->in_use);
	free(content);
}

static struct content *copy_content(
	const struct former_vips *former, const struct address *in_use, size_t count)
{
	struct content *content = calloc(1, sizeof(*content));

	if (content == NULL)
		return NULL;
	content->in_use = calloc(count + 1, sizeof(*in_use));
	if (content->in_use == NULL || former_vips_copy(&content->former, former) != 0) {
		destroy_content(content);
		return NULL;
	}
	if (count > 0)
		memcpy(content->in_use, in_use, count * sizeof(*in_use));
	content->count = count;
	return content;
}

static bool says(const struct content *content, const struct former_vips *former,
	const struct address *in_use, size_t count)
{
	if (content == NULL || content->count != count ||
		!former_vips_equal(&content->former, former))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!address_equal(&content->in_use[i], &in_use[i]))
			return false;
	return true;
}

static void write_file(struct background_job *job)
{
	struct vips_note *note = job->context;

	note->code = former_vips_save(
		&note->written->former, note->path, note->written->in_use, note->written->count);
}

static void begin(struct vips_note *note);

static void written(struct background_job *job)
{
	struct vips_note *note = job->context;

	note->is_busy = false;
	if (note->code != 0 && !note->fails)
		events_publish(EVENT(STEERING, WARNING, NODE, NULL),
			"%s: %s; the next start will not filter former VIPs", note->path,
			strerror(-note->code));
	note->fails = note->code != 0;
	if (note->fails) { /* the next change writes it, whatever it is */
		destroy_content(note->written);
		note->written = NULL;
	}
	if (note->latest != NULL)
		begin(note);
}

static void begin(struct vips_note *note)
{
	destroy_content(note->written);
	note->written = note->latest;
	note->latest = NULL;
	note->is_busy = true;
	note->job = (struct background_job){
		.work = write_file,
		.done = written,
		.context = note,
	};
	background_run(note->disk, &note->job);
}

struct vips_note *vips_note_create(const char *path, struct background *disk)
{
	struct vips_note *note = calloc(1, sizeof(*note));

	if (note == NULL || (note->path = strdup(path)) == NULL) {
		free(note);
		return NULL;
	}
	note->disk = disk;
	return note;
}

void vips_note_destroy(struct vips_note *note)
{
	if (note == NULL)
		return;
	if (note->is_busy)
		background_finish(note->disk);
	destroy_content(note->latest);
	destroy_content(note->written);
	free(note->path);
	free(note);
}

void vips_note_update(struct vips_note *note, const struct former_vips *former,
	const struct address *in_use, size_t count)
{
	struct content *content;

	if (says(note->latest != NULL ? note->latest : note->written, former, in_use, count))
		return;
	content = copy_content(former, in_use, count);
	if (content == NULL) {
		events_publish(EVENT(STEERING, WARNING, NODE, NULL),
			"%s: out of memory; the next start may not filter all former VIPs",
			note->path);
		return;
	}
	destroy_content(note->latest);
	note->latest = content;
	if (!note->is_busy)
		begin(note);
}

void vips_note_forget(struct vips_note *note)
{
	if (unlink(note->path) != 0 && errno != ENOENT)
		events_publish(EVENT(STEERING, WARNING, NODE, NULL),
			"%s: cannot be removed, and is out of date: %m", note->path);
}
