/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * config_fixture: the documents and tables of tests/unit/config, and how a row of a table changes a
 * document. Whatever goes wrong here fails the test that is running.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "config/config.h"

/* A file of the fixtures by its name, parsed. New reference. */
json_t *config_fixture_load(const char *name);

/* The same as text with a NUL behind it, to be freed. */
char *config_fixture_text(const char *name, size_t *length);

/*
 * A deep copy of `document` with the changes of a row: `set` is an object from JSON pointers (RFC
 * 6901, "-" appends to a list) to values, `remove` one pointer. New reference.
 */
json_t *config_fixture_change(const json_t *document, const json_t *row);

/* The same with one pointer set to the JSON text `value`, or removed where that is NULL. */
json_t *config_fixture_change_one(const json_t *document, const char *pointer, const char *value);

/* Reads a document that must be accepted. */
struct config *config_fixture_read(const json_t *document);

/* The sentence a document is refused with, in `error`; fails where it is accepted. */
const char *config_fixture_refusal(const json_t *document, struct error *error);

/* Text of a document, indented, to be freed. Drops the reference. */
char *config_fixture_dump(json_t *document);
