/* SPDX-License-Identifier: BSD-3-Clause */
/* Whose connections a change breaks, in the words of the socket. */
#include "api/api_internal.h"
#include "affinity/sketch.h"

static json_t *service_cut(const struct impact_service *service)
{
	char text[IMPACT_TEXT_SIZE];

	return json_pack("{s:s, s:s, s:s, s:s, s:s*, s:I, s:I, s:s}", "service", service->name,
		"pool", service->pool, "claim", service->claim, "change",
		impact_change_name(service->change), "by",
		service->taker[0] == '\0' ? NULL : service->taker, "packets",
		(json_int_t)service->counted.packets, "new_flows",
		(json_int_t)service->counted.new_flows, "text", impact_describe(service, text));
}

json_t *api_json_services_cut(const struct impact *impact)
{
	json_t *list = json_array();

	for (size_t i = 0; impact != NULL && i < impact->service_count; i++)
		json_array_append_new(list, service_cut(&impact->services[i]));
	return list;
}

static json_t *backend_cut(const struct impact_backend *backend)
{
	json_t *flows = json_null();

	if (backend->flows_known)
		flows = json_pack("{s:I, s:o, s:b}", "estimate", (json_int_t)backend->flows,
			"error_percent", api_json_tenths(SKETCH_ERROR_BASIS_POINTS / 100.0),
			"complete", backend->flows_complete);
	return json_pack("{s:s, s:s, s:i, s:o, s:i}", "pool", backend->pool, "backend",
		backend->name, "slots", backend->slots, "flows_left", flows, "in_s", backend->in_s);
}

json_t *api_json_backends_cut(const struct impact *impact)
{
	json_t *list = json_array();

	for (size_t i = 0; impact != NULL && i < impact->backend_count; i++)
		json_array_append_new(list, backend_cut(&impact->backends[i]));
	return list;
}
