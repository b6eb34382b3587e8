/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reading has three steps, each on the whole result of the previous one: every value by itself
 * (config_keys), the references between them, and the rules that look at several at once
 * (config_check). A document with a part that cannot be read is thrown away after the first step.
 */
#include "config/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_check.h"
#include "config/config_derive.h"
#include "config/config_keys.h"
#include "config/config_links.h"

static struct config *create_config(const uint8_t *hash_key, struct error *error)
{
	struct config *config = calloc(1, sizeof(*config));

	if (config == NULL) {
		error_set(error, -ENOMEM, "out of memory");
		return NULL;
	}
	if (hash_key != NULL)
		memcpy(config->hash_key, hash_key, sizeof(config->hash_key));
	if (json_keys_init(config_keys, config, error) == 0)
		return config;
	config_destroy(config);
	return NULL;
}

struct config *config_validate(
	const json_t *document, const uint8_t *hash_key, struct findings *findings)
{
	struct json_path root = json_path_root(document);
	struct error error = { "" };
	struct config *config = create_config(hash_key, &error);
	int result = config == NULL ? -ENOMEM : 0;

	root.findings = findings;
	if (result == 0)
		result = json_keys_read(config_keys, &root, config, &error);
	if (config != NULL)
		config->pool_count = config->written_pool_count;
	findings_take(findings, result, &error);
	if (findings->count != 0) {
		findings->is_partial = true;
		config_destroy(config);
		return NULL;
	}
	result = config_links_resolve(config, &root, findings);
	if (result == 0)
		config_check(config, findings);
	if (findings->count == 0)
		config_derive(config, findings);
	return config;
}

struct config *config_read(const json_t *document, const uint8_t *hash_key, struct error *error)
{
	struct findings findings;
	struct config *config;

	findings_init(&findings, 1);
	config = config_validate(document, hash_key, &findings);
	if (findings_first(&findings, error) == 0)
		return config;
	config_destroy(config);
	return NULL;
}
