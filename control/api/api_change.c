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
#include "edit/config_edit.h"
#include "json/json.h"

/* A change under way, from the request to its answer. */
struct pending {
	struct api *api;
	struct rpc_call *call;
	struct origin origin;
};

/* Where a whole document is refused: each mistake, for who mends it. */
static json_t *describe_findings(const struct findings *findings)
{
	json_t *errors;

	if (findings == NULL)
		return NULL;
	errors = json_array();
	for (size_t i = 0; i < findings->count; i++)
		json_array_append_new(errors, json_string(findings->errors[i].message));
	return json_pack("{s:o, s:b}", "errors", errors, "complete",
		!findings_is_full(findings) && !findings->is_partial);
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
	api_report_complete(pending->api, outcome, report);
	if (!outcome->dry_run && outcome->changed) {
		api_report_note(pending->api, &pending->origin, report);
		pending->api->refused_reload[0] = '\0';
	}
	rpc_call_result(pending->call, report);
	free(pending);
}

static void describe(const json_t *params, char what[static ORIGIN_WHAT_SIZE])
{
	char *text = json_dumps(params, JSON_COMPACT | JSON_ENSURE_ASCII);

	snprintf(what, ORIGIN_WHAT_SIZE, "%s", text == NULL ? "" : text);
	free(text);
}

struct origin api_origin(const char *method, const json_t *params, const struct rpc_call *call)
{
	struct origin origin = {
		.method = method,
		.has_peer = true,
		.uid = rpc_call_uid(call),
		.pid = rpc_call_pid(call),
	};

	if (params != NULL)
		describe(params, origin.what);
	return origin;
}

/* The parameters of all changes; each method's table names those that it takes. */
struct change_params {
	const char *pool;
	const char *name;
	const json_t *value;
	const char *if_revision;
	bool dry_run;
	bool volatile_only;
	bool overwrite;
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
#define TERMS                                                                                   \
	OPTION("dry_run", dry_run, api_read_bool), OPTION("force", terms.force, api_read_bool), \
		OPTION("volatile", volatile_only, api_read_bool),                               \
		OPTION("if_revision", if_revision, api_read_text)
#define OVERWRITE OPTION("overwrite", overwrite, api_read_bool)
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

/* 16 hexadecimal digits, as answers have them. */
static int read_revision(const char *text, uint64_t *revision)
{
	size_t length = strspn(text, "0123456789abcdef");

	*revision = strtoull(text, NULL, 16);
	return length == 16 && text[length] == '\0' ? 0 : -EINVAL;
}

static int judge(const struct change_params *read, struct rpc_call *call)
{
	const char *flaw = NULL;
	uint64_t revision;

	if (read->terms.now && read->terms.deadline_s != 0)
		flaw = "now: goes without deadline_s: what is cut off does not drain";
	else if (read->volatile_only && read->overwrite)
		flaw = "volatile: goes without overwrite: it leaves the file alone";
	else if (read->if_revision != NULL && read_revision(read->if_revision, &revision) != 0)
		flaw = "if_revision: a revision has 16 hexadecimal digits (0-9 a-f)";
	if (flaw != NULL)
		rpc_call_error(call, RPC_INVALID_PARAMS, "%s", flaw);
	return flaw == NULL ? 0 : -EINVAL;
}

/* What is asked for, with its arguments still in `read`. */
static struct desired_change change_of(const struct change_params *read)
{
	struct desired_change change = {
		.dry_run = read->dry_run,
		.volatile_only = read->volatile_only,
		.overwrite = read->overwrite,
		.has_revision = read->if_revision != NULL,
		.terms = read->terms,
	};

	if (change.has_revision)
		read_revision(read->if_revision, &change.revision);
	return change;
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
	*pending = (struct pending){ .api = api, .call = call, .origin = *origin };
	change->done = answer;
	change->context = pending;
	desired_submit(api->running.desired, change);
}

static bool is_of(const char *method, const char *noun)
{
	return strncmp(method, noun, strlen(noun)) == 0;
}

/* What is added has no name among the parameters. */
static struct config_excerpt excerpt_of(const char *method, const json_t *params)
{
	struct config_excerpt excerpt = { .part = CONFIG_WHOLE };

	if (is_of(method, "backend."))
		excerpt = (struct config_excerpt){ CONFIG_POOL, text_of(params, "pool"), NULL };
	else if (is_of(method, "pool."))
		excerpt = (struct config_excerpt){ CONFIG_POOL, text_of(params, "name"), NULL };
	else if (is_of(method, "service."))
		excerpt = (struct config_excerpt){ CONFIG_SERVICE, text_of(params, "name"), NULL };
	if (strcmp(method, "backend.set") == 0)
		excerpt.backend = text_of(params, "name");
	return excerpt;
}

/* The parameters live until the answer: they are shared, not copied. */
static void submit_edit(struct api *api, struct rpc_call *call, const char *method,
	config_editor_t *edit, const json_t *params, const struct change_params *read)
{
	struct origin origin = api_origin(method, params, call);
	struct desired_change change = change_of(read);

	change.source = edit == NULL ? DESIRED_FILE : DESIRED_EDIT;
	change.edit = edit;
	change.excerpt = excerpt_of(method, params);
	change.arguments = json_incref((json_t *)params);
	if (is_of(method, "backend.")) {
		change.terms.pool = text_of(params, "pool");
		change.terms.name = text_of(params, "name");
	}
	submit(api, call, &origin, &change);
}

static void change(struct api *api, struct rpc_call *call, const char *method,
	config_editor_t *edit, const json_t *params, const struct json_member *members)
{
	struct change_params read = { .dry_run = false };

	if (api_read_params(params, members, &read, call) == 0 && judge(&read, call) == 0)
		submit_edit(api, call, method, edit, params, &read);
}

/* As SIGHUP does, with an answer and with terms. */
void api_config_reload(void *context, const json_t *params, struct rpc_call *call)
{
	static const struct json_member members[] = { OPTION("dry_run", dry_run, api_read_bool),
		OPTION("force", terms.force, api_read_bool), END };

	change(context, call, "config.reload", NULL, params, members);
}

void api_config_apply(void *context, const json_t *params, struct rpc_call *call)
{
	static const struct json_member members[] = { VALUE("config", JSON_REQUIRED), TERMS,
		OVERWRITE, DEADLINE, NOW, END };
	struct origin origin = api_origin("config.apply", NULL, call);
	struct change_params read = { .dry_run = false };
	struct desired_change change;

	if (api_read_params(params, members, &read, call) != 0 || judge(&read, call) != 0)
		return;
	change = change_of(&read);
	change.source = DESIRED_DOCUMENT;
	change.arguments = json_incref((json_t *)read.value);
	submit(context, call, &origin, &change);
}

void api_config_save(void *context, const json_t *params, struct rpc_call *call)
{
	static const struct json_member members[] = { OVERWRITE,
		OPTION("dry_run", dry_run, api_read_bool),
		OPTION("if_revision", if_revision, api_read_text), END };
	struct origin origin = api_origin("config.save", NULL, call);
	struct change_params read = { .dry_run = false };
	struct desired_change change;

	if (api_read_params(params, members, &read, call) != 0 || judge(&read, call) != 0)
		return;
	change = change_of(&read);
	change.source = DESIRED_SAVE;
	submit(context, call, &origin, &change);
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
	static const char *const terms[] = { "name", "dry_run", "force", "volatile",
		"if_revision" };
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

	if (api_read_params(params, members, &read, call) != 0 || judge(&read, call) != 0)
		return;
	if (read.value == NULL)
		rpc_call_error(call, RPC_INVALID_PARAMS,
			"nothing to set: give vip, protocol, port, pool, forward or udp");
	else
		submit_edit(context, call, "service.set", edit_service_set, params, &read);
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
static const char *const about[] = { "pool", "name", "dry_run", "force", "deadline_s", "volatile",
	"if_revision" };

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
	if (api_read_params(params, members, &read, call) != 0 || judge(&read, call) != 0)
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
	submit_edit(context, call, "backend.set", edit_backend_set, params, &read);
}
