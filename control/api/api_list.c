/* SPDX-License-Identifier: BSD-3-Clause */
#include <stddef.h>
#include <string.h>

#include "api/api_internal.h"
#include "api/api_rows.h"
#include "json/json_build.h"
#include "config/config_derive.h"
#include "config/pool_services.h"
#include "affinity/sketch.h"

static void add_rates(struct json_build *row, const struct rate *rate)
{
	json_build_value(row, "packets_per_second",
		rate == NULL ? json_null() : json_integer(rate->packets_per_second));
	json_build_value(row, "new_flows_per_second",
		rate == NULL ? json_null() : json_integer(rate->new_flows_per_second));
}

static void open_list(struct api_rows *rows, struct rpc_answer *answer)
{
	if (!rows->opened)
		rpc_answer_open_list(answer, NULL);
	rows->opened = true;
}

/* The pools that share a service, as they are written. */
static json_t *list_parts(const struct config *config, const struct config_service *service)
{
	json_t *list = json_array();

	for (size_t i = 0; i < service->part_count; i++) {
		const struct config_service_pool *part = &service->parts[i];
		struct json_build row = json_build_begin();

		json_build_text(&row, "pool", config->pools[part->pool].name);
		json_build_integer(&row, "weight", part->weight);
		json_build_integer(&row, "backup", part->backup);
		if (part->below.number != 0)
			json_build_value(&row, "below",
				part->below.is_percent ? json_sprintf("%u%%", part->below.number)
						       : json_integer(part->below.number));
		json_array_append_new(list, json_build_end(&row));
	}
	return list;
}

static json_t *service_row(const struct api *api, size_t index)
{
	const struct config *config = desired_config(api->running.desired);
	const struct config_service *service = &config->services[index];
	struct json_build row = json_build_begin();
	struct counter sum;

	forwarding_count_service(api->running.forwarding, index, &sum);
	json_build_text(&row, "name", service->name);
	json_build_value(&row, "vip", api_json_address(&service->vip));
	json_build_text(&row, "protocol", config_protocol_name(service->protocol));
	json_build_value(&row, "port",
		service->port == 0 ? json_string("any") : json_integer(service->port));
	json_build_text(&row, "pool", config->pools[service->pool].name);
	if (service->part_count != 0)
		json_build_value(&row, "pools", list_parts(config, service));
	json_build_text(&row, "forward", config_forward_name(service->forward));
	json_build_merge(&row, api_json_counter(&sum));
	add_rates(&row, watch_service(api->watch, service->name, index));
	return json_build_end(&row);
}

static bool write_service(struct api_rows *rows, struct rpc_answer *answer)
{
	open_list(rows, answer);
	if (rows->outer >= desired_config(rows->api->running.desired)->service_count)
		return false;
	rpc_answer_value(answer, NULL, service_row(rows->api, rows->outer++));
	return true;
}

void api_service_list(struct api *api, const struct api_params *params, struct rpc_call *call)
{
	static const struct api_rows_kind kind = { .write = write_service };

	api_rows_answer(api, &kind, NULL, call);
}

static void sort_services(struct api_rows *rows)
{
	rows->index = pool_services_sort(desired_config(rows->api->running.desired));
}

static void add_services(const struct api_rows *rows, size_t pool, json_t *names)
{
	const struct config *config = desired_config(rows->api->running.desired);
	const size_t *services;
	size_t count = pool_services_of(rows->index, pool, &services);

	for (size_t i = 0; i < count; i++)
		json_array_append_new(names, json_string(config->services[services[i]].name));
}

/* Those that have it alone, then those that have it among others. */
static json_t *list_services(const struct api_rows *rows, size_t pool)
{
	const struct config *config = desired_config(rows->api->running.desired);
	json_t *names = json_array();

	if (rows->index == NULL)
		return names;
	add_services(rows, pool, names);
	for (size_t i = 0; i < config->pools[pool].use_count; i++)
		add_services(rows, config->pools[pool].uses[i].pool, names);
	return names;
}

/* What the parts of a derived pool have of its slots. */
static json_t *list_shares(const struct config *config, const struct plan_pool *plan, size_t pool)
{
	json_t *list = json_array();

	for (size_t i = 0; i < config->pools[pool].part_count; i++) {
		const struct config_pool_part *part = &config->pools[pool].parts[i];
		struct json_build row = json_build_begin();
		uint32_t owned = 0;

		for (size_t k = 0; k < part->backend_count; k++)
			owned += plan->seats[part->first_backend + k].owned;
		json_build_text(&row, "pool", config->pools[part->part.pool].name);
		json_build_integer(&row, "weight", part->part.weight);
		json_build_integer(&row, "backup", part->part.backup);
		json_build_integer(&row, "slots", owned);
		json_build_value(
			&row, "share_percent", api_json_tenths(100.0 * owned / plan->slots));
		json_array_append_new(list, json_build_end(&row));
	}
	return list;
}

static bool write_pool(struct api_rows *rows, struct rpc_answer *answer)
{
	const struct plan *plan = desired_plan(rows->api->running.desired);
	size_t pool = rows->outer++;
	json_t *row;

	open_list(rows, answer);
	if (pool >= plan->pool_count)
		return false;
	row = api_json_pool(&plan->pools[pool]);
	json_object_update_new(
		row, api_json_unresolved(forwarding_summary(rows->api->running.forwarding, pool),
			     &plan->pools[pool]));
	json_object_update_new(row, api_json_pool_health(rows->api, pool));
	json_object_set_new(row, "services", list_services(rows, pool));
	if (plan->pools[pool].part_count != 0)
		json_object_set_new(row, "pools",
			list_shares(desired_config(rows->api->running.desired), &plan->pools[pool],
				pool));
	rpc_answer_value(answer, NULL, row);
	return true;
}

void api_pool_list(struct api *api, const struct api_params *params, struct rpc_call *call)
{
	static const struct api_rows_kind kind = { .begin = sort_services, .write = write_pool };

	api_rows_answer(api, &kind, NULL, call);
}

/* Of one place of a draining backend: those with a packet in the last minute or two. */
struct flows_left {
	uint64_t flows;
	bool is_known; /* of some place */
	bool is_complete;
};

static void add_flows(const struct api *api, uint32_t gid, struct flows_left *left)
{
	const struct tracking *tracking = forwarding_tracking(api->running.forwarding);
	uint64_t flows;

	if (!tracking_flows_left(tracking, gid, &flows))
		return;
	left->flows += flows;
	left->is_complete =
		(left->is_complete || !left->is_known) && tracking_flows_are_all(tracking, gid);
	left->is_known = true;
}

/* How many flows a draining backend still has, in all its places. */
static json_t *flows_left(
	const struct api *api, size_t pool, size_t index, const struct live_backend *backend)
{
	const struct forwarding *forwarding = api->running.forwarding;
	struct flows_left left = { 0 };
	struct json_build object;

	add_flows(api, backend->gid, &left);
	for (size_t i = 0; i < forwarding_count_uses(forwarding, pool); i++) {
		struct forwarding_place place;
		size_t count;

		if (forwarding_find_use(forwarding, pool, index, i, &place) == 0)
			add_flows(api,
				forwarding_backends(forwarding, place.pool, &count)[place.backend]
					.gid,
				&left);
	}
	if (!left.is_known)
		return json_null();
	object = json_build_begin();
	json_build_integer(&object, "estimate", left.flows);
	json_build_value(
		&object, "error_percent", api_json_tenths(SKETCH_ERROR_BASIS_POINTS / 100.0));
	json_build_integer(&object, "window_s", TRACKING_WINDOW_S);
	json_build_flag(&object, "complete", left.is_complete);
	return json_build_end(&object);
}

static void add_drain(const struct api *api, struct json_build *row, size_t pool, size_t index,
	const struct live_backend *backend)
{
	uint32_t now_s = forwarding_now_s(api->running.forwarding);
	uint32_t deadline_s = backend->facts.deadline_s;

	json_build_value(row, "flows_left", flows_left(api, pool, index, backend));
	json_build_value(row, "deadline_s",
		!live_backend_drains(backend) || deadline_s == MEMBERSHIP_NO_DEADLINE
			? json_null()
			: json_integer(deadline_s > now_s ? deadline_s - now_s : 0));
}

static const char *state_name(const struct live_backend *backend)
{
	static const char *const names[] = {
		[MEMBERSHIP_ACTIVE] = "active",
		[MEMBERSHIP_DRAIN] = "drain",
		[MEMBERSHIP_DISABLED] = "disabled",
		[MEMBERSHIP_REMOVED_DRAIN] = "removed",
		[MEMBERSHIP_REMOVED] = "removed",
	};

	return names[backend->facts.wish];
}

/* Seats of configured backends stand in the order of these; what is going has none. */
static uint32_t slots_of(const struct plan_pool *plan, size_t backend)
{
	return backend < plan->backend_count ? plan->seats[backend].owned : 0;
}

/* The services that it shares with backends of other pools, and its part of them. */
static json_t *list_places(const struct api *api, size_t pool, size_t index)
{
	const struct forwarding *forwarding = api->running.forwarding;
	const struct plan *plan = desired_plan(api->running.desired);
	json_t *list = json_array();

	for (size_t i = 0; i < forwarding_count_uses(forwarding, pool); i++) {
		const struct plan_pool *derived;
		struct forwarding_place place;
		struct json_build row;
		uint32_t owned;

		if (forwarding_find_use(forwarding, pool, index, i, &place) != 0)
			continue;
		derived = &plan->pools[place.pool];
		owned = slots_of(derived, place.backend);
		row = json_build_begin();
		json_build_text(&row, "service", config_derive_service(derived->name));
		json_build_integer(&row, "slots", owned);
		json_build_value(
			&row, "share_percent", api_json_tenths(100.0 * owned / derived->slots));
		json_array_append_new(list, json_build_end(&row));
	}
	return list;
}

static json_t *backend_row(
	const struct api *api, size_t pool, size_t index, const struct live_backend *backend)
{
	const struct plan_pool *plan = &desired_plan(api->running.desired)->pools[pool];
	uint32_t owned = slots_of(plan, index);
	struct json_build row = json_build_begin();
	struct health_report report;
	struct counter sum;

	health_describe(api->running.health, pool, index, &report);
	forwarding_count_backend(api->running.forwarding, pool, index, &sum);
	json_build_text(&row, "pool", plan->name);
	json_build_text(&row, "name", backend->name);
	json_build_value(&row, "address", api_json_address(&backend->address));
	json_build_text(&row, "key", backend->key);
	json_build_integer(&row, "weight", backend->weight);
	json_build_value(&row, "weight_percent",
		api_json_tenths(100.0 * backend->dynamic.factor / FACTOR_ONE));
	json_build_text(&row, "state", state_name(backend));
	json_build_text(&row, "life", live_backend_life_name(backend));
	api_add_health(&row, backend, &report);
	json_build_flag(&row, "rests", live_backend_rests(backend));
	json_build_flag(&row, "removed", live_backend_is_removed(backend));
	json_build_integer(&row, "slots", owned);
	json_build_value(&row, "share_percent", api_json_tenths(100.0 * owned / plan->slots));
	json_build_value(&row, "services", list_places(api, pool, index));
	json_build_merge(&row, api_json_counter(&sum));
	add_rates(&row, watch_backend(api->watch, backend->gid));
	add_drain(api, &row, pool, index, backend);
	return json_build_end(&row);
}

/* One row, or the step to the next pool. */
static bool write_backend(struct api_rows *rows, struct rpc_answer *answer)
{
	const struct config *config = desired_config(rows->api->running.desired);
	const struct live_backend *backends;
	size_t count = 0;

	open_list(rows, answer);
	if (rows->outer >= config->pool_count)
		return false;
	backends = forwarding_backends(rows->api->running.forwarding, rows->outer, &count);
	/* those of a derived pool stand in their own pools, but for what is going */
	if (config->pools[rows->outer].part_count != 0 &&
		rows->inner < config->pools[rows->outer].backend_count)
		rows->inner = config->pools[rows->outer].backend_count;
	if (rows->only != NULL && strcmp(config->pools[rows->outer].name, rows->only) != 0)
		count = 0;
	if (rows->inner < count) {
		rpc_answer_value(answer, NULL,
			backend_row(rows->api, rows->outer, rows->inner, &backends[rows->inner]));
		rows->inner++;
	} else {
		rows->outer++;
		rows->inner = 0;
	}
	return true;
}

void api_backend_list(struct api *api, const struct api_params *params, struct rpc_call *call)
{
	static const struct api_rows_kind kind = { .write = write_backend };
	const struct config *config = desired_config(api->running.desired);

	if (params->pool != NULL && config_find_pool(config, params->pool) < 0)
		rpc_call_error(call, RPC_NOT_FOUND, "there is no pool \"%s\"", params->pool);
	else
		api_rows_answer(api, &kind, params->pool, call);
}
