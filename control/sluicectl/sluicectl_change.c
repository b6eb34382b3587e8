/* SPDX-License-Identifier: BSD-3-Clause */
#include "sluicectl/sluicectl_change.h"

#include <err.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/plural.h"
#include "sluicectl/sluicectl_rows.h"

#define VALUE_LENGTH 60 /* of a value of the configuration that is shown */

static double share(json_int_t part, json_int_t whole)
{
	return whole > 0 ? 100.0 * part / whole : 0.0;
}

/* Adds the backends whose slots change, or all of them. Returns how many were left out. */
static size_t add_moved_pool(struct table *table, const json_t *pool, bool all)
{
	json_int_t slots = json_integer_value(json_object_get(pool, "slots"));
	const json_t *other = json_object_get(pool, "slots_before");
	json_int_t slots_before = json_is_integer(other) ? json_integer_value(other) : slots;
	char *name = rows_take_text(pool, "name");
	size_t index, left_out = 0;
	json_t *backend;

	json_array_foreach (json_object_get(pool, "backends"), index, backend) {
		json_int_t before = json_integer_value(json_object_get(backend, "slots_before"));
		json_int_t after = json_integer_value(json_object_get(backend, "slots_after"));

		if (!all && before == after) {
			left_out++;
			continue;
		}
		table_add(table, "%s", name);
		rows_add_value(table, json_object_get(backend, "name"));
		table_add(table, "%" JSON_INTEGER_FORMAT, before);
		table_add(table, "%" JSON_INTEGER_FORMAT, after);
		table_add(table, "%.1f", share(before, slots_before));
		table_add(table, "%.1f", share(after, slots));
	}
	free(name);
	return left_out;
}

static void print_moved_pools(const json_t *pools, bool all, FILE *out)
{
	static const struct table_column columns[] = {
		{ "pool", TABLE_LEFT },
		{ "backend", TABLE_LEFT },
		{ "slots before", TABLE_RIGHT },
		{ "slots after", TABLE_RIGHT },
		{ "share % before", TABLE_RIGHT },
		{ "share % after", TABLE_RIGHT },
	};
	struct table *table = table_create(columns, sizeof(columns) / sizeof(columns[0]));
	size_t index, left_out = 0;
	char text[32];
	json_t *pool;

	json_array_foreach (pools, index, pool)
		if (json_integer_value(json_object_get(pool, "slots_moved")) > 0)
			left_out += add_moved_pool(table, pool, all);
	if (!table_is_empty(table)) {
		fputc('\n', out);
		table_print(table, out);
	}
	if (left_out > 0)
		fprintf(out, "and %s other%s, unchanged (--all shows %s)\n",
			rows_group_digits(left_out, text), plural(left_out),
			left_out == 1 ? "it" : "them");
	table_destroy(table);
}

/* Which backend's load changes most; `change` is null where no backend's does. */
static void print_largest_change(const json_t *change, FILE *out)
{
	json_int_t before = json_integer_value(json_object_get(change, "slots_before"));
	json_int_t after = json_integer_value(json_object_get(change, "slots_after"));
	const json_t *percent = json_object_get(change, "percent");
	char before_text[32], after_text[32];
	char *pool, *backend;

	if (!json_is_object(change))
		return;
	pool = rows_take_text(change, "pool");
	backend = rows_take_text(change, "backend");
	fprintf(out, "largest change of load: %s/%s from %s to %s slot%s", pool, backend,
		rows_group_digits(before, before_text), rows_group_digits(after, after_text),
		plural(after));
	if (json_is_number(percent))
		fprintf(out, " (%c%.1f %%)", after < before ? '-' : '+',
			fabs(json_number_value(percent)));
	fputc('\n', out);
	free(backend);
	free(pool);
}

/* Of all pools, the backend that has most in proportion to its share. */
static void print_highest_load(const json_t *pools, FILE *out)
{
	const json_t *worst = NULL, *worst_pool = NULL;
	double most = 0;
	size_t index;
	json_t *pool;

	json_array_foreach (pools, index, pool) {
		const json_t *load = json_object_get(pool, "highest_load");
		double percent = json_number_value(json_object_get(load, "percent"));

		if (percent <= most)
			continue;
		most = percent;
		worst = load;
		worst_pool = pool;
	}
	if (worst != NULL) {
		char *name = rows_take_text(worst_pool, "name");
		char *backend = rows_take_text(worst, "backend");

		fprintf(out, "highest load: %s/%s with %.1f %% of its share\n", name, backend,
			most);
		free(backend);
		free(name);
	}
}

static void print_warnings(const json_t *warnings, FILE *out)
{
	size_t index;
	json_t *warning;

	json_array_foreach (warnings, index, warning)
		fprintf(out, "warning: %s\n", json_string_value(warning));
}

/* Of a dry run. */
static void print_refusal(const json_t *sentence, FILE *out)
{
	if (json_is_string(sentence))
		fprintf(out, "would be refused: %s\n", json_string_value(sentence));
}

/* "at least 4 flows" while the counting has only just begun; nothing where they are not counted. */
static void print_flows(const json_t *flows, FILE *out)
{
	const json_t *estimate = json_object_get(flows, "estimate");
	bool is_partial = json_is_false(json_object_get(flows, "complete"));
	const char *least = is_partial ? "at least " : "";
	char text[32];

	if (is_partial && json_integer_value(estimate) == 0)
		fputs(", not counted yet", out);
	else if (json_is_integer(estimate))
		fprintf(out, ", %s%s flow%s left", least,
			rows_group_digits(json_integer_value(estimate), text),
			plural(json_integer_value(estimate)));
}

static void print_backends_cut(const json_t *backends, FILE *out)
{
	size_t index;
	json_t *backend;

	json_array_foreach (backends, index, backend) {
		json_int_t in_s = json_integer_value(json_object_get(backend, "in_s"));
		char *pool = rows_take_text(backend, "pool");
		char *name = rows_take_text(backend, "backend");
		json_int_t slots = json_integer_value(json_object_get(backend, "slots"));
		char text[32];

		fprintf(out, "  backend %s/%s: the flows of %s slot%s", pool, name,
			rows_group_digits(slots, text), plural(slots));
		print_flows(json_object_get(backend, "flows_left"), out);
		if (in_s > 0)
			fprintf(out, ", in %" JSON_INTEGER_FORMAT " s", in_s);
		fputc('\n', out);
		free(name);
		free(pool);
	}
}

static void print_rates(const json_t *service, FILE *out)
{
	const json_t *packets = json_object_get(service, "packets_per_second");
	const json_t *flows = json_object_get(service, "new_flows_per_second");

	if (json_is_integer(packets) && json_is_integer(flows))
		fprintf(out,
			", now %" JSON_INTEGER_FORMAT " packets and %" JSON_INTEGER_FORMAT
			" new flows a second",
			json_integer_value(packets), json_integer_value(flows));
}

static void print_services_cut(const json_t *services, FILE *out)
{
	size_t index;
	json_t *service;

	json_array_foreach (services, index, service) {
		char *name = rows_take_text(service, "service");
		char *text = rows_take_text(service, "text");

		fprintf(out, "  service %s: %s", name, text);
		print_rates(service, out);
		fputc('\n', out);
		free(text);
		free(name);
	}
}

/* What is cut off at the end of drains alone has not happened yet. */
static const char *break_verb(const json_t *result, bool dry_run)
{
	if (dry_run)
		return "WOULD BREAK";
	return json_integer_value(json_object_get(result, "cut_in_s")) > 0 ? "WILL BREAK" : "BROKE";
}

/* "12.5 % of the flows of pool web, and up to as many of 2 other pools" */
static void print_share_of_flows(const json_t *percent, const json_t *worst, FILE *out)
{
	json_int_t others = json_integer_value(json_object_get(worst, "pools")) - 1;
	const char *pool = json_string_value(json_object_get(worst, "pool"));
	char text[32];

	fprintf(out, "about %.1f %% of the flows", json_number_value(percent));
	if (pool != NULL)
		fprintf(out, " of pool %s", pool);
	if (others > 0)
		fprintf(out, ", and up to as many of %s other pool%s",
			rows_group_digits(others, text), plural(others));
}

/* Slots do not say where these live. */
static void print_cut_pins(const json_t *pins, FILE *out)
{
	json_int_t count = json_integer_value(pins);
	char text[32];

	if (count > 0)
		fprintf(out, ", and of those among %s pinned flow%s that live there",
			rows_group_digits(count, text), plural(count));
}

/* What moves by it is known when the table is built: to say 0 % would be wrong. */
static bool is_put_off(const json_t *result)
{
	return json_integer_value(json_object_get(result, "pending_ms")) > 0;
}

static void print_consequences(const json_t *result, bool dry_run, FILE *out)
{
	const json_t *pinned = json_object_get(result, "pinned_percent");
	const json_t *cut = json_object_get(result, "cut_percent");

	if (json_is_number(pinned) && !is_put_off(result)) {
		fprintf(out, "%s ", dry_run ? "would pin" : "pins");
		print_share_of_flows(pinned, json_object_get(result, "pinned"), out);
		fputc('\n', out);
	}
	if (json_number_value(cut) > 0) {
		fprintf(out, "%s the connections of ", break_verb(result, dry_run));
		print_share_of_flows(cut, json_object_get(result, "cut"), out);
		print_cut_pins(json_object_get(result, "cut_pins"), out);
		fputc('\n', out);
	}
	print_services_cut(json_object_get(result, "services_cut"), out);
	print_backends_cut(json_object_get(result, "backends_cut"), out);
	print_largest_change(json_object_get(result, "largest_load_change"), out);
	print_highest_load(json_object_get(result, "pools"), out);
	if (json_is_true(json_object_get(result, "forced")))
		fprintf(out, "%s\n", dry_run ? "would be forced" : "forced");
}

/* Of a whole document: "services added www6; backends changed web/web-1". */
static void print_differences(const json_t *changes, FILE *out)
{
	if (json_is_string(changes) && json_string_length(changes) > 0)
		fprintf(out, "%s\n", json_string_value(changes));
}

/* A value, cut short; "-" where there is none. For the caller to free. */
static char *format_value(const json_t *value)
{
	char *text = value == NULL ? NULL
				   : json_dumps(value,
					     JSON_COMPACT | JSON_ENCODE_ANY | JSON_ENSURE_ASCII);

	if (text == NULL && (text = strdup("-")) == NULL)
		err(1, "result");
	if (strlen(text) > VALUE_LENGTH)
		strcpy(text + VALUE_LENGTH - 3, "...");
	return text;
}

/* Of a backend: "pools[web].backends[web-1].address". */
static bool is_address(const char *path)
{
	static const char end[] = "].address";
	size_t length = strlen(path);

	return strncmp(path, "pools[", strlen("pools[")) == 0 && length > strlen(end) &&
	       strcmp(path + length - strlen(end), end) == 0;
}

/* "pools[web].backends[web-1].weight: 100 -> 50", "services[www6]: added" */
static void print_difference(const json_t *key, FILE *out)
{
	const json_t *before = json_object_get(key, "before");
	const json_t *after = json_object_get(key, "after");
	char *path = rows_take_text(key, "path");
	char *old = format_value(before), *new = format_value(after);

	if (before == NULL && json_is_object(after))
		fprintf(out, "  %s: added\n", path);
	else if (after == NULL && json_is_object(before))
		fprintf(out, "  %s: removed\n", path);
	else
		fprintf(out, "  %s: %s -> %s\n", path, old, new);
	if (is_address(path) && before != NULL && after != NULL)
		fputs("    another address is another backend: the former drains, as one that is "
		      "removed\n",
			out);
	free(new);
	free(old);
	free(path);
}

/* Of a dry run of a whole document. */
static void print_keys(const json_t *differences, FILE *out)
{
	json_int_t left_out = json_integer_value(json_object_get(differences, "left_out"));
	char text[32];
	size_t index;
	json_t *key;

	json_array_foreach (json_object_get(differences, "keys"), index, key)
		print_difference(key, out);
	if (left_out > 0)
		fprintf(out, "  and %s more key%s\n", rows_group_digits(left_out, text),
			plural(left_out));
}

/* "6.25 % of 100, in 7 s (1,234 slots move then)" */
static void print_dynamic_weight(const json_t *share, bool dry_run, FILE *out)
{
	double percent = json_number_value(json_object_get(share, "percent"));
	json_int_t in_s = json_integer_value(json_object_get(share, "in_s"));
	bool stays = percent == json_number_value(json_object_get(share, "percent_before"));
	json_int_t slots = json_integer_value(json_object_get(share, "slots_to_move"));
	char text[32];

	if (!json_is_object(share))
		return;
	fprintf(out, "%s %.4g %% of %" JSON_INTEGER_FORMAT,
		stays     ? "weight stays"
		: dry_run ? "weight would be"
			  : "weight is",
		percent, json_integer_value(json_object_get(share, "weight")));
	if (in_s > 0)
		fprintf(out, ", in %" JSON_INTEGER_FORMAT " s (%s slot%s then)", in_s,
			rows_group_digits(slots, text), slots == 1 ? " moves" : "s move");
	fputc('\n', out);
}

static void print_change(const json_t *result, bool all, FILE *out)
{
	json_int_t moved = json_integer_value(json_object_get(result, "slots_moved"));
	json_int_t total = json_integer_value(json_object_get(result, "slots_total"));
	bool dry_run = json_is_true(json_object_get(result, "dry_run"));
	bool changed = json_is_true(json_object_get(result, "changed"));
	bool written = json_is_true(json_object_get(result, "written"));
	const char *verb = dry_run ? "would move" : "moved";
	const json_t *pools = json_object_get(result, "pools");
	const json_t *pool = json_array_get(pools, 0);
	char moved_text[32], total_text[32];

	if (moved > 0 && json_array_size(pools) == 1) {
		total = json_integer_value(json_object_get(pool, "slots"));
		fprintf(out, "%s %s of %s slots of pool %s (%.1f %%)\n", verb,
			rows_group_digits(moved, moved_text), rows_group_digits(total, total_text),
			json_string_value(json_object_get(pool, "name")), 100.0 * moved / total);
	} else if (moved > 0) {
		fprintf(out, "%s %s of %s slots of all pools (%.1f %%)\n", verb,
			rows_group_digits(moved, moved_text), rows_group_digits(total, total_text),
			json_number_value(json_object_get(result, "moved_percent")));
	} else if (is_put_off(result)) {
		fprintf(out,
			"changed; slots move with the next build of the table, in %" JSON_INTEGER_FORMAT
			" ms at most\n",
			json_integer_value(json_object_get(result, "pending_ms")));
	} else if (changed) {
		fputs(dry_run ? "would change, no slot would move\n" : "changed, no slot moved\n",
			out);
	} else {
		fputs(written ? "the file is written; nothing else to change\n"
			      : "nothing to change\n",
			out);
	}
	print_differences(json_object_get(result, "changes"), out);
	print_keys(json_object_get(result, "differences"), out);
	print_dynamic_weight(json_object_get(result, "dynamic_weight"), dry_run, out);
	print_consequences(result, dry_run, out);
	print_warnings(json_object_get(result, "warnings"), out);
	print_refusal(json_object_get(result, "needs_force"), out);
	print_moved_pools(json_object_get(result, "pools"), all, out);
}

void change_report(const json_t *result, FILE *out)
{
	print_change(result, false, out);
}

void change_report_all(const json_t *result, FILE *out)
{
	print_change(result, true, out);
}
