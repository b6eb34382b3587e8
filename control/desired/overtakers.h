/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * overtakers: volatile changes that were committed while an earlier change waited for a disk that
 * hangs. When the earlier change goes on, it repeats them on top of what it has read, so the result
 * is as if all changes had been made in the order of their numbers. They are kept until no earlier
 * change is under way.
 */
#pragma once

#include <jansson.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/error.h"
#include "config/config.h"
#include "desired/desired.h"

/* Further ones are refused, because the overtaken change has to repeat them all. */
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
 * Takes over `overtaker` with its arguments. A whole document makes all earlier ones void: then an
 * array of their arguments is returned for the caller to drop, else NULL.
 */
json_t *overtakers_add(struct overtakers *overtakers, struct overtaker *overtaker);

/* Forgets those with a number below `oldest`: no earlier change is under way. */
void overtakers_forget(struct overtakers *overtakers, uint64_t oldest);

/*
 * Repeats those with a number above `number` on top of *config, which is replaced. Any thread,
 * while none is added or forgotten.
 */
void overtakers_repeat(
	const struct overtakers *overtakers, uint64_t number, struct config **config);
