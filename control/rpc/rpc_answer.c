/* SPDX-License-Identifier: BSD-3-Clause */
#include "rpc/rpc_answer.h"

#include <assert.h>
#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/rpc_message.h"

struct rpc_answer {
	struct evbuffer *text;
	char closers[RPC_ANSWER_DEPTH]; /* of what is open */
	unsigned int depth;
	bool follows; /* it has an entry already: a comma is due */
	bool failed;
};

struct rpc_answer *rpc_answer_create(void)
{
	struct rpc_answer *answer = calloc(1, sizeof(*answer));

	if (answer == NULL)
		return NULL;
	answer->text = evbuffer_new();
	if (answer->text != NULL)
		return answer;
	free(answer);
	return NULL;
}

void rpc_answer_destroy(struct rpc_answer *answer)
{
	if (answer == NULL)
		return;
	if (answer->text != NULL)
		evbuffer_free(answer->text);
	free(answer);
}

void rpc_answer_clear(struct rpc_answer *answer)
{
	evbuffer_drain(answer->text, evbuffer_get_length(answer->text));
	answer->depth = 0;
	answer->follows = answer->failed = false;
}

static void add_text(struct rpc_answer *answer, const char *text)
{
	if (evbuffer_add(answer->text, text, strlen(text)) != 0)
		answer->failed = true;
}

static void add_json(struct rpc_answer *answer, const json_t *value)
{
	char *text = json_dumps(value, RPC_PRINT_FLAGS | JSON_ENCODE_ANY);

	if (text == NULL) {
		answer->failed = true;
		return;
	}
	add_text(answer, text);
	free(text);
}

/* Writes what precedes a value: a comma where one is due, and its key. */
static void begin_value(struct rpc_answer *answer, const char *key)
{
	json_t *name;

	if (answer->follows)
		add_text(answer, ",");
	answer->follows = true;
	if (key == NULL)
		return;
	name = json_string(key);
	add_json(answer, name);
	json_decref(name);
	add_text(answer, ":");
}

static void open_any(struct rpc_answer *answer, const char *key, const char *opener, char closer)
{
	assert(answer->depth < RPC_ANSWER_DEPTH);
	begin_value(answer, key);
	add_text(answer, opener);
	answer->closers[answer->depth++] = closer;
	answer->follows = false;
}

void rpc_answer_open_list(struct rpc_answer *answer, const char *key)
{
	open_any(answer, key, "[", ']');
}

void rpc_answer_open_object(struct rpc_answer *answer, const char *key)
{
	open_any(answer, key, "{", '}');
}

void rpc_answer_value(struct rpc_answer *answer, const char *key, json_t *value)
{
	begin_value(answer, key);
	add_json(answer, value);
	json_decref(value);
}

struct borrowed {
	void (*release)(void *context);
	void *context;
};

static void give_back(const void *text, size_t length, void *argument)
{
	struct borrowed *borrowed = argument;

	borrowed->release(borrowed->context);
	free(borrowed);
}

void rpc_answer_text(struct rpc_answer *answer, const char *key, const char *text, size_t length,
	void (*release)(void *context), void *context)
{
	struct borrowed *borrowed = malloc(sizeof(*borrowed));

	begin_value(answer, key);
	if (borrowed != NULL) {
		*borrowed = (struct borrowed){ release, context };
		if (evbuffer_add_reference(answer->text, text, length, give_back, borrowed) == 0)
			return;
		free(borrowed);
	}
	answer->failed = true;
	release(context);
}

void rpc_answer_close(struct rpc_answer *answer)
{
	assert(answer->depth > 0);
	if (evbuffer_add(answer->text, &answer->closers[--answer->depth], 1) != 0)
		answer->failed = true;
	answer->follows = true;
}

struct evbuffer *rpc_answer_finish(struct rpc_answer *answer, json_t *id)
{
	static const char begin[] = "{\"jsonrpc\":\"2.0\",\"result\":";
	struct evbuffer *line;

	while (answer->depth > 0)
		rpc_answer_close(answer);
	if (evbuffer_prepend(answer->text, begin, strlen(begin)) != 0)
		answer->failed = true;
	add_text(answer, ",\"id\":");
	if (id != NULL)
		add_json(answer, id);
	else
		add_text(answer, "null");
	add_text(answer, "}");
	if (answer->failed) {
		rpc_answer_clear(answer);
		return NULL;
	}
	line = answer->text;
	answer->text = evbuffer_new();
	answer->failed = answer->text == NULL;
	return line;
}
