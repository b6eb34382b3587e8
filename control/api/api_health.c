/* SPDX-License-Identifier: BSD-3-Clause */
/* What is known of the health of backends, and what follows from it. */
#include <string.h>

#include "api/api_internal.h"
#include "api/api_rows.h"
#include "config/config_health.h"
#include "json/json_build.h"
#include "probes/probe.h"

static const char *override_name(enum health_override override)
{
	return override == HEALTH_OVERRIDE_UP ? "up" : "down";
}

static json_t *json_time_ms(int64_t ms)
{
	return api_json_time(ms / 1000);
}

static json_t *json_change(const struct health_change *change)
{
	struct json_build object = json_build_begin();
	char sentence[PROBE_SENTENCE_SIZE];

	probe_reason_describe(change->reason, change->detail, sentence);
	json_build_value(&object, "time", json_time_ms(change->time_ms));
	json_build_text(&object, "status", health_status_name(change->status));
	json_build_text(&object, "reason", probe_reason_name(change->reason));
	json_build_text(&object, "sentence", sentence);
	json_build_value(&object, "duration_ms", api_json_tenths(change->duration_us / 1000.0));
	return json_build_end(&object);
}

static json_t *json_changes(const struct health_report *report)
{
	json_t *list = json_array();

	for (size_t i = report->change_count; i > 0; i--)
		json_array_append_new(list, json_change(&report->changes[i - 1]));
	return list;
}

/* The latest result; null where there was none yet. */
static json_t *json_result(const struct health_report *report)
{
	const struct probe_result *result = &report->view.result;
	struct json_build object;

	if (!report->has_result)
		return json_null();
	object = json_build_begin();
	json_build_flag(&object, "passed", result->passed);
	json_build_text(&object, "reason", probe_reason_name(result->reason));
	json_build_text(&object, "sentence", result->sentence);
	json_build_value(&object, "duration_ms", api_json_tenths(result->duration_us / 1000.0));
	json_build_value(&object, "time", json_time_ms(report->view.time_ms));
	json_build_integer(&object, "passed_in_a_row", report->view.state.passed);
	json_build_integer(&object, "failed_in_a_row", report->view.state.failed);
	json_build_integer(&object, "probes", report->view.probes);
	return json_build_end(&object);
}

/* Why it is as it is, in a sentence. */
static void add_reason(struct json_build *row, const struct health_report *report)
{
	const struct health_change *last =
		report->change_count == 0 ? NULL : &report->changes[report->change_count - 1];
	char sentence[PROBE_SENTENCE_SIZE];

	json_build_value(row, "since", last == NULL ? json_null() : json_time_ms(last->time_ms));
	if (last != NULL)
		probe_reason_describe(last->reason, last->detail, sentence);
	json_build_value(row, "reason",
		json_string(report->override != HEALTH_OVERRIDE_NONE ? "override"
			    : last == NULL                           ? "none"
					   : probe_reason_name(last->reason)));
	json_build_value(row, "sentence",
		report->override != HEALTH_OVERRIDE_NONE ? json_string("set by an operator")
		: last == NULL                           ? json_string("not probed yet")
							 : json_string(sentence));
}

static const char *role_of(const struct live_backend *backend)
{
	if (!backend->facts.healthy)
		return "failed";
	return backend->facts.rests ? "rests" : "serves";
}

json_t *api_json_health(const struct health_report *report)
{
	if (report->override != HEALTH_OVERRIDE_NONE)
		return json_string(override_name(report->override));
	return json_string(health_status_name(report->status));
}

static json_t *health_row(const struct api *api, size_t pool, size_t index,
	const struct live_backend *backend, const struct health_report *report)
{
	const struct config *config = desired_config(api->running.desired);
	const struct config_health *settings = report->settings;
	struct json_build row = json_build_begin();

	json_build_text(&row, "pool", config->pools[pool].name);
	json_build_text(&row, "name", backend->name);
	json_build_text(
		&row, "type", settings == NULL ? "none" : config_health_type_name(settings->type));
	json_build_text(&row, "via", report->via_vip ? "vip" : "direct");
	json_build_value(&row, "address",
		report->is_checked ? api_json_address(&report->address) : json_null());
	json_build_value(&row, "port",
		report->is_checked && report->port != 0 ? json_integer(report->port) : json_null());
	json_build_value(&row, "health", api_json_health(report));
	json_build_text(&row, "role", role_of(backend));
	json_build_value(&row, "override",
		report->override == HEALTH_OVERRIDE_NONE
			? json_null()
			: json_string(override_name(report->override)));
	json_build_text(&row, "status", health_status_name(report->status));
	add_reason(&row, report);
	json_build_value(&row, "last", json_result(report));
	json_build_value(&row, "changes", json_changes(report));
	return json_build_end(&row);
}

static bool is_problem(const struct health_report *report)
{
	return report->override != HEALTH_OVERRIDE_NONE || report->status != HEALTH_UP;
}

/* One row, or the step to the next pool of the document. */
static bool write_health(struct api_rows *rows, struct rpc_answer *answer, bool problems)
{
	const struct config *config = desired_config(rows->api->running.desired);
	const struct live_backend *backends;
	struct health_report report;
	size_t count = 0, index;

	if (!rows->opened)
		rpc_answer_open_list(answer, NULL);
	rows->opened = true;
	if (rows->outer >= config->pool_count)
		return false;
	backends = forwarding_backends(rows->api->running.forwarding, rows->outer, &count);
	if (rows->only != NULL && strcmp(config->pools[rows->outer].name, rows->only) != 0)
		count = 0;
	if (rows->inner >= count) {
		rows->outer++;
		rows->inner = 0;
		return true;
	}
	index = rows->inner++;
	health_describe(rows->api->running.health, rows->outer, index, &report);
	if (!problems || is_problem(&report))
		rpc_answer_value(answer, NULL,
			health_row(rows->api, rows->outer, index, &backends[index], &report));
	return true;
}

static bool write_any(struct api_rows *rows, struct rpc_answer *answer)
{
	return write_health(rows, answer, false);
}

static bool write_problem(struct api_rows *rows, struct rpc_answer *answer)
{
	return write_health(rows, answer, true);
}

void api_health_list(struct api *api, const struct api_params *params, struct rpc_call *call)
{
	static const struct api_rows_kind any = { .write = write_any };
	static const struct api_rows_kind problems = { .write = write_problem };
	const struct config *config = desired_config(api->running.desired);

	if (params->pool != NULL && config_find_pool(config, params->pool) < 0)
		rpc_call_error(call, RPC_NOT_FOUND, "there is no pool \"%s\"", params->pool);
	else
		api_rows_answer(api, params->problems ? &problems : &any, params->pool, call);
}
