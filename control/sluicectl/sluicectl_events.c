/* SPDX-License-Identifier: BSD-3-Clause */
#include "sluicectl/sluicectl_events.h"

#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sluicectl/sluicectl_link.h"
#include "sluicectl/sluicectl_rows.h"

#define LAST_DEFAULT 10 /* events to begin with, as tail(1) has lines */

/* The place in the stream: where a new connection goes on. */
struct follower {
	const char *socket;
	const json_t *params; /* as they were given */
	bool as_json;
	bool is_connected;
	char *epoch; /* of the process that numbers them; NULL: it was never connected */
	json_int_t next;
};

static json_int_t integer_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

void events_print(const json_t *event, FILE *out)
{
	char *time = rows_take_text(event, "time"), *level = rows_take_text(event, "level");
	char *kind = rows_take_text(event, "kind"), *sentence = rows_take_text(event, "sentence");

	fprintf(out, "%s %6lld %-7s %-13s %s\n", time, (long long)integer_of(event, "number"),
		level, kind, sentence);
	free(time);
	free(level);
	free(kind);
	free(sentence);
}

/* On stderr, for lines on stdout are events. */
static void say_lost(json_int_t lost, json_int_t next)
{
	fprintf(stderr, "sluicectl: %lld event%s before number %lld %s not kept any more\n",
		(long long)lost, lost == 1 ? "" : "s", (long long)next, lost == 1 ? "is" : "are");
}

void events_report(const json_t *result, FILE *out)
{
	const json_t *events = json_object_get(result, "events");
	json_int_t lost = integer_of(result, "lost");
	size_t index;
	json_t *event;

	if (lost > 0)
		say_lost(lost, integer_of(result, "first"));
	if (json_array_size(events) == 0)
		fputs("no events\n", out);
	json_array_foreach (events, index, event)
		events_print(event, out);
}

static void set(json_t *params, const char *key, json_t *value)
{
	if (json_object_set_new(params, key, value) != 0)
		err(1, "events");
}

/* events.list has a limit where a subscription has a beginning. */
static json_t *make_params(const struct follower *follower)
{
	json_t *params = json_copy((json_t *)follower->params);
	const json_t *limit = json_object_get(params, "limit");

	if (params == NULL)
		err(1, "events");
	if (follower->epoch != NULL) {
		set(params, "since", json_integer(follower->next));
		set(params, "epoch", json_string(follower->epoch));
	} else if (json_object_get(params, "since") == NULL) {
		set(params, "last",
			json_integer(limit == NULL ? LAST_DEFAULT : json_integer_value(limit)));
	}
	json_object_del(params, "limit");
	return params;
}

static void print_json(const json_t *object)
{
	json_dumpf(object, stdout, JSON_COMPACT);
	fputc('\n', stdout);
}

static void note_answer(struct follower *follower, const json_t *answer)
{
	char *epoch = rows_take_text(answer, "epoch");
	json_int_t lost = integer_of(answer, "lost");

	if (follower->epoch != NULL && strcmp(follower->epoch, epoch) != 0)
		fputs("sluicectl: this is another process of sluiced, whose events begin at 1\n",
			stderr);
	else if (follower->epoch != NULL)
		fputs("sluicectl: connected again\n", stderr);
	free(follower->epoch);
	follower->is_connected = true;
	follower->epoch = epoch;
	follower->next = integer_of(answer, "next");
	if (follower->as_json)
		print_json(answer);
	else if (lost > 0)
		say_lost(lost, follower->next);
}

static void note_message(struct follower *follower, const json_t *message)
{
	const json_t *params = json_object_get(message, "params");
	const char *method = json_string_value(json_object_get(message, "method"));
	bool is_event = method != NULL && strcmp(method, "event") == 0;

	if (is_event)
		follower->next = integer_of(params, "number") + 1;
	else
		follower->next = integer_of(params, "next");
	if (follower->as_json)
		print_json(params);
	else if (is_event)
		events_print(params, stdout);
	else
		say_lost(integer_of(params, "lost"), follower->next);
}

/* What was received at once is written at once. */
static bool is_written(const struct link *link, struct error *error)
{
	if ((link_has_next(link) || fflush(stdout) == 0) && !ferror(stdout))
		return true;
	error_set(error, -EIO, "writing events: %m");
	return false;
}

/* Until the connection ends: 1; or there is nobody to write to: 0, or -errno with the sentence. */
static int print_messages(struct follower *follower, struct link *link, struct error *error)
{
	json_t *message;

	while (is_written(link, error)) {
		switch (link_next(link, STDOUT_FILENO, &message, error)) {
		case LINK_NO_READER: return 0;
		case LINK_HUNG_UP: return 1;
		case LINK_MESSAGE: break;
		}
		note_message(follower, message);
		json_decref(message);
	}
	return -EIO;
}

/* 1: there is nobody to connect to; otherwise as print_messages(). */
static int connect_and_print(struct follower *follower, struct error *error)
{
	json_t *params = make_params(follower), *answer;
	struct link *link;
	int result;

	switch (link_open(follower->socket, "events.subscribe", params, &link, &answer, error)) {
	case LINK_ANSWERED:
		note_answer(follower, answer);
		result = print_messages(follower, link, error);
		link_close(link);
		break;
	case LINK_REFUSED: result = follower->epoch == NULL ? -EPERM : 1; break;
	default: result = follower->epoch == NULL ? -EIO : 1; break;
	}
	json_decref(params);
	json_decref(answer);
	return result;
}

int events_follow(const char *socket, const json_t *params, bool as_json, struct error *error)
{
	struct follower follower = { .socket = socket, .params = params, .as_json = as_json };
	int result;

	while ((result = connect_and_print(&follower, error)) == 1) {
		if (follower.is_connected)
			fputs("sluicectl: the connection to sluiced has ended, waiting for it\n",
				stderr);
		follower.is_connected = false;
		sleep(1);
	}
	free(follower.epoch);
	return result;
}
