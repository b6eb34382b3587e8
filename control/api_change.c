/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every change has the same way: its parameters are read here, the edit runs when the change's turn
 * comes (desired.h), and the answer says what moved.
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api_internal.h"
#include "config_edit.h"
#include "finder.h"
#include "json.h"
#include "log.h"

/* A change under way, from the request to its answer. */
struct pending {
	struct api *api;
	struct rpc_call *call;
	const char *method;
	char what[256]; /* its parameters, for the log; "" where they are a whole document */
};

static void member_key(const void *list, size_t place, char key[static FINDER_KEY_SIZE])
{
	snprintf(key, FINDER_KEY_SIZE, "%s", ((const struct plan_member *)list)[place].name);
}

static struct finder find_in(const struct plan_pool *pool)
{
	return (struct finder){
		.list = pool == NULL ? NULL : pool->members,
		.count = pool == NULL ? 0 : pool->backend_count,
		.key_at = member_key,
	};
}

static const struct plan_member *find_member(
	const struct plan_pool *pool, struct finder *finder, const char *name, size_t hint)
{
	size_t place = finder_find(finder, name, hint);

	return place == FINDER_NONE ? NULL : &pool->members[place];
}

static void add_share(json_t *list, const char *name, const struct plan_member *before,
	const struct plan_member *after)
{
	json_array_append_new(list, json_pack("{s:s, s:i, s:i}", "name", name, "slots_before",
					    before == NULL ? 0 : before->owned, "slots_after",
					    after == NULL ? 0 : after->owned));
}

/* The backends as they will be, then those that go. */
static json_t *pool_shares(const struct plan_pool *before, const struct plan_pool *after)
{
	struct finder in_before = find_in(before), in_after = find_in(after);
	json_t *list = json_array();

	for (size_t i = 0; i < in_after.count; i++) {
		const struct plan_member *member = &after->members[i];

		add_share(list, member->name, find_member(before, &in_before, member->name, i),
			member);
	}
	for (size_t i = 0; i < in_before.count; i++) {
		const struct plan_member *member = &before->members[i];

		if (find_member(after, &in_after, member->name, i) == NULL)
			add_share(list, member->name, member, NULL);
	}
	finder_fini(&in_before);
	finder_fini(&in_after);
	return list;
}

static json_t *pool_report(const struct plan_pool *before, const struct plan_pool *after)
{
	const struct plan_pool *any = after != NULL ? after : before;

	return json_pack("{s:s, s:i, s:i, s:o, s:o}", "name", any->name, "slots_moved",
		plan_slots_moved(before, after), "slots", any->slots, "digest",
		api_json_digest(after == NULL ? 0 : after->digest), "backends",
		pool_shares(before, after));
}

static bool pool_differs(const struct plan_pool *before, const struct plan_pool *after)
{
	if (before == NULL || after == NULL)
		return true;
	return before->digest != after->digest || before->slots != after->slots ||
	       before->backend_count != after->backend_count;
}

static void add_pool(json_t *list, const struct plan_pool *before, const struct plan_pool *after,
	json_int_t *moved)
{
	if (!pool_differs(before, after))
		return;
	*moved += plan_slots_moved(before, after);
	json_array_append_new(list, pool_report(before, after));
}

/* What moved, in which pools; pools that stay as they are are left out. */
static json_t *change_report(const struct desired_outcome *outcome)
{
	const struct plan *before = outcome->before, *after = outcome->after;
	json_int_t moved = 0, total = 0;
	json_t *pools = json_array();

	for (size_t i = 0; i < after->pool_count; i++) {
		const struct plan_pool *pool = &after->pools[i];

		total += pool->slots;
		add_pool(pools, plan_find_pool(before, pool->name), pool, &moved);
	}
	for (size_t i = 0; i < before->pool_count; i++)
		if (plan_find_pool(after, before->pools[i].name) == NULL)
			add_pool(pools, &before->pools[i], NULL, &moved);
	return json_pack("{s:b, s:b, s:I, s:I, s:o, s:o, s:o}", "changed", outcome->changed,
		"dry_run", outcome->dry_run, "slots_moved", moved, "slots_total", total,
		"moved_percent", api_json_tenths(total == 0 ? 0 : 100.0 * moved / total),
		"table_digest", api_json_digest(after->digest), "pools", pools);
}

static json_t *json_now(void)
{
	time_t now = time(NULL);
	struct tm utc;
	char text[32];

	gmtime_r(&now, &utc);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
	return json_string(text);
}

/* `what` was asked for, in the words of the request. */
static void note_report(struct api *api, const char *how, const char *what, json_t *report)
{
	log_info("%s%s%s: moved %lld of %lld slots", how, what[0] == '\0' ? "" : " ", what,
		(long long)json_integer_value(json_object_get(report, "slots_moved")),
		(long long)json_integer_value(json_object_get(report, "slots_total")));
	json_decref(api->last_change);
	api->last_change = json_pack("{s:s, s:s, s:o, s:O}", "method", how, "parameters", what,
		"time", json_now(), "report", report);
	api->refused_reload[0] = '\0';
}

void api_note_refused_reload(struct api *api, const struct error *error)
{
	json_t *now = json_now();

	log_error("reload refused, nothing changed: %s", error->message);
	snprintf(api->refused_reload, sizeof(api->refused_reload),
		"the file on disk is not what runs, its reload was refused at %s: %s",
		json_string_value(now), error->message);
	json_decref(now);
}

void api_note_change(struct api *api, const char *how, const struct desired_outcome *outcome)
{
	json_t *report = change_report(outcome);

	api->refused_reload[0] = '\0';
	if (outcome->changed)
		note_report(api, how, "", report);
	else
		log_info("%s: no change", how);
	json_decref(report);
}

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
	report = change_report(outcome);
	if (!outcome->dry_run && outcome->changed)
		note_report(pending->api, pending->method, pending->what, report);
	rpc_call_result(pending->call, report);
	free(pending);
}

static json_t *edit_apply(const json_t *document, const json_t *arguments, struct error *error)
{
	return json_deep_copy(json_object_get(arguments, "config"));
}

static void describe(const json_t *params, char what[static 256])
{
	char *text = json_dumps(params, JSON_COMPACT | JSON_ENSURE_ASCII);

	snprintf(what, 256, "%s", text == NULL ? "" : text);
	free(text);
}

static void submit(struct api *api, struct rpc_call *call, const char *method, desired_edit_t *edit,
	const json_t *params, bool dry_run)
{
	struct pending *pending = malloc(sizeof(*pending));
	struct desired_change change = {
		.edit = edit,
		.arguments = json_deep_copy(params),
		.dry_run = dry_run,
		.done = answer,
		.context = pending,
	};

	if (pending == NULL || change.arguments == NULL) {
		free(pending);
		json_decref(change.arguments);
		rpc_call_error(call, RPC_INTERNAL_ERROR, "out of memory");
		return;
	}
	*pending = (struct pending){ .api = api, .call = call, .method = method };
	if (edit != edit_apply)
		describe(params, pending->what);
	desired_submit(api->running.desired, &change);
}

/* The parameters of all changes; each method's table names those that it takes. */
struct change_params {
	const char *pool;
	const char *name;
	const json_t *value;
	bool dry_run;
};

#define TEXT(key, field)                                                                 \
	{                                                                                \
		key, JSON_REQUIRED, offsetof(struct change_params, field), api_read_text \
	}
#define VALUE(key, presence)                                                         \
	{                                                                            \
		key, presence, offsetof(struct change_params, value), api_read_value \
	}
#define DRY_RUN                                                                                  \
	{                                                                                        \
		"dry_run", JSON_OPTIONAL, offsetof(struct change_params, dry_run), api_read_bool \
	}
#define END                      \
	{                        \
		NULL, 0, 0, NULL \
	}

static const char *text_of(const json_t *arguments, const char *key)
{
	return json_string_value(json_object_get(arguments, key));
}

void api_config_apply(void *context, const json_t *params, struct rpc_call *call)
{
	static const struct json_member members[] = { VALUE("config", JSON_REQUIRED), DRY_RUN,
		END };
	struct change_params read = { .dry_run = false };

	if (api_read_params(params, members, &read, call) == 0)
		submit(context, call, "config.apply", edit_apply, params, read.dry_run);
}

static json_t *edit_service_add(
	const json_t *document, const json_t *arguments, struct error *error)
{
	return config_edit_service_add(document, json_object_get(arguments, "service"), error);
}

void api_service_add(void *context, const json_t *params, struct rpc_call *call)
{
	static const struct json_member members[] = { VALUE("service", JSON_REQUIRED), DRY_RUN,
		END };
	struct change_params read = { .dry_run = false };

	if (api_read_params(params, members, &read, call) == 0)
		submit(context, call, "service.add", edit_service_add, params, read.dry_run);
}

static json_t *edit_service_remove(
	const json_t *document, const json_t *arguments, struct error *error)
{
	return config_edit_service_remove(document, text_of(arguments, "name"), error);
}

void api_service_remove(void *context, const json_t *params, struct rpc_call *call)
{
	static const struct json_member members[] = { TEXT("name", name), DRY_RUN, END };
	struct change_params read = { .dry_run = false };

	if (api_read_params(params, members, &read, call) == 0)
		submit(context, call, "service.remove", edit_service_remove, params, read.dry_run);
}

static json_t *edit_backend_add(
	const json_t *document, const json_t *arguments, struct error *error)
{
	return config_edit_backend_add(
		document, text_of(arguments, "pool"), json_object_get(arguments, "backend"), error);
}

void api_backend_add(void *context, const json_t *params, struct rpc_call *call)
{
	static const struct json_member members[] = { TEXT("pool", pool),
		VALUE("backend", JSON_REQUIRED), DRY_RUN, END };
	struct change_params read = { .dry_run = false };

	if (api_read_params(params, members, &read, call) == 0)
		submit(context, call, "backend.add", edit_backend_add, params, read.dry_run);
}

static json_t *edit_backend_remove(
	const json_t *document, const json_t *arguments, struct error *error)
{
	return config_edit_backend_remove(
		document, text_of(arguments, "pool"), text_of(arguments, "name"), error);
}

void api_backend_remove(void *context, const json_t *params, struct rpc_call *call)
{
	static const struct json_member members[] = { TEXT("pool", pool), TEXT("name", name),
		DRY_RUN, END };
	struct change_params read = { .dry_run = false };

	if (api_read_params(params, members, &read, call) == 0)
		submit(context, call, "backend.remove", edit_backend_remove, params, read.dry_run);
}

/* What is left of the parameters without pool, name and dry_run are the changes. */
static json_t *edit_backend_set(
	const json_t *document, const json_t *arguments, struct error *error)
{
	json_t *changes = json_copy((json_t *)arguments);
	json_t *edited;

	json_object_del(changes, "pool");
	json_object_del(changes, "name");
	json_object_del(changes, "dry_run");
	edited = config_edit_backend_set(
		document, text_of(arguments, "pool"), text_of(arguments, "name"), changes, error);
	json_decref(changes);
	return edited;
}

void api_backend_set(void *context, const json_t *params, struct rpc_call *call)
{
	static const struct json_member members[] = { TEXT("pool", pool), TEXT("name", name),
		VALUE("weight", JSON_OPTIONAL), VALUE("state", JSON_OPTIONAL), DRY_RUN, END };
	struct change_params read = { .dry_run = false };

	if (api_read_params(params, members, &read, call) != 0)
		return;
	if (read.value == NULL) {
		rpc_call_error(call, RPC_INVALID_PARAMS, "nothing to set: give weight or state");
		return;
	}
	submit(context, call, "backend.set", edit_backend_set, params, read.dry_run);
}
