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
#include "api/api_methods.h"
#include "json/json_build.h"
#include "common/log.h"
#include "impact/plan_compare.h"

bool api_tells(const struct api_params *params)
{
	return params->health != API_HEALTH_NOT_TOLD || params->instance != NULL ||
	       params->weight_percent != 0;
}

/* An id stands for itself by its hash; 0 is nobody's (membership.h). */
static uint64_t hash_instance(const char *id)
{
	uint64_t hash = XXH3_64bits(id, strlen(id));

	return hash == MEMBERSHIP_NO_INSTANCE ? 1 : hash;
}

static struct forwarding_update news_of(const struct api_params *params)
{
	struct forwarding_update news = {
		.has_health = params->health != API_HEALTH_NOT_TOLD,
		.healthy = params->health == API_HEALTH_UP,
	};

	if (params->instance != NULL) {
		news.has_instance = true;
		news.instance = hash_instance(params->instance);
	}
	if (params->weight_percent != 0) {
		news.has_share = true;
		news.share = params->weight_percent * FACTOR_ONE / 100;
	}
	return news;
}

/* News on their way, from the request to its answer. */
struct telling {
	struct api *api;
	const struct api_params *params;
	const struct forwarding_handle *handle;
	const struct forwarding_update *news;

	/* what is foreseen where it is judged */
	uint32_t slots_to_move;
	struct error refusal; /* "": none */

	json_t *report; /* made while both tables are there, kept until the news is in */
};

/* As forwarding_report_t. */
static void judge(void *context, const struct forwarding_effect *told)
{
	struct telling *telling = context;
	const struct config *config = desired_config(telling->api->running.desired);
	int pool = config_find_pool(config, telling->params->pool);

	telling->slots_to_move = plan_slots_moved(told->before, told->after);
	if (pool >= 0)
		plan_check_pool(&config->pools[pool], told->before, told->after, told->impact,
			&telling->refusal);
}

/*
 * A share and an end are wishes, which the pool's budget is for. Health and another process are
 * facts: they are left out of what is judged, and of a backend that is down no share moves a slot.
 */
static int foresee(struct telling *telling)
{
	struct forwarding_update wish = {
		.ends = telling->news->ends,
		.has_share = telling->news->has_share,
		.share = telling->news->share,
	};

	if (!wish.ends && !wish.has_share)
		return 0;
	if (telling->news->has_health && !telling->news->healthy)
		return 0;
	return forwarding_update(
		telling->api->running.forwarding, telling->handle, &wish, true, judge, telling);
}

static json_t *json_percent(uint32_t share)
{
	return json_real(100.0 * share / FACTOR_ONE);
}

static json_t *json_share(const struct telling *telling, const struct forwarding_effect *told)
{
	struct json_build share = json_build_begin();

	json_build_integer(&share, "asked_percent", telling->params->weight_percent);
	json_build_value(&share, "percent", json_percent(told->share.after));
	json_build_value(&share, "percent_before", json_percent(told->share.before));
	json_build_integer(&share, "weight", told->weight);
	json_build_integer(&share, "in_s", (told->share.in_ms + 999) / 1000);
	json_build_integer(&share, "slots_to_move", telling->slots_to_move);
	return json_build_end(&share);
}

/* As forwarding_report_t. */
static void make_report(void *context, const struct forwarding_effect *told)
{
	struct telling *telling = context;
	json_t *report =
		api_report_pool(told->before, told->after, told->impact, telling->params->dry_run);

	if (report == NULL)
		return;
	json_object_set_new(report, "pending_ms", json_integer(told->pending_ms));
	json_object_set_new(report, "forced", json_boolean(telling->params->terms.force));
	if (telling->params->dry_run)
		json_object_set_new(report, "needs_force",
			telling->params->terms.force || telling->refusal.message[0] == '\0'
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
	struct origin origin = api_origin(telling->params->method, telling->params->object, call);
	int code = foresee(telling);

	if (code == 0 && telling->refusal.message[0] != '\0' && !telling->params->terms.force &&
		!telling->params->dry_run) {
		rpc_call_error(call, RPC_REFUSED, "%s", telling->refusal.message);
		return;
	}
	if (code == 0)
		code = forwarding_update(telling->api->running.forwarding, telling->handle,
			telling->news, telling->params->dry_run, make_report, telling);
	if (code != 0 || telling->report == NULL) {
		rpc_call_error(call, RPC_INTERNAL_ERROR, "out of memory");
		return;
	}
	if (!telling->params->dry_run)
		note(telling, &origin);
	rpc_call_result(call, telling->report);
}

/* The first of the keys that is there; NULL: none is. */
static const char *find_given(const struct api_params *params, const char *const *keys)
{
	for (; *keys != NULL; keys++)
		if (json_object_get(params->object, *keys) != NULL)
			return *keys;
	return NULL;
}

/* One call cannot be both news and configuration. */
static int judge_news(const struct api_params *params, struct rpc_call *call)
{
	static const char *const news[] = { "health", "instance", "weight_percent", NULL };
	/* what has another way, and another time */
	static const char *const configuration[] = { "weight", "state", "deadline_s", NULL };
	/* what goes with a configuration only; news have no file and no revision */
	static const char *const terms[] = { "volatile", "if_revision", NULL };
	const char *other = find_given(params, configuration);
	const char *term = find_given(params, terms);

	if (other != NULL)
		rpc_call_error(call, RPC_INVALID_PARAMS,
			"%s goes without %s: one is news and the other configuration, which takes "
			"a call of its own",
			find_given(params, news), other);
	else if (term != NULL)
		rpc_call_error(call, RPC_INVALID_PARAMS,
			"%s goes without %s: it is news, which is in no file and in no revision of "
			"the configuration",
			find_given(params, news), term);
	return other == NULL && term == NULL ? 0 : -EINVAL;
}

void api_backend_tell(struct api *api, const struct api_params *params, struct rpc_call *call)
{
	struct forwarding_update news = news_of(params);
	struct forwarding_handle handle;

	if (judge_news(params, call) != 0)
		return;
	/* one that is removed and still drains may die, too */
	if (forwarding_find(api->running.forwarding, params->pool, params->name, &handle) != 0) {
		rpc_call_error(call, RPC_NOT_FOUND, "there is no backend \"%s\" in a pool \"%s\"",
			params->name, params->pool);
		return;
	}
	tell(&(struct telling){ .api = api, .params = params, .handle = &handle, .news = &news },
		call);
}

/* Of a name that a configured backend has, too, that one is meant. */
static int find_going(
	const struct api *api, const struct api_params *params, struct forwarding_handle *handle)
{
	const struct forwarding *forwarding = api->running.forwarding;
	size_t pool, backend, count;

	if (forwarding_find(forwarding, params->pool, params->name, handle) != 0 ||
		forwarding_locate(forwarding, handle, &pool, &backend) != 0 ||
		!live_backend_is_removed(&forwarding_backends(forwarding, pool, &count)[backend]))
		return -ENOENT;
	return 0;
}

bool api_is_going(const struct api *api, const struct api_params *params)
{
	struct forwarding_handle handle;

	return find_going(api, params, &handle) == 0;
}

void api_backend_end(struct api *api, const struct api_params *params, struct rpc_call *call)
{
	static const char *const configuration[] = { "deadline_s", "volatile", "if_revision",
		NULL };
	const struct forwarding_update news = { .ends = true };
	const char *other = find_given(params, configuration);
	struct forwarding_handle handle = { 0 };

	find_going(api, params, &handle);
	if (!params->terms.now)
		rpc_call_error(call, RPC_REFUSED,
			"backend \"%s\" is removed already and sees its flows out; \"now\" cuts "
			"them off",
			params->name);
	else if (other != NULL)
		rpc_call_error(call, RPC_INVALID_PARAMS,
			"%s: backend \"%s\" is removed already and no configuration any more",
			other, params->name);
	else
		tell(
			&(struct telling){
				.api = api, .params = params, .handle = &handle, .news = &news },
			call);
}
