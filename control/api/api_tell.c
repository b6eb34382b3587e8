/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * backend.set where it brings news of a backend instead of a wish for it: its health, which process
 * answers, how much it can take. None of that is configuration; it lives in the state file.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <xxhash.h>

#include "api/api_internal.h"
#include "json/json.h"
#include "common/log.h"
#include "impact/plan_compare.h"

struct tell_params {
	const char *pool;
	const char *name;
	bool dry_run;
	bool force;
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
	{ "force", JSON_OPTIONAL, offsetof(struct tell_params, force), api_read_bool },
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

/* News on their way, from the request to its answer. */
struct telling {
	struct api *api;
	const char *method;
	const json_t *params;
	const char *pool;
	const struct forwarding_handle *handle;
	const struct forwarding_news *news;
	bool dry_run;
	bool force;
	int64_t weight_percent; /* that is asked for; 0: none is */

	/* what is foreseen where it is judged */
	uint32_t slots_to_move;
	struct error refusal; /* "": none */

	json_t *report; /* made while both tables are there, kept until the news is in */
};

/* As forwarding_report_t. */
static void judge(void *context, const struct forwarding_told *told)
{
	struct telling *telling = context;
	const struct config *config = desired_config(telling->api->running.desired);
	int pool = config_find_pool(config, telling->pool);

	telling->slots_to_move = plan_slots_moved(told->before, told->after);
	if (pool >= 0)
		plan_judge_pool(&config->pools[pool], told->before, told->after, told->impact,
			&telling->refusal);
}

/*
 * A share and an end are wishes, which the pool's budget is for. Health and another process are
 * facts: they are left out of what is judged, and of a backend that is down no share moves a slot.
 */
static int foresee(struct telling *telling)
{
	struct forwarding_news wish = {
		.ends = telling->news->ends,
		.has_share = telling->news->has_share,
		.share = telling->news->share,
	};

	if (!wish.ends && !wish.has_share)
		return 0;
	if (telling->news->has_health && !telling->news->healthy)
		return 0;
	return forwarding_tell(
		telling->api->running.forwarding, telling->handle, &wish, true, judge, telling);
}

static json_t *json_percent(uint32_t share)
{
	return json_real(100.0 * share / FACTOR_ONE);
}

static json_t *json_share(const struct telling *telling, const struct forwarding_told *told)
{
	return json_pack("{s:I, s:o, s:o, s:i, s:i, s:i}", "asked_percent",
		(json_int_t)telling->weight_percent, "percent", json_percent(told->share.after),
		"percent_before", json_percent(told->share.before), "weight", (int)told->weight,
		"in_s", (int)((told->share.in_ms + 999) / 1000), "slots_to_move",
		(int)telling->slots_to_move);
}

/* As forwarding_report_t. */
static void make_report(void *context, const struct forwarding_told *told)
{
	struct telling *telling = context;
	json_t *report = api_report_pool(told->before, told->after, told->impact, telling->dry_run);

	if (report == NULL)
		return;
	json_object_set_new(report, "pending_ms", json_integer(told->pending_ms));
	json_object_set_new(report, "forced", json_boolean(telling->force));
	if (telling->dry_run)
		json_object_set_new(report, "needs_force",
			telling->force || telling->refusal.message[0] == '\0'
				? json_null()
				: json_string(telling->refusal.message));
	if (telling->news->has_share)
		json_object_set_new(report, "dynamic_weight", json_share(telling, told));
	telling->report = report;
}

/*
 * Health changes by itself, so it is no change of `status` and of the log unless slots moved or
 * flows were cut off. A share that is put off is announced; the move has a line when it happens.
 */
static void note(const struct telling *telling, const struct origin *origin)
{
	const json_t *share = json_object_get(telling->report, "dynamic_weight");
	char peer[API_PEER_SIZE];

	if (json_integer_value(json_object_get(share, "in_s")) > 0)
		log_info("%s %s%s: %.4g %% of the weight in %lld s", origin->method, origin->what,
			api_describe_peer(origin, peer),
			json_number_value(json_object_get(share, "percent")),
			(long long)json_integer_value(json_object_get(share, "in_s")));
	if (json_integer_value(json_object_get(telling->report, "slots_moved")) != 0 ||
		json_number_value(json_object_get(telling->report, "cut_percent")) > 0)
		api_report_note(telling->api, origin, telling->report);
}

/* Tells it and answers, with what that moved. */
static void tell(struct telling *telling, struct rpc_call *call)
{
	struct origin origin = api_origin(telling->method, telling->params, call);
	int code = foresee(telling);

	if (code == 0 && telling->refusal.message[0] != '\0' && !telling->force &&
		!telling->dry_run) {
		rpc_call_error(call, RPC_REFUSED, "%s", telling->refusal.message);
		return;
	}
	if (code == 0)
		code = forwarding_tell(telling->api->running.forwarding, telling->handle,
			telling->news, telling->dry_run, make_report, telling);
	if (code != 0 || telling->report == NULL) {
		rpc_call_error(call, RPC_INTERNAL_ERROR, "out of memory");
		return;
	}
	if (!telling->dry_run)
		note(telling, &origin);
	rpc_call_result(call, telling->report);
}

/* What is configuration has another way, and another time: one call cannot be both. */
static const char *find_configuration(const json_t *params)
{
	static const char *const keys[] = { "weight", "state", "deadline_s" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (json_object_get(params, keys[i]) != NULL)
			return keys[i];
	return NULL;
}

/* What goes with a configuration only; news have no file and no revision. */
static const char *find_term(const json_t *params)
{
	static const char *const keys[] = { "volatile", "overwrite", "if_revision" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (json_object_get(params, keys[i]) != NULL)
			return keys[i];
	return NULL;
}

static const char *first_news(const json_t *params)
{
	if (json_object_get(params, "health") != NULL)
		return "health";
	return json_object_get(params, "instance") != NULL ? "instance" : "weight_percent";
}

void api_backend_tell(struct api *api, const json_t *params, struct rpc_call *call)
{
	struct tell_params read = { .health = -1 };
	const char *other = find_configuration(params);
	struct forwarding_handle handle;
	struct forwarding_news news;

	if (other != NULL) {
		rpc_call_error(call, RPC_INVALID_PARAMS,
			"%s goes without %s: one is news and the other configuration, which takes "
			"a call of its own",
			first_news(params), other);
		return;
	}
	if (find_term(params) != NULL) {
		rpc_call_error(call, RPC_INVALID_PARAMS,
			"%s goes without %s: it is news, which is in no file and in no revision of "
			"the configuration",
			first_news(params), find_term(params));
		return;
	}
	if (api_read_params(params, members, &read, call) != 0)
		return;
	/* one that is removed and still drains may die, too */
	if (forwarding_find(api->running.forwarding, read.pool, read.name, &handle) != 0) {
		rpc_call_error(call, RPC_NOT_FOUND, "there is no backend \"%s\" in a pool \"%s\"",
			read.name, read.pool);
		return;
	}
	news = news_of(&read);
	tell(&(struct telling){ .api = api,
		     .method = "backend.set",
		     .params = params,
		     .pool = read.pool,
		     .handle = &handle,
		     .news = &news,
		     .dry_run = read.dry_run,
		     .force = read.force,
		     .weight_percent = read.weight_percent },
		call);
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
	bool force;
};

static const struct json_member end_members[] = {
	{ "pool", JSON_REQUIRED, offsetof(struct end_params, pool), api_read_text },
	{ "name", JSON_REQUIRED, offsetof(struct end_params, name), api_read_text },
	{ "now", JSON_OPTIONAL, offsetof(struct end_params, now), api_read_bool },
	{ "dry_run", JSON_OPTIONAL, offsetof(struct end_params, dry_run), api_read_bool },
	{ "force", JSON_OPTIONAL, offsetof(struct end_params, force), api_read_bool },
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
		tell(&(struct telling){ .api = api,
			     .method = "backend.remove",
			     .params = params,
			     .pool = read.pool,
			     .handle = &handle,
			     .news = &news,
			     .dry_run = read.dry_run,
			     .force = read.force },
			call);
	else
		rpc_call_error(call, RPC_REFUSED,
			"backend \"%s\" is removed already and sees its flows out; \"now\" cuts "
			"them off",
			read.name);
}
