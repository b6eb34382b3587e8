/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every change of the configuration has the same way: its parameters are read here, the edit runs
 * when the change's turn comes (desired.h), and the answer says what moved.
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api_internal.h"
#include "config_edit.h"
#include "json.h"

/* A change under way, from the request to its answer. */
struct pending {
	struct api *api;
	struct rpc_call *call;
	const char *method;
	char what[API_WHAT_SIZE]; /* its parameters, for the log; "" for a whole document */
};

static void answer(void *context, const struct desired_outcome *outcome)
{
	struct pending *pending = context;
	json_t *report;

	if (outcome->code != 0) {
		rpc_call_error(pending->call,
			outcome->code == -ENOENT ? RPC_NOT_FOUND : RPC_REFUSED, "%s",
			outcome->error->message);
		free(pending);
		return;
	}
	report = api_report_change(outcome);
	api_warn_of_removed_vips(pending->api, outcome, report);
	api_report_complete(pending->api, outcome, report);
	if (!outcome->dry_run && outcome->changed) {
		api_report_note(pending->api, pending->method, pending->what, report);
		pending->api->refused_reload[0] = '\0';
	}
	rpc_call_result(pending->call, report);
	free(pending);
}

void api_describe(const json_t *params, char what[static API_WHAT_SIZE])
{
	char *text = json_dumps(params, JSON_COMPACT | JSON_ENSURE_ASCII);

	snprintf(what, API_WHAT_SIZE, "%s", text == NULL ? "" : text);
	free(text);
}

/* The parameters of all changes; each method's table names those that it takes. */
struct change_params {
	const char *pool;
	const char *name;
	const json_t *value;
	bool dry_run;
	struct live_terms terms;
};

#define OPTION(key, field, read)                                                \
	{                                                                       \
		key, JSON_OPTIONAL, offsetof(struct change_params, field), read \
	}
#define TEXT(key, field)                                                                 \
	{                                                                                \
		key, JSON_REQUIRED, offsetof(struct change_params, field), api_read_text \
	}
#define VALUE(key, presence)                                                         \
	{                                                                            \
		key, presence, offsetof(struct change_params, value), api_read_value \
	}
/* What every change takes. */
#define TERMS OPTION("dry_run", dry_run, api_read_bool), OPTION("force", terms.force, api_read_bool)
/* What those take that may begin a drain. */
#define DEADLINE OPTION("deadline_s", terms.deadline_s, api_read_deadline)
#define NOW      OPTION("now", terms.now, api_read_bool)
#define END                      \
	{                        \
		NULL, 0, 0, NULL \
	}

static bool is_text(const json_t *params, const char *key, const char *text)
{
	const char *value = json_string_value(json_object_get(params, key));

	return value != NULL && strcmp(value, text) == 0;
}

static const char *text_of(const json_t *arguments, const char *key)
{
	return json_string_value(json_object_get(arguments, key));
}

static int edit_apply(
	const json_t *document, const json_t *arguments, json_t **edited, struct error *error)
{
	*edited = json_incref(json_object_get(arguments, "config"));
	return 0;
}

static void submit(struct api *api, struct rpc_call *call, const char *method, desired_edit_t *edit,
	const json_t *params, const struct change_params *read)
{
	struct pending *pending = malloc(sizeof(*pending));
	struct desired_change change = {
		.source = edit == NULL ? DESIRED_FILE : DESIRED_EDIT,
		.edit = edit,
		.arguments = json_deep_copy(params),
		.dry_run = read->dry_run,
		.terms = read->terms,
		.done = answer,
		.context = pending,
	};

	if (pending == NULL || change.arguments == NULL) {
		free(pending);
		json_decref(change.arguments);
		rpc_call_error(call, RPC_INTERNAL_ERROR, "out of memory");
		return;
	}
	if (strncmp(method, "backend.", strlen("backend.")) == 0) {
		change.terms.pool = text_of(change.arguments, "pool");
		change.terms.name = text_of(change.arguments, "name");
	}
	*pending = (struct pending){ .api = api, .call = call, .method = method };
	if (edit != edit_apply)
		api_describe(params, pending->what);
	desired_submit(api->running.desired, &change);
}

static void change(struct api *api, struct rpc_call *call, const char *method, desired_edit_t *edit,
	const json_t *params, const struct json_member *members)
{
	struct change_params read = { .dry_run = false };

	if (api_read_params(params, members, &read, call) != 0)
		return;
	if (read.terms.now && read.terms.deadline_s != 0) {
		rpc_call_error(call, RPC_INVALID_PARAMS,
			"now: goes without deadline_s: what is cut off does not drain");
		return;
	}
	submit(api, call, method, edit, params, &read);
}

/* As SIGHUP does, with an answer and with terms. */
void api_config_reload(void *context, const json_t *params, struct rpc_call *call)
{
	static const struct json_member members[] = { TERMS, END };

	change(context, call, "config.reload", NULL, params, members);
}

void api_config_apply(void *context, const json_t *params, struct rpc_call *call)
{
	static const struct json_member members[] = { VALUE("config", JSON_REQUIRED), TERMS,
		DEADLINE, NOW, END };

	change(context, call, "config.apply", edit_apply, params, members);
}

static int edit_service_add(
	const json_t *document, const json_t *arguments, json_t **edited, struct error *error)
{
	*edited = config_edit_service_add(document, json_object_get(arguments, "service"), error);
	return *edited == NULL ? -errno : 0;
}

void api_service_add(void *context, const json_t *params, struct rpc_call *call)
{
	static const struct json_member members[] = { VALUE("service", JSON_REQUIRED), TERMS, END };

	change(context, call, "service.add", edit_service_add, params, members);
}

static int edit_service_remove(
	const json_t *document, const json_t *arguments, json_t **edited, struct error *error)
{
	*edited = config_edit_service_remove(document, text_of(arguments, "name"), error);
	return *edited == NULL ? -errno : 0;
}

void api_service_remove(void *context, const json_t *params, struct rpc_call *call)
{
	static const struct json_member members[] = { TEXT("name", name), TERMS, END };

	change(context, call, "service.remove", edit_service_remove, params, members);
}

/* What says which service and how the change is meant; the rest of the parameters is the change. */
static int edit_service_set(
	const json_t *document, const json_t *arguments, json_t **edited, struct error *error)
{
	static const char *const terms[] = { "name", "dry_run", "force" };
	json_t *changes = json_copy((json_t *)arguments);
	int code;

	for (size_t i = 0; i < sizeof(terms) / sizeof(terms[0]); i++)
		json_object_del(changes, terms[i]);
	*edited = config_edit_service_set(document, text_of(arguments, "name"), changes, error);
	code = *edited == NULL ? -errno : 0;
	json_decref(changes);
	return code;
}

void api_service_set(void *context, const json_t *params, struct rpc_call *call)
{
	static const struct json_member members[] = { TEXT("name", name),
		VALUE("vip", JSON_OPTIONAL), VALUE("protocol", JSON_OPTIONAL),
		VALUE("port", JSON_OPTIONAL), VALUE("pool", JSON_OPTIONAL),
		VALUE("forward", JSON_OPTIONAL), VALUE("udp", JSON_OPTIONAL), TERMS, END };
	struct change_params read = { .dry_run = false };

	if (api_read_params(params, members, &read, call) != 0)
		return;
	if (read.value == NULL)
		rpc_call_error(call, RPC_INVALID_PARAMS,
			"nothing to set: give vip, protocol, port, pool, forward or udp");
	else
		submit(context, call, "service.set", edit_service_set, params, &read);
}

static int edit_pool_add(
	const json_t *document, const json_t *arguments, json_t **edited, struct error *error)
{
	*edited = config_edit_pool_add(document, json_object_get(arguments, "pool"), error);
	return *edited == NULL ? -errno : 0;
}

void api_pool_add(void *context, const json_t *params, struct rpc_call *call)
{
	static const struct json_member members[] = { VALUE("pool", JSON_REQUIRED), TERMS, END };

	change(context, call, "pool.add", edit_pool_add, params, members);
}

static int edit_pool_remove(
	const json_t *document, const json_t *arguments, json_t **edited, struct error *error)
{
	*edited = config_edit_pool_remove(document, text_of(arguments, "name"), error);
	return *edited == NULL ? -errno : 0;
}

void api_pool_remove(void *context, const json_t *params, struct rpc_call *call)
{
	static const struct json_member members[] = { TEXT("name", name), TERMS, END };

	change(context, call, "pool.remove", edit_pool_remove, params, members);
}

static int edit_backend_add(
	const json_t *document, const json_t *arguments, json_t **edited, struct error *error)
{
	*edited = config_edit_backend_add(
		document, text_of(arguments, "pool"), json_object_get(arguments, "backend"), error);
	return *edited == NULL ? -errno : 0;
}

void api_backend_add(void *context, const json_t *params, struct rpc_call *call)
{
	static const struct json_member members[] = { TEXT("pool", pool),
		VALUE("backend", JSON_REQUIRED), TERMS, END };

	change(context, call, "backend.add", edit_backend_add, params, members);
}

static int edit_backend_remove(
	const json_t *document, const json_t *arguments, json_t **edited, struct error *error)
{
	*edited = config_edit_backend_remove(
		document, text_of(arguments, "pool"), text_of(arguments, "name"), error);
	return *edited == NULL ? -errno : 0;
}

void api_backend_remove(void *context, const json_t *params, struct rpc_call *call)
{
	static const struct json_member members[] = { TEXT("pool", pool), TEXT("name", name), TERMS,
		DEADLINE, NOW, END };

	if (api_is_going(context, params))
		api_backend_end(context, params, call);
	else
		change(context, call, "backend.remove", edit_backend_remove, params, members);
}

/* What says which backend and how the change is meant; the rest of the parameters is the change. */
static const char *const about[] = { "pool", "name", "dry_run", "force", "deadline_s" };

static int edit_backend_set(
	const json_t *document, const json_t *arguments, json_t **edited, struct error *error)
{
	json_t *changes = json_copy((json_t *)arguments);
	int code;

	for (size_t i = 0; i < sizeof(about) / sizeof(about[0]); i++)
		json_object_del(changes, about[i]);
	*edited = config_edit_backend_set(
		document, text_of(arguments, "pool"), text_of(arguments, "name"), changes, error);
	code = *edited == NULL ? -errno : 0;
	json_decref(changes);
	return code;
}

void api_backend_set(void *context, const json_t *params, struct rpc_call *call)
{
	static const struct json_member members[] = { TEXT("pool", pool), TEXT("name", name),
		VALUE("weight", JSON_OPTIONAL), VALUE("state", JSON_OPTIONAL), TERMS, DEADLINE,
		END };
	struct change_params read = { .dry_run = false };

	if (api_tells(params)) {
		api_backend_tell(context, params, call);
		return;
	}
	if (api_read_params(params, members, &read, call) != 0)
		return;
	if (read.value == NULL) {
		rpc_call_error(call, RPC_INVALID_PARAMS,
			"nothing to set: give weight or state; or health, instance or weight_percent");
		return;
	}
	if (read.terms.deadline_s != 0 && !is_text(params, "state", "drain")) {
		rpc_call_error(call, RPC_INVALID_PARAMS, "deadline_s: goes with state \"drain\"");
		return;
	}
	submit(context, call, "backend.set", edit_backend_set, params, &read);
}
