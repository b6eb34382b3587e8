/* SPDX-License-Identifier: BSD-3-Clause */
#include "check.h"

#include <stdio.h>

#include "config.h"
#include "feasible.h"
#include "memory.h"

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

int check_run(const char *path)
{
	struct error error = { "" };
	json_t *document = config_document_load(path, &error);
	struct config *config = NULL;
	json_t *canonical = NULL;

	if (document != NULL) {
		config = config_read(document, NULL, &error);
		if (config == NULL || feasible_check(config, path, &error) != 0)
			error_wrap(&error, 0, "%s", path);
		else
			canonical = config_print(config);
	}
	if (canonical != NULL) {
		config_warnings(config, warn, (void *)path);
		if (feasible_is_exposed(path))
			fprintf(stderr, "warning: " FEASIBLE_EXPOSED "\n", path);
		json_dumpf(canonical, stdout, JSON_INDENT(2));
		putchar('\n');
		report_memory(config);
	} else {
		fprintf(stderr, "%s\n", error.message);
	}
	json_decref(document);
	json_decref(canonical);
	config_destroy(config);
	return canonical == NULL;
}
