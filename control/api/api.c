/* SPDX-License-Identifier: BSD-3-Clause */
#include "api/api.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "api/api_internal.h"

static const struct rpc_method methods[] = {
	{ .name = "status", .handle = api_status },
	{ .name = "config.get", .handle = api_config_get },
	{ .name = "config.save", .changes = true, .handle = api_config_save },
	{ .name = "config.apply", .changes = true, .handle = api_config_apply },
	{ .name = "service.list", .handle = api_service_list },
	{ .name = "service.add", .changes = true, .handle = api_service_add },
	{ .name = "service.remove", .changes = true, .handle = api_service_remove },
	{ .name = "vip.release", .changes = true, .handle = api_vip_release },
	{ .name = "service.set", .changes = true, .handle = api_service_set },
	{ .name = "pool.add", .changes = true, .handle = api_pool_add },
	{ .name = "pool.remove", .changes = true, .handle = api_pool_remove },
	{ .name = "config.reload", .changes = true, .handle = api_config_reload },
	{ .name = "pool.list", .handle = api_pool_list },
	{ .name = "backend.list", .handle = api_backend_list },
	{ .name = "backend.add", .changes = true, .handle = api_backend_add },
	{ .name = "backend.remove", .changes = true, .handle = api_backend_remove },
	{ .name = "backend.set", .changes = true, .handle = api_backend_set },
	{ .name = "pins.list", .handle = api_pins_list },
	{ .name = "explain", .handle = api_explain },
	{ .name = "stats.get", .handle = api_stats_get },
};

struct api *api_create(
	struct event_base *base, const struct api_context *context, struct error *error)
{
	struct api *api = calloc(1, sizeof(*api));
	struct rpc_place place = {
		.path = desired_config(context->desired)->socket,
		.group = context->group,
	};
	struct timespec now;

	if (api == NULL) {
		error_set(error, -ENOMEM, "out of memory");
		return NULL;
	}
	clock_gettime(CLOCK_MONOTONIC, &now);
	api->started_s = now.tv_sec;
	api->running = *context;
	STAILQ_INIT(&api->printing.readers);
	api->server = rpc_server_create(
		base, &place, methods, sizeof(methods) / sizeof(methods[0]), api, error);
	if (api->server != NULL) {
		api->watch = watch_create(base, &api->running);
		if (api->watch != NULL)
			return api;
		error_set(error, -ENOMEM, "out of memory");
	}
	api_destroy(api);
	return NULL;
}

void api_destroy(struct api *api)
{
	if (api == NULL)
		return;
	rpc_server_destroy(api->server);
	watch_destroy(api->watch);
	json_decref(api->last_change);
	api_forget_document(&api->printing);
	free(api);
}
