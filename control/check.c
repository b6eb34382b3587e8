/* SPDX-License-Identifier: BSD-3-Clause */
#include "check.h"

#include <stdio.h>

#include "config.h"

static void warn(void *path, const char *sentence)
{
	fprintf(stderr, "%s: warning: %s\n", (const char *)path, sentence);
}

int check_run(const char *path)
{
	struct error error = { "" };
	json_t *document = config_document_load(path, &error);
	struct config *config = NULL;
	json_t *canonical = NULL;

	if (document != NULL)
		config = config_read(document, NULL, &error);
	if (config != NULL)
		canonical = config_print(config);
	if (canonical != NULL) {
		config_warnings(config, warn, (void *)path);
		json_dumpf(canonical, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		fprintf(stderr, "%s: %s\n", path, error.message);
	}
	json_decref(document);
	json_decref(canonical);
	config_destroy(config);
	return canonical == NULL;
}
