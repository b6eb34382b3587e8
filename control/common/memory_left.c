/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/memory_left.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIB           UINT64_C(1048576)
#define RESERVE_BYTES (8 * MIB) /* for the process itself */
#define RESERVE_PARTS 16        /* and such a part of the piece, for its page tables */

/* The files of one version of memory cgroups. */
struct cgroup_files {
	const char *type, *option; /* of the mount; option: one that it must have, or NULL */
	const char *limit, *usage;
	const char *inactive, *active; /* page cache, in memory.stat */
};

static const struct cgroup_files versions[] = {
	{ "cgroup2", NULL, "memory.max", "memory.current", "inactive_file", "active_file" },
	{ "cgroup", "memory", "memory.limit_in_bytes", "memory.usage_in_bytes",
		"total_inactive_file", "total_active_file" },
};

static FILE *open_in(const char *directory, const char *name)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s", directory, name) >= (int)sizeof(path))
		return NULL;
	return fopen(path, "re");
}

/* False where the file has no number, as "max" is none. */
static bool read_number(const char *directory, const char *name, uint64_t *number)
{
	FILE *file = open_in(directory, name);
	bool is_number;

	if (file == NULL)
		return false;
	is_number = fscanf(file, "%" SCNu64, number) == 1;
	fclose(file);
	return is_number;
}

/* The value in the line "name value" or "name: value"; false where there is none. */
static bool read_value(const char *directory, const char *name, const char *key, uint64_t *value)
{
	FILE *file = open_in(directory, name);
	size_t length = strlen(key);
	bool is_found = false;
	char line[256];

	if (file == NULL)
		return false;
	while (!is_found && fgets(line, sizeof(line), file) != NULL)
		is_found = strncmp(line, key, length) == 0 &&
			   sscanf(line + length, "%*[: ]%" SCNu64, value) == 1;
	fclose(file);
	return is_found;
}

static void consider_cgroup(
	const struct cgroup_files *files, const char *directory, struct memory_left *left)
{
	uint64_t limit, usage, inactive = 0, active = 0, bytes;

	if (!read_number(directory, files->limit, &limit) ||
		!read_number(directory, files->usage, &usage))
		return;
	read_value(directory, "memory.stat", files->inactive, &inactive);
	read_value(directory, "memory.stat", files->active, &active);
	usage = usage > inactive + active ? usage - inactive - active : 0;
	bytes = limit > usage ? limit - usage : 0;
	if (bytes >= left->bytes)
		return;
	left->bytes = bytes;
	left->limit = limit;
	snprintf(left->cgroup, sizeof(left->cgroup), "%s", directory);
}

/* From `directory` up to `top`, the mount. */
static void consider_up(const struct cgroup_files *files, char *directory, const char *top,
	struct memory_left *left)
{
	size_t end = strlen(top);

	consider_cgroup(files, directory, left);
	while (strlen(directory) > end) {
		*strrchr(directory, '/') = '\0';
		consider_cgroup(files, directory, left);
	}
}

static bool has_word(char *list, const char *word)
{
	char *rest;

	for (char *item = strtok_r(list, ",\n", &rest); item != NULL;
		item = strtok_r(NULL, ",\n", &rest))
		if (strcmp(item, word) == 0)
			return true;
	return false;
}

/* The process's own cgroup in that hierarchy, from its line of /proc/self/cgroup. */
static bool find_cgroup(
	const char *proc, const struct cgroup_files *files, char cgroup[static PATH_MAX])
{
	FILE *file = open_in(proc, "self/cgroup");
	bool is_found = false;
	char line[PATH_MAX];

	if (file == NULL)
		return false;
	while (!is_found && fgets(line, sizeof(line), file) != NULL) {
		char *controllers = strchr(line, ':'), *path;

		if (controllers == NULL || (path = strchr(++controllers, ':')) == NULL)
			continue;
		*path++ = '\0';
		path[strcspn(path, "\n")] = '\0';
		is_found = files->option == NULL ? *controllers == '\0'
						 : has_word(controllers, files->option);
		if (is_found)
			strcpy(cgroup, path);
	}
	fclose(file);
	return is_found;
}

/* A mount shows the part of the hierarchy below its root. */
static void consider_mount(const struct cgroup_files *files, const char *root, const char *top,
	const char *cgroup, struct memory_left *left)
{
	size_t length = strcmp(root, "/") == 0 ? 0 : strlen(root);
	char directory[PATH_MAX];

	if (strncmp(cgroup, root, length) != 0 || (cgroup[length] != '/' && cgroup[length] != '\0'))
		cgroup += strlen(cgroup); /* it is outside: the top is all that is seen */
	else
		cgroup += length;
	if (strcmp(cgroup, "/") == 0)
		cgroup = "";
	if (snprintf(directory, sizeof(directory), "%s%s", top, cgroup) < (int)sizeof(directory))
		consider_up(files, directory, top, left);
}

static void consider_line(
	const struct cgroup_files *files, char *line, const char *cgroup, struct memory_left *left)
{
	char root[PATH_MAX], top[PATH_MAX], type[32], options[1024];
	const char *rest = strstr(line, " - ");

	if (rest == NULL || sscanf(line, "%*s %*s %*s %4095s %4095s", root, top) != 2 ||
		sscanf(rest, " - %31s %*s %1023s", type, options) != 2)
		return;
	if (strcmp(type, files->type) == 0 &&
		(files->option == NULL || has_word(options, files->option)))
		consider_mount(files, root, top, cgroup, left);
}

static void consider_version(
	const char *proc, const struct cgroup_files *files, struct memory_left *left)
{
	char cgroup[PATH_MAX], *line = NULL;
	size_t size = 0;
	FILE *file;

	if (!find_cgroup(proc, files, cgroup))
		return;
	file = open_in(proc, "self/mountinfo");
	if (file == NULL)
		return;
	while (getline(&line, &size, file) > 0)
		consider_line(files, line, cgroup, left);
	free(line);
	fclose(file);
}

void memory_left_read(const char *proc, struct memory_left *left)
{
	uint64_t kib;

	*left = (struct memory_left){ .bytes = MEMORY_LEFT_UNKNOWN };
	if (read_value(proc, "meminfo", "MemAvailable", &kib))
		left->bytes = kib * 1024;
	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++)
		consider_version(proc, &versions[i], left);
}

int memory_left_check(const char *proc, uint64_t bytes, struct error *error)
{
	uint64_t wanted = bytes + bytes / RESERVE_PARTS + RESERVE_BYTES;
	struct memory_left left;

	memory_left_read(proc, &left);
	if (left.bytes >= wanted)
		return 0;
	if (left.cgroup[0] == '\0')
		return error_set(error, -ENOMEM,
			"it takes %" PRIu64 " MiB of memory, and this host has %" PRIu64
			" MiB available",
			wanted / MIB, left.bytes / MIB);
	return error_set(error, -ENOMEM,
		"it takes %" PRIu64
		" MiB of memory, and the cgroup %.200s, which is limited to %" PRIu64
		" MiB, has %" PRIu64 " MiB left",
		wanted / MIB, left.cgroup, left.limit / MIB, left.bytes / MIB);
}
