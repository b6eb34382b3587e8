/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * backend.set where it brings news of a backend instead of a wish for it: its health, which process
 * answers, how much it can take. None of that is configuration; it lives in the state file.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <xxhash.h>

#include "api_internal.h"
#include "json.h"

struct tell_params {
	const char *pool;
	const char *name;
	bool dry_run;
	int health; /* -1: nothing is said of it */
	const char *instance;
	int64_t weight_percent; /* 0: the same */
};

static int read_health(const struct json_place *place, void *field, struct error *error)
{
	static const struct json_choice choices[] = { { "down", 0 }, { "up", 1 }, { NULL, 0 } };

	return json_read_choice(place, choices, "\"up\" or \"down\"", field, error);
}

static int read_percent(const struct json_place *place, void *field, struct error *error)
{
	return json_read_integer(place, 1, 100, "a share of the weight (1-100)", field, error);
}

static int read_instance(const struct json_place *place, void *field, struct error *error)
{
	const char *text = json_read_string(place, "an instance id (1-128 bytes)", error);

	if (text == NULL)
		return -EINVAL;
	if (text[0] == '\0' || strlen(text) > 128)
		return json_mismatch(place, "an instance id (1-128 bytes)", error);
	*(const char **)field = text;
	return 0;
}

static const struct json_member members[] = {
	{ "pool", JSON_REQUIRED, offsetof(struct tell_params, pool), api_read_text },
	{ "name", JSON_REQUIRED, offsetof(struct tell_params, name), api_read_text },
	{ "dry_run", JSON_OPTIONAL, offsetof(struct tell_params, dry_run), api_read_bool },
	{ "health", JSON_OPTIONAL, offsetof(struct tell_params, health), read_health },
	{ "instance", JSON_OPTIONAL, offsetof(struct tell_params, instance), read_instance },
	{ "weight_percent", JSON_OPTIONAL, offsetof(struct tell_params, weight_percent),
		read_percent },
	{ NULL, 0, 0, NULL },
};

bool api_tells(const json_t *params)
{
	return json_object_get(params, "health") != NULL ||
	       json_object_get(params, "instance") != NULL ||
	       json_object_get(params, "weight_percent") != NULL;
}

/* An id stands for itself by its hash; 0 is nobody's (membership.h). */
static uint64_t hash_instance(const char *id)
{
	uint64_t hash = XXH3_64bits(id, strlen(id));

	return hash == MEMBERSHIP_NO_INSTANCE ? 1 : hash;
}

static struct forwarding_news news_of(const struct tell_params *read)
{
	struct forwarding_news news = { .has_health = read->health >= 0 };

	news.healthy = read->health == 1;
	if (read->instance != NULL) {
		news.has_instance = true;
		news.instance = hash_instance(read->instance);
	}
	if (read->weight_percent != 0) {
		news.has_share = true;
		news.share = read->weight_percent * FACTOR_ONE / 100;
	}
	return news;
}

/* The report is made while both tables are there, and kept until the news is in. */
struct telling {
	bool dry_run;
	json_t *report;
};

static void make_report(void *context, const struct forwarding_told *told)
{
	struct telling *telling = context;

	telling->report = api_report_pool(told->before, told->after, telling->dry_run);
	if (telling->report != NULL)
		json_object_set_new(telling->report, "pending_ms", json_integer(told->pending_ms));
}

/* Health changes by itself, so it is no change of `status` and of the log unless slots moved. */
static void note(struct api *api, const struct origin *origin, json_t *report)
{
	if (json_integer_value(json_object_get(report, "slots_moved")) != 0)
		api_report_note(api, origin, report);
}

/* Tells it and answers, with what that moved. */
static void tell(struct api *api, const char *method, const json_t *params,
	const struct forwarding_handle *handle, const struct forwarding_news *news, bool dry_run,
	struct rpc_call *call)
{
	struct telling telling = { .dry_run = dry_run };
	struct origin origin = api_origin(method, params, call);

	if (forwarding_tell(
		    api->running.forwarding, handle, news, dry_run, make_report, &telling) != 0) {
		rpc_call_error(call, RPC_INTERNAL_ERROR, "out of memory");
		return;
	}
	if (!dry_run)
		note(api, &origin, telling.report);
	rpc_call_result(call, telling.report);
}

void api_backend_tell(struct api *api, const json_t *params, struct rpc_call *call)
{
	struct tell_params read = { .health = -1 };
	struct forwarding_handle handle;
	struct forwarding_news news;

	if (api_read_params(params, members, &read, call) != 0)
		return;
	/* one that is removed and still drains may die, too */
	if (forwarding_find(api->running.forwarding, read.pool, read.name, &handle) != 0) {
		rpc_call_error(call, RPC_NOT_FOUND, "there is no backend \"%s\" in a pool \"%s\"",
			read.name, read.pool);
		return;
	}
	news = news_of(&read);
	tell(api, "backend.set", params, &handle, &news, read.dry_run, call);
}

/* Of a name that a configured backend has, too, that one is meant. */
static int find_going(const struct api *api, const json_t *params, struct forwarding_handle *handle)
{
	const struct forwarding *forwarding = api->running.forwarding;
	const char *pool_name = json_string_value(json_object_get(params, "pool"));
	const char *name = json_string_value(json_object_get(params, "name"));
	size_t pool, backend, count;

	if (pool_name == NULL || name == NULL ||
		forwarding_find(forwarding, pool_name, name, handle) != 0 ||
		forwarding_locate(forwarding, handle, &pool, &backend) != 0 ||
		!live_backend_is_removed(&forwarding_backends(forwarding, pool, &count)[backend]))
		return -ENOENT;
	return 0;
}

bool api_is_going(const struct api *api, const json_t *params)
{
	struct forwarding_handle handle;

	return find_going(api, params, &handle) == 0;
}

struct end_params {
	const char *pool;
	const char *name;
	bool now;
	bool dry_run;
};

static const struct json_member end_members[] = {
	{ "pool", JSON_REQUIRED, offsetof(struct end_params, pool), api_read_text },
	{ "name", JSON_REQUIRED, offsetof(struct end_params, name), api_read_text },
	{ "now", JSON_OPTIONAL, offsetof(struct end_params, now), api_read_bool },
	{ "dry_run", JSON_OPTIONAL, offsetof(struct end_params, dry_run), api_read_bool },
	{ NULL, 0, 0, NULL },
};

void api_backend_end(struct api *api, const json_t *params, struct rpc_call *call)
{
	const struct forwarding_news news = { .ends = true };
	struct end_params read = { .now = false };
	struct forwarding_handle handle = { 0 };

	find_going(api, params, &handle);
	if (api_read_params(params, end_members, &read, call) != 0)
		return;
	if (read.now)
		tell(api, "backend.remove", params, &handle, &news, read.dry_run, call);
	else
		rpc_call_error(call, RPC_REFUSED,
			"backend \"%s\" is removed already and sees its flows out; \"now\" cuts "
			"them off",
			read.name);
}
