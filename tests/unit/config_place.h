/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * config_place: a directory of its own with a configuration file in it, and an event loop in which
 * writes to it end. Whatever goes wrong here fails the test that is running.
 */
#pragma once

#include <event2/event.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "common/background.h"
#include "config/config_file.h"

struct config_place {
	char directory[32];
	char path[64];
	struct event_base *base;
	struct background *work, *disk;
	bool has_disk;
	struct config_file_version version; /* of the file as it was opened */
};

/* The file holds `document`, which is the caller's to drop. */
void config_place_open(struct config_place *place, const json_t *document);
void config_place_close(struct config_place *place);

/* Runs the loop until config_place_wake() is called in it; fails after ten seconds. */
void config_place_wait(struct config_place *place);
void config_place_wake(struct config_place *place);

/* What an editor does: writes the document into the file in place. */
void config_place_write(const struct config_place *place, const json_t *document);
void config_place_write_text(const struct config_place *place, const char *text);

/* The file's text, to be freed, and its document. */
char *config_place_text(const struct config_place *place);
json_t *config_place_document(const struct config_place *place);

/* How many files there are in the directory. */
size_t config_place_count_files(const struct config_place *place);

/* Nobody may make a file in the directory; undone by the second. Root gives up its rights. */
void config_place_forbid_writing(struct config_place *place);
void config_place_allow_writing(struct config_place *place);

/*
 * The directory's own file system of 64 KiB, without room for another file: the file is there in
 * both, and stays when that file system gets room again. Root only.
 */
void config_place_fill_disk(struct config_place *place);
void config_place_empty_disk(struct config_place *place);
