/* SPDX-License-Identifier: BSD-3-Clause */
#include "health/health.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/events.h"
#include "config/config_health.h"
#include "health/health_known.h"
#include "probe/probe_maps.h"

#define LOOK_SLICE    500 /* backends: about a millisecond */
#define LOOK_PAUSE_MS 5

static void look_on(evutil_socket_t fd, short what, void *context);

static void decide_on(evutil_socket_t fd, short what, void *context)
{
	struct health *health = context;

	if (health->doubt != NULL && doubt_is_asking(health->doubt))
		health_look_at_doubt(health, clock_ms());
	health_follow_decisions(health);
}

struct health *health_create(const struct health_context *context, struct error *error)
{
	struct health *health = calloc(1, sizeof(*health));

	if (health == NULL) {
		error_set(error, -ENOMEM, "out of memory");
		return NULL;
	}
	health->context = *context;
	health->looked = CHECKER_BACKENDS_MAX;
	health->look_timer = evtimer_new(context->base, look_on, health);
	health->decide_timer = evtimer_new(context->base, decide_on, health);
	if (health->look_timer == NULL || health->decide_timer == NULL) {
		error_set(error, -ENOMEM, "out of memory");
		health_destroy(health);
		return NULL;
	}
	if (!context->checks)
		return health;
	health->ways = ways_create(context->ports, context->port_count);
	if (health->ways == NULL)
		error_set(error, -ENOMEM, "out of memory");
	else
		health->checker = checker_create(context->base, health_on_change, health, error);
	if (health->checker != NULL)
		health->doubt = doubt_create(health->checker, context->ports, context->port_count);
	if (health->doubt != NULL) {
		doubt_look(health->doubt, 0, clock_ms()); /* which gateways there are */
		forwarding_set_foresee(context->forwarding, health_foresee, health);
		return health;
	}
	if (health->checker != NULL)
		error_set(error, -ENOMEM, "out of memory");
	health_destroy(health);
	return NULL;
}

void health_destroy(struct health *health)
{
	if (health == NULL)
		return;
	forwarding_set_foresee(health->context.forwarding, NULL, NULL);
	if (health->look_timer != NULL)
		event_free(health->look_timer);
	if (health->decide_timer != NULL)
		event_free(health->decide_timer);
	checker_destroy(health->checker);
	doubt_destroy(health->doubt);
	ways_destroy(health->ways);
	for (size_t i = 0; i < CHECKER_BACKENDS_MAX; i++) {
		if (health->backends[i] != NULL)
			config_health_release(health->backends[i]->target.health);
		free(health->backends[i]);
	}
	free(health->pools);
	free(health->services);
	free(health->vias);
	config_destroy(health->missed);
	zones_destroy(health->zones);
	config_destroy(health->config);
	free(health);
}

/* Its record or this host may have changed: another way leads there now. */
static void look_at_way(struct health *health, const struct forwarding_handle *handle, size_t index,
	struct checked_backend *backend)
{
	const struct config_pool *pool = &health->config->pools[backend->pool];

	if (config_health_checks(pool->health) && index < pool->backend_count)
		health_check(health, handle, index, backend);
}

static void look_at_ways(struct health *health)
{
	struct error error = { "" };
	int code = health->ways == NULL ? 0 : ways_look(health->ways, &error);

	if (code > 0)
		events_publish(EVENT(HEALTH, WARNING, NODE, NULL),
			"another program has changed %s or its routes: they are as before again",
			ways_device(health->ways));
	else if (code < 0 && code != health->ways_code)
		events_publish(EVENT(HEALTH, ERROR, NODE, NULL), "probes do not reach the VIPs: %s",
			error.message);
	health->ways_code = code;
}

static void look_at_backend(struct health *health, uint32_t gid, uint64_t now_ms)
{
	struct checked_backend *backend = health->backends[gid];
	const struct forwarding_handle handle = { gid, backend->generation };
	size_t pool, index;

	if (forwarding_locate(health->context.forwarding, &handle, &pool, &index) != 0) {
		health->pools[backend->pool].up -= backend->state.status == HEALTH_UP;
		health->up -= backend->state.status == HEALTH_UP;
		health_remove_backend(health, gid);
		return;
	}
	look_at_way(health, &handle, index, backend);
	health_follow_wish(health, gid, now_ms);
}

/* A slice of the round over all backends; the timer comes back for the rest of it. */
static void look_on(evutil_socket_t fd, short what, void *context)
{
	static const struct timeval soon = { .tv_usec = LOOK_PAUSE_MS * 1000 };
	struct health *health = context;
	uint64_t now_ms = clock_ms();
	unsigned int count = 0;

	if (health->missed != NULL)
		return;
	for (; health->looked < CHECKER_BACKENDS_MAX && count < LOOK_SLICE; health->looked++) {
		if (health->backends[health->looked] == NULL)
			continue;
		look_at_backend(health, health->looked, now_ms);
		count++;
	}
	if (health->looked < CHECKER_BACKENDS_MAX)
		event_add(health->look_timer, &soon);
	else
		health_end_detours(health);
}

void health_look(struct health *health)
{
	if (health->missed != NULL)
		health_follow(health, health->missed);
	if (health->missed != NULL)
		return;
	health_publish_rest(health);
	look_at_ways(health);
	health_look_at_doubt(health, clock_ms());
	if (health->looked >= CHECKER_BACKENDS_MAX) { /* the last round has ended */
		health->looked = 0;
		look_on(-1, 0, health);
	}
	health_follow_decisions(health);
}

/* A change of it stands among those of the status, which is as the check has it. */
static void keep_override(struct health *health, uint32_t gid, struct checked_backend *backend)
{
	struct state_health *row = state_health_row(health->context.state, gid);
	const struct health_change change = {
		.time_ms = clock_wall_ms(),
		.reason = PROBE_OVERRIDE,
		.detail = backend->override,
		.status = row->status,
	};

	if (row->override == backend->override)
		return;
	state_rows_begin(health->context.state);
	row->override = backend->override;
	health_row_add(row, &change);
	state_rows_end(health->context.state);
}

/* What it comes to for this backend, were it so. */
static int preview(struct health *health, const struct forwarding_handle *handle,
	enum health_override override, struct forwarding_update *update)
{
	struct checked_backend *backend = health->backends[handle->gid];
	enum health_override before = backend->override;
	struct health_decision *decision;
	size_t pool, index;

	if (forwarding_locate(health->context.forwarding, handle, &pool, &index) != 0)
		return -ENOENT;
	update->has_health = true;
	update->healthy = override != HEALTH_OVERRIDE_DOWN;
	if (index >= health->config->pools[pool].backend_count)
		return 0; /* it is configured no more */
	backend->override = override;
	decision = health_decide(health, pool);
	backend->override = before;
	if (decision == NULL)
		return -ENOMEM;
	update->has_rest = true;
	update->healthy = decision->verdicts[index] != SERVING_FAILED;
	update->rests = decision->verdicts[index] == SERVING_RESTS;
	free(decision);
	return 0;
}

int health_update_backend(struct health *health, const struct forwarding_handle *handle,
	const struct health_update *wanted, bool dry_run, forwarding_report_t *report,
	void *context)
{
	struct checked_backend *backend = health->backends[handle->gid];
	struct forwarding_update update = wanted->forwarding;
	int code = 0;

	if (backend == NULL || backend->generation != handle->generation)
		return -ENOENT;
	if (wanted->has_override)
		code = preview(health, handle, wanted->override, &update);
	if (code == 0)
		code = forwarding_update(
			health->context.forwarding, handle, &update, dry_run, report, context);
	if (code != 0 || dry_run || !wanted->has_override)
		return code;
	backend->override = wanted->override;
	keep_override(health, handle->gid, backend);
	health_mark_dirty(health, backend->pool);
	health_follow_decisions(health); /* what follows for others */
	return 0;
}

const char *health_doubt(const struct health *health)
{
	return health->doubt == NULL ? "" : doubt_sentence(health->doubt);
}

struct checker_load health_load(const struct health *health)
{
	const struct checker_load none = { 0 };

	return health->checker == NULL ? none : checker_load(health->checker);
}

int health_count_packets(const struct health *health, uint64_t *counts)
{
	memset(counts, 0, PROBE_COUNT_MAX * sizeof(*counts));
	return health->ways == NULL ? 0 : ways_count(health->ways, counts);
}
