/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * overtakers: volatile changes that were made while an earlier change was still on a disk that
 * hangs. They are kept for as long as such a change is under way, which makes them once more on
 * top of what it read: so all ends as if changes had been made in the order of their numbers.
 */
#pragma once

#include <jansson.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/error.h"
#include "config/config.h"
#include "desired/desired.h"

/* More of them are refused: each makes the change that was overtaken dearer. */
#define OVERTAKERS_MAX 1024

struct overtaker {
	STAILQ_ENTRY(overtaker) next;
	uint64_t number;
	enum desired_source source;
	config_editor_t *edit;
	struct config_excerpt excerpt; /* its name is of the arguments */
	json_t *arguments;
};

struct overtakers {
	STAILQ_HEAD(overtaker_list, overtaker) list; /* by number */
	size_t count;
};

void overtakers_init(struct overtakers *overtakers);
void overtakers_fini(struct overtakers *overtakers);

/*
 * Adds `overtaker`, which is taken over with its arguments. A whole document replaces all before
 * it: then an array of their arguments is returned for the caller to drop, else NULL.
 */
json_t *overtakers_add(struct overtakers *overtakers, struct overtaker *overtaker);

/* Forgets those with a number below `oldest`: no earlier change is under way. */
void overtakers_forget(struct overtakers *overtakers, uint64_t oldest);

/*
 * Makes those with a number above `number` once more on top of *config, which is replaced. Any
 * thread, as long as none is added or forgotten.
 */
void overtakers_repeat(
	const struct overtakers *overtakers, uint64_t number, struct config **config);
