/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/loop.h"

#include <assert.h>
#include <event2/event.h>
#include <stddef.h>

#define READY_PASSES 1024

/* The priority that libevent gives an event by default. */
static_assert(LOOP_CHANGES == LOOP_PRIORITY_COUNT / 2, "the default is the middle one");

struct event_base *loop_create(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base = NULL;

	if (config == NULL)
		return NULL;
	event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
	/* one callback at a time, except among the timers */
	if (event_config_set_max_dispatch_interval(config, NULL, 1, LOOP_CHANGES) == 0)
		base = event_base_new_with_config(config);
	event_config_free(config);
	if (base != NULL && event_base_priority_init(base, LOOP_PRIORITY_COUNT) != 0) {
		event_base_free(base);
		return NULL;
	}
	return base;
}

void loop_run_ready(struct event_base *base)
{
	int idle = 0;

	/* what was idle in one pass may have made something ready for the next */
	for (int pass = 0; pass < READY_PASSES && idle < 2; pass++) {
		event_base_loop(base, EVLOOP_NONBLOCK | EVLOOP_ONCE);
		idle = event_base_get_num_events(base, EVENT_BASE_COUNT_ACTIVE) == 0 ? idle + 1 : 0;
	}
}
