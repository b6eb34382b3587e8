/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any bytes are refused with a sentence or are a configuration whose canonical form reads back to
 * itself.
 */
#include <string.h>

#include "config/config.h"
#include "require.h"

static char *print(const struct config *config)
{
	json_t *document = config_print_with_secret(config);
	char *text = json_dumps(document, 0);

	json_decref(document);
	require(text != NULL);
	return text;
}

static struct config *read_text(const char *text, size_t length)
{
	struct error error = { "" };
	json_t *document = config_document_parse(text, length, &error);
	struct config *config = NULL;
	struct findings findings;

	if (document != NULL)
		config = config_read(document, NULL, &error);
	require(config != NULL || error.message[0] != '\0');
	if (document != NULL && config == NULL) {
		findings_init(&findings, FINDINGS_MAX);
		config_destroy(config_validate(document, NULL, &findings));
		require(findings.count > 0);
		require(strcmp(findings.errors[0].message, error.message) == 0);
	}
	json_decref(document);
	return config;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config *config = read_text((const char *)data, size);
	struct config *again;
	char *once, *twice;

	if (config == NULL)
		return 0;
	once = print(config);
	again = read_text(once, strlen(once));
	require(again != NULL);
	twice = print(again);
	require(strcmp(once, twice) == 0);
	require(config_compare_restart(config, again, NULL) == 0);
	free(twice);
	config_destroy(again);
	free(once);
	config_destroy(config);
	return 0;
}
