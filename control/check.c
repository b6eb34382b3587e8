/* SPDX-License-Identifier: BSD-3-Clause */
#include "check.h"

#include <stdbool.h>
#include <stdio.h>

#include "config/config.h"
#include "host/feasible.h"
#include "host/memory.h"

static void warn(void *path, const char *sentence)
{
	fprintf(stderr, "%s: warning: %s\n", (const char *)path, sentence);
}

/* To stderr, because stdout is the document. */
static void report_memory(const struct config *config)
{
	struct memory_part parts[MEMORY_PARTS_MAX];
	size_t count = memory_list(config, parts);
	uint64_t sum = 0;
	char text[16];

	for (size_t i = 0; i < count; i++) {
		fprintf(stderr, "memory: %10s  %s\n", memory_format(parts[i].bytes, text),
			parts[i].name);
		sum += parts[i].bytes;
	}
	fprintf(stderr,
		"memory: %10s  in all with one NUMA node, beside what DPDK takes for itself\n",
		memory_format(sum, text));
}

/* Prints each on a line of its own; false if there are any. */
static bool report_findings(const char *path, const struct findings *findings)
{
	for (size_t i = 0; i < findings->count; i++)
		fprintf(stderr, "%s: %s\n", path, findings->errors[i].message);
	if (findings_is_full(findings))
		fprintf(stderr, "%s: these were the first %zu, there may be more\n", path,
			findings->count);
	else if (findings->is_partial)
		fprintf(stderr, "%s: how its parts go together is judged when these are mended\n",
			path);
	return findings->count == 0;
}

/* The file may be for another host, so this refuses nothing. */
static void report_host(const char *path, const struct config *config)
{
	struct findings findings;

	findings_init(&findings, FINDINGS_MAX);
	feasible_validate_host(config, &findings);
	for (size_t i = 0; i < findings.count; i++)
		fprintf(stderr, "%s: warning: it cannot start on this host: %s\n", path,
			findings.errors[i].message);
}

static bool report_config(const char *path, const struct config *config)
{
	json_t *canonical = config_print(config);

	if (canonical == NULL) {
		fprintf(stderr, "%s: out of memory\n", path);
		return false;
	}
	config_warnings(config, warn, (void *)path);
	if (feasible_is_exposed(path))
		fprintf(stderr, "warning: " FEASIBLE_EXPOSED "\n", path);
	json_dumpf(canonical, stdout, JSON_INDENT(2));
	putchar('\n');
	report_memory(config);
	report_host(path, config);
	json_decref(canonical);
	return true;
}

int check_run(const char *path)
{
	struct error error = { "" };
	json_t *document = config_document_load(path, &error);
	struct findings findings;
	struct config *config;
	bool is_good;

	if (document == NULL) {
		fprintf(stderr, "%s\n", error.message);
		return 1;
	}
	findings_init(&findings, FINDINGS_MAX);
	config = config_validate(document, NULL, &findings);
	if (config != NULL)
		feasible_validate(config, path, &findings);
	is_good = report_findings(path, &findings) && report_config(path, config);
	json_decref(document);
	config_destroy(config);
	return !is_good;
}
