/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pending: a change that is under way, and its background jobs: the edit in the work thread
 * (pending_edit.c), reading and writing the file in the disk thread (pending_file.c). desired.c
 * takes it from step to step.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/error.h"
#include "common/background.h"
#include "config/config.h"
#include "config/config_digest.h"
#include "config/config_file.h"
#include "desired/desired.h"
#include "desired/in_force.h"
#include "desired/origin.h"
#include "desired/overtakers.h"
#include "desired/saved_file.h"
#include "json/findings.h"

/* While its job runs, everything below `job` belongs to that job. */
struct pending {
	STAILQ_ENTRY(pending) next;
	struct desired *desired;
	struct desired_change change;
	uint64_t number; /* in the order in which changes were asked for */
	bool overtaken;

	/* borrowed; jobs read them, and the loop does not change them while one runs */
	const struct in_force *in_force;
	const struct overtakers *overtakers;
	const struct saved_file *file; /* its path, and its text for the disk thread */

	struct background_job job;
	/* of what was loaded; or of what a write expects to replace, then of what it wrote */
	struct config_file_version version;
	struct config_digest saved;  /* of the file of that version, before it is written */
	struct config *config;       /* the new one */
	struct config_digest digest; /* of `config` */
	struct config_digest loaded; /* of what a file held */
	struct overtaker *overtaker; /* allocated for a change that overtakes */
	char changes[ORIGIN_WHAT_SIZE];
	json_t *differences;                       /* NULL where they are not asked for */
	struct forwarding_change *planned;         /* while its tables are built */
	bool stored;                               /* it is in the file already, but not in force */
	int replaced;                              /* the previous file (config_file.h), or -1 */
	struct config_file_version version_before; /* of that file */
	bool written;                              /* to the file */
	bool merged; /* the file was edited by hand: it was written with this change added, so it
			differs from `config` */
	int code;
	struct error error;
	struct findings *findings; /* NULL where the document is good */
};

STAILQ_HEAD(pending_list, pending);

/* Frees it with all that it has. The file that it replaced must be closed by then. */
void pending_destroy(struct pending *pending);

bool pending_is_from_file(const struct pending *pending);

/* The configuration of a whole document; or NULL, with all that is wrong with it in `pending`. */
struct config *pending_validate_document(
	struct pending *pending, const json_t *document, const uint8_t *hash_key);

/* Functions of background jobs whose context is the change: they set `code` and `error`. */
void pending_work_on_edit(struct background_job *job);
void pending_work_on_load(struct background_job *job);
void pending_work_on_write(struct background_job *job);
void pending_work_on_put_back(struct background_job *job); /* sets `stored` */
void pending_work_on_drop(struct background_job *job);     /* frees what is large */
void pending_work_on_close(struct background_job *job);
