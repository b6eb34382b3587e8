/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * config_directory: a directory of its own with a configuration file in it, and an event loop in
 * which writes to it end. Whatever goes wrong here fails the test that is running.
 */
#pragma once

#include <event2/event.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "common/background.h"
#include "config/config_file.h"

struct config_directory {
	char root[32];
	char path[64];
	struct event_base *base;
	struct background *work, *disk;
	bool has_disk;
	struct config_file_version version; /* of the file as it was opened */
};

/* The file holds `document`, which is the caller's to drop. */
void config_directory_open(struct config_directory *directory, const json_t *document);
void config_directory_close(struct config_directory *directory);

/* Runs the loop until config_directory_wake() is called in it; fails after ten seconds. */
void config_directory_wait(struct config_directory *directory);
void config_directory_wake(struct config_directory *directory);

/* What an editor does: writes the document into the file in place. */
void config_directory_write(const struct config_directory *directory, const json_t *document);
void config_directory_write_text(const struct config_directory *directory, const char *text);

/* The file's text, to be freed, and its document. */
char *config_directory_text(const struct config_directory *directory);
json_t *config_directory_document(const struct config_directory *directory);

/* How many files there are in the directory. */
size_t config_directory_count_files(const struct config_directory *directory);

/* Nobody may make a file in the directory; undone by the second. Root gives up its rights. */
void config_directory_forbid_writing(struct config_directory *directory);
void config_directory_allow_writing(struct config_directory *directory);

/*
 * The directory's own file system of 64 KiB, without room for another file: the file is there in
 * both, and stays when that file system gets room again. Root only.
 */
void config_directory_fill_disk(struct config_directory *directory);
void config_directory_empty_disk(struct config_directory *directory);
