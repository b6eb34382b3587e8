/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reading goes in three steps, each on the whole of what the one before left: every value by itself
 * (the tables of keys), the references between them, and the rules that look at several at once
 * (config_check). A document with a part that cannot be read is thrown away after the first step.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config_check.h"
#include "config_dataplane.h"
#include "config_field.h"
#include "config_pools.h"
#include "config_services.h"
#include "json.h"

#define DEFAULT_SOCKET "/run/sluice/control.sock"

/* All zero is what no given key can be: neither the document nor the caller had one. */
static int judge_hash_key(
	const struct json_place *node, const struct config *config, struct error *error)
{
	static const uint8_t none[CONFIG_HASH_KEY_SIZE];
	struct json_place key = json_place_member(node, "hash_key");

	if (memcmp(config->hash_key, none, sizeof(none)) == 0)
		return json_refuse(&key, error, "missing");
	return 0;
}

static int read_node(const struct json_place *place, void *field, struct error *error)
{
	static const struct json_member members[] = {
		{ "name", JSON_REQUIRED, offsetof(struct config, node_name),
			config_field_read_name },
		{ "hash_key", JSON_OPTIONAL, offsetof(struct config, hash_key),
			config_field_read_hash_key },
		{ "zone", JSON_NOT_YET, 0, NULL },
		{ "hash_key_file", JSON_NOT_YET, 0, NULL },
		{ .key = NULL },
	};
	int result = json_read_object(place, members, field, error);

	return result == 0 ? judge_hash_key(place, field, error) : result;
}

static int read_control(const struct json_place *place, void *field, struct error *error)
{
	static const struct json_member members[] = {
		{ "socket", JSON_OPTIONAL, offsetof(struct config, socket),
			config_field_read_socket },
		{ "http", JSON_NOT_YET, 0, NULL },
		{ "http_token_file", JSON_NOT_YET, 0, NULL },
		{ "events", JSON_NOT_YET, 0, NULL },
		{ "history", JSON_NOT_YET, 0, NULL },
		{ .key = NULL },
	};

	return json_read_object(place, members, field, error);
}

static int read_document(const struct json_place *root, struct config *config, struct error *error)
{
	static const struct json_member members[] = {
		{ "node", JSON_REQUIRED, 0, read_node },
		{ "dataplane", JSON_REQUIRED, offsetof(struct config, dataplane),
			config_dataplane_read },
		{ "control", JSON_OPTIONAL, 0, read_control },
		{ "pools", JSON_OPTIONAL, 0, config_pools_read },
		{ "services", JSON_OPTIONAL, 0, config_services_read },
		{ "announce", JSON_NOT_YET, 0, NULL },
		{ "bgp", JSON_NOT_YET, 0, NULL },
		{ "cluster", JSON_NOT_YET, 0, NULL },
		{ "health", JSON_NOT_YET, 0, NULL },
		{ "metrics", JSON_NOT_YET, 0, NULL },
		{ "sites", JSON_NOT_YET, 0, NULL },
		{ .key = NULL },
	};

	return json_read_object(root, members, config, error);
}

static struct config *create_config(const uint8_t *hash_key, struct error *error)
{
	struct config *config = calloc(1, sizeof(*config));

	if (config == NULL) {
		error_set(error, -ENOMEM, "out of memory");
		return NULL;
	}
	if (hash_key != NULL)
		memcpy(config->hash_key, hash_key, sizeof(config->hash_key));
	config->socket = strdup(DEFAULT_SOCKET);
	if (config_dataplane_init(&config->dataplane, error) == 0 && config->socket != NULL)
		return config;
	error_set(error, -ENOMEM, "out of memory");
	config_destroy(config);
	return NULL;
}

struct config *config_judge(
	const json_t *document, const uint8_t *hash_key, struct findings *findings)
{
	struct json_place root = json_place_root(document);
	struct error error = { "" };
	struct config *config = create_config(hash_key, &error);
	int result = config == NULL ? -ENOMEM : 0;

	root.findings = findings;
	if (result == 0)
		result = read_document(&root, config, &error);
	findings_take(findings, result, &error);
	if (findings->count != 0) {
		findings->is_partial = true;
		config_destroy(config);
		return NULL;
	}
	result = config_services_link(config, &root, findings);
	if (result == 0)
		config_check(config, findings);
	return config;
}

struct config *config_read(const json_t *document, const uint8_t *hash_key, struct error *error)
{
	struct findings findings;
	struct config *config;

	findings_init(&findings, 1);
	config = config_judge(document, hash_key, &findings);
	if (findings_first(&findings, error) == 0)
		return config;
	config_destroy(config);
	return NULL;
}
