/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The writing thread touches only what `struct config_file` holds between save() and the event that
 * its eventfd raises; the control thread keeps its hands off in between (`writing`).
 */
#include "config_file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"

struct config_file {
	char *path; /* without links */
	char *directory;
	struct stat version; /* of the file that is in force: accepted, or written last */
	struct stat loaded;  /* of the file as loaded last */

	bool writing;
	pthread_t writer;
	int finished; /* eventfd: the writer is done */
	struct event *event;
	char *text; /* what is being written */
	int code;
	struct error error;
	config_file_done_t *done;
	void *context;
};

static bool same_version(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static int write_all(int fd, const char *text, size_t length)
{
	while (length > 0) {
		ssize_t written = write(fd, text, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -errno;
		text += written;
		length -= written;
	}
	return 0;
}

/* Fills the open temporary file and swaps it in; its caller removes it on failure. */
static int replace(struct config_file *file, int fd, const char *temporary)
{
	struct stat now;
	int code;

	if (stat(file->path, &now) != 0)
		return -errno;
	if (!same_version(&now, &file->version))
		return -ESTALE;
	if (fchown(fd, now.st_uid, now.st_gid) != 0 || fchmod(fd, now.st_mode & 07777) != 0)
		return -errno;
	code = write_all(fd, file->text, strlen(file->text));
	if (code == 0)
		code = write_all(fd, "\n", 1);
	if (code == 0 && (fsync(fd) != 0 || fstat(fd, &now) != 0))
		code = -errno;
	if (code == 0 && rename(temporary, file->path) != 0)
		code = -errno;
	if (code == 0)
		file->version = now;
	return code;
}

/* The directory is opened first: once the file is in place, only the disk itself may fail. */
static int swap_in(struct config_file *file)
{
	int directory = open(file->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char temporary[4096];
	int code, fd;

	if (directory < 0)
		return -errno;
	snprintf(temporary, sizeof(temporary), "%s.XXXXXX", file->path);
	fd = mkostemp(temporary, O_CLOEXEC);
	code = fd < 0 ? -errno : replace(file, fd, temporary);
	if (fd >= 0) {
		close(fd);
		if (code != 0)
			unlink(temporary);
	}
	if (code == 0 && fsync(directory) != 0)
		code = -errno;
	close(directory);
	return code;
}

static void *write_file(void *argument)
{
	struct config_file *file = argument;
	uint64_t one = 1;

	file->code = swap_in(file);
	if (file->code == -ESTALE)
		error_set(&file->error, -ESTALE,
			"%s has changed on disk since it was read: reload it (SIGHUP) or undo that first",
			file->path);
	else if (file->code != 0)
		error_set(&file->error, file->code, "cannot write %s: %s", file->path,
			strerror(-file->code));
	/* eight bytes to an eventfd below its limit: cannot fail */
	if (write(file->finished, &one, sizeof(one)) != sizeof(one))
		abort();
	return NULL;
}

static void finish(struct config_file *file)
{
	pthread_join(file->writer, NULL);
	file->writing = false;
	free(file->text);
	file->text = NULL;
	file->done(file->context, file->code, &file->error);
}

static void on_finished(evutil_socket_t fd, short what, void *argument)
{
	struct config_file *file = argument;
	uint64_t count;

	if (read(fd, &count, sizeof(count)) == sizeof(count))
		finish(file);
}

struct config_file *config_file_create(
	struct event_base *base, const char *path, struct error *error)
{
	struct config_file *file = calloc(1, sizeof(*file));
	char *copy = NULL;

	if (file == NULL)
		goto fail;
	file->finished = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	file->path = realpath(path, NULL);
	if (file->path == NULL) {
		error_set(error, -errno, "%s: %s", path, strerror(errno));
		goto out;
	}
	copy = strdup(file->path);
	if (copy == NULL || (file->directory = strdup(dirname(copy))) == NULL)
		goto fail;
	file->event = event_new(base, file->finished, EV_READ | EV_PERSIST, on_finished, file);
	if (file->finished < 0 || file->event == NULL || event_add(file->event, NULL) != 0)
		goto fail;
	free(copy);
	return file;
fail:
	error_set(error, -ENOMEM, "%s: out of memory", path);
out:
	free(copy);
	config_file_destroy(file);
	return NULL;
}

void config_file_destroy(struct config_file *file)
{
	if (file == NULL)
		return;
	if (file->writing)
		finish(file);
	if (file->event != NULL)
		event_free(file->event);
	if (file->finished >= 0)
		close(file->finished);
	free(file->path);
	free(file->directory);
	free(file);
}

json_t *config_file_load(struct config_file *file, struct error *error)
{
	/* taken before reading: a change in between is then found when we write */
	if (stat(file->path, &file->loaded) != 0) {
		error_set(error, -errno, "%s: %s", file->path, strerror(errno));
		return NULL;
	}
	return config_document_load(file->path, error);
}

void config_file_accept(struct config_file *file)
{
	file->version = file->loaded;
}

int config_file_save(struct config_file *file, const json_t *document, config_file_done_t *done,
	void *context, struct error *error)
{
	int code;

	assert(!file->writing);
	file->text = json_dumps(document, JSON_INDENT(2));
	if (file->text == NULL)
		return error_set(error, -ENOMEM, "out of memory");
	file->done = done;
	file->context = context;
	file->error.message[0] = '\0';
	code = pthread_create(&file->writer, NULL, write_file, file);
	if (code != 0) {
		free(file->text);
		file->text = NULL;
		return error_set(
			error, -code, "cannot start the writing thread: %s", strerror(code));
	}
	file->writing = true;
	return 0;
}
