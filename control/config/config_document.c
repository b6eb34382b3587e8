/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From bytes to a document. jansson does the parsing; what it would do too late or not at all is
 * done by a scan before: NUL bytes, and nesting, which it follows by recursion to a depth of 2048.
 */
#include "config/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "json/json_shape.h"

struct scan {
	size_t line;
	size_t column; /* in characters, as jansson counts */
	struct json_shape shape;
};

static void scan_position(struct scan *scan, char byte)
{
	if (byte == '\n') {
		scan->line++;
		scan->column = 0;
	} else if (((unsigned char)byte & 0xc0) != 0x80) {
		scan->column++;
	}
}

static int refuse_at(const struct scan *scan, struct error *error, const char *sentence)
{
	return error_set(
		error, -EINVAL, "line %zu, column %zu: %s", scan->line, scan->column, sentence);
}

static int scan_text(const char *text, size_t length, struct error *error)
{
	struct scan scan = { .line = 1 };

	for (size_t i = 0; i < length; i++) {
		scan_position(&scan, text[i]);
		if (text[i] == '\0')
			return refuse_at(&scan, error, "a NUL byte");
		json_shape_pass(&scan.shape, text[i]);
		if (scan.shape.depth > CONFIG_NESTING_MAX)
			return refuse_at(&scan, error, "nested deeper than 16");
	}
	return 0;
}

/* jansson repeats the text it stumbled over, which may be the hash key: cut that off. */
static const char *syntax_sentence(json_error_t *syntax)
{
	char *near = strstr(syntax->text, " near '");

	if (json_error_code(syntax) == json_error_null_character)
		return "a NUL byte";
	if (json_error_code(syntax) == json_error_invalid_utf8)
		return "not UTF-8";
	if (near != NULL && json_error_code(syntax) != json_error_duplicate_key)
		*near = '\0'; /* of a duplicate key, it is the key */
	return syntax->text;
}

json_t *config_document_parse(const char *text, size_t length, struct error *error)
{
	json_error_t syntax;
	json_t *document;

	if (length > CONFIG_FILE_MAX) {
		error_set(error, -EFBIG, "document: %zu bytes (0-%d are allowed)", length,
			CONFIG_FILE_MAX);
		return NULL;
	}
	if (scan_text(text, length, error) != 0)
		return NULL;
	document = json_loadb(text, length, JSON_REJECT_DUPLICATES, &syntax);
	if (document == NULL)
		error_set(error, -EINVAL, "line %d, column %d: %s", syntax.line, syntax.column,
			syntax_sentence(&syntax));
	return document;
}

/* A user who can write the file can make sluiced load any library (dataplane.eal), as its user. */
static int check_owner(const struct stat *status, const char *path, struct error *error)
{
	if (status->st_uid != 0 && status->st_uid != geteuid())
		return error_set(error, -EPERM,
			"%s: belongs to user %u, who could make sluiced run anything: chown it",
			path, status->st_uid);
	if ((status->st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return error_set(error, -EPERM,
			"%s: others than its owner may write it (mode %04o) and could make sluiced "
			"run anything: chmod go-w",
			path, status->st_mode & 07777);
	return 0;
}

static int check_file(int fd, const char *path, size_t *size, struct error *error)
{
	struct stat status;

	if (fstat(fd, &status) != 0)
		return error_set(error, -errno, "%s: %s", path, strerror(errno));
	if (!S_ISREG(status.st_mode))
		return error_set(error, -EINVAL, "%s: not a regular file", path);
	if (status.st_size > CONFIG_FILE_MAX)
		return error_set(error, -EFBIG, "%s: %lld bytes (0-%d are allowed)", path,
			(long long)status.st_size, CONFIG_FILE_MAX);
	*size = (size_t)status.st_size;
	return check_owner(&status, path, error);
}

/* Reads up to `size` bytes; how many, or -errno. */
static ssize_t read_bytes(int fd, char *text, size_t size)
{
	size_t used = 0;

	while (used < size) {
		ssize_t count = read(fd, text + used, size - used);

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return -errno;
		if (count == 0)
			break;
		used += (size_t)count;
	}
	return (ssize_t)used;
}

/* Reads up to `*length` bytes, and sets it to their number. */
static char *read_file(int fd, const char *path, size_t *length, struct error *error)
{
	char *text = malloc(*length + 1);
	ssize_t count;

	if (text == NULL) {
		error_set(error, -ENOMEM, "%s: out of memory", path);
		return NULL;
	}
	count = read_bytes(fd, text, *length);
	if (count < 0) {
		error_set(error, (int)count, "%s: %s", path, strerror((int)-count));
		free(text);
		return NULL;
	}
	*length = (size_t)count;
	return text;
}

/* Without blocking, so that a FIFO instead of a file is refused and not waited for. */
char *config_document_read(const char *path, size_t *length, struct error *error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char *text = NULL;

	if (fd < 0) {
		error_set(error, -errno, "%s: %s", path, strerror(errno));
		return NULL;
	}
	if (check_file(fd, path, length, error) == 0)
		text = read_file(fd, path, length, error);
	close(fd);
	return text;
}

json_t *config_document_load(const char *path, struct error *error)
{
	size_t length = 0;
	char *text = config_document_read(path, &length, error);
	json_t *document;

	if (text == NULL)
		return NULL;
	document = config_document_parse(text, length, error);
	if (document == NULL)
		error_wrap(error, -EINVAL, "%s", path);
	free(text);
	return document;
}
