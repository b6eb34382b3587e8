/* SPDX-License-Identifier: BSD-3-Clause */
#include "sluicectl/sluicectl_backends.h"

#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "sluicectl/sluicectl_rows.h"

/* The two largest units of a time that is left: "9m58s", "2d3h". */
static void set_left(json_t *backend, json_int_t seconds)
{
	static const struct {
		json_int_t seconds;
		char name;
	} units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
	size_t i = 0;

	while (i < 3 && seconds < units[i].seconds)
		i++;
	if (i == 3)
		rows_set_text(backend, "left", "%" JSON_INTEGER_FORMAT "s", seconds);
	else
		rows_set_text(backend, "left",
			"%" JSON_INTEGER_FORMAT "%c%" JSON_INTEGER_FORMAT "%c",
			seconds / units[i].seconds, units[i].name,
			seconds % units[i].seconds / units[i + 1].seconds, units[i + 1].name);
}

/* An estimate with its error; ">=" while the counting has only just begun. */
const char *backends_format_flows(const json_t *flows, char text[static BACKENDS_FLOWS_SIZE])
{
	const json_t *estimate = json_object_get(flows, "estimate");
	const json_t *error = json_object_get(flows, "error_percent");

	if (!json_is_number(estimate))
		snprintf(text, BACKENDS_FLOWS_SIZE, "-");
	else if (json_is_false(json_object_get(flows, "complete")))
		snprintf(text, BACKENDS_FLOWS_SIZE, ">=%.0f", json_number_value(estimate));
	else if (json_is_number(error))
		snprintf(text, BACKENDS_FLOWS_SIZE, "%.0f+-%.0f%%", json_number_value(estimate),
			json_number_value(error));
	else
		snprintf(text, BACKENDS_FLOWS_SIZE, "%.0f", json_number_value(estimate));
	return text;
}

/* "75% of 100": a dynamic weight. */
static void set_weight(json_t *backend)
{
	const json_t *percent = json_object_get(backend, "weight_percent");
	json_int_t weight = json_integer_value(json_object_get(backend, "weight"));

	if (json_is_number(percent) && json_number_value(percent) < 100)
		rows_set_text(backend, "weight", "%.0f%% of %" JSON_INTEGER_FORMAT,
			json_number_value(percent), weight);
}

/* "down (refused)", "up (override)": why it is not as its check would have it, or not up. */
static void set_health(json_t *backend)
{
	char *health, *reason;

	if (!json_is_string(json_object_get(backend, "reason")))
		return; /* an older daemon has none */
	health = rows_take_text(backend, "health");
	reason = rows_take_text(backend, "reason");
	if (json_is_string(json_object_get(backend, "override")) || strcmp(health, "down") == 0)
		rows_set_text(backend, "health", "%s (%s)", health, reason);
	free(reason);
	free(health);
}

/* A backend that was removed is in no configuration any more, whatever its state was there. */
static void describe(json_t *backend)
{
	const json_t *left = json_object_get(backend, "deadline_s");
	char flows[BACKENDS_FLOWS_SIZE];

	if (json_is_integer(left))
		set_left(backend, json_integer_value(left));
	rows_set_text(backend, "flows", "%s",
		backends_format_flows(json_object_get(backend, "flows_left"), flows));
	set_weight(backend);
	set_health(backend);
	if (json_is_true(json_object_get(backend, "removed")))
		rows_set_text(backend, "state", "removed");
}

static void print_backends(
	const json_t *result, const struct row_field *fields, size_t count, FILE *out)
{
	json_t *rows = json_deep_copy(result);
	size_t index;
	json_t *backend;

	if (rows == NULL)
		err(1, "result");
	json_array_foreach (rows, index, backend)
		if (json_is_object(backend))
			describe(backend);
	rows_print("no backends", rows, fields, count, out);
	json_decref(rows);
}

void backends_report(const json_t *result, FILE *out)
{
	static const struct row_field fields[] = {
		{ "pool", "pool", TABLE_LEFT },
		{ "name", "name", TABLE_LEFT },
		{ "life", "life", TABLE_LEFT },
		{ "health", "health", TABLE_LEFT },
		{ "weight", "weight", TABLE_RIGHT },
		{ "share %", "share_percent", TABLE_RIGHT },
		{ "left", "left", TABLE_RIGHT },
		{ "flows", "flows", TABLE_RIGHT },
		{ "packets/s", "packets_per_second", TABLE_RIGHT },
		{ "new/s", "new_flows_per_second", TABLE_RIGHT },
	};

	print_backends(result, fields, sizeof(fields) / sizeof(fields[0]), out);
}

void backends_report_all(const json_t *result, FILE *out)
{
	static const struct row_field fields[] = {
		{ "pool", "pool", TABLE_LEFT },
		{ "name", "name", TABLE_LEFT },
		{ "address", "address", TABLE_LEFT },
		{ "weight", "weight", TABLE_RIGHT },
		{ "state", "state", TABLE_LEFT },
		{ "life", "life", TABLE_LEFT },
		{ "health", "health", TABLE_LEFT },
		{ "left", "left", TABLE_RIGHT },
		{ "flows", "flows", TABLE_RIGHT },
		{ "slots", "slots", TABLE_RIGHT },
		{ "share %", "share_percent", TABLE_RIGHT },
		{ "packets", "packets", TABLE_RIGHT },
		{ "packets/s", "packets_per_second", TABLE_RIGHT },
		{ "bytes", "bytes", TABLE_RIGHT },
		{ "new flows", "new_flows", TABLE_RIGHT },
		{ "new/s", "new_flows_per_second", TABLE_RIGHT },
	};

	print_backends(result, fields, sizeof(fields) / sizeof(fields[0]), out);
}
