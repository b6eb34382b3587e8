/* SPDX-License-Identifier: BSD-3-Clause */
/* rpc_message: lines of JSON-RPC 2.0 to values and back. Bytes in, values out; no socket. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* Reals are percentages and rates: 15 digits print 33.3 as 33.3 where 17 would not. */
#define RPC_PRINT_FLAGS (JSON_COMPACT | JSON_REAL_PRECISION(15))

#define RPC_NESTING_MAX 32

/*
 * Objects, arrays and keys in one request. A line of 16 MiB could otherwise hold five million empty
 * arrays, which take a hundred times its size as values. The largest configuration there can be
 * (65,535 backends and as many services) has less than this.
 */
#define RPC_VALUES_MAX (1 << 20)

struct rpc_request {
	json_t *document;   /* owns the rest */
	const char *method; /* NULL where the request is refused before it is known */
	json_t *params;     /* an object; its own reference */
	json_t *id;         /* what the answer echoes, null where unknown; its own reference */
	bool notification;  /* no answer is wanted */
};

/*
 * Reads one line, without its newline. Returns 0, or the enum rpc_code to answer with and the
 * sentence. `request` is filled in either way (as far as it goes) and wants rpc_request_release().
 */
int rpc_request_parse(
	struct rpc_request *request, const char *line, size_t length, struct error *error);
void rpc_request_release(struct rpc_request *request);

/*
 * Both write one answer without its newline, for the caller to free(), or NULL without memory or
 * with a result that is no JSON. `result` and `data` (NULL: none) are stolen. `id` NULL means null.
 * A sentence that is not UTF-8 loses the bytes that are not ASCII.
 */
char *rpc_message_print_result(json_t *id, json_t *result);
char *rpc_message_print_error(json_t *id, int code, const char *sentence, json_t *data);

/* The same of a message that has no answer; `params` is stolen. */
char *rpc_message_print_notification(const char *method, json_t *params);
