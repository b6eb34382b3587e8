/* SPDX-License-Identifier: BSD-3-Clause */
#include "sluicectl_wait.h"

#include <err.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sluicectl_backends.h"
#include "table.h"

static bool is_text(const json_t *object, const char *member, const char *text)
{
	const char *value = json_string_value(json_object_get(object, member));

	return value != NULL && strcmp(value, text) == 0;
}

enum wait_state wait_judge(const json_t *backends, const char *name, const json_t **flows)
{
	const json_t *estimate;
	size_t index;
	json_t *backend;

	*flows = NULL;
	json_array_foreach ((json_t *)backends, index, backend) {
		if (!is_text(backend, "name", name))
			continue;
		if (!is_text(backend, "life", "drain") && !is_text(backend, "life", "suspect"))
			return WAIT_IS_OVER;
		*flows = json_object_get(backend, "flows_left");
		estimate = json_object_get(*flows, "estimate");
		return json_is_integer(estimate) && json_integer_value(estimate) == 0 &&
				       json_is_true(json_object_get(*flows, "complete"))
			       ? WAIT_NO_FLOWS
			       : WAIT_GOES_ON;
	}
	return WAIT_IS_OVER;
}

static void say_progress(const char *name, const json_t *flows, char *last, FILE *out)
{
	char text[BACKENDS_FLOWS_SIZE];

	if (out == NULL || strcmp(backends_format_flows(flows, text), last) == 0)
		return;
	strcpy(last, text);
	fprintf(out, "%s: %s flows left\n", name, text);
	fflush(out);
}

static void say_end(const char *name, const struct wait_result *result, bool cut, FILE *out)
{
	if (out == NULL)
		return;
	if (!cut)
		fprintf(out, "%s: no flow is left after %u s\n", name, result->in_s);
	else
		fprintf(out, "%s: the drain is over after %u s; about %lld flows were cut off\n",
			name, result->in_s, result->flows);
}

enum link_end wait_for_drain(const char *socket, const char *pool, const char *name, FILE *out,
	struct wait_result *result, struct error *error)
{
	char last[BACKENDS_FLOWS_SIZE] = "";
	time_t began = time(NULL);

	*result = (struct wait_result){ .ended = false };
	for (;;) {
		json_t *params = json_pack("{s:s}", "pool", pool);
		const json_t *flows;
		enum wait_state state;
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
		state = wait_judge(backends, name, &flows);
		result->in_s = time(NULL) - began;
		if (state == WAIT_GOES_ON) {
			result->flows = json_integer_value(json_object_get(flows, "estimate"));
			say_progress(name, flows, last, out);
		} else if (state == WAIT_NO_FLOWS) {
			result->flows = 0;
		}
		json_decref(backends);
		if (state != WAIT_GOES_ON) {
			result->ended = true;
			say_end(name, result, state == WAIT_IS_OVER, out);
			return LINK_ANSWERED;
		}
		sleep(1);
	}
}
