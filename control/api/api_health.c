/* SPDX-License-Identifier: BSD-3-Clause */
/* What is known of the health of backends, and what follows from it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/api_internal.h"
#include "api/api_rows.h"
#include "base/plural.h"
#include "config/config_health.h"
#include "json/json_build.h"
#include "probes/probe.h"

static const char *override_name(enum health_override override)
{
	return override == HEALTH_OVERRIDE_UP ? "up" : "down";
}

static json_t *json_time_ms(int64_t ms)
{
	return ms == 0 ? json_null() : api_json_time(ms / 1000);
}

/* What it came to be: by its check, or by an operator's word. */
static const char *status_of_change(const struct health_change *change)
{
	if (change->reason == PROBE_OVERRIDE && change->detail != HEALTH_OVERRIDE_NONE)
		return override_name(change->detail);
	return health_status_name(change->status);
}

static json_t *json_change(const struct health_change *change)
{
	struct json_build object = json_build_begin();
	char sentence[PROBE_SENTENCE_SIZE];

	probe_reason_describe(change->reason, change->detail, sentence);
	json_build_value(&object, "time", json_time_ms(change->time_ms));
	json_build_text(&object, "status", status_of_change(change));
	json_build_text(&object, "reason", probe_reason_name(change->reason));
	json_build_text(&object, "sentence", sentence);
	json_build_value(&object, "duration_ms",
		change->duration_us == HEALTH_DURATION_NONE
			? json_null()
			: api_json_tenths(change->duration_us / 1000.0));
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
	json_build_value(&object, "needed_in_a_row",
		report->needed == 0 ? json_null() : json_integer(report->needed));
	json_build_integer(&object, "returns", report->returns);
	json_build_integer(&object, "probes", report->view.probes);
	return json_build_end(&object);
}

/* What the check has found last; NULL: it has found nothing yet. */
static const struct health_change *find_last(const struct health_report *report)
{
	for (size_t i = report->change_count; i > 0; i--)
		if (report->changes[i - 1].reason != PROBE_OVERRIDE)
			return &report->changes[i - 1];
	return NULL;
}

/*
 * "connect refused, 7 in a row", "status 200, 13 of 32 in a row, it came back 4 times of late": the
 * latest result, and what a backend that passes still needs.
 */
static void write_result(const struct health_report *report, char text[static HEALTH_SENTENCE_SIZE])
{
	const struct probe_result *result = &report->view.result;
	const struct check_state *state = &report->view.state;
	char count[64] = "", returns[64] = "";

	if (result->reason != PROBE_LOCAL && !result->passed)
		snprintf(count, sizeof(count), ", %" PRIu32 " in a row", state->failed);
	else if (result->passed && report->needed != 0)
		snprintf(count, sizeof(count), ", %" PRIu32 " of %" PRIu32 " in a row",
			state->passed, report->needed);
	if (result->passed && report->returns != 0)
		snprintf(returns, sizeof(returns), ", it came back %" PRIu32 " time%s of late",
			report->returns, plural(report->returns));
	snprintf(text, HEALTH_SENTENCE_SIZE, "%s%s%s", result->sentence, count, returns);
}

struct health_cause api_health_cause(const struct health_report *report)
{
	const struct health_change *last = find_last(report);
	struct health_cause cause = { .reason = PROBE_NONE, .sentence = "not probed yet" };

	if (report->override != HEALTH_OVERRIDE_NONE) {
		cause.reason = PROBE_OVERRIDE;
		cause.since_ms = report->override_ms;
		strcpy(cause.sentence, "set by an operator");
	} else if (!config_health_checks(report->settings)) {
		strcpy(cause.sentence, "its pool has no checks");
	} else if (last != NULL || report->has_result) {
		cause.reason = report->has_result ? report->view.result.reason : last->reason;
		cause.since_ms = last == NULL ? 0 : last->time_ms;
		if (report->status == HEALTH_UP && report->wish.is_off)
			strcpy(cause.sentence, "it asks for no flows (maint)");
		else if (report->status == HEALTH_UP && report->wish.rests)
			strcpy(cause.sentence, "it asks for no new flows");
		else if (report->has_result)
			write_result(report, cause.sentence);
		else
			probe_reason_describe(last->reason, last->detail, cause.sentence);
	}
	return cause;
}

static const char *role_of(const struct live_backend *backend)
{
	const struct membership_facts *facts = &backend->facts;

	if (!facts->healthy)
		return "failed";
	return facts->wish == MEMBERSHIP_ACTIVE && facts->weight != 0 && !facts->rests ? "serves"
										       : "rests";
}

void api_add_health(struct json_build *row, const struct live_backend *backend,
	const struct health_report *report)
{
	const struct health_cause cause = api_health_cause(report);
	const char *override =
		report->override == HEALTH_OVERRIDE_NONE ? NULL : override_name(report->override);

	json_build_text(
		row, "health", override == NULL ? health_status_name(report->status) : override);
	json_build_text(row, "role", role_of(backend));
	json_build_text(row, "override", override);
	json_build_value(row, "since", json_time_ms(cause.since_ms));
	json_build_text(row, "reason", probe_reason_name(cause.reason));
	json_build_text(row, "sentence", cause.sentence);
}

static bool is_asked(const struct config_health *settings)
{
	return settings != NULL && (settings->weight_header || settings->agent);
}

static json_t *percent_of(uint32_t share)
{
	return api_json_tenths(100.0 * share / FACTOR_ONE);
}

static bool is_senseless(const struct health_report *report)
{
	return report->has_result && report->view.result.passed && report->view.result.is_senseless;
}

/* What it says it wants, what that comes to, and how much of it is applied by now. */
static json_t *json_asked(const struct live_backend *backend, const struct health_report *report)
{
	const struct probe_result *result = &report->view.result;
	bool is_heard = report->has_result && result->passed;
	struct json_build object;

	if (!is_asked(report->settings))
		return json_null();
	object = json_build_begin();
	json_build_value(&object, "weight",
		is_heard && result->has_weight ? json_integer(result->weight) : json_null());
	json_build_value(&object, "weight_percent",
		is_heard && result->has_weight_percent ? json_integer(result->weight_percent)
						       : json_null());
	json_build_text(
		&object, "word", probe_word_name(is_heard ? result->word : PROBE_WORD_NONE));
	json_build_flag(&object, "senseless", is_senseless(report));
	json_build_flag(&object, "rests", report->wish.rests || report->wish.is_off);
	json_build_value(&object, "percent", percent_of(report->wish.share));
	json_build_value(&object, "applied_percent", percent_of(backend->dynamic.factor));
	return json_build_end(&object);
}

json_t *api_json_pool_health(const struct api *api, size_t pool)
{
	struct json_build object = json_build_begin();
	struct health_pool_report report;

	health_describe_pool(api->running.health, pool, &report);
	json_build_text(&object, "mode", serving_mode_name(report.outcome.mode));
	json_build_value(&object, "since", json_time_ms(report.since_ms));
	json_build_text(&object, "sentence", report.sentence);
	json_build_merge(&object, api_json_pool_counts(&report));
	json_build_integer(&object, "needed", report.outcome.needed);
	json_build_flag(&object, "withdrawn", report.outcome.withdrawn);
	return json_build_end(&object);
}

json_t *api_json_pool_counts(const struct health_pool_report *report)
{
	struct json_build object = json_build_begin();

	for (enum health_status status = 0; status < HEALTH_STATUS_COUNT; status++)
		json_build_integer(&object, health_status_name(status), report->by_status[status]);
	return json_build_end(&object);
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
	json_build_text(&row, "status", health_status_name(report->status));
	api_add_health(&row, backend, report);
	json_build_value(&row, "asked", json_asked(backend, report));
	json_build_value(&row, "last", json_result(report));
	json_build_value(&row, "changes", json_changes(report));
	return json_build_end(&row);
}

static bool is_problem(const struct health_report *report)
{
	return report->override != HEALTH_OVERRIDE_NONE || report->status != HEALTH_UP ||
	       report->counts_as != HEALTH_UP || is_senseless(report);
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
	if (rows->outer >= config->written_pool_count)
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
