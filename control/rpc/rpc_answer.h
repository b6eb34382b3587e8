/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rpc_answer: a result that is written piece by piece, so that the control thread can do other
 * things in between (rpc.h, rpc_call_produce()). It becomes one line, as any other answer. A
 * failure (no memory) is remembered until the end. Control thread.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct evbuffer;
struct rpc_answer;

struct rpc_answer *rpc_answer_create(void);         /* NULL: out of memory */
void rpc_answer_destroy(struct rpc_answer *answer); /* NULL is allowed */

/* Forgets all that was written. */
void rpc_answer_clear(struct rpc_answer *answer);

/*
 * Each of them stands in what was opened last and is not closed: with its `key` in an object, with
 * NULL in a list or as the result itself. `value` is stolen. At most RPC_ANSWER_DEPTH are open.
 */
#define RPC_ANSWER_DEPTH 8
void rpc_answer_open_list(struct rpc_answer *answer, const char *key);
void rpc_answer_open_object(struct rpc_answer *answer, const char *key);
void rpc_answer_value(struct rpc_answer *answer, const char *key, json_t *value);

/*
 * The same of a value that is JSON already, with no copy: `text` stays as it is until `release` is
 * called once with `context`, in any case and perhaps at once.
 */
void rpc_answer_text(struct rpc_answer *answer, const char *key, const char *text, size_t length,
	void (*release)(void *context), void *context);

void rpc_answer_close(struct rpc_answer *answer);

/*
 * Closes what is open and returns the whole line, without its newline, for a request with that id;
 * the caller frees it by evbuffer_free(). NULL: something went wrong. The answer is empty then.
 */
struct evbuffer *rpc_answer_finish(struct rpc_answer *answer, json_t *id);
