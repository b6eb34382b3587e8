/* SPDX-License-Identifier: BSD-3-Clause */
#include "rpc/rpc_message.h"

#include <string.h>

#include "json/json_shape.h"
#include "rpc/rpc.h"

/* Before the parser, which recurses and allocates as it reads. */
static int check_shape(const char *line, size_t length, struct error *error)
{
	struct json_shape shape = { 0 };

	for (size_t i = 0; i < length; i++)
		json_shape_pass(&shape, line[i]);
	if (shape.deepest > RPC_NESTING_MAX)
		return error_set(error, RPC_PARSE_ERROR,
			"the request is nested %zu deep, %d at most", shape.deepest,
			RPC_NESTING_MAX);
	if (shape.values > RPC_VALUES_MAX)
		return error_set(error, RPC_PARSE_ERROR, "the request has %zu values, %d at most",
			shape.values, RPC_VALUES_MAX);
	return 0;
}

static int parse_document(json_t **document, const char *line, size_t length, struct error *error)
{
	json_error_t cause;

	if (memchr(line, '\0', length) != NULL)
		return error_set(error, RPC_PARSE_ERROR, "the request holds a NUL byte");
	if (check_shape(line, length, error) != 0)
		return RPC_PARSE_ERROR;
	*document = json_loadb(line, length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &cause);
	if (*document == NULL)
		return error_set(error, RPC_PARSE_ERROR, "the request is not JSON: column %d: %s",
			cause.column, cause.text);
	return 0;
}

static int check_keys(json_t *document, struct error *error)
{
	static const char *const known[] = { "jsonrpc", "method", "params", "id" };
	const char *key;
	json_t *value;

	json_object_foreach (document, key, value) {
		bool found = false;

		for (size_t i = 0; i < sizeof(known) / sizeof(known[0]) && !found; i++)
			found = strcmp(key, known[i]) == 0;
		if (!found)
			return error_set(error, RPC_INVALID_REQUEST,
				"\"%.64s\" is not a member of a request: jsonrpc, method, params, id",
				key);
	}
	return 0;
}

static int read_id(struct rpc_request *request, struct error *error)
{
	json_t *id = json_object_get(request->document, "id");

	if (id == NULL)
		return 0;
	if (!json_is_string(id) && !json_is_number(id) && !json_is_null(id))
		return error_set(
			error, RPC_INVALID_REQUEST, "\"id\" is not a string, a number or null");
	request->id = json_incref(id);
	return 0;
}

static int read_method(struct rpc_request *request, struct error *error)
{
	const char *version = json_string_value(json_object_get(request->document, "jsonrpc"));
	const char *method = json_string_value(json_object_get(request->document, "method"));

	if (version == NULL || strcmp(version, "2.0") != 0)
		return error_set(error, RPC_INVALID_REQUEST, "\"jsonrpc\" is not \"2.0\"");
	if (method == NULL)
		return error_set(error, RPC_INVALID_REQUEST, "\"method\" is missing or no string");
	request->method = method;
	/* only a request that is valid so far can ask for no answer (JSON-RPC 2.0, 4.1) */
	request->notification = json_object_get(request->document, "id") == NULL;
	return 0;
}

static int read_params(struct rpc_request *request, struct error *error)
{
	json_t *params = json_object_get(request->document, "params");

	if (params != NULL && !json_is_object(params))
		return error_set(error, RPC_INVALID_PARAMS,
			"\"params\" is not an object: parameters go by name");
	request->params = params != NULL ? json_incref(params) : json_object();
	return request->params != NULL ? 0 : error_set(error, RPC_INTERNAL_ERROR, "out of memory");
}

int rpc_request_parse(
	struct rpc_request *request, const char *line, size_t length, struct error *error)
{
	int code;

	*request = (struct rpc_request){ 0 };
	code = parse_document(&request->document, line, length, error);
	if (code != 0)
		return code;
	if (json_is_array(request->document))
		return error_set(error, RPC_INVALID_REQUEST,
			"batches are not supported: send one request per line");
	if (!json_is_object(request->document))
		return error_set(error, RPC_INVALID_REQUEST, "the request is not an object");
	code = read_id(request, error);
	if (code == 0)
		code = check_keys(request->document, error);
	if (code == 0)
		code = read_method(request, error);
	if (code == 0)
		code = read_params(request, error);
	return code;
}

void rpc_request_release(struct rpc_request *request)
{
	json_decref(request->params);
	json_decref(request->id);
	json_decref(request->document);
	*request = (struct rpc_request){ 0 };
}

/* Takes over `value` and returns the finished line, or NULL. */
static char *print_answer(json_t *id, const char *kind, json_t *value)
{
	json_t *answer = json_object();
	char *line = NULL;
	int failed = 0;

	failed |= json_object_set_new(answer, "jsonrpc", json_string("2.0"));
	failed |= json_object_set_new(answer, kind, value);
	failed |= id != NULL ? json_object_set(answer, "id", id)
			     : json_object_set_new(answer, "id", json_null());
	if (failed == 0)
		line = json_dumps(answer, RPC_PRINT_FLAGS);
	json_decref(answer);
	return line;
}

char *rpc_message_print_result(json_t *id, json_t *result)
{
	return print_answer(id, "result", result);
}

/* A sentence may quote what a client sent, cut off in the middle of a character. */
static json_t *print_sentence(const char *sentence)
{
	json_t *value = json_string(sentence);
	struct error ascii;

	if (value != NULL)
		return value;
	error_set(&ascii, 0, "%s", sentence);
	for (char *byte = ascii.message; *byte != '\0'; byte++)
		if ((unsigned char)*byte >= 0x80)
			*byte = '?';
	return json_string(ascii.message);
}

char *rpc_message_print_error(json_t *id, int code, const char *sentence, json_t *data)
{
	json_t *value = json_object();
	int failed = 0;

	failed |= json_object_set_new(value, "code", json_integer(code));
	failed |= json_object_set_new(value, "message", print_sentence(sentence));
	if (data != NULL)
		failed |= json_object_set_new(value, "data", data);
	if (failed != 0) {
		json_decref(value);
		return NULL;
	}
	return print_answer(id, "error", value);
}

char *rpc_message_print_notification(const char *method, json_t *params)
{
	json_t *message = json_object();
	char *line = NULL;
	int failed = 0;

	failed |= json_object_set_new(message, "jsonrpc", json_string("2.0"));
	failed |= json_object_set_new(message, "method", json_string(method));
	failed |= json_object_set_new(message, "params", params);
	if (failed == 0)
		line = json_dumps(message, RPC_PRINT_FLAGS);
	json_decref(message);
	return line;
}
