/* SPDX-License-Identifier: BSD-3-Clause */
/* Whose connections a change breaks, in the words of the socket. */
#include "api/api_internal.h"
#include "json/json_build.h"
#include "affinity/sketch.h"

static json_t *service_cut(const struct impact_service *service)
{
	struct json_build object = json_build_begin();
	char text[IMPACT_TEXT_SIZE];

	json_build_text(&object, "service", service->name);
	json_build_text(&object, "pool", service->pool);
	json_build_text(&object, "claim", service->claim);
	json_build_text(&object, "change", impact_change_name(service->change));
	if (service->taker[0] != '\0')
		json_build_text(&object, "by", service->taker);
	json_build_integer(&object, "packets", service->counted.packets);
	json_build_integer(&object, "new_flows", service->counted.new_flows);
	json_build_text(&object, "text", impact_describe(service, text));
	return json_build_end(&object);
}

json_t *api_json_services_cut(const struct impact *impact)
{
	json_t *list = json_array();

	for (size_t i = 0; impact != NULL && i < impact->service_count; i++)
		json_array_append_new(list, service_cut(&impact->services[i]));
	return list;
}

static json_t *flows_cut(const struct impact_backend *backend)
{
	struct json_build object = json_build_begin();

	json_build_integer(&object, "estimate", backend->flows);
	json_build_value(
		&object, "error_percent", api_json_tenths(SKETCH_ERROR_BASIS_POINTS / 100.0));
	json_build_flag(&object, "complete", backend->flows_complete);
	return json_build_end(&object);
}

static json_t *backend_cut(const struct impact_backend *backend)
{
	struct json_build object = json_build_begin();

	json_build_text(&object, "pool", backend->pool);
	json_build_text(&object, "backend", backend->name);
	json_build_integer(&object, "slots", backend->slots);
	json_build_value(
		&object, "flows_left", backend->flows_known ? flows_cut(backend) : json_null());
	json_build_integer(&object, "in_s", backend->in_s);
	return json_build_end(&object);
}

json_t *api_json_backends_cut(const struct impact *impact)
{
	json_t *list = json_array();

	for (size_t i = 0; impact != NULL && i < impact->backend_count; i++)
		json_array_append_new(list, backend_cut(&impact->backends[i]));
	return list;
}
