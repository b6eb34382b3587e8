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

#include "api/api_internal.h"
#include "api/api_kinds.h"
#include "api/api_methods.h"
#include "edit/config_edit.h"
#include "json/json_build.h"

#define LIST_SIZE 128

/* A change under way, from the request to its answer. */
struct pending {
	struct api *api;
	struct rpc_call *call;
	struct origin origin;
	uint32_t deadline_s; /* of the backend's drain when it was asked for; 0: it did not drain */
};

/* Where a whole document is refused: each mistake, for who mends it. */
static json_t *describe_findings(const struct findings *findings)
{
	struct json_build object;
	json_t *errors;

	if (findings == NULL)
		return NULL;
	errors = json_array();
	for (size_t i = 0; i < findings->count; i++)
		json_array_append_new(errors, json_string(findings->errors[i].message));
	object = json_build_begin();
	json_build_value(&object, "errors", errors);
	json_build_flag(&object, "complete", !findings_is_full(findings) && !findings->is_partial);
	return json_build_end(&object);
}

static void answer(void *context, const struct desired_outcome *outcome)
{
	struct pending *pending = context;
	json_t *report;

	if (outcome->code != 0) {
		rpc_call_refuse(pending->call,
			outcome->code == -ENOENT ? RPC_NOT_FOUND : RPC_REFUSED,
			outcome->error->message, describe_findings(outcome->findings));
		free(pending);
		return;
	}
	report = api_report_change(outcome);
	api_warn_of_removed_vips(pending->api, outcome, report);
	if (outcome->changes[0] != '\0') {
		snprintf(
			pending->origin.what, sizeof(pending->origin.what), "%s", outcome->changes);
		json_object_set_new(report, "changes", json_string(outcome->changes));
	}
	if (outcome->differences != NULL)
		json_object_set(report, "differences", outcome->differences);
	api_report_complete(pending->api, outcome, pending->deadline_s, report);
	if (!outcome->dry_run && outcome->changed) {
		api_report_note(pending->api, EVENT_KIND_CONFIGURATION, &pending->origin, report);
		pending->api->refused_reload[0] = '\0';
	}
	rpc_call_result(pending->call, report);
	free(pending);
}

static void describe(const json_t *object, char what[static ORIGIN_WHAT_SIZE])
{
	char *text = json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII);

	snprintf(what, ORIGIN_WHAT_SIZE, "%s", text == NULL ? "" : text);
	free(text);
}

struct origin api_origin(
	const struct api_method *method, const json_t *object, const struct rpc_call *call)
{
	struct origin origin = {
		.method = method->name,
		.has_peer = true,
		.uid = rpc_call_uid(call),
		.pid = rpc_call_pid(call),
	};

	if (object != NULL)
		describe(object, origin.what);
	return origin;
}

static const char *text_of(const json_t *arguments, const char *key)
{
	return json_string_value(json_object_get(arguments, key));
}

static int validate_terms(const struct api_params *params, struct rpc_call *call)
{
	const char *flaw = NULL;

	if (params->terms.now && params->terms.deadline_s != 0)
		flaw = "now: goes without deadline_s: what is cut off does not drain";
	else if (params->volatile_only && params->overwrite)
		flaw = "volatile: goes without overwrite: it leaves the file alone";
	if (flaw != NULL)
		rpc_call_error(call, RPC_INVALID_PARAMS, "%s", flaw);
	return flaw == NULL ? 0 : -EINVAL;
}

/* What is asked for, but for what is to be done. */
static struct desired_change change_of(const struct api_params *params)
{
	return (struct desired_change){
		.dry_run = params->dry_run,
		.volatile_only = params->volatile_only,
		.overwrite = params->overwrite,
		.has_revision = params->if_revision.is_given,
		.revision = params->if_revision.value,
		.terms = params->terms,
	};
}

/* Takes over the change's arguments. */
static void submit(struct api *api, struct rpc_call *call, const struct origin *origin,
	struct desired_change *change)
{
	struct pending *pending = malloc(sizeof(*pending));

	if (pending == NULL) {
		json_decref(change->arguments);
		rpc_call_error(call, RPC_INTERNAL_ERROR, "out of memory");
		return;
	}
	*pending = (struct pending){
		.api = api,
		.call = call,
		.origin = *origin,
		.deadline_s = api_drain_deadline(api, &change->terms),
	};
	change->done = answer;
	change->context = pending;
	desired_submit(api->running.desired, change);
}

static bool is_of(const struct api_method *method, const char *noun)
{
	return strncmp(method->name, noun, strlen(noun)) == 0;
}

/* What is added has no name among the parameters. */
static struct config_excerpt excerpt_of(const struct api_params *params)
{
	struct config_excerpt excerpt = { .part = CONFIG_WHOLE };

	if (is_of(params->method, "backend."))
		excerpt = (struct config_excerpt){ CONFIG_POOL, params->pool, NULL };
	else if (is_of(params->method, "pool."))
		excerpt = (struct config_excerpt){ CONFIG_POOL, params->name, NULL };
	else if (is_of(params->method, "service."))
		excerpt = (struct config_excerpt){ CONFIG_SERVICE, params->name, NULL };
	if (strcmp(params->method->name, "backend.set") == 0)
		excerpt.backend = params->name;
	return excerpt;
}

static bool begins_drain(const struct api_params *params)
{
	const char *state = text_of(params->object, "state");

	return state != NULL && strcmp(state, "drain") == 0;
}

/* The parameters live until the answer: they are shared, not copied. `edit` NULL: the file. */
static void change(struct api *api, const struct api_params *params, config_editor_t *edit,
	struct rpc_call *call)
{
	struct origin origin = api_origin(params->method, params->object, call);
	struct desired_change change = change_of(params);

	if (validate_terms(params, call) != 0)
		return;
	change.source = edit == NULL ? DESIRED_FILE : DESIRED_EDIT;
	change.edit = edit;
	change.excerpt = excerpt_of(params);
	change.arguments = json_incref((json_t *)params->object);
	if (is_of(params->method, "backend.")) {
		change.terms.pool = params->pool;
		change.terms.name = params->name;
		change.terms.again = begins_drain(params);
	}
	submit(api, call, &origin, &change);
}

/* As SIGHUP does, with an answer and with terms. */
void api_config_reload(struct api *api, const struct api_params *params, struct rpc_call *call)
{
	change(api, params, NULL, call);
}

void api_config_apply(struct api *api, const struct api_params *params, struct rpc_call *call)
{
	struct origin origin = api_origin(params->method, NULL, call);
	struct desired_change change = change_of(params);

	if (validate_terms(params, call) != 0)
		return;
	change.source = DESIRED_DOCUMENT;
	change.arguments = json_incref((json_t *)params->value);
	submit(api, call, &origin, &change);
}

void api_config_save(struct api *api, const struct api_params *params, struct rpc_call *call)
{
	struct origin origin = api_origin(params->method, NULL, call);
	struct desired_change change = change_of(params);

	change.source = DESIRED_SAVE;
	submit(api, call, &origin, &change);
}

/* The keys of the configuration that a call sets; new reference. */
static json_t *set_keys(const char *method, const json_t *arguments)
{
	json_t *keys = json_object();

	for (const struct json_key *param = api_method_find(method)->params; param->name != NULL;
		param++) {
		json_t *value = json_object_get(arguments, param->name);

		if (param->kind == &api_kind_key && value != NULL)
			json_object_set(keys, param->name, value);
	}
	return keys;
}

/* "vip, port or pool": those that a method can set. */
static const char *list_settable(const struct api_method *method, char list[static LIST_SIZE])
{
	const char *last = NULL;
	size_t used = 0;

	list[0] = '\0';
	for (const struct json_key *param = method->params; param->name != NULL; param++) {
		if (param->kind != &api_kind_key)
			continue;
		if (last != NULL && used < LIST_SIZE)
			used += snprintf(
				list + used, LIST_SIZE - used, "%s%s", used > 0 ? ", " : "", last);
		last = param->name;
	}
	if (used < LIST_SIZE)
		snprintf(list + used, LIST_SIZE - used, "%s%s", used > 0 ? " or " : "", last);
	return list;
}

static int edit_service_add(
	const json_t *document, const json_t *arguments, json_t **edited, struct error *error)
{
	*edited = config_edit_service_add(document, json_object_get(arguments, "service"), error);
	return *edited == NULL ? -errno : 0;
}

void api_service_add(struct api *api, const struct api_params *params, struct rpc_call *call)
{
	change(api, params, edit_service_add, call);
}

static int edit_service_remove(
	const json_t *document, const json_t *arguments, json_t **edited, struct error *error)
{
	*edited = config_edit_service_remove(document, text_of(arguments, "name"), error);
	return *edited == NULL ? -errno : 0;
}

void api_service_remove(struct api *api, const struct api_params *params, struct rpc_call *call)
{
	change(api, params, edit_service_remove, call);
}

static int edit_service_set(
	const json_t *document, const json_t *arguments, json_t **edited, struct error *error)
{
	json_t *keys = set_keys("service.set", arguments);
	int code;

	*edited = config_edit_service_set(document, text_of(arguments, "name"), keys, error);
	code = *edited == NULL ? -errno : 0;
	json_decref(keys);
	return code;
}

void api_service_set(struct api *api, const struct api_params *params, struct rpc_call *call)
{
	char list[LIST_SIZE];

	if (params->value == NULL)
		rpc_call_error(call, RPC_INVALID_PARAMS, "nothing to set: give %s",
			list_settable(params->method, list));
	else
		change(api, params, edit_service_set, call);
}

static int edit_pool_add(
	const json_t *document, const json_t *arguments, json_t **edited, struct error *error)
{
	*edited = config_edit_pool_add(document, json_object_get(arguments, "pool"), error);
	return *edited == NULL ? -errno : 0;
}

void api_pool_add(struct api *api, const struct api_params *params, struct rpc_call *call)
{
	change(api, params, edit_pool_add, call);
}

static int edit_pool_remove(
	const json_t *document, const json_t *arguments, json_t **edited, struct error *error)
{
	*edited = config_edit_pool_remove(document, text_of(arguments, "name"), error);
	return *edited == NULL ? -errno : 0;
}

void api_pool_remove(struct api *api, const struct api_params *params, struct rpc_call *call)
{
	change(api, params, edit_pool_remove, call);
}

static int edit_zone_drain(
	const json_t *document, const json_t *arguments, json_t **edited, struct error *error)
{
	*edited = config_edit_zone_set(document, text_of(arguments, "name"), "drain", error);
	return *edited == NULL ? -errno : 0;
}

void api_zone_drain(struct api *api, const struct api_params *params, struct rpc_call *call)
{
	change(api, params, edit_zone_drain, call);
}

/* The drain, as far as its answer goes. */
void api_zone_rehearse(struct api *api, const struct api_params *params, struct rpc_call *call)
{
	struct api_params dry = *params;

	dry.dry_run = true;
	change(api, &dry, edit_zone_drain, call);
}

static int edit_zone_restore(
	const json_t *document, const json_t *arguments, json_t **edited, struct error *error)
{
	*edited = config_edit_zone_set(document, text_of(arguments, "name"), "active", error);
	return *edited == NULL ? -errno : 0;
}

void api_zone_restore(struct api *api, const struct api_params *params, struct rpc_call *call)
{
	change(api, params, edit_zone_restore, call);
}

static int edit_backend_add(
	const json_t *document, const json_t *arguments, json_t **edited, struct error *error)
{
	*edited = config_edit_backend_add(
		document, text_of(arguments, "pool"), json_object_get(arguments, "backend"), error);
	return *edited == NULL ? -errno : 0;
}

void api_backend_add(struct api *api, const struct api_params *params, struct rpc_call *call)
{
	change(api, params, edit_backend_add, call);
}

static int edit_backend_remove(
	const json_t *document, const json_t *arguments, json_t **edited, struct error *error)
{
	*edited = config_edit_backend_remove(
		document, text_of(arguments, "pool"), text_of(arguments, "name"), error);
	return *edited == NULL ? -errno : 0;
}

void api_backend_remove(struct api *api, const struct api_params *params, struct rpc_call *call)
{
	if (api_is_going(api, params))
		api_backend_end(api, params, call);
	else
		change(api, params, edit_backend_remove, call);
}

static int edit_backend_set(
	const json_t *document, const json_t *arguments, json_t **edited, struct error *error)
{
	json_t *keys = set_keys("backend.set", arguments);
	int code;

	*edited = config_edit_backend_set(
		document, text_of(arguments, "pool"), text_of(arguments, "name"), keys, error);
	code = *edited == NULL ? -errno : 0;
	json_decref(keys);
	return code;
}

void api_backend_set(struct api *api, const struct api_params *params, struct rpc_call *call)
{
	char list[LIST_SIZE];

	if (api_has_update(params))
		api_backend_update(api, params, call);
	else if (params->value == NULL)
		rpc_call_error(call, RPC_INVALID_PARAMS,
			"nothing to set: give %s; or health, instance or weight_percent",
			list_settable(params->method, list));
	else if (params->terms.deadline_s != 0 && !begins_drain(params))
		rpc_call_error(call, RPC_INVALID_PARAMS, "deadline_s: goes with state \"drain\"");
	else
		change(api, params, edit_backend_set, call);
}
