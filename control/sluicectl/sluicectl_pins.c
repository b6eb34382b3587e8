/* SPDX-License-Identifier: BSD-3-Clause */
#include "sluicectl/sluicectl_pins.h"

#include "sluicectl/sluicectl_rows.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static void print_whole(const json_t *pins, FILE *out)
{
	static const struct table_column columns[] = {
		{ NULL, TABLE_LEFT },
		{ NULL, TABLE_LEFT },
	};
	static const struct row_field fields[] = {
		{ "capacity", "capacity", TABLE_LEFT },
		{ "used", "used", TABLE_LEFT },
		{ "in older tables", "older_used", TABLE_LEFT },
		{ "fill %", "fill_percent", TABLE_LEFT },
		{ "memory, bytes", "memory_bytes", TABLE_LEFT },
		{ "inserts", "inserts", TABLE_LEFT },
		{ "refused", "refused", TABLE_LEFT },
		{ "flows without the pin they need", "unpinned", TABLE_LEFT },
		{ "flood", "flood", TABLE_LEFT },
		{ "crowded", "crowded", TABLE_LEFT },
		{ "last sweep, ms", "last_sweep_ms", TABLE_LEFT },
		{ "swept", "swept", TABLE_LEFT },
	};
	struct table *table = table_create(columns, COUNT_OF(columns));

	for (size_t i = 0; i < COUNT_OF(fields); i++) {
		table_add(table, "%s", fields[i].title);
		rows_add_value(table, json_object_get(pins, fields[i].member));
	}
	table_print(table, out);
	table_destroy(table);
}

static void print_classes(const json_t *pins, FILE *out)
{
	static const struct table_column columns[] = {
		{ "class", TABLE_LEFT },
		{ "pins", TABLE_RIGHT },
		{ "evicted", TABLE_RIGHT },
	};
	const json_t *evicted = json_object_get(pins, "evicted");
	json_t *classes = json_object_get(pins, "classes");
	struct table *table = table_create(columns, COUNT_OF(columns));
	const char *name;
	json_t *count;

	json_object_foreach (classes, name, count) {
		table_add(table, "%s", name);
		rows_add_value(table, count);
		rows_add_value(table, json_object_get(evicted, name));
	}
	if (!table_is_empty(table)) {
		fputs("\nclasses\n", out);
		table_print(table, out);
	}
	table_destroy(table);
}

void pins_report(const json_t *result, FILE *out)
{
	static const struct row_field pools[] = {
		{ "name", "name", TABLE_LEFT },
		{ "slots", "slots", TABLE_RIGHT },
		{ "pins", "pins", TABLE_RIGHT },
		{ "flood", "flood", TABLE_RIGHT },
		{ "unresolved", "unresolved", TABLE_RIGHT },
		{ "settling", "reasons.settling", TABLE_RIGHT },
		{ "observing", "reasons.observing", TABLE_RIGHT },
		{ "away", "reasons.away", TABLE_RIGHT },
		{ "pinned", "reasons.pinned", TABLE_RIGHT },
		{ "longest wait, s", "longest_wait_s", TABLE_RIGHT },
	};

	print_whole(result, out);
	print_classes(result, out);
	rows_print_section("pools", json_object_get(result, "pools"), pools, COUNT_OF(pools), out);
}
