/* SPDX-License-Identifier: BSD-3-Clause */
#include "api/api.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "api/api_internal.h"
#include "api/api_methods.h"

/* Reads the parameters by the table of their method, so that a method sees none that is wrong. */
static void call_method(void *context, const json_t *object, struct rpc_call *call)
{
	struct api_params params = {
		.method = api_method_find(rpc_call_method(call)),
		.object = object,
	};
	struct json_path path = json_path_root(object);
	struct error error = { "" };
	int code = json_keys_init(params.method->params, &params, &error);

	if (code == 0)
		code = json_keys_read(params.method->params, &path, &params, &error);
	if (code == 0)
		params.method->handle(context, &params, call);
	else
		rpc_call_error(call, RPC_INVALID_PARAMS, "%s", error.message);
}

static struct rpc_method *list_methods(void)
{
	struct rpc_method *methods = calloc(api_method_count, sizeof(*methods));

	for (size_t i = 0; methods != NULL && i < api_method_count; i++)
		methods[i] = (struct rpc_method){
			.name = api_methods[i].name,
			.changes = api_methods[i].changes,
			.handle = call_method,
		};
	return methods;
}

struct api *api_create(
	struct event_base *base, const struct api_context *context, struct error *error)
{
	struct api *api = calloc(1, sizeof(*api));
	struct rpc_address address = {
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
	api->methods = list_methods();
	api->watch = watch_create(base, &api->running);
	if (api->methods == NULL || api->watch == NULL)
		error_set(error, -ENOMEM, "out of memory");
	else
		api->server = rpc_server_create(
			base, &address, api->methods, api_method_count, api, error);
	if (api->server != NULL)
		return api;
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
	free(api->methods);
	free(api);
}
