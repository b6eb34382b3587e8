/* SPDX-License-Identifier: BSD-3-Clause */
/* rpc.discover: the table of methods as an OpenRPC document (spec.open-rpc.org), a method a row. */
#include "api/api_internal.h"
#include "api/api_methods.h"
#include "api/api_rows.h"
#include "json/json_build.h"
#include "json/json_schema.h"
#include "version.h"

static json_t *describe_param(const struct json_key *param)
{
	const struct json_key *row = api_method_row(param);
	struct json_build object = json_build_begin();

	json_build_text(&object, "name", param->name);
	json_build_text(&object, "summary", row->summary);
	json_build_flag(&object, "required", param->presence == JSON_KEY_REQUIRED);
	json_build_value(&object, "schema", json_schema_key(param));
	return json_build_end(&object);
}

static json_t *describe_result(const struct api_method *method)
{
	struct json_build schema = json_build_begin(), object = json_build_begin();

	json_build_text(&schema, "type", method->lists ? "array" : "object");
	json_build_text(&object, "name", "answer");
	json_build_value(&object, "schema", json_build_end(&schema));
	return json_build_end(&object);
}

static json_t *describe_method(const struct api_method *method)
{
	struct json_build object = json_build_begin();
	json_t *params = json_array();

	for (const struct json_key *param = method->params; param->name != NULL; param++)
		json_array_append_new(params, describe_param(param));
	json_build_text(&object, "name", method->name);
	json_build_text(&object, "summary", method->summary);
	json_build_text(&object, "paramStructure", "by-name");
	json_build_value(&object, "params", params);
	json_build_value(&object, "result", describe_result(method));
	json_build_flag(&object, "x-changes", method->changes);
	return json_build_end(&object);
}

static json_t *describe_server(void)
{
	struct json_build object = json_build_begin();

	json_build_text(&object, "title", "Control socket of sluiced");
	json_build_text(&object, "version", SLUICE_VERSION);
	return json_build_end(&object);
}

static bool write_method(struct api_rows *rows, struct rpc_answer *answer)
{
	if (!rows->opened) {
		rpc_answer_open_object(answer, NULL);
		rpc_answer_value(answer, "openrpc", json_string("1.3.2"));
		rpc_answer_value(answer, "info", describe_server());
		rpc_answer_open_list(answer, "methods");
		rows->opened = true;
	}
	if (rows->outer == api_method_count)
		return false;
	rpc_answer_value(answer, NULL, describe_method(&api_methods[rows->outer++]));
	return true;
}

void api_discover(struct api *api, const struct api_params *params, struct rpc_call *call)
{
	static const struct api_rows_kind kind = { .write = write_method };

	api_rows_answer(api, &kind, NULL, call);
}
