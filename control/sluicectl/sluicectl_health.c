/* SPDX-License-Identifier: BSD-3-Clause */
#include "sluicectl/sluicectl_health.h"

#include <err.h>
#include <stdlib.h>

#include "sluicectl/sluicectl_rows.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* "down (override)": an operator's word stands above the check's. */
static void describe(json_t *backend)
{
	const json_t *last = json_object_get(backend, "last");
	const json_t *sentence = json_object_get(last, "sentence");
	json_int_t failed = json_integer_value(json_object_get(last, "failed_in_a_row"));
	char *override;

	if (json_is_string(json_object_get(backend, "override"))) {
		override = rows_take_text(backend, "override");
		rows_set_text(backend, "health", "%s (override)", override);
		free(override);
		return;
	}
	/* the latest result says more than the one that changed the status */
	if (json_is_string(sentence))
		json_object_set(backend, "sentence", json_object_get(last, "sentence"));
	if (failed > 0 && json_is_string(sentence))
		rows_set_text(backend, "sentence", "%s (%" JSON_INTEGER_FORMAT " in a row)",
			json_string_value(sentence), failed);
}

static json_t *copy_rows(const json_t *result)
{
	json_t *rows = json_deep_copy(result), *backend;
	size_t index;

	if (rows == NULL)
		err(1, "result");
	json_array_foreach (rows, index, backend)
		if (json_is_object(backend))
			describe(backend);
	return rows;
}

void health_report(const json_t *result, FILE *out)
{
	static const struct row_field fields[] = {
		{ "pool", "pool", TABLE_LEFT },
		{ "name", "name", TABLE_LEFT },
		{ "health", "health", TABLE_LEFT },
		{ "role", "role", TABLE_LEFT },
		{ "since", "since", TABLE_LEFT },
		{ "check", "type", TABLE_LEFT },
		{ "ms", "last.duration_ms", TABLE_RIGHT },
		{ "last result", "sentence", TABLE_LEFT },
	};
	json_t *rows = copy_rows(result);

	rows_print("no backends", rows, fields, COUNT_OF(fields), out);
	json_decref(rows);
}

static void print_changes(const json_t *backend, FILE *out)
{
	static const struct row_field fields[] = {
		{ "time", "time", TABLE_LEFT },
		{ "status", "status", TABLE_LEFT },
		{ "ms", "duration_ms", TABLE_RIGHT },
		{ "because", "sentence", TABLE_LEFT },
	};
	char *pool = rows_take_text(backend, "pool"), *name = rows_take_text(backend, "name");
	char title[160];

	snprintf(title, sizeof(title), "%s/%s", pool, name);
	rows_print_section(
		title, json_object_get(backend, "changes"), fields, COUNT_OF(fields), out);
	free(name);
	free(pool);
}

void health_report_all(const json_t *result, FILE *out)
{
	const json_t *backend;
	size_t index;

	health_report(result, out);
	json_array_foreach (result, index, backend)
		print_changes(backend, out);
}
