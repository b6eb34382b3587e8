/* SPDX-License-Identifier: BSD-3-Clause */
#include "steering/former_vips.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINES_MAX  (65536 + FORMER_VIPS_MAX) /* VIPs in use and former ones */
#define FIRST_LINE "sluice VIPs 1\n"         /* and the last one says how many are in between */
#define LAST_LINE  "%zu VIPs\n"
#define LINE_SIZE  128
#define PATH_SIZE  1100

static int compare(const void *a, const void *b)
{
	return address_compare(a, b);
}

int former_vips_find(const struct former_vips *former, const struct address *vip)
{
	for (size_t i = 0; i < former->count; i++)
		if (address_equal(&former->list[i].vip, vip))
			return (int)i;
	return -ENOENT;
}

/* Room for `count` in all. */
static int make_room(struct former_vips *former, size_t count)
{
	size_t room = former->room == 0 ? 16 : former->room;
	struct former_vip *list;

	if (count <= former->room)
		return 0;
	while (room < count)
		room *= 2;
	list = reallocarray(former->list, room, sizeof(*list));
	if (list == NULL)
		return -ENOMEM;
	former->list = list;
	former->room = room;
	return 0;
}

static int append(struct former_vips *former, const struct address *vip, int64_t since_s)
{
	if (make_room(former, former->count + 1) != 0)
		return -ENOMEM;
	former->list[former->count++] = (struct former_vip){ *vip, since_s };
	return 0;
}

/* Sets `known` of each of the sorted `vips` that is on the list. */
static void mark_known(
	const struct former_vips *former, const struct address *vips, size_t count, bool *known)
{
	for (size_t i = 0; count > 0 && i < former->count; i++) {
		const struct address *found =
			bsearch(&former->list[i].vip, vips, count, sizeof(*vips), compare);

		if (found != NULL)
			known[found - vips] = true;
	}
}

int former_vips_extend(
	struct former_vips *former, const struct address *vips, size_t count, int64_t now_s)
{
	bool *known = calloc(count + 1, sizeof(*known));

	if (known == NULL || make_room(former, former->count + count) != 0) {
		free(known);
		return -ENOMEM;
	}
	mark_known(former, vips, count, known);
	for (size_t i = 0; i < count; i++)
		if (!known[i])
			former->list[former->count++] = (struct former_vip){ vips[i], now_s };
	free(known);
	return 0;
}

int former_vips_add(struct former_vips *former, const struct address *vip, int64_t now_s)
{
	return former_vips_find(former, vip) >= 0 ? 0 : append(former, vip, now_s);
}

void former_vips_remove(struct former_vips *former, size_t index)
{
	former->count--;
	memmove(&former->list[index], &former->list[index + 1],
		(former->count - index) * sizeof(*former->list));
}

void former_vips_drop_oldest(struct former_vips *former, size_t count)
{
	former->count -= count;
	memmove(former->list, &former->list[count], former->count * sizeof(*former->list));
}

int former_vips_copy(struct former_vips *copy, const struct former_vips *former)
{
	if (make_room(copy, former->count) != 0)
		return -ENOMEM;
	copy->count = former->count;
	if (copy->count > 0)
		memcpy(copy->list, former->list, copy->count * sizeof(*copy->list));
	return 0;
}

bool former_vips_equal(const struct former_vips *a, const struct former_vips *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!address_equal(&a->list[i].vip, &b->list[i].vip) ||
			a->list[i].since_s != b->list[i].since_s)
			return false;
	return true;
}

void former_vips_subtract(struct former_vips *former, const struct address *vips, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < former->count; i++) {
		const struct former_vip one = former->list[i];

		if (count == 0 || bsearch(&one.vip, vips, count, sizeof(*vips), compare) == NULL)
			former->list[kept++] = one;
	}
	former->count = kept;
}

/* `former ADDRESS SECONDS` or `vip ADDRESS`; false for anything else. */
static bool parse_line(const char *line, int64_t now_s, struct former_vip *one)
{
	char address[ADDRESS_TEXT_SIZE];

	one->since_s = now_s;
	if (sscanf(line, "vip %45s", address) != 1 &&
		sscanf(line, "former %45s %" SCNd64, address, &one->since_s) != 2)
		return false;
	if (one->since_s > now_s) /* the clock was set back */
		one->since_s = now_s;
	return address_parse(address, &one->vip) == 0;
}

/* 0, -ENOMEM, or -EBADMSG where it is not whole. A former version wrote neither first nor last. */
static int read_lines(struct former_vips *former, FILE *file, int64_t now_s)
{
	size_t count = 0, other = 0, counted = 0;
	bool has_first = false, has_last = false;
	char line[LINE_SIZE];
	struct former_vip one;

	while (count + other < LINES_MAX && fgets(line, sizeof(line), file) != NULL) {
		if (parse_line(line, now_s, &one)) {
			count++;
			if (append(former, &one.vip, one.since_s) != 0)
				return -ENOMEM;
		} else if (strcmp(line, FIRST_LINE) == 0) {
			has_first = true;
		} else if (sscanf(line, LAST_LINE, &counted) == 1) {
			has_last = true;
		} else {
			other++;
		}
	}
	if (other == 0 && has_first == has_last && (has_first ? counted == count : count > 0))
		return 0;
	return -EBADMSG;
}

/* Its content is acted upon, so it has to be our own file. */
static bool is_trusted(int fd)
{
	struct stat status;

	return fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
	       (status.st_mode & (S_IWGRP | S_IWOTH)) == 0 &&
	       (status.st_uid == geteuid() || status.st_uid == 0);
}

int former_vips_load(
	struct former_vips *former, const char *path, int64_t now_s, struct error *error)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	FILE *file;
	int result;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return error_set(error, -errno, "%s: %s", path, strerror(errno));
	if (!is_trusted(fd) || (file = fdopen(fd, "r")) == NULL) {
		close(fd);
		return error_set(error, -EPERM,
			"%s: is not a file of sluiced's user alone, and is left alone", path);
	}
	result = read_lines(former, file, now_s);
	fclose(file);
	if (result == -EBADMSG)
		return error_set(error, result, "%s is damaged, and only %zu of its VIPs are known",
			path, former->count);
	return result == 0 ? 0 : error_set(error, result, "out of memory");
}

static bool write_lines(
	const struct former_vips *former, const struct address *vips, size_t count, FILE *file)
{
	char text[ADDRESS_TEXT_SIZE];
	size_t lines = former->count;

	fputs(FIRST_LINE, file);
	for (size_t i = 0; i < former->count; i++)
		fprintf(file, "former %s %" PRId64 "\n", address_format(&former->list[i].vip, text),
			former->list[i].since_s);
	for (size_t i = 0; i < count; i++)
		if (i == 0 || !address_equal(&vips[i], &vips[i - 1])) {
			fprintf(file, "vip %s\n", address_format(&vips[i], text));
			lines++;
		}
	fprintf(file, LAST_LINE, lines);
	return fflush(file) == 0 && ferror(file) == 0;
}

/* Not synced: it is to outlive the process, like the filters in the kernel, not the machine. */
int former_vips_save(const struct former_vips *former, const char *path, const struct address *vips,
	size_t count)
{
	char new_path[PATH_SIZE];
	FILE *file;
	bool written;
	int fd;

	if (snprintf(new_path, sizeof(new_path), "%s.new", path) >= (int)sizeof(new_path))
		return -ENAMETOOLONG;
	unlink(new_path);
	fd = open(new_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	if (fd < 0)
		return -errno;
	file = fdopen(fd, "w");
	if (file == NULL) {
		close(fd);
		return -ENOMEM;
	}
	written = write_lines(former, vips, count, file);
	written &= fclose(file) == 0;
	if (written && rename(new_path, path) == 0)
		return 0;
	unlink(new_path);
	return -EIO;
}

void former_vips_fini(struct former_vips *former)
{
	free(former->list);
	*former = (struct former_vips){ 0 };
}
