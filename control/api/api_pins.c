/* SPDX-License-Identifier: BSD-3-Clause */
#include "api/api_internal.h"

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

json_t *api_json_unresolved(const struct transitions_summary *summary)
{
	uint32_t unresolved = 0;

	for (int reason = TRANSITIONS_QUIET + 1; reason < TRANSITIONS_REASON_COUNT; reason++)
		unresolved += summary->slots[reason];
	return json_pack("{s:i, s:{s:i, s:i, s:i, s:i}, s:i}", "unresolved", unresolved, "reasons",
		"settling", summary->slots[TRANSITIONS_SETTLING], "observing",
		summary->slots[TRANSITIONS_OBSERVING], "away", summary->slots[TRANSITIONS_AWAY],
		"pinned", summary->slots[TRANSITIONS_PINNED], "longest_wait_s",
		summary->longest_wait_s);
}

static json_t *pins_of(const struct api *api, size_t pool)
{
	struct tracking_pool_report report;

	forwarding_pool_pins(api->running.forwarding, pool, &report);
	return json_pack("{s:I, s:b, s:b}", "pins", (json_int_t)report.pins, "flood", report.flood,
		"first", report.first);
}

static json_t *pools_of(const struct api *api)
{
	const struct plan *plan = desired_plan(api->running.desired);
	json_t *list = json_array();

	for (size_t i = 0; i < plan->pool_count; i++) {
		json_t *row = json_pack(
			"{s:s, s:i}", "name", plan->pools[i].name, "slots", plan->pools[i].slots);

		json_object_update_new(
			row, api_json_unresolved(forwarding_summary(api->running.forwarding, i)));
		json_object_update_new(row, pins_of(api, i));
		json_array_append_new(list, row);
	}
	return list;
}

void api_pins_list(struct api *api, const struct api_params *params, struct rpc_call *call)
{
	struct tracking_report report;
	uint64_t used;

	tracking_report(forwarding_tracking(api->running.forwarding), &report);
	used = report.capacity - report.found[PIN_EMPTY];
	rpc_call_result(call,
		json_pack(
			"{s:I, s:I, s:I, s:I, s:o, s:o, s:I, s:I, s:o, s:I, s:I, s:b, s:b, s:I, s:o, s:I, s:o}",
			"capacity", (json_int_t)report.capacity, "used", (json_int_t)used,
			"older_capacity", (json_int_t)report.older_capacity, "older_used",
			(json_int_t)report.older_used, "fill_percent",
			api_json_tenths(100.0 * used / report.capacity), "classes",
			by_class(report.found), "inserts", (json_int_t)count_inserts(&report.sum),
			"refused",
			(json_int_t)(report.sum.puts[PINS_PUT_REFUSED] +
				     report.sum.puts[PINS_PUT_LOST]),
			"evicted", by_class(&report.sum.puts[PINS_PUT_EVICTED]), "unpinned",
			(json_int_t)report.sum.unpinned, "unobserved",
			(json_int_t)report.sum.unobserved, "flood", report.flood, "crowded",
			report.crowded, "memory_bytes", (json_int_t)report.memory, "last_sweep_ms",
			api_json_tenths(report.sweep_ms), "swept", (json_int_t)report.deleted,
			"pools", pools_of(api)));
}
