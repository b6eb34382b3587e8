/* SPDX-License-Identifier: BSD-3-Clause */
#include "sluicectl/sluicectl_wait.h"

#include <err.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/plural.h"
#include "sluicectl/sluicectl_backends.h"
#include "sluicectl/table.h"

static bool is_text(const json_t *object, const char *member, const char *text)
{
	const char *value = json_string_value(json_object_get(object, member));

	return value != NULL && strcmp(value, text) == 0;
}

static const json_t *find_backend(const json_t *backends, const char *name)
{
	size_t index;
	json_t *backend;

	json_array_foreach ((json_t *)backends, index, backend)
		if (is_text(backend, "name", name))
			return backend;
	return NULL;
}

/* With a weight of 0 it takes no new flows either way: it drains on, without a deadline. */
static bool is_withdrawn(const json_t *backend)
{
	return is_text(backend, "state", "active") &&
	       json_integer_value(json_object_get(backend, "weight")) != 0;
}

enum wait_state wait_classify(const json_t *backends, const char *name, const json_t **flows)
{
	const json_t *backend = find_backend(backends, name);
	const json_t *estimate;

	*flows = NULL;
	if (backend == NULL || is_text(backend, "life", "removed"))
		return WAIT_REMOVED;
	if (is_withdrawn(backend) || is_text(backend, "life", "up"))
		return WAIT_WITHDRAWN;
	if (is_text(backend, "life", "drained"))
		return WAIT_DEADLINE;
	if (is_text(backend, "life", "off") || is_text(backend, "state", "disabled"))
		return WAIT_DISABLED;
	if (!is_text(backend, "life", "drain") && !is_text(backend, "life", "suspect"))
		return WAIT_FAILED;
	*flows = json_object_get(backend, "flows_left");
	estimate = json_object_get(*flows, "estimate");
	return json_is_integer(estimate) && json_integer_value(estimate) == 0 &&
			       json_is_true(json_object_get(*flows, "complete"))
		       ? WAIT_NO_FLOWS
		       : WAIT_GOES_ON;
}

const char *wait_state_name(enum wait_state state)
{
	static const char *const names[] = {
		[WAIT_GOES_ON] = "goes_on",
		[WAIT_NO_FLOWS] = "no_flows",
		[WAIT_DEADLINE] = "deadline",
		[WAIT_WITHDRAWN] = "withdrawn",
		[WAIT_FAILED] = "failed",
		[WAIT_DISABLED] = "disabled",
		[WAIT_REMOVED] = "removed",
	};

	return names[state];
}

/* None that was seen says nothing while the counting has only just begun. */
bool wait_is_counted(const struct wait_result *result)
{
	return result->end == WAIT_NO_FLOWS ||
	       (result->flows_known && (result->flows_complete || result->flows > 0));
}

static void describe_left(const json_t *flows, char *text, size_t size)
{
	json_int_t estimate = json_integer_value(json_object_get(flows, "estimate"));
	bool is_partial = json_is_false(json_object_get(flows, "complete"));
	char counted[BACKENDS_FLOWS_SIZE];

	if (!json_is_object(flows))
		snprintf(text, size, "the flows left are not counted");
	else if (is_partial && estimate == 0)
		snprintf(text, size, "the flows left are not known yet");
	else if (is_partial)
		snprintf(text, size, "at least %lld flow%s left", (long long)estimate,
			plural((uint64_t)estimate));
	else
		snprintf(text, size, "%s flows left", backends_format_flows(flows, counted));
}

void wait_describe_progress(const char *name, const json_t *backend, char *text, size_t size)
{
	const json_t *deadline = json_object_get(backend, "deadline_s");
	char left[64];

	describe_left(json_object_get(backend, "flows_left"), left, sizeof(left));
	if (json_is_integer(deadline))
		snprintf(text, size, "%s: %s, the deadline is in %lld s", name, left,
			(long long)json_integer_value(deadline));
	else
		snprintf(text, size, "%s: %s, there is no deadline", name, left);
}

static void say_progress(const char *name, const json_t *backends, char *last, FILE *out)
{
	const json_t *backend = find_backend(backends, name);
	char flows[BACKENDS_FLOWS_SIZE], text[256];

	backends_format_flows(json_object_get(backend, "flows_left"), flows);
	if (out == NULL || strcmp(flows, last) == 0)
		return;
	strcpy(last, flows);
	wait_describe_progress(name, backend, text, sizeof(text));
	fprintf(out, "%s\n", text);
	fflush(out);
}

/* Of a drain that ended before its flows did. */
static void describe_cut(const struct wait_result *result, char *text, size_t size)
{
	if (!wait_is_counted(result))
		snprintf(text, size, "how many flows were cut off is not known");
	else
		snprintf(text, size, "%s %lld flow%s cut off",
			result->flows_complete ? "about" : "at least", result->flows,
			result->flows == 1 ? " was" : "s were");
}

void wait_describe(const char *name, const struct wait_result *result, char *text, size_t size)
{
	char cut[96];

	describe_cut(result, cut, sizeof(cut));
	switch (result->end) {
	case WAIT_NO_FLOWS:
		snprintf(text, size, "%s: no flow is left after %u s", name, result->in_s);
		return;
	case WAIT_DEADLINE:
		snprintf(text, size, "%s: the deadline has come after %u s; %s", name, result->in_s,
			cut);
		return;
	case WAIT_WITHDRAWN:
		snprintf(text, size,
			"%s: the drain was withdrawn after %u s: it takes new flows again and keeps "
			"its own",
			name, result->in_s);
		return;
	case WAIT_FAILED:
		snprintf(text, size,
			"%s: it failed after %u s of draining, and its flows have left it; %s",
			name, result->in_s, cut);
		return;
	case WAIT_DISABLED:
		snprintf(text, size, "%s: it was disabled after %u s of draining; %s", name,
			result->in_s, cut);
		return;
	case WAIT_REMOVED:
		snprintf(text, size, "%s: it is not there any more after %u s of draining; %s",
			name, result->in_s, cut);
		return;
	case WAIT_GOES_ON: break;
	}
	snprintf(text, size, "%s: the drain goes on", name);
}

static void say_end(const char *name, const struct wait_result *result, FILE *out)
{
	char text[320];

	wait_describe(name, result, text, sizeof(text));
	if (out != NULL)
		fprintf(out, "%s\n", text);
}

static void note_flows(struct wait_result *result, const json_t *flows)
{
	const json_t *estimate = json_object_get(flows, "estimate");

	result->flows_known = json_is_integer(estimate);
	result->flows = json_integer_value(estimate);
	result->flows_complete = json_is_true(json_object_get(flows, "complete"));
}

enum link_end wait_for_drain(const char *socket, const char *pool, const char *name, FILE *out,
	struct wait_result *result, struct error *error)
{
	char last[BACKENDS_FLOWS_SIZE] = "";
	time_t began = time(NULL);

	*result = (struct wait_result){ .end = WAIT_GOES_ON };
	for (;;) {
		json_t *params = json_pack("{s:s}", "pool", pool);
		const json_t *flows;
		enum link_end end;
		json_t *backends;

		if (params == NULL)
			err(1, "params");
		end = link_ask(socket, "backend.list", params, &backends, error);
		json_decref(params);
		if (end != LINK_ANSWERED) {
			json_decref(backends);
			return end;
		}
		result->end = wait_classify(backends, name, &flows);
		result->in_s = time(NULL) - began;
		if (flows != NULL)
			note_flows(result, flows);
		if (result->end == WAIT_GOES_ON)
			say_progress(name, backends, last, out);
		json_decref(backends);
		if (result->end != WAIT_GOES_ON) {
			say_end(name, result, out);
			return LINK_ANSWERED;
		}
		sleep(1);
	}
}
