/* SPDX-License-Identifier: BSD-3-Clause */
/* Addresses that are VIPs no longer: what is said of them, and how one is let go. */
#include <errno.h>
#include <stddef.h>

#include "api/api_internal.h"
#include "json/json_build.h"
#include "common/events.h"
#include "json/lookup.h"

#define NAMED_MAX 8 /* former VIPs with a sentence of their own */

static bool filters_former_vips(const struct api *api)
{
	size_t count = desired_config(api->running.desired)->dataplane.port_count;

	for (size_t i = 0; i < count; i++)
		if (port_steer(api->running.ports[i]) != NULL)
			return true;
	return false;
}

static void warn_of_removed(const struct api *api, const char *vip, bool dry_run, json_t *warnings)
{
	bool filtered = filters_former_vips(api);
	json_t *sentence = json_sprintf("%s %s no VIP any more: withdraw its route%s%s%s", vip,
		dry_run ? "would be" : "is", dry_run ? " first" : "",
		filtered ? "; it stays filtered until sluicectl vip release " : "",
		filtered ? vip : "");

	if (!dry_run)
		events_publish(
			EVENT(STEERING, WARNING, VIP, vip), "%s", json_string_value(sentence));
	json_array_append_new(warnings, sentence);
}

/* As after most changes: then nothing has to be looked up. */
static bool have_the_same_vips(const struct config *before, const struct config *after)
{
	if (before->service_count != after->service_count)
		return false;
	for (size_t i = 0; i < after->service_count; i++)
		if (!address_equal(&before->services[i].vip, &after->services[i].vip))
			return false;
	return true;
}

void api_warn_of_removed_vips(
	const struct api *api, const struct desired_outcome *outcome, json_t *report)
{
	const struct config *before = outcome->config_before, *after = outcome->config_after;
	json_t *warnings = json_object_get(report, "warnings");
	struct lookup *known;
	size_t earlier, gone = 0;

	if (have_the_same_vips(before, after))
		return;
	known = lookup_create();
	for (size_t i = 0; known != NULL && i < after->service_count; i++) {
		char text[ADDRESS_TEXT_SIZE];

		address_format(&after->services[i].vip, text);
		lookup_add(known, text, i, &earlier);
	}
	for (size_t i = 0; known != NULL && i < before->service_count; i++) {
		char text[ADDRESS_TEXT_SIZE];

		address_format(&before->services[i].vip, text);
		if (lookup_add(known, text, i, &earlier) != 0)
			continue;
		if (++gone <= NAMED_MAX)
			warn_of_removed(api, text, outcome->dry_run, warnings);
	}
	if (gone > NAMED_MAX)
		json_array_append_new(
			warnings, json_sprintf("%zu more %s any more either", gone - NAMED_MAX,
					  gone - NAMED_MAX == 1 ? "is no VIP" : "are no VIPs"));
	lookup_destroy(known);
}

json_t *api_json_former_vips(const struct api *api)
{
	const struct steering *steering = desired_steering(api->running.desired);
	json_t *list = json_array();

	for (size_t i = 0; i < steering_former_count(steering); i++) {
		const struct former_vip *former = steering_former(steering, i);
		struct json_build row = json_build_begin();

		json_build_value(&row, "vip", api_json_address(&former->vip));
		json_build_value(&row, "since", api_json_time(former->since_s));
		json_build_integer(&row, "dropped", steering_former_drops(steering, i));
		json_array_append_new(list, json_build_end(&row));
	}
	return list;
}

void api_warn_of_former_vips(const struct api *api, json_t *warnings)
{
	const struct steering *steering = desired_steering(api->running.desired);
	size_t count = steering_former_count(steering);

	if (steering_is_note_lost(steering))
		json_array_append_new(warnings,
			json_string(
				"the file of former VIPs could not be read whole at the start (see the "
				"log): withdraw the routes of all VIPs that were taken out of the "
				"configuration before"));
	for (size_t i = 0; i < count && i < NAMED_MAX; i++) {
		char text[ADDRESS_TEXT_SIZE];

		address_format(&steering_former(steering, i)->vip, text);
		json_array_append_new(warnings,
			json_sprintf("%s is no VIP any more and still filtered (packets dropped: "
				     "%llu): withdraw its route, then sluicectl vip release %s",
				text, (unsigned long long)steering_former_drops(steering, i),
				text));
	}
	if (count > NAMED_MAX)
		json_array_append_new(
			warnings, json_sprintf("%zu more former VIP%s filtered", count - NAMED_MAX,
					  count - NAMED_MAX == 1 ? " is" : "s are"));
}

void api_vip_release(struct api *api, const struct api_params *params, struct rpc_call *call)
{
	struct steering *steering = desired_steering(api->running.desired);
	struct json_build answer;
	char text[ADDRESS_TEXT_SIZE];

	address_format(&params->vip, text);
	if (steering_release(steering, &params->vip, desired_config(api->running.desired)) != 0) {
		rpc_call_error(call, RPC_NOT_FOUND,
			"%s is no former VIP that is filtered (sluicectl status lists them)", text);
		return;
	}
	answer = json_build_begin();
	json_build_text(&answer, "released", text);
	rpc_call_result(call, json_build_end(&answer));
}
