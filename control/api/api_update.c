/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * backend.set where it updates what is known of a backend: its health, the process that answers,
 * how much of its weight it can take. None of that is configuration; it lives in the state file.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <xxhash.h>

#include "api/api_internal.h"
#include "api/api_methods.h"
#include "json/json_build.h"
#include "common/events.h"
#include "impact/plan_compare.h"

bool api_has_update(const struct api_params *params)
{
	return params->health != API_HEALTH_NOT_GIVEN || params->instance != NULL ||
	       params->weight_percent != 0;
}

/* The state file has the hash of the id; 0 means that no id is known (membership.h). */
static uint64_t hash_instance(const char *id)
{
	uint64_t hash = XXH3_64bits(id, strlen(id));

	return hash == MEMBERSHIP_NO_INSTANCE ? 1 : hash;
}

static enum health_override override_of(enum api_health health)
{
	switch (health) {
	case API_HEALTH_UP: return HEALTH_OVERRIDE_UP;
	case API_HEALTH_DOWN: return HEALTH_OVERRIDE_DOWN;
	default: return HEALTH_OVERRIDE_NONE;
	}
}

static struct health_update update_of(const struct api_params *params)
{
	struct health_update wanted = {
		.has_override = params->health != API_HEALTH_NOT_GIVEN,
		.override = override_of(params->health),
	};

	if (params->instance != NULL) {
		wanted.forwarding.has_instance = true;
		wanted.forwarding.instance = hash_instance(params->instance);
	}
	if (params->weight_percent != 0) {
		wanted.forwarding.has_share = true;
		wanted.forwarding.share = params->weight_percent * FACTOR_ONE / 100;
	}
	return wanted;
}

/* An update, from the call to its answer. */
struct request {
	struct api *api;
	const struct api_params *params;
	const struct forwarding_handle *handle;
	const struct health_update *update;

	enum health_override override; /* as it was before */

	/* what it would do, where the pool's budget applies */
	uint32_t slots_to_move;
	struct error refusal; /* "": none */

	json_t *report; /* made while both tables exist, kept until the update is stored */
};

/* As forwarding_report_t. */
static void check_budget(void *context, const struct forwarding_effect *effect)
{
	struct request *request = context;
	const struct config *config = desired_config(request->api->running.desired);

	request->slots_to_move += plan_slots_moved(effect->before, effect->after);
	if (request->refusal.message[0] == '\0')
		plan_check_pool(&config->pools[effect->pool], effect->before, effect->after,
			effect->impact, &request->refusal);
}

/*
 * Checks what the operator asks for, a share or an end, against the pool's budget. Health and a new
 * process are facts and are not checked. A backend that goes down moves no slot by its share.
 */
static int foresee(struct request *request)
{
	struct forwarding_update wanted = {
		.ends = request->update->forwarding.ends,
		.has_share = request->update->forwarding.has_share,
		.share = request->update->forwarding.share,
	};

	if (!wanted.ends && !wanted.has_share)
		return 0;
	if (request->update->override == HEALTH_OVERRIDE_DOWN)
		return 0;
	return forwarding_update(request->api->running.forwarding, request->handle, &wanted, true,
		check_budget, request);
}

static json_t *json_percent(uint32_t share)
{
	return json_real(100.0 * share / FACTOR_ONE);
}

static json_t *json_share(const struct request *request, const struct forwarding_effect *effect)
{
	struct json_build share = json_build_begin();

	json_build_integer(&share, "asked_percent", request->params->weight_percent);
	json_build_value(&share, "percent", json_percent(effect->share.after));
	json_build_value(&share, "percent_before", json_percent(effect->share.before));
	json_build_integer(&share, "weight", effect->weight);
	json_build_integer(&share, "in_s", (effect->share.in_ms + 999) / 1000);
	json_build_integer(&share, "slots_to_move", request->slots_to_move);
	return json_build_end(&share);
}

/* As forwarding_report_t. */
static void make_report(void *context, const struct forwarding_effect *effect)
{
	struct request *request = context;
	json_t *report = api_report_pool(
		effect->before, effect->after, effect->impact, request->params->dry_run);

	if (report == NULL)
		return;
	json_object_set_new(report, "pending_ms", json_integer(effect->pending_ms));
	if (request->report != NULL) { /* another pool that it serves by */
		api_report_merge(request->report, report);
		return;
	}
	json_object_set_new(report, "forced", json_boolean(request->params->terms.force));
	if (request->params->dry_run)
		json_object_set_new(report, "needs_force",
			request->params->terms.force || request->refusal.message[0] == '\0'
				? json_null()
				: json_string(request->refusal.message));
	if (request->update->forwarding.has_share)
		json_object_set_new(report, "dynamic_weight", json_share(request, effect));
	request->report = report;
}

static enum health_override find_override(const struct request *request)
{
	const struct api_context *running = &request->api->running;
	struct health_report report = { 0 };
	size_t pool, backend;

	if (forwarding_locate(running->forwarding, request->handle, &pool, &backend) == 0)
		health_describe(running->health, pool, backend, &report);
	return report.override;
}

static const char *override_name(enum health_override override)
{
	return override == HEALTH_OVERRIDE_UP ? "up" : "down";
}

/* It stays until an operator takes it back, so it is told whether or not slots move. */
static void note_override(const struct request *request, const struct origin *origin)
{
	enum health_override before = request->override, next = request->update->override;
	bool ends = next == HEALTH_OVERRIDE_NONE;
	char cause[EVENT_CAUSE_SIZE];

	if (!request->update->has_override || next == before)
		return;
	api_describe_cause(origin, cause);
	events_publish(EVENT(HEALTH, INFO, BACKEND, request->params->pool,
			       .backend = request->params->name, .cause = cause),
		"backend %s/%s is %s to %s: %s", request->params->pool, request->params->name,
		ends ? "no longer set" : "set", override_name(ends ? before : next), cause);
}

/*
 * Health changes often, so `status` and events have it only if slots moved or flows were cut off.
 * A share that is put off has an event now; the move has its own when it happens.
 */
static void note(const struct request *request, const struct origin *origin)
{
	const json_t *share = json_object_get(request->report, "dynamic_weight");
	enum event_kind kind =
		request->update->has_override ? EVENT_KIND_HEALTH : EVENT_KIND_BACKEND;
	char peer[API_PEER_SIZE], cause[EVENT_CAUSE_SIZE];

	if (json_integer_value(json_object_get(share, "in_s")) > 0)
		events_publish(EVENT(BACKEND, INFO, BACKEND, request->params->pool,
				       .backend = request->params->name,
				       .cause = api_describe_cause(origin, cause)),
			"%s %s%s: %.4g %% of the weight in %lld s", origin->method, origin->what,
			api_describe_peer(origin, peer),
			json_number_value(json_object_get(share, "percent")),
			(long long)json_integer_value(json_object_get(share, "in_s")));
	if (json_integer_value(json_object_get(request->report, "slots_moved")) != 0 ||
		json_number_value(json_object_get(request->report, "cut_percent")) > 0)
		api_report_note(request->api, kind, origin, request->report);
}

/* Updates the backend and answers with what that moved. */
static void update_backend(struct request *request, struct rpc_call *call)
{
	struct origin origin = api_origin(request->params->method, request->params->object, call);
	int code = foresee(request);

	if (code == 0 && request->refusal.message[0] != '\0' && !request->params->terms.force &&
		!request->params->dry_run) {
		rpc_call_error(call, RPC_REFUSED, "%s", request->refusal.message);
		return;
	}
	request->override = find_override(request);
	if (code == 0)
		code = health_update_backend(request->api->running.health, request->handle,
			request->update, request->params->dry_run, make_report, request);
	if (code != 0 || request->report == NULL) {
		rpc_call_error(call, RPC_INTERNAL_ERROR, "out of memory");
		return;
	}
	if (!request->params->dry_run) {
		note_override(request, &origin);
		note(request, &origin);
	}
	rpc_call_result(call, request->report);
}

/* The first of `keys` that was given; NULL: none. */
static const char *find_given(const struct api_params *params, const char *const *keys)
{
	for (; *keys != NULL; keys++)
		if (json_object_get(params->object, *keys) != NULL)
			return *keys;
	return NULL;
}

/* One call updates a backend or changes its configuration, not both. */
static int validate_update(const struct api_params *params, struct rpc_call *call)
{
	static const char *const update[] = { "health", "instance", "weight_percent", NULL };
	/* goes through a change of the configuration, which answers later */
	static const char *const configuration[] = { "weight", "state", "deadline_s", NULL };
	/* means something for the configuration only: an update has no file and no revision */
	static const char *const terms[] = { "volatile", "if_revision", NULL };
	const char *other = find_given(params, configuration);
	const char *term = find_given(params, terms);

	if (other != NULL)
		rpc_call_error(call, RPC_INVALID_PARAMS,
			"%s goes without %s: that changes the configuration and takes a call of "
			"its own",
			find_given(params, update), other);
	else if (term != NULL)
		rpc_call_error(call, RPC_INVALID_PARAMS,
			"%s goes without %s: it is in no file and in no revision of the "
			"configuration",
			find_given(params, update), term);
	return other == NULL && term == NULL ? 0 : -EINVAL;
}

void api_backend_update(struct api *api, const struct api_params *params, struct rpc_call *call)
{
	struct health_update update = update_of(params);
	struct forwarding_handle handle;

	if (validate_update(params, call) != 0)
		return;
	/* a removed backend that still drains can be updated, too */
	if (forwarding_find(api->running.forwarding, params->pool, params->name, &handle) != 0) {
		rpc_call_error(call, RPC_NOT_FOUND, "there is no backend \"%s\" in a pool \"%s\"",
			params->name, params->pool);
		return;
	}
	update_backend(
		&(struct request){
			.api = api, .params = params, .handle = &handle, .update = &update },
		call);
}

/* Finds a removed backend that still drains. A configured backend of the same name wins. */
static int find_going(
	const struct api *api, const struct api_params *params, struct forwarding_handle *handle)
{
	const struct forwarding *forwarding = api->running.forwarding;
	size_t pool, backend, count;

	if (forwarding_find(forwarding, params->pool, params->name, handle) != 0 ||
		forwarding_locate(forwarding, handle, &pool, &backend) != 0 ||
		!live_backend_is_removed(&forwarding_backends(forwarding, pool, &count)[backend]))
		return -ENOENT;
	return 0;
}

bool api_is_going(const struct api *api, const struct api_params *params)
{
	struct forwarding_handle handle;

	return find_going(api, params, &handle) == 0;
}

void api_backend_end(struct api *api, const struct api_params *params, struct rpc_call *call)
{
	static const char *const configuration[] = { "deadline_s", "volatile", "if_revision",
		NULL };
	const struct health_update update = { .forwarding = { .ends = true } };
	const char *other = find_given(params, configuration);
	struct forwarding_handle handle = { 0 };

	find_going(api, params, &handle);
	if (!params->terms.now)
		rpc_call_error(call, RPC_REFUSED,
			"backend \"%s\" is removed already and sees its flows out; \"now\" cuts "
			"them off",
			params->name);
	else if (other != NULL)
		rpc_call_error(call, RPC_INVALID_PARAMS,
			"%s: backend \"%s\" is removed already and no configuration any more",
			other, params->name);
	else
		update_backend(&(struct request){ .api = api,
				       .params = params,
				       .handle = &handle,
				       .update = &update },
			call);
}
