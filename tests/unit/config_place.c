/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "config/config.h"
#include "config_place.h"

#define NOBODY     65534
#define DEADLINE_S 60

void config_place_write_text(const struct config_place *place, const char *text)
{
	FILE *file = fopen(place->path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

void config_place_write(const struct config_place *place, const json_t *document)
{
	char *text = json_dumps(document, JSON_INDENT(1));

	assert_non_null(text);
	config_place_write_text(place, text);
	free(text);
}

void config_place_open(struct config_place *place, const json_t *document)
{
	struct error error = { "" };
	json_t *loaded;

	memset(place, 0, sizeof(*place));
	strcpy(place->directory, "/tmp/sluice-unit-XXXXXX");
	assert_non_null(mkdtemp(place->directory));
	snprintf(place->path, sizeof(place->path), "%s/sluice.json", place->directory);
	config_place_write(place, document);
	place->base = event_base_new();
	assert_non_null(place->base);
	place->work = background_create(place->base, &error);
	place->disk = background_create(place->base, &error);
	assert_true(place->work != NULL && place->disk != NULL);
	loaded = config_file_load(place->path, &place->version, &error);
	if (loaded == NULL)
		fail_msg("%s", error.message);
	json_decref(loaded);
}

void config_place_close(struct config_place *place)
{
	background_destroy(place->disk);
	background_destroy(place->work);
	event_base_free(place->base);
	unlink(place->path);
	if (place->has_disk)
		assert_int_equal(umount2(place->directory, MNT_DETACH), 0);
	assert_int_equal(rmdir(place->directory), 0);
}

void config_place_wait(struct config_place *place)
{
	const struct timeval deadline = { .tv_sec = DEADLINE_S };

	assert_int_equal(event_base_loopexit(place->base, &deadline), 0);
	assert_int_equal(event_base_dispatch(place->base), 0);
	if (!event_base_got_break(place->base))
		fail_msg("nothing happened for %d s", DEADLINE_S);
}

void config_place_wake(struct config_place *place)
{
	event_base_loopbreak(place->base);
}

char *config_place_text(const struct config_place *place)
{
	FILE *file = fopen(place->path, "r");
	char *text = NULL;
	size_t room = 0;

	assert_non_null(file);
	assert_true(getdelim(&text, &room, '\0', file) > 0);
	fclose(file);
	return text;
}

json_t *config_place_document(const struct config_place *place)
{
	struct error error = { "" };
	json_t *document = config_document_load(place->path, &error);

	if (document == NULL)
		fail_msg("%s", error.message);
	return document;
}

size_t config_place_count_files(const struct config_place *place)
{
	DIR *directory = opendir(place->directory);
	size_t count = 0;
	struct dirent *entry;

	assert_non_null(directory);
	while ((entry = readdir(directory)) != NULL)
		count += entry->d_name[0] != '.';
	closedir(directory);
	return count;
}

void config_place_forbid_writing(struct config_place *place)
{
	assert_int_equal(chmod(place->directory, 0555), 0);
	if (getuid() == 0)
		assert_int_equal(seteuid(NOBODY), 0);
}

void config_place_allow_writing(struct config_place *place)
{
	if (getuid() == 0)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(chmod(place->directory, 0755), 0);
}

static void filler_path(const struct config_place *place, char path[static 64])
{
	snprintf(path, 64, "%s/.filler", place->directory);
}

static void fill(const struct config_place *place)
{
	char path[64], block[4096] = "";
	int fd;

	filler_path(place, path);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	while (write(fd, block, sizeof(block)) > 0)
		;
	assert_int_equal(errno, ENOSPC);
	close(fd);
}

void config_place_fill_disk(struct config_place *place)
{
	char *text = config_place_text(place);

	assert_int_equal(unlink(place->path), 0);
	assert_int_equal(mount("sluice-unit", place->directory, "tmpfs", 0, "size=64k"), 0);
	place->has_disk = true;
	config_place_write_text(place, text);
	free(text);
	fill(place);
}

void config_place_empty_disk(struct config_place *place)
{
	char path[64];

	filler_path(place, path);
	assert_int_equal(unlink(path), 0);
}
