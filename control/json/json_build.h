/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * json_build: makes an object key by key. If memory runs short for any of them, the result is NULL,
 * so that callers check only the end. Thread-agnostic: a value on the stack.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct json_build {
	json_t *object; /* NULL: memory was short */
};

struct json_build json_build_begin(void);

/* The object: a new reference, or NULL where memory was short. */
json_t *json_build_end(struct json_build *build);

/* Takes over a reference. NULL stands for a value for which memory was short. */
void json_build_value(struct json_build *build, const char *name, json_t *value);

/* UTF-8; NULL becomes null. */
void json_build_text(struct json_build *build, const char *name, const char *text);
void json_build_integer(struct json_build *build, const char *name, int64_t number);
void json_build_flag(struct json_build *build, const char *name, bool flag);

/* The keys of another object, which it takes over. */
void json_build_merge(struct json_build *build, json_t *keys);
