/* SPDX-License-Identifier: BSD-3-Clause */
#include "large_config.h"

#include <stdio.h>
#include <stdlib.h>

#include "small_config.h"

static json_t *make_backends(const struct large_config *large, uint32_t pool)
{
	json_t *backends = json_array();

	for (uint32_t i = 0; i < large->backends; i++) {
		uint32_t number = pool * large->backends + i;

		json_array_append_new(
			backends, json_pack("{s:o, s:o}", "name", json_sprintf("w%u", i), "address",
					  json_sprintf("10.%u.%u.%u", 16 + (number >> 16),
						  number >> 8 & 0xff, number & 0xff)));
	}
	return backends;
}

static json_t *make_pools(const struct large_config *large)
{
	json_t *pools = json_array();

	for (uint32_t i = 0; i < large->pools; i++)
		json_array_append_new(
			pools, json_pack("{s:o, s:i, s:s, s:o}", "name", json_sprintf("pool-%u", i),
				       "slots", large->slots, "builder", large->builder, "backends",
				       make_backends(large, i)));
	return pools;
}

static json_t *make_services(const struct large_config *large)
{
	json_t *services = json_array();

	for (uint32_t i = 0; i < large->services; i++)
		json_array_append_new(services,
			json_pack("{s:o, s:o, s:s, s:i, s:o, s:s}", "name",
				json_sprintf("service-%u", i), "vip",
				json_sprintf("203.0.%u.%u", 113 + (i >> 8), i & 0xff), "protocol",
				"tcp", "port", 80, "pool",
				json_sprintf("pool-%u", i % large->pools), "forward", "ipip"));
	return services;
}

static json_t *make_document(const struct large_config *large)
{
	json_t *document = small_config_document("[]", "[]");

	json_object_set_new(document, "pools", make_pools(large));
	json_object_set_new(document, "services", make_services(large));
	return document;
}

/* Takes the document over. */
static struct config *read_document(json_t *document)
{
	struct error error = { "" };
	struct config *config = config_read(document, NULL, &error);

	json_decref(document);
	if (config != NULL)
		return config;
	fprintf(stderr, "large config: %s\n", error.message);
	exit(1);
}

struct config *large_config_read(const struct large_config *large)
{
	return read_document(make_document(large));
}

struct config *large_config_read_drained(const struct large_config *large)
{
	json_t *document = make_document(large);
	json_t *pool = json_array_get(json_object_get(document, "pools"), 0);
	json_t *backend = json_array_get(json_object_get(pool, "backends"), 0);

	json_object_set_new(backend, "state", json_string("drain"));
	return read_document(document);
}
