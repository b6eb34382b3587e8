/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * json_schema: what a table of keys (json_key.h) means as JSON Schema 2020-12, and as the reference
 * in a manual page. Rules that a schema cannot express (unique names, references) are left to the
 * reader.
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

/* The schema of one value, with its default and its sentence. New reference. */
json_t *json_schema_key(const struct json_key *key);

/* What its values are, in words: "1-65535 s", "tcp, udp", "list of 0-8 objects". */
#define JSON_VALUES_SIZE 192
const char *json_schema_values(const struct json_key *key, char text[static JSON_VALUES_SIZE]);

/* Writes the reference as man(7) paragraphs, a key each, with its path, values, default. */
void json_schema_write_manual(const struct json_key *keys, FILE *file);
