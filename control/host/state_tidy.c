/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/state_tidy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/background.h"
#include "common/events.h"
#include "common/state_error.h"
#include "host/memory.h"
#include "state/state.h"

struct state_tidy {
	struct state *state;
	struct background *thread;
	struct background_job job;
	int allocated, locked; /* outcomes: 0 or a negative errno */
};

static void work(struct background_job *job)
{
	struct state_tidy *tidy = job->context;

	state_forget_before(tidy->state);
	tidy->allocated = state_allocate_rest(tidy->state);
	tidy->locked = state_lock(tidy->state);
}

static void warn_unlocked(const struct state_tidy *tidy)
{
	char bytes[16];

	memory_format(state_memory(state_layout(tidy->state)), bytes);
	events_publish(EVENT(MEMORY, WARNING, NODE, NULL),
		"the state file is not locked in memory, packets wait where it is swapped out: %s: "
		"it takes the capability IPC_LOCK or an RLIMIT_MEMLOCK of %s",
		strerror(-tidy->locked), bytes);
}

static void done(struct background_job *job)
{
	const struct state_tidy *tidy = job->context;

	if (tidy->allocated == -ECANCELED || tidy->locked == -ECANCELED)
		return;
	if (tidy->allocated != 0)
		events_publish(EVENT(MEMORY, WARNING, NODE, NULL),
			"the state file has no space for the slots of new pools: %s",
			state_error_text(tidy->allocated));
	if (tidy->locked != 0)
		warn_unlocked(tidy);
}

struct state_tidy *state_tidy_start(
	struct event_base *base, struct state *state, struct error *error)
{
	struct state_tidy *tidy = calloc(1, sizeof(*tidy));

	if (tidy == NULL) {
		error_set(error, -ENOMEM, "out of memory");
		return NULL;
	}
	tidy->state = state;
	tidy->thread = background_create(base, error);
	if (tidy->thread == NULL) {
		free(tidy);
		return NULL;
	}
	tidy->job = (struct background_job){ .work = work, .done = done, .context = tidy };
	background_run(tidy->thread, &tidy->job);
	return tidy;
}

void state_tidy_finish(struct state_tidy *tidy)
{
	if (tidy == NULL)
		return;
	background_finish(tidy->thread);
	background_destroy(tidy->thread);
	free(tidy);
}
