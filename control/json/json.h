/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * json: typed reading of a JSON document on top of jansson. Every refusal is a sentence that starts
 * with the path (`services[2].port: 70000 is not a port (1-65535)`), safe to print: what comes
 * from the document is cut short and escaped.
 *
 * An object is read by a table of its keys (json_key.h), so that an unknown key cannot slip
 * through. All functions that validate return 0 or -EINVAL with the sentence in `error`; -ENOMEM
 * where said so.
 *
 * Where a path has findings, objects and lists add what a part of them is refused with, go on with
 * the next part, and return -EINVAL with no sentence in `error` at the end.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "json/findings.h"

/* A value and its path from the top of the document. Lives on the stack of its reader. */
struct json_path {
	const struct json_path *parent; /* NULL: the document itself */
	const char *key;                /* NULL: an element of a list */
	size_t index;                   /* in that list */
	const json_t *value;            /* borrowed; NULL where there is none */
	struct findings *findings;      /* of all that is wrong; NULL: reading ends at the first */
};

#define JSON_PATH_SIZE  256
#define JSON_QUOTE_SIZE 176

/* Reads one value into the field that is meant for it. */
typedef int json_reader(const struct json_path *path, void *field, struct error *error);

struct json_list {
	size_t minimum; /* entries */
	size_t maximum;
	size_t element_size; /* bytes */
	json_reader *read;   /* one element */
};

struct json_choice {
	const char *name;
	int value; /* JSON_CHOICE_NOT_YET: a word of a later version, refused by name */
};

#define JSON_CHOICE_NOT_YET (-1)

/* The whole document. */
struct json_path json_path_root(const json_t *document);
/* The value of `key` in an object, element `index` of a list; the value is NULL where it is absent.
 */
struct json_path json_path_key(const struct json_path *object, const char *key);
struct json_path json_path_element(const struct json_path *list, size_t index);

/* Writes `pools[0].backends[1].weight` (`document` for the top) and returns `text`. */
const char *json_path_format(const struct json_path *path, char text[static JSON_PATH_SIZE]);

/* Writes `text` in quotes, cut to 40 bytes, with anything but printable ASCII escaped. */
const char *json_quote(const char *text, char quoted[static JSON_QUOTE_SIZE]);

/* Refuses with "<path>: <sentence>". Returns -EINVAL. */
int json_refuse(const struct json_path *path, struct error *error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Refuses with "<path>: <the value> is not <wanted>". Not for secrets. Returns -EINVAL. */
int json_mismatch(const struct json_path *path, const char *wanted, struct error *error);

/*
 * Turns the result of reading a part of `whole` into what to do: 0 to read the next part, also
 * after a refusal if the path has findings.
 */
int json_take_refusal(const struct json_path *whole, int result, struct error *error);

/* Findings so far; 0 where the path has none. */
size_t json_count_refusals(const struct json_path *path);

/* Whether it is a list with an allowed number of entries. */
int json_list_validate(
	const struct json_path *path, const struct json_list *list, struct error *error);

/*
 * Validates, then returns zeroed room for the elements, to be freed by the caller, with their
 * number in `count`; or NULL with the sentence and a count of 0. Separate from reading, so that a
 * half-read list has an owner already.
 */
void *json_list_create(const struct json_path *path, const struct json_list *list, size_t *count,
	struct error *error);

/* Reads every element of a valid list into `elements`; -EINVAL at once where that is NULL. */
int json_list_read(const struct json_path *path, const struct json_list *list, void *elements,
	struct error *error);

/* The text of a string, borrowed from the document, or NULL with the sentence. */
const char *json_read_string(const struct json_path *path, const char *wanted, struct error *error);

/* An integer within bounds. `wanted` as for json_mismatch(): "a port (1-65535)". */
int json_read_integer(const struct json_path *path, int64_t minimum, int64_t maximum,
	const char *wanted, int64_t *number, struct error *error);

/* One of the words of a list that ends with a NULL name; its value. */
int json_read_choice(const struct json_path *path, const struct json_choice *choices,
	const char *wanted, int *value, struct error *error);

/* The word for a value, or NULL. */
const char *json_choice_name(const struct json_choice *choices, int value);
