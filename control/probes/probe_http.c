/* SPDX-License-Identifier: BSD-3-Clause */
/* The types http and https. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "probes/exchange.h"
#include "probes/probe_agent.h"
#include "probes/probe_type.h"

#define EXPECTED_SHOWN 60 /* bytes of expect_body in a sentence */

struct http_attempt {
	struct exchange exchange;
	enum agent_finding weight; /* what the headers of the answer say */
};

static struct http_attempt *attempt_of(struct probe *probe)
{
	return (struct http_attempt *)probe->attempt;
}

static bool begins_with(const char *line, size_t length, const char *start)
{
	size_t start_length = strlen(start);

	return length >= start_length && strncasecmp(line, start, start_length) == 0;
}

/* Of two headers that differ, neither is believed. */
static void read_weight(struct http_attempt *attempt, const char *value, size_t length)
{
	struct probe_result *result = &attempt->exchange.probe->result;
	struct probe_result said = { .has_weight = false };
	enum agent_finding finding = probe_weight_read(value, length, &said);

	if (attempt->weight == AGENT_UNDERSTOOD &&
		(finding != AGENT_UNDERSTOOD || said.weight != result->weight))
		finding = AGENT_SENSELESS;
	if (attempt->weight != AGENT_SENSELESS)
		attempt->weight = finding;
	result->has_weight = attempt->weight == AGENT_UNDERSTOOD;
	result->weight = result->has_weight ? said.weight : 0;
}

/* A status line begins the answer anew: 100 (Continue) and the like may be before it. */
static void on_header(struct exchange *exchange, const char *line, size_t length)
{
	struct http_attempt *attempt = attempt_of(exchange->probe);
	size_t name_length = strlen(PROBE_WEIGHT_HEADER ":");

	if (!exchange->probe->settings->weight_header)
		return;
	while (length > 0 && (line[length - 1] == '\r' || line[length - 1] == '\n'))
		length--;
	if (begins_with(line, length, "HTTP/")) {
		attempt->weight = AGENT_MISSING;
		exchange->probe->result.has_weight = false;
	} else if (begins_with(line, length, PROBE_WEIGHT_HEADER ":")) {
		read_weight(attempt, line + name_length, length - name_length);
	}
}

static bool is_expected(const struct config_health *settings, int32_t status)
{
	for (size_t i = 0; i < settings->status_range_count; i++)
		if (status >= settings->status_ranges[i].first &&
			status <= settings->status_ranges[i].last)
			return true;
	return false;
}

static bool is_body_expected(const struct config_health *settings, const struct exchange *exchange)
{
	if (settings->expect_body == NULL || settings->expect_body[0] == '\0')
		return true;
	return exchange->body_bytes > 0 &&
	       memmem(exchange->body, exchange->body_bytes, settings->expect_body,
		       strlen(settings->expect_body)) != NULL;
}

/* What is to be said of a weight or a word that was asked for and did not come. */
static const char *describe_said(enum agent_finding weight, enum agent_finding word)
{
	if (weight == AGENT_MISSING)
		return ", no header " PROBE_WEIGHT_HEADER;
	if (weight == AGENT_SENSELESS)
		return ", a senseless " PROBE_WEIGHT_HEADER;
	if (word == AGENT_MISSING)
		return ", no word of an agent";
	if (word == AGENT_SENSELESS)
		return ", a senseless line of an agent";
	return "";
}

static void judge(struct exchange *exchange)
{
	struct probe *probe = exchange->probe;
	const struct config_health *settings = probe->settings;
	enum agent_finding weight = AGENT_UNDERSTOOD, word = AGENT_UNDERSTOOD;
	int32_t status = exchange_status(exchange);

	if (settings->weight_header)
		weight = attempt_of(probe)->weight;
	if (settings->agent)
		word = probe_agent_read(exchange->body, exchange->body_bytes, &probe->result);
	probe->result.is_senseless = weight == AGENT_SENSELESS || word == AGENT_SENSELESS;
	if (!is_expected(settings, status))
		probe_finish(probe, PROBE_STATUS, status, "status %d, expected %s", status,
			settings->expect_status);
	else if (!is_body_expected(settings, exchange))
		probe_finish(probe, PROBE_BODY, 0, "no \"%.*s\" in %s", EXPECTED_SHOWN,
			settings->expect_body,
			exchange->is_cut ? "the first 64 KiB of the body" : "the body");
	else
		probe_finish(probe, PROBE_PASSED, status, "status %d%s", status,
			describe_said(weight, word));
}

static const struct exchange_handler handler = { on_header, judge };

static void start(struct probe *probe)
{
	const struct config_health *settings = probe->settings;
	const struct exchange_request request = {
		.uses_tls = settings->type == CONFIG_HEALTH_HTTPS,
		.is_head = settings->method == CONFIG_HEALTH_HEAD,
		.keeps_body = settings->expect_body != NULL || settings->agent,
		.path = settings->path,
		.host = settings->host,
	};

	exchange_start(&attempt_of(probe)->exchange, probe, &request, &handler);
}

static void stop(struct probe *probe)
{
	exchange_stop(&attempt_of(probe)->exchange);
}

static const char *awaited(struct probe *probe)
{
	return exchange_awaited(&attempt_of(probe)->exchange);
}

const struct probe_type probe_type_http = {
	.attempt_size = sizeof(struct http_attempt),
	.start = start,
	.stop = stop,
	.awaited = awaited,
	.late = probe_prolong,
};
