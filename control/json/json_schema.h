/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * json_schema: what a table of keys (json_key.h) means as JSON Schema 2020-12, and as the reference
 * in a manual page. Values that the schema cannot judge by themselves (unique names, references)
 * are left to the reader.
 */
#pragma once

#include <stdio.h>

#include "json/json_key.h"

/* The schema of a document with these keys. New reference, or NULL where memory is short. */
json_t *json_schema_document(
	const struct json_key *keys, const char *title, const char *description);

/* Describes a key whose kind is an object or a list (json_kind.describe). */
json_t *json_schema_object(const struct json_key *key);
json_t *json_schema_list(const struct json_key *key);

/* Writes the reference as man(7) paragraphs, a key each, with its path, values, default. */
void json_schema_write_manual(const struct json_key *keys, FILE *file);
