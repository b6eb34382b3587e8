/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * background: a thread beside the event loop for what takes long: a disk, a large document. Jobs
 * run one after the other, in the order of background_run(). Everything but `work` runs in the
 * thread of the event loop.
 */
#pragma once

#include <sys/queue.h>

#include "base/error.h"

struct background;
struct event_base;

/* The caller owns it, and leaves it alone from background_run() until done() is called. */
struct background_job {
	void (*work)(struct background_job *job); /* in the thread of background */
	void (*done)(struct background_job *job); /* afterwards, in the event loop */
	void *context;                            /* of these two */
	STAILQ_ENTRY(background_job) entry;       /* background's own */
};

/* Starts the thread, which inherits the CPUs of the caller. NULL with the sentence. */
struct background *background_create(struct event_base *base, struct error *error);

/* Finishes all jobs first, as background_finish(). NULL is allowed. */
void background_destroy(struct background *background);

/* Cannot fail. done() may hand over the same job again. */
void background_run(struct background *background, struct background_job *job);

/* Waits for all jobs, including those that are started meanwhile, and calls done() of each. */
void background_finish(struct background *background);
