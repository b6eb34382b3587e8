/* SPDX-License-Identifier: BSD-3-Clause */
#include "sluicectl/sluicectl_health.h"

#include <err.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/plural.h"
#include "sluicectl/sluicectl_rows.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* "status 200 (13 of 32 in a row; it came back 4 times of late)": what it still needs. */
static void set_needed(json_t *backend, const json_t *last)
{
	json_int_t returns = json_integer_value(json_object_get(last, "returns"));
	char why[64] = "";

	if (returns > 0)
		snprintf(why, sizeof(why), "; it came back %" JSON_INTEGER_FORMAT " time%s of late",
			returns, plural((uint64_t)returns));
	rows_set_text(backend, "sentence",
		"%s (%" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT " in a row%s)",
		json_string_value(json_object_get(last, "sentence")),
		json_integer_value(json_object_get(last, "passed_in_a_row")),
		json_integer_value(json_object_get(last, "needed_in_a_row")), why);
}

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
	else if (json_is_true(json_object_get(last, "passed")) && json_is_string(sentence) &&
		 json_is_integer(json_object_get(last, "needed_in_a_row")))
		set_needed(backend, last);
}

/* "50% drain, 25% applied": what it asks for; nothing while it asks for what it has anyway. */
static bool set_asked(json_t *backend)
{
	const json_t *asked = json_object_get(backend, "asked");
	const char *word = json_string_value(json_object_get(asked, "word"));
	double percent = json_number_value(json_object_get(asked, "percent"));
	double applied = json_number_value(json_object_get(asked, "applied_percent"));
	char is_now[32] = "";

	if (!json_is_object(asked))
		return false;
	if (word == NULL || strcmp(word, "none") == 0)
		word = "";
	if (json_is_true(json_object_get(asked, "senseless"))) {
		rows_set_text(backend, "asks", "senseless");
		return true;
	}
	if (applied != percent)
		snprintf(is_now, sizeof(is_now), ", %.0f%% applied", applied);
	rows_set_text(
		backend, "asks", "%.0f%%%s%s%s", percent, word[0] == '\0' ? "" : " ", word, is_now);
	return true;
}

/* *is_asked: whether anybody asks the backends what they want. */
static json_t *copy_rows(const json_t *result, bool *is_asked)
{
	json_t *rows = json_deep_copy(result), *backend;
	size_t index;

	if (rows == NULL)
		err(1, "result");
	*is_asked = false;
	json_array_foreach (rows, index, backend) {
		if (!json_is_object(backend))
			continue;
		describe(backend);
		if (set_asked(backend))
			*is_asked = true;
	}
	return rows;
}

void health_report(const json_t *result, FILE *out)
{
	/* the last one only where anybody asks */
	static const struct row_field fields[] = {
		{ "pool", "pool", TABLE_LEFT },
		{ "name", "name", TABLE_LEFT },
		{ "health", "health", TABLE_LEFT },
		{ "role", "role", TABLE_LEFT },
		{ "since", "since", TABLE_LEFT },
		{ "check", "type", TABLE_LEFT },
		{ "ms", "last.duration_ms", TABLE_RIGHT },
		{ "last result", "sentence", TABLE_LEFT },
		{ "asks for", "asks", TABLE_LEFT },
	};
	bool is_asked;
	json_t *rows = copy_rows(result, &is_asked);

	rows_print("no backends", rows, fields, COUNT_OF(fields) - !is_asked, out);
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

/* "3 of 4": of its active backends. */
static void count_up(json_t *pool)
{
	json_int_t up = json_integer_value(json_object_get(pool, "up"));
	json_int_t others = json_integer_value(json_object_get(pool, "down")) +
			    json_integer_value(json_object_get(pool, "initial"));

	if (json_is_integer(json_object_get(pool, "up")))
		rows_set_text(pool, "up_text", "%" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT,
			up, up + others);
}

json_t *health_copy_pools(const json_t *pools)
{
	json_t *rows = json_deep_copy(pools), *pool;
	size_t index;

	if (rows == NULL && pools != NULL)
		err(1, "result");
	json_array_foreach (rows, index, pool)
		if (json_is_object(pool))
			count_up(pool);
	return rows;
}
