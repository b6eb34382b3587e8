/* SPDX-License-Identifier: BSD-3-Clause */
#include <stddef.h>
#include <string.h>

#include "api_internal.h"
#include "json.h"

void api_service_list(void *context, const json_t *params, struct rpc_call *call)
{
	const struct api *api = context;
	const struct config *config = desired_config(api->running.desired);
	json_t *list = json_array();

	for (size_t i = 0; i < config->service_count; i++) {
		const struct config_service *service = &config->services[i];
		struct counter sum;
		json_t *row;

		forwarding_count_service(api->running.forwarding, i, &sum);
		row = json_pack("{s:s, s:o, s:s, s:o, s:s, s:s}", "name", service->name, "vip",
			api_json_address(&service->vip), "protocol",
			config_protocol_name(service->protocol), "port",
			service->port == 0 ? json_string("any") : json_integer(service->port),
			"pool", config->pools[service->pool].name, "forward",
			config_forward_name(service->forward));
		json_object_update_new(row, api_json_counter(&sum));
		json_array_append_new(list, row);
	}
	rpc_call_result(call, list);
}

static json_t *pool_services(const struct config *config, size_t pool)
{
	json_t *names = json_array();

	for (size_t i = 0; i < config->service_count; i++)
		if (config->services[i].pool == pool)
			json_array_append_new(names, json_string(config->services[i].name));
	return names;
}

void api_pool_list(void *context, const json_t *params, struct rpc_call *call)
{
	const struct api *api = context;
	const struct config *config = desired_config(api->running.desired);
	const struct plan *plan = desired_plan(api->running.desired);
	json_t *list = json_array();

	for (size_t i = 0; i < plan->pool_count; i++) {
		json_t *row = api_json_pool(&plan->pools[i]);

		json_object_set_new(row, "services", pool_services(config, i));
		json_array_append_new(list, row);
	}
	rpc_call_result(call, list);
}

static json_t *backend_row(const struct api *api, size_t pool, size_t backend)
{
	const struct config_pool *config = &desired_config(api->running.desired)->pools[pool];
	const struct config_backend *row = &config->backends[backend];
	const struct plan_pool *plan = &desired_plan(api->running.desired)->pools[pool];
	uint32_t owned = plan->members[backend].owned;
	struct counter sum;
	json_t *object;

	forwarding_count_backend(api->running.forwarding, pool, backend, &sum);
	object = json_pack("{s:s, s:s, s:o, s:i, s:s, s:i, s:o}", "pool", config->name, "name",
		row->name, "address", api_json_address(&row->address), "weight", row->weight,
		"state", config_backend_state_name(row->state), "slots", owned, "share_percent",
		api_json_tenths(100.0 * owned / plan->slots));
	json_object_update_new(object, api_json_counter(&sum));
	return object;
}

struct backend_list_params {
	const char *pool; /* NULL: of all pools */
};

static const struct json_member backend_list_members[] = {
	{ "pool", JSON_OPTIONAL, offsetof(struct backend_list_params, pool), api_read_text },
	{ NULL, 0, 0, NULL },
};

void api_backend_list(void *context, const json_t *params, struct rpc_call *call)
{
	const struct api *api = context;
	const struct config *config = desired_config(api->running.desired);
	struct backend_list_params wanted = { .pool = NULL };
	json_t *list;

	if (api_read_params(params, backend_list_members, &wanted, call) != 0)
		return;
	if (wanted.pool != NULL && config_find_pool(config, wanted.pool) < 0) {
		rpc_call_error(call, RPC_NOT_FOUND, "there is no pool \"%s\"", wanted.pool);
		return;
	}
	list = json_array();
	for (size_t i = 0; i < config->pool_count; i++) {
		if (wanted.pool != NULL && strcmp(config->pools[i].name, wanted.pool) != 0)
			continue;
		for (size_t k = 0; k < config->pools[i].backend_count; k++)
			json_array_append_new(list, backend_row(api, i, k));
	}
	rpc_call_result(call, list);
}
