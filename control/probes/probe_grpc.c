/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The type grpc: grpc.health.v1.Health/Check over HTTP/2 (PROTOCOL-HTTP2.md and
 * doc/health-checking.md of gRPC).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "probes/exchange.h"
#include "probes/grpc_health.h"
#include "probes/probe_type.h"

#define HTTP_OK 200

struct grpc_attempt {
	struct exchange exchange;
	uint8_t *request;
	bool is_grpc; /* by its content type */
	bool has_status;
	int32_t status; /* grpc-status; below 0: it is no number */
};

static struct grpc_attempt *attempt_of(struct probe *probe)
{
	return (struct grpc_attempt *)probe->attempt;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The value of "name: value"; NULL: the line is another one. */
static const char *find_value(const char *line, size_t *length, const char *name)
{
	size_t name_length = strlen(name);

	if (*length <= name_length || strncasecmp(line, name, name_length) != 0 ||
		line[name_length] != ':')
		return NULL;
	line += name_length + 1;
	*length -= name_length + 1;
	while (*length > 0 && is_blank(*line)) {
		line++;
		--*length;
	}
	while (*length > 0 && is_blank(line[*length - 1]))
		--*length;
	return line;
}

static void on_header(struct exchange *exchange, const char *line, size_t length)
{
	static const char type[] = "application/grpc";
	struct grpc_attempt *attempt = attempt_of(exchange->probe);
	size_t value_length = length;
	const char *value = find_value(line, &value_length, "content-type");

	if (value != NULL)
		attempt->is_grpc = value_length >= sizeof(type) - 1 &&
				   strncasecmp(value, type, sizeof(type) - 1) == 0;
	value_length = length;
	value = find_value(line, &value_length, "grpc-status");
	if (value != NULL) {
		attempt->has_status = true;
		attempt->status = grpc_status_read(value, value_length);
	}
}

/* What HTTP makes of the call; false: there is a result. */
static bool judge_call(struct exchange *exchange)
{
	struct probe *probe = exchange->probe;
	const struct grpc_attempt *attempt = attempt_of(probe);
	int32_t status = exchange_status(exchange);

	if (!exchange_is_http2(exchange))
		probe_finish(probe, PROBE_PROTOCOL, 0, "the answer is not HTTP/2");
	else if (status != HTTP_OK)
		probe_finish(
			probe, PROBE_STATUS, status, "status %d, expected %d", status, HTTP_OK);
	else if (!attempt->is_grpc)
		probe_finish(probe, PROBE_PROTOCOL, 0, "the answer is not gRPC");
	else if (!attempt->has_status)
		probe_finish(probe, PROBE_PROTOCOL, 0, "no grpc-status");
	else if (attempt->status < 0)
		probe_finish(probe, PROBE_PROTOCOL, 0, "a grpc-status that is no number");
	return !probe->has_result;
}

static void finish_status(struct probe *probe, int32_t status)
{
	static const struct {
		int32_t status;
		const char *hint;
	} hints[] = {
		{ 5, ": it does not know this service" },
		{ 12, ": it has no health service" },
	};
	char text[PROBE_SENTENCE_SIZE];
	const char *hint = "";

	for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++)
		if (hints[i].status == status)
			hint = hints[i].hint;
	probe_reason_describe(PROBE_GRPC_STATUS, status, text);
	probe_finish(probe, PROBE_GRPC_STATUS, status, "%s%s", text, hint);
}

static void judge_message(struct exchange *exchange)
{
	struct probe *probe = exchange->probe;
	char text[PROBE_SENTENCE_SIZE];
	const char *fault;
	int32_t serving;

	if (exchange->is_cut) {
		probe_finish(probe, PROBE_PROTOCOL, 0, "a message of more than 64 KiB");
	} else if (grpc_answer_read((const uint8_t *)exchange->body, exchange->body_bytes, &serving,
			   &fault) < 0) {
		probe_finish(probe, PROBE_PROTOCOL, 0, "%s", fault);
	} else if (serving != GRPC_SERVING) {
		probe_reason_describe(PROBE_NOT_SERVING, serving, text);
		probe_finish(probe, PROBE_NOT_SERVING, serving, "%s", text);
	} else {
		probe_finish(probe, PROBE_PASSED, 0, "gRPC health is SERVING");
	}
}

static void judge(struct exchange *exchange)
{
	const struct grpc_attempt *attempt = attempt_of(exchange->probe);

	if (exchange->is_cut) /* its status would come after it */
		judge_message(exchange);
	else if (!judge_call(exchange))
		return;
	else if (attempt->status != 0)
		finish_status(exchange->probe, attempt->status);
	else
		judge_message(exchange);
}

static const struct exchange_handler handler = { on_header, judge };

static void start(struct probe *probe)
{
	static const char *const headers[] = { "Content-Type: application/grpc", "TE: trailers",
		NULL };
	const struct config_health *settings = probe->settings;
	const char *service = settings->service == NULL ? "" : settings->service;
	struct grpc_attempt *attempt = attempt_of(probe);
	struct exchange_request request = {
		.uses_tls = settings->tls,
		.uses_http2 = true,
		.keeps_body = true,
		.path = "/grpc.health.v1.Health/Check",
		.headers = headers,
	};

	attempt->request = malloc(GRPC_REQUEST_SIZE(strlen(service)));
	if (attempt->request == NULL) {
		probe_finish_errno(probe, "request", ENOMEM);
		return;
	}
	request.body = attempt->request;
	request.body_length = grpc_request_write(service, attempt->request);
	exchange_start(&attempt->exchange, probe, &request, &handler);
}

static void stop(struct probe *probe)
{
	exchange_stop(&attempt_of(probe)->exchange);
	free(attempt_of(probe)->request);
}

static const char *awaited(struct probe *probe)
{
	return exchange_awaited(&attempt_of(probe)->exchange);
}

const struct probe_type probe_type_grpc = {
	.attempt_size = sizeof(struct grpc_attempt),
	.start = start,
	.stop = stop,
	.awaited = awaited,
	.late = probe_prolong,
};
