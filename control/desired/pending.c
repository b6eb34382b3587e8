/* SPDX-License-Identifier: BSD-3-Clause */
#include "desired/pending.h"

#include <stdlib.h>
#include <unistd.h>

void pending_destroy(struct pending *pending)
{
	config_destroy(pending->config);
	json_decref(pending->change.arguments);
	json_decref(pending->differences);
	free(pending->findings);
	free(pending->overtaker);
	free(pending);
}

bool pending_is_from_file(const struct pending *pending)
{
	return pending->change.source == DESIRED_FILE;
}

struct config *pending_validate_document(
	struct pending *pending, const json_t *document, const uint8_t *hash_key)
{
	struct findings *findings = malloc(sizeof(*findings));
	struct config *config;

	if (findings == NULL)
		return config_read(document, hash_key, &pending->error);
	findings_init(findings, FINDINGS_MAX);
	config = config_validate(document, hash_key, findings);
	if (findings_first(findings, &pending->error) == 0) {
		free(findings);
		return config;
	}
	config_destroy(config);
	free(pending->findings);
	pending->findings = findings;
	return NULL;
}

void pending_work_on_drop(struct background_job *job)
{
	struct pending *pending = job->context;

	config_destroy(pending->config);
	json_decref(pending->change.arguments);
	json_decref(pending->differences);
	pending->config = NULL;
	pending->change.arguments = NULL;
	pending->differences = NULL;
}

void pending_work_on_close(struct background_job *job)
{
	struct pending *pending = job->context;

	close(pending->replaced);
	pending->replaced = -1;
}
