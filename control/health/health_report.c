/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "health/health_known.h"

/* When an operator said it. 0: that is longer ago than the changes that are kept. */
static int64_t find_override_ms(const struct health_report *report)
{
	if (report->override == HEALTH_OVERRIDE_NONE)
		return 0;
	for (size_t i = report->change_count; i > 0; i--)
		if (report->changes[i - 1].reason == PROBE_OVERRIDE)
			return report->changes[i - 1].time_ms;
	return 0;
}

static void find_needed(const struct config_health *settings, struct health_report *report)
{
	const struct check_rules rules = { settings->rise, settings->fall };
	const struct check_state *state = &report->view.state;

	if (state->status == HEALTH_INITIAL)
		report->needed = 1;
	if (state->status != HEALTH_DOWN)
		return;
	report->needed = check_state_rise(state, &rules, clock_ms());
	report->returns = report->needed > rules.rise ? state->returns : 0;
}

static void describe(struct health *health, size_t pool, size_t index, struct health_report *report)
{
	struct checked_backend *backend = health_find_backend(health, pool, index);
	struct forwarding_handle handle;

	if (backend == NULL)
		return;
	handle = forwarding_handle_of(health->context.forwarding, pool, index);
	report->is_checked = backend->is_put;
	report->settings = health->config->pools[backend->pool].health;
	report->override = backend->override;
	report->status =
		health->pools[backend->pool].is_checked ? backend->state.status : HEALTH_UP;
	report->counts_as = health_status_of(health, backend);
	report->wish = backend->wish;
	report->wish.rests = backend->rest.rests;
	report->wish.is_off = backend->rest.is_off;
	report->address = backend->target.address;
	report->port = backend->target.port;
	report->via_vip = backend->target.mark != 0 || backend->target.hindrance != PROBE_NONE;
	report->has_result = backend->is_put &&
			     checker_view(health->checker, handle.gid, &report->view) &&
			     report->view.time_ms != 0;
	if (report->has_result)
		find_needed(backend->target.health, report);
	report->change_count = health_row_list(
		state_health_row(health->context.state, handle.gid), report->changes);
	report->override_ms = find_override_ms(report);
}

/* While a pool has not been decided about, the first results of its backends are waited for. */
static void describe_undecided(
	const struct health *health, size_t pool, struct health_pool_report *report)
{
	struct health_decision *decision = health_decide(health, pool);

	if (decision == NULL)
		return;
	report->outcome = decision->outcome;
	memcpy(report->by_status, decision->by_status, sizeof(report->by_status));
	free(decision);
}

void health_describe(struct health *health, size_t pool, size_t index, struct health_report *report)
{
	const struct config_pool *config = &health->config->pools[pool];
	const struct config_pool_part *part;

	memset(report, 0, sizeof(*report));
	if (pool >= health->pool_count) /* no memory to follow the configuration */
		return;
	if (config->part_count == 0 || index >= config->backend_count) {
		describe(health, pool, index, report);
		return;
	}
	part = health_find_part(config, index); /* by its place in its own pool */
	describe(health, part->part.pool, index - part->first_backend, report);
}

void health_describe_pool(
	const struct health *health, size_t pool, struct health_pool_report *report)
{
	const struct checked_pool *checked = &health->pools[pool];
	struct serving_policy policy;

	memset(report, 0, sizeof(*report));
	if (pool >= health->pool_count)
		return;
	policy = serving_policy_of(&health->config->pools[pool], health->zones);
	*report = (struct health_pool_report){
		.outcome = checked->outcome,
		.since_ms = checked->mode_since_ms,
		.overridden = checked->overridden,
		.senseless = checked->senseless,
	};
	memcpy(report->by_status, checked->by_status, sizeof(report->by_status));
	if (!checked->is_decided)
		describe_undecided(health, pool, report);
	serving_describe(&policy, &report->outcome, report->sentence);
}

static bool has_trait(
	const struct health *health, size_t pool, size_t index, enum health_trait trait)
{
	const struct checked_backend *backend = health_find_backend(health, pool, index);
	struct serving_backend serving;

	switch (trait) {
	case HEALTH_COUNTS_AS_DOWN:
		serving = health_serving_backend(health, pool, index);
		return serving.active && serving.status == HEALTH_DOWN;
	case HEALTH_HAS_OVERRIDE:
		return backend != NULL && backend->override != HEALTH_OVERRIDE_NONE;
	case HEALTH_IS_SENSELESS: return backend != NULL && backend->is_senseless;
	}
	return false;
}

bool health_find(const struct health *health, size_t pool, enum health_trait trait, size_t *backend)
{
	size_t count = pool < health->pool_count ? health->config->pools[pool].backend_count : 0;

	while (*backend < count && !has_trait(health, pool, *backend, trait))
		(*backend)++;
	return *backend < count;
}
