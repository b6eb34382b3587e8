/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "config/config.h"
#include "config_directory.h"

#define NOBODY     65534
#define DEADLINE_S 60

void config_directory_write_text(const struct config_directory *directory, const char *text)
{
	FILE *file = fopen(directory->path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

void config_directory_write(const struct config_directory *directory, const json_t *document)
{
	char *text = json_dumps(document, JSON_INDENT(1));

	assert_non_null(text);
	config_directory_write_text(directory, text);
	free(text);
}

void config_directory_open(struct config_directory *directory, const json_t *document)
{
	struct error error = { "" };
	json_t *loaded;

	memset(directory, 0, sizeof(*directory));
	strcpy(directory->root, "/tmp/sluice-unit-XXXXXX");
	assert_non_null(mkdtemp(directory->root));
	snprintf(directory->path, sizeof(directory->path), "%s/sluice.json", directory->root);
	config_directory_write(directory, document);
	directory->base = event_base_new();
	assert_non_null(directory->base);
	directory->work = background_create(directory->base, &error);
	directory->disk = background_create(directory->base, &error);
	assert_true(directory->work != NULL && directory->disk != NULL);
	loaded = config_file_load(directory->path, &directory->version, &error);
	if (loaded == NULL)
		fail_msg("%s", error.message);
	json_decref(loaded);
}

void config_directory_close(struct config_directory *directory)
{
	background_destroy(directory->disk);
	background_destroy(directory->work);
	event_base_free(directory->base);
	unlink(directory->path);
	if (directory->has_disk)
		assert_int_equal(umount2(directory->root, MNT_DETACH), 0);
	assert_int_equal(rmdir(directory->root), 0);
}

void config_directory_wait(struct config_directory *directory)
{
	const struct timeval deadline = { .tv_sec = DEADLINE_S };

	assert_int_equal(event_base_loopexit(directory->base, &deadline), 0);
	assert_int_equal(event_base_dispatch(directory->base), 0);
	if (!event_base_got_break(directory->base))
		fail_msg("nothing happened for %d s", DEADLINE_S);
}

void config_directory_wake(struct config_directory *directory)
{
	event_base_loopbreak(directory->base);
}

char *config_directory_text(const struct config_directory *directory)
{
	FILE *file = fopen(directory->path, "r");
	char *text = NULL;
	size_t room = 0;

	assert_non_null(file);
	assert_true(getdelim(&text, &room, '\0', file) > 0);
	fclose(file);
	return text;
}

json_t *config_directory_document(const struct config_directory *directory)
{
	struct error error = { "" };
	json_t *document = config_document_load(directory->path, &error);

	if (document == NULL)
		fail_msg("%s", error.message);
	return document;
}

size_t config_directory_count_files(const struct config_directory *directory)
{
	DIR *stream = opendir(directory->root);
	size_t count = 0;
	struct dirent *entry;

	assert_non_null(stream);
	while ((entry = readdir(stream)) != NULL)
		count += entry->d_name[0] != '.';
	closedir(stream);
	return count;
}

void config_directory_forbid_writing(struct config_directory *directory)
{
	assert_int_equal(chmod(directory->root, 0555), 0);
	if (getuid() == 0)
		assert_int_equal(seteuid(NOBODY), 0);
}

void config_directory_allow_writing(struct config_directory *directory)
{
	if (getuid() == 0)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(chmod(directory->root, 0755), 0);
}

static void filler_path(const struct config_directory *directory, char path[static 64])
{
	snprintf(path, 64, "%s/.filler", directory->root);
}

static void fill(const struct config_directory *directory)
{
	char path[64], block[4096] = "";
	int fd;

	filler_path(directory, path);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	while (write(fd, block, sizeof(block)) > 0)
		;
	assert_int_equal(errno, ENOSPC);
	close(fd);
}

void config_directory_fill_disk(struct config_directory *directory)
{
	char *text = config_directory_text(directory);

	assert_int_equal(unlink(directory->path), 0);
	assert_int_equal(mount("sluice-unit", directory->root, "tmpfs", 0, "size=64k"), 0);
	directory->has_disk = true;
	config_directory_write_text(directory, text);
	free(text);
	fill(directory);
}

void config_directory_empty_disk(struct config_directory *directory)
{
	char path[64];

	filler_path(directory, path);
	assert_int_equal(unlink(path), 0);
}
