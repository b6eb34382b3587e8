/* SPDX-License-Identifier: BSD-3-Clause */
#include "sluicectl/sluicectl_report.h"

#include <err.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "sluicectl/sluicectl_health.h"
#include "sluicectl/sluicectl_rows.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static void print_sentences(const json_t *list, const char *before, FILE *out)
{
	size_t index;
	json_t *value;

	json_array_foreach (list, index, value) {
		char *sentence = strdup(json_is_string(value) ? json_string_value(value) : "-");

		if (sentence == NULL)
			err(1, "result");
		fprintf(out, "%s%s\n", before, table_text_clean(sentence));
		free(sentence);
	}
}

/* "error: pool web: 0 of 3 backends are up (since 2026-01-31T12:00:00Z)" */
static void print_problem(const json_t *problem, FILE *out)
{
	char *level = rows_take_text(problem, "level"), *since = rows_take_text(problem, "since");
	char *sentence = rows_take_text(problem, "sentence");

	fprintf(out, "  %s: %s", level, sentence);
	if (json_is_string(json_object_get(problem, "since")))
		fprintf(out, " (since %s)", since);
	fputc('\n', out);
	free(sentence);
	free(since);
	free(level);
}

/* Those of an older daemon are only reasons why it is not ready. */
static void print_problems(const json_t *status, FILE *out)
{
	const json_t *problems = json_object_get(status, "problems"), *problem;
	size_t index;

	if (!json_is_array(problems))
		print_sentences(json_object_get(status, "reasons"), "  ", out);
	json_array_foreach (problems, index, problem)
		print_problem(problem, out);
}

static void print_readiness(const json_t *status, FILE *out)
{
	char *node = rows_take_text(status, "node");
	bool ready = json_is_true(json_object_get(status, "ready"));

	fprintf(out, "%s is %s\n", node, ready ? "ready" : "not ready");
	print_problems(status, out);
	print_sentences(json_object_get(status, "warnings"), "warning: ", out);
	free(node);
}

/* {"method", "report": what a change answers}; null before the first change. */
static void add_last_change(struct table *table, const json_t *change)
{
	const json_t *report = json_object_get(change, "report");
	const char *method = json_string_value(json_object_get(change, "method"));
	const json_t *parameters = json_object_get(change, "parameters");
	const json_t *pools = json_object_get(report, "pools"), *pool = json_array_get(pools, 0);
	json_int_t moved = json_integer_value(json_object_get(report, "slots_moved"));
	bool is_one = moved > 0 && json_array_size(pools) == 1;
	char moved_text[32], total_text[32];
	const char *when;
	char *what = NULL;

	if (method == NULL)
		return;
	table_add(table, "last change");
	if (json_is_object(parameters))
		what = json_dumps(parameters, JSON_COMPACT);
	else if (json_string_length(parameters) > 0)
		what = rows_take_text(change, "parameters");
	when = json_string_value(json_object_get(change, "time"));
	table_add(table, "%s%s%s: moved %s of %s slots of %s%s%s%s", method,
		what != NULL ? " " : "", what != NULL ? what : "",
		rows_group_digits(moved, moved_text),
		rows_group_digits(json_integer_value(json_object_get(is_one ? pool : report,
					  is_one ? "slots" : "slots_total")),
			total_text),
		is_one ? "pool " : "all pools",
		is_one ? json_string_value(json_object_get(pool, "name")) : "",
		when != NULL ? ", " : "", when != NULL ? when : "");
	free(what);
}

static const struct table_column pair_columns[] = { { NULL, TABLE_LEFT }, { NULL, TABLE_LEFT } };

static void print_node(const json_t *status, FILE *out)
{
	static const struct row_field node[] = {
		{ "version", "version", TABLE_LEFT },
		{ "pid", "pid", TABLE_LEFT },
		{ "uptime, s", "uptime_s", TABLE_LEFT },
		{ "table digest", "table_digest", TABLE_LEFT },
	};
	static const struct row_field configuration[] = {
		{ "revision", "revision", TABLE_LEFT },
		{ "configuration", "file", TABLE_LEFT },
		{ "which is", "file_state", TABLE_LEFT },
		{ "unsaved since", "unsaved_since", TABLE_LEFT },
	};
	static const struct row_field state[] = {
		{ "state file", "file", TABLE_LEFT },
		{ "start", "start", TABLE_LEFT },
		{ "because", "reason", TABLE_LEFT },
	};
	const json_t *file = json_object_get(status, "configuration");
	struct table *table = table_create(pair_columns, COUNT_OF(pair_columns));

	rows_add_members(table, status, node, COUNT_OF(node));
	if (json_is_object(file))
		rows_add_members(table, file, configuration,
			COUNT_OF(configuration) -
				!json_is_string(json_object_get(file, "unsaved_since")));
	rows_add_members(table, json_object_get(status, "state"), state, COUNT_OF(state));
	add_last_change(table, json_object_get(status, "last_change"));
	table_print(table, out);
	table_destroy(table);
}

void report_status(const json_t *result, FILE *out)
{
	static const struct row_field workers[] = {
		{ "lcore", "lcore", TABLE_RIGHT },
		{ "cpu", "cpu", TABLE_RIGHT },
		{ "state", "state", TABLE_LEFT },
		{ "packets", "packets", TABLE_RIGHT },
		{ "busy %", "busy_percent", TABLE_RIGHT },
		{ "cycles/packet", "cycles_per_packet", TABLE_RIGHT },
	};
	static const struct row_field ports[] = {
		{ "name", "name", TABLE_LEFT },
		{ "link", "link", TABLE_LEFT },
		{ "mac", "mac", TABLE_LEFT },
		{ "mtu", "mtu", TABLE_RIGHT },
		{ "host path", "host_path", TABLE_LEFT },
		{ "driver", "driver", TABLE_LEFT },
		{ "device", "device", TABLE_LEFT },
	};
	static const struct row_field pools[] = {
		{ "name", "name", TABLE_LEFT },
		{ "slots", "slots", TABLE_RIGHT },
		{ "digest", "digest", TABLE_LEFT },
		{ "backends", "backends", TABLE_RIGHT },
		{ "active", "active", TABLE_RIGHT },
		{ "up", "up_text", TABLE_RIGHT },
		{ "mode", "mode", TABLE_LEFT },
	};

	json_t *rows;

	print_readiness(result, out);
	fputc('\n', out);
	print_node(result, out);
	rows_print_section(
		"workers", json_object_get(result, "workers"), workers, COUNT_OF(workers), out);
	rows_print_section("ports", json_object_get(result, "ports"), ports, COUNT_OF(ports), out);
	rows = health_copy_pools(json_object_get(result, "pools"));
	rows_print_section("pools", rows, pools, COUNT_OF(pools), out);
	json_decref(rows);
}

static void print_text(const json_t *object, const char *member, FILE *out)
{
	char *text = rows_take_text(object, member);

	fprintf(out, ":%s", text);
	free(text);
}

/* "web=95,canary=5,spare=100:1:50%": as the option --pools takes it. */
static void name_pools(json_t *service)
{
	const json_t *pools = json_object_get(service, "pools");
	char *text = NULL;
	size_t size, index;
	FILE *list = open_memstream(&text, &size);
	json_t *pool;

	if (list == NULL)
		err(1, "pools");
	json_array_foreach (pools, index, pool) {
		json_int_t turn = json_integer_value(json_object_get(pool, "backup"));
		char *name = rows_take_text(pool, "pool");

		fprintf(list, "%s%s=%" JSON_INTEGER_FORMAT, index == 0 ? "" : ",", name,
			json_integer_value(json_object_get(pool, "weight")));
		if (turn != 0)
			fprintf(list, ":%" JSON_INTEGER_FORMAT, turn);
		if (json_is_integer(json_object_get(pool, "below")))
			fprintf(list, ":%" JSON_INTEGER_FORMAT,
				json_integer_value(json_object_get(pool, "below")));
		else if (json_is_string(json_object_get(pool, "below")))
			print_text(pool, "below", list);
		free(name);
	}
	fclose(list);
	if (json_is_array(pools))
		rows_set_text(service, "pool", "%s", text);
	free(text);
}

void report_services(const json_t *result, FILE *out)
{
	json_t *rows = json_deep_copy(result);
	size_t index;
	json_t *service;

	static const struct row_field fields[] = {
		{ "name", "name", TABLE_LEFT },
		{ "vip", "vip", TABLE_LEFT },
		{ "protocol", "protocol", TABLE_LEFT },
		{ "port", "port", TABLE_RIGHT },
		{ "pool", "pool", TABLE_LEFT },
		{ "forward", "forward", TABLE_LEFT },
		{ "packets", "packets", TABLE_RIGHT },
		{ "bytes", "bytes", TABLE_RIGHT },
		{ "new flows", "new_flows", TABLE_RIGHT },
	};

	if (rows == NULL)
		err(1, "result");
	json_array_foreach (rows, index, service)
		if (json_is_object(service))
			name_pools(service);
	rows_print("no services", rows, fields, COUNT_OF(fields), out);
	json_decref(rows);
}

void report_pools(const json_t *result, FILE *out)
{
	static const struct row_field fields[] = {
		{ "name", "name", TABLE_LEFT },
		{ "slots", "slots", TABLE_RIGHT },
		{ "digest", "digest", TABLE_LEFT },
		{ "backends", "backends", TABLE_RIGHT },
		{ "active", "active", TABLE_RIGHT },
		{ "up", "up_text", TABLE_RIGHT },
		{ "mode", "mode", TABLE_LEFT },
		{ "services", "services", TABLE_LEFT },
	};

	json_t *rows = health_copy_pools(result);

	rows_print("no pools", rows, fields, COUNT_OF(fields), out);
	json_decref(rows);
}

/* "web-1, established, 12 s old": adds a row for the pin of a flow that has one. */
static void add_pin(struct table *table, const json_t *pin)
{
	const json_t *age = json_object_get(pin, "age_s");
	char *backend, *class;

	if (!json_is_object(pin))
		return;
	backend = rows_take_text(pin, "backend");
	class = rows_take_text(pin, "class");
	table_add(table, "pin");
	if (json_is_integer(age))
		table_add(table, "%s, %s, %" JSON_INTEGER_FORMAT " s old", backend, class,
			json_integer_value(age));
	else
		table_add(table, "%s, %s", backend, class);
	free(class);
	free(backend);
}

/* "forwarded to web-1: an old flow without a pin": of a connection that exists. */
static void add_established(struct table *table, const json_t *established)
{
	char *verdict, *backend, *reason;

	if (!json_is_object(established))
		return;
	verdict = rows_take_text(established, "verdict");
	backend = rows_take_text(established, "backend");
	reason = rows_take_text(established,
		json_is_string(json_object_get(established, "reason_text")) ? "reason_text"
									    : "why");
	table_add(table, "old connection");
	if (json_is_string(json_object_get(established, "backend")))
		table_add(table, "%s to %s: %s", verdict, backend, reason);
	else
		table_add(table, "%s: %s", verdict, reason);
	free(reason);
	free(backend);
	free(verdict);
}

/* The rule that sends this client to another pool than others of the service. */
static void add_split(struct table *table, const json_t *result)
{
	const json_t *split = json_object_get(result, "split");
	const char *kind = json_object_get(split, "from") != NULL ? "from" : "family";
	char *value;

	if (split == NULL)
		return;
	table_add(table, "split");
	if (!json_is_object(split)) {
		table_add(table, "none: no rule is about this client");
		return;
	}
	value = rows_take_text(split, kind);
	table_add(table, "%s %s", kind, value);
	free(value);
}

static void add_current(struct table *table, const json_t *result)
{
	const json_t *current = json_object_get(result, "current");

	if (current == NULL)
		return;
	table_add(table, "current");
	if (json_is_null(current))
		table_add(table, "none: no backend takes new flows");
	else
		rows_add_value(table, current);
}

/* "down since 2026-01-31T12:00:00Z: connect refused" */
static void add_health(struct table *table, const char *title, const json_t *health)
{
	bool has_since = json_is_string(json_object_get(health, "since"));
	char *state, *since, *sentence;

	if (!json_is_object(health))
		return;
	state = rows_take_text(health, "health");
	since = rows_take_text(health, "since");
	sentence = rows_take_text(health, "sentence");
	table_add(table, "%s", title);
	table_add(table, "%s%s%s: %s", state, has_since ? " since " : "", has_since ? since : "",
		sentence);
	free(sentence);
	free(since);
	free(state);
}

/* "fail_open since 2026-01-31T12:00:00Z: 1 of 3 backends is up, fewer than 2 ..." */
static void add_pool_mode(struct table *table, const json_t *pool)
{
	json_t *copy;

	if (!json_is_string(json_object_get(pool, "mode")))
		return;
	copy = json_copy((json_t *)pool);
	if (copy == NULL || json_object_set(copy, "health", json_object_get(pool, "mode")) != 0)
		err(1, "result");
	add_health(table, "pool mode", copy);
	json_decref(copy);
}

void report_explanation(const json_t *result, FILE *out)
{
	static const struct row_field verdict[] = {
		{ "verdict", "verdict", TABLE_LEFT },
		{ "why", "why", TABLE_LEFT },
	};
	static const struct row_field choice[] = {
		{ "service", "service", TABLE_LEFT },
		{ "pool", "pool", TABLE_LEFT },
		{ "hash", "hash", TABLE_LEFT },
		{ "slot", "slot", TABLE_LEFT },
		{ "slot state", "slot_state", TABLE_LEFT },
		{ "home", "home", TABLE_LEFT },
	};
	static const struct row_field backend[] = { { "backend", "backend", TABLE_LEFT } };
	static const struct row_field reason[] = {
		{ "reason", "reason", TABLE_LEFT },
		{ "that is", "reason_text", TABLE_LEFT },
	};
	static const struct row_field way[] = {
		{ "address", "address", TABLE_LEFT },
		{ "forward", "forward", TABLE_LEFT },
		{ "outer source", "outer_source", TABLE_LEFT },
		{ "outer destination", "outer_destination", TABLE_LEFT },
		{ "source mac", "source_mac", TABLE_LEFT },
		{ "destination mac", "destination_mac", TABLE_LEFT },
		{ "port", "port", TABLE_LEFT },
		{ "mtu", "mtu", TABLE_LEFT },
	};
	struct table *table = table_create(pair_columns, COUNT_OF(pair_columns));

	rows_add_members(table, result, verdict, COUNT_OF(verdict));
	add_established(table, json_object_get(result, "established"));
	rows_add_members(table, result, choice, COUNT_OF(choice));
	add_health(table, "home is", json_object_get(result, "home_health"));
	add_split(table, result);
	add_current(table, result);
	rows_add_members(table, result, reason, COUNT_OF(reason));
	add_pin(table, json_object_get(result, "pin"));
	rows_add_members(table, result, backend, COUNT_OF(backend));
	add_health(table, "health", json_object_get(result, "health"));
	add_pool_mode(table, json_object_get(result, "pool_health"));
	rows_add_members(table, result, way, COUNT_OF(way));
	table_print(table, out);
	table_destroy(table);
}

/* Counters by name, those at zero left out where `all` is false. */
static void add_counters(struct table *table, const char *name, const json_t *counters, bool all)
{
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)counters, key, value) {
		if (!all && json_is_integer(value) && json_integer_value(value) == 0)
			continue;
		table_add(table, "%s%s", name, key);
		rows_add_value(table, value);
	}
}

static const struct table_column counter_columns[] = {
	{ NULL, TABLE_LEFT },
	{ NULL, TABLE_RIGHT },
};

static void print_verdicts(const json_t *verdicts, FILE *out)
{
	struct table *table = table_create(counter_columns, COUNT_OF(counter_columns));

	fputs("\nverdicts\n", out);
	add_counters(table, "", verdicts, true);
	table_print(table, out);
	table_destroy(table);
}

static void print_checks(const json_t *checks, FILE *out)
{
	static const struct row_field fields[] = {
		{ "targets", "targets", TABLE_LEFT },
		{ "probes", "probes", TABLE_LEFT },
		{ "that this node could not make", "untried", TABLE_LEFT },
		{ "under way", "under_way", TABLE_LEFT },
		{ "waiting", "waiting", TABLE_LEFT },
		{ "latest, ms", "late_ms", TABLE_LEFT },
		{ "cpu time, ms", "cpu_time_ms", TABLE_LEFT },
	};
	struct table *table;

	if (!json_is_object(checks))
		return;
	table = table_create(counter_columns, COUNT_OF(counter_columns));
	fputs("\nchecks\n", out);
	rows_add_members(table, checks, fields, COUNT_OF(fields));
	add_counters(table, "packets to VIPs, ", json_object_get(checks, "packets"), false);
	table_print(table, out);
	table_destroy(table);
}

/* What drivers and steering count is long and mostly zero: only the rest is shown. */
static void print_port_details(const json_t *ports, const char *kind, FILE *out)
{
	const char *name;
	json_t *port;

	json_object_foreach ((json_t *)ports, name, port) {
		struct table *table = table_create(counter_columns, COUNT_OF(counter_columns));
		char *title = strdup(name);

		if (title == NULL)
			err(1, "result");
		add_counters(table, "", json_object_get(port, kind), false);
		if (!table_is_empty(table))
			fprintf(out, "\n%s of port %s\n", kind, table_text_clean(title));
		table_print(table, out);
		table_destroy(table);
		free(title);
	}
}

void report_statistics(const json_t *result, FILE *out)
{
	static const struct row_field ports[] = {
		{ "name", NULL, TABLE_LEFT },
		{ "rx packets", "rx_packets", TABLE_RIGHT },
		{ "rx bytes", "rx_bytes", TABLE_RIGHT },
		{ "tx packets", "tx_packets", TABLE_RIGHT },
		{ "tx bytes", "tx_bytes", TABLE_RIGHT },
		{ "rx missed", "rx_missed", TABLE_RIGHT },
	};
	static const struct row_field pools[] = {
		{ "name", NULL, TABLE_LEFT },
		{ "up", "up", TABLE_RIGHT },
		{ "down", "down", TABLE_RIGHT },
		{ "initial", "initial", TABLE_RIGHT },
	};
	static const struct row_field flows[] = {
		{ "name", NULL, TABLE_LEFT },
		{ "packets", "packets", TABLE_RIGHT },
		{ "bytes", "bytes", TABLE_RIGHT },
		{ "new flows", "new_flows", TABLE_RIGHT },
	};
	static const struct row_field workers[] = {
		{ "lcore", "lcore", TABLE_RIGHT },
		{ "packets", "packets", TABLE_RIGHT },
		{ "busy %", "busy_percent", TABLE_RIGHT },
		{ "cycles/packet", "cycles_per_packet", TABLE_RIGHT },
	};
	const json_t *all_ports = json_object_get(result, "ports");

	fputs("ports\n", out);
	rows_print("none", all_ports, ports, COUNT_OF(ports), out);
	print_port_details(all_ports, "driver", out);
	print_port_details(all_ports, "steer", out);
	print_verdicts(json_object_get(result, "verdicts"), out);
	print_checks(json_object_get(result, "checks"), out);
	rows_print_section(
		"health of pools", json_object_get(result, "pools"), pools, COUNT_OF(pools), out);
	rows_print_section(
		"services", json_object_get(result, "services"), flows, COUNT_OF(flows), out);
	rows_print_section(
		"backends", json_object_get(result, "backends"), flows, COUNT_OF(flows), out);
	rows_print_section(
		"workers", json_object_get(result, "workers"), workers, COUNT_OF(workers), out);
}

void report_released(const json_t *result, FILE *out)
{
	char *vip = rows_take_text(result, "released");

	fprintf(out, "%s is filtered no longer\n", vip);
	free(vip);
}

void report_document(const json_t *result, FILE *out)
{
	json_dumpf(result, out, JSON_INDENT(2) | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
	fputc('\n', out);
}
