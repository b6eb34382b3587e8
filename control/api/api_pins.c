/* SPDX-License-Identifier: BSD-3-Clause */
#include "api/api_internal.h"
#include "json/json_build.h"

static const char *class_name(enum pin_class class)
{
	static const char *const names[PIN_CLASS_COUNT] = {
		[PIN_EMPTY] = "free",
		[PIN_PROBATION] = "probation",
		[PIN_OBSERVED] = "observed",
		[PIN_ESTABLISHED] = "established",
		[PIN_FINISHED] = "finished",
		[PIN_UDP] = "udp",
		[PIN_QUIC] = "quic",
		[PIN_TRIAL] = "trial",
	};

	return names[class];
}

const char *api_pin_class_name(unsigned int class)
{
	return class_name(class);
}

/* One number for each class of pins. */
static json_t *by_class(const uint64_t numbers[PIN_CLASS_COUNT])
{
	json_t *object = json_object();

	for (int class = PIN_EMPTY + 1; class < PIN_CLASS_COUNT; class ++)
		json_object_set_new(object, class_name(class), json_integer(numbers[class]));
	return object;
}

static uint64_t count_inserts(const struct affinity_counters *sum)
{
	uint64_t inserts = sum->puts[PINS_PUT_PLACED] + sum->puts[PINS_PUT_REPLACED] +
			   sum->puts[PINS_PUT_MERGED];

	for (int class = PIN_EMPTY + 1; class < PIN_CLASS_COUNT; class ++)
		inserts += sum->puts[PINS_PUT_EVICTED + class];
	return inserts;
}

json_t *api_json_unresolved(const struct transitions_summary *summary, const struct plan_pool *pool)
{
	struct json_build object = json_build_begin(), reasons;
	uint32_t unresolved = 0;

	if (pool->table == NULL) {
		json_build_value(&object, "unresolved", json_null());
		json_build_value(&object, "reasons", json_null());
		json_build_value(&object, "longest_wait_s", json_null());
		return json_build_end(&object);
	}
	reasons = json_build_begin();
	for (int reason = TRANSITIONS_QUIET + 1; reason < TRANSITIONS_REASON_COUNT; reason++)
		unresolved += summary->slots[reason];
	json_build_integer(&reasons, "settling", summary->slots[TRANSITIONS_SETTLING]);
	json_build_integer(&reasons, "observing", summary->slots[TRANSITIONS_OBSERVING]);
	json_build_integer(&reasons, "away", summary->slots[TRANSITIONS_AWAY]);
	json_build_integer(&reasons, "pinned", summary->slots[TRANSITIONS_PINNED]);
	json_build_integer(&object, "unresolved", unresolved);
	json_build_value(&object, "reasons", json_build_end(&reasons));
	json_build_integer(&object, "longest_wait_s", summary->longest_wait_s);
	return json_build_end(&object);
}

static void add_pins(struct json_build *row, const struct api *api, size_t pool)
{
	struct tracking_pool_report report;

	forwarding_pool_pins(api->running.forwarding, pool, &report);
	json_build_integer(row, "pins", report.pins);
	json_build_flag(row, "flood", report.flood);
	json_build_flag(row, "first", report.first);
}

static json_t *pools_of(const struct api *api)
{
	const struct plan *plan = desired_plan(api->running.desired);
	json_t *list = json_array();

	for (size_t i = 0; i < plan->pool_count; i++) {
		struct json_build row = json_build_begin();

		json_build_text(&row, "name", plan->pools[i].name);
		json_build_integer(&row, "slots", plan->pools[i].slots);
		json_build_merge(
			&row, api_json_unresolved(forwarding_summary(api->running.forwarding, i),
				      &plan->pools[i]));
		add_pins(&row, api, i);
		json_array_append_new(list, json_build_end(&row));
	}
	return list;
}

/* What is to be watched of the pins. */
static void add_watched(struct json_build *answer, const struct tracking_report *report)
{
	uint64_t used = report->capacity - report->found[PIN_EMPTY];

	json_build_integer(answer, "capacity", report->capacity);
	json_build_integer(answer, "used", used);
	json_build_value(answer, "fill_percent", api_json_tenths(100.0 * used / report->capacity));
	json_build_integer(answer, "refused",
		report->sum.puts[PINS_PUT_REFUSED] + report->sum.puts[PINS_PUT_LOST]);
	json_build_integer(answer, "unpinned", report->sum.unpinned);
	json_build_integer(answer, "unobserved", report->sum.unobserved);
	json_build_flag(answer, "flood", report->flood);
	json_build_flag(answer, "crowded", report->crowded);
}

json_t *api_json_pins(const struct api *api)
{
	struct json_build object = json_build_begin();
	struct tracking_report report;

	tracking_report(forwarding_tracking(api->running.forwarding), &report);
	add_watched(&object, &report);
	return json_build_end(&object);
}

void api_pins_list(struct api *api, const struct api_params *params, struct rpc_call *call)
{
	struct json_build answer = json_build_begin();
	struct tracking_report report;

	tracking_report(forwarding_tracking(api->running.forwarding), &report);
	add_watched(&answer, &report);
	json_build_integer(&answer, "older_capacity", report.older_capacity);
	json_build_integer(&answer, "older_used", report.older_used);
	json_build_value(&answer, "classes", by_class(report.found));
	json_build_integer(&answer, "inserts", count_inserts(&report.sum));
	json_build_value(&answer, "evicted", by_class(&report.sum.puts[PINS_PUT_EVICTED]));
	json_build_integer(&answer, "memory_bytes", report.memory);
	json_build_value(&answer, "last_sweep_ms", api_json_tenths(report.sweep_ms));
	json_build_integer(&answer, "swept", report.deleted);
	json_build_value(&answer, "pools", pools_of(api));
	rpc_call_result(call, json_build_end(&answer));
}
