/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All decisions about a client are made in one place, its turn: a timer of zero length, so that a
 * client has one turn per pass of the event loop however much it has sent, and never inside the
 * call of another client. Callbacks only note what happened and ask for a turn; only a turn hands
 * over a line, and only a turn says that the client has left.
 */
#include "rpc/rpc_client.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "rpc/rpc_message.h"

struct rpc_client {
	struct bufferevent *stream;
	struct event *turn;
	struct event *patience; /* runs while a line is half written */
	struct event *boredom;  /* runs while no request is under way */
	uint64_t active_ms;     /* when it last had something to do */
	const struct rpc_limits *limits;
	const struct rpc_client_events *events;
	void *context;
	size_t line_bytes;
	size_t scanned; /* leading bytes of the input that are known to hold no newline */
	bool asking;    /* a line is handed over and not yet answered */
	bool ended;     /* the client will send no more */
	bool streaming; /* the answer is followed by lines; it stays `asking` */
	bool closing;   /* to be disconnected once it has read what it was sent */
	bool broken;    /* to be disconnected now */
};

static struct timeval interval(unsigned int milliseconds)
{
	return (struct timeval){ milliseconds / 1000, milliseconds % 1000 * 1000 };
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * UINT64_C(1000) + now.tv_nsec / 1000000;
}

static size_t count_output(const struct rpc_client *client)
{
	return evbuffer_get_length(bufferevent_get_output(client->stream));
}

static void ask_for_turn(struct rpc_client *client)
{
	struct timeval now = { 0, 0 };

	/* adding it again would put it off: a client that never stops sending would get none */
	if (evtimer_pending(client->turn, NULL))
		return;
	if (evtimer_add(client->turn, &now) != 0)
		abort(); /* without memory for a timer there is no loop to go back to */
}

/*
 * Reads only while there is something to do with more. This is done here and not with the stream's
 * high watermark because libevent, while that is reached, calls back in every pass of the loop.
 */
static void listen_or_not(struct rpc_client *client)
{
	size_t input = evbuffer_get_length(bufferevent_get_input(client->stream));

	if (client->ended || client->closing || client->broken || input > client->line_bytes ||
		count_output(client) > client->limits->output_pause_bytes)
		bufferevent_disable(client->stream, EV_READ);
	else
		bufferevent_enable(client->stream, EV_READ);
}

static void free_line(const void *data, size_t length, void *line)
{
	free(line);
}

static void end_line(struct rpc_client *client)
{
	if (evbuffer_add(bufferevent_get_output(client->stream), "\n", 1) != 0)
		client->broken = true;
	if (count_output(client) > client->limits->output_bytes)
		client->broken = true;
	listen_or_not(client);
}

static void send_line(struct rpc_client *client, char *line)
{
	struct evbuffer *output = bufferevent_get_output(client->stream);

	if (evbuffer_add_reference(output, line, strlen(line), free_line, line) != 0) {
		free(line);
		client->broken = true;
		return;
	}
	end_line(client);
}

/* Tells the client why, listens no more, and closes once that has been read. */
static void refuse(struct rpc_client *client, int code, const char *sentence)
{
	char *line = rpc_message_print_error(NULL, code, sentence, NULL);

	evtimer_del(client->patience);
	client->closing = true;
	listen_or_not(client);
	if (line != NULL)
		send_line(client, line);
	ask_for_turn(client);
}

/* The offset of the first newline, or -1. No byte is looked at twice. */
static ev_ssize_t find_line_end(struct rpc_client *client)
{
	struct evbuffer *input = bufferevent_get_input(client->stream);
	size_t length = evbuffer_get_length(input);
	struct evbuffer_ptr from, hit;

	if (client->scanned >= length)
		return -1;
	if (evbuffer_ptr_set(input, &from, client->scanned, EVBUFFER_PTR_SET) != 0)
		return -1;
	hit = evbuffer_search(input, "\n", 1, &from);
	client->scanned = hit.pos < 0 ? length : (size_t)hit.pos;
	return hit.pos;
}

static void refuse_long_line(struct rpc_client *client)
{
	struct error error;

	error_set(&error, 0, "the request is longer than %zu bytes", client->line_bytes);
	refuse(client, RPC_INVALID_REQUEST, error.message);
}

static bool is_idle(const struct rpc_client *client)
{
	return !client->asking && !client->closing && !client->broken &&
	       count_output(client) == 0 &&
	       evbuffer_get_length(bufferevent_get_input(client->stream)) == 0;
}

uint64_t rpc_client_idle_ms(const struct rpc_client *client)
{
	return is_idle(client) ? now_ms() - client->active_ms + 1 : 0;
}

/* The line is not complete: wait for the rest, up to a limit. */
static void wait_for_more(struct rpc_client *client)
{
	size_t length = evbuffer_get_length(bufferevent_get_input(client->stream));
	struct timeval timeout = interval(client->limits->line_timeout_ms);

	if (length > client->line_bytes) {
		refuse_long_line(client);
	} else if (client->ended && length > 0) {
		refuse(client, RPC_PARSE_ERROR,
			"the last line has no end: a request ends in a newline");
	} else if (client->ended) {
		client->closing = true;
		ask_for_turn(client);
	} else if (length > 0 && !evtimer_pending(client->patience, NULL)) {
		evtimer_add(client->patience, &timeout);
	}
}

static void hand_over_line(struct rpc_client *client, size_t length)
{
	struct evbuffer *input = bufferevent_get_input(client->stream);
	const char *line = (const char *)evbuffer_pullup(input, length + 1);

	evtimer_del(client->patience);
	client->scanned = 0;
	if (line == NULL) {
		client->broken = true;
		ask_for_turn(client);
		return;
	}
	if (length == 0) {
		ask_for_turn(client); /* an empty line asks nothing */
	} else {
		client->asking = true;
		client->events->asked(client->context, line, length);
	}
	evbuffer_drain(input, length + 1);
}

static void start_boredom(struct rpc_client *client)
{
	struct timeval timeout = interval(client->limits->idle_timeout_ms);

	evtimer_add(client->boredom, &timeout);
}

static void end_stream(struct rpc_client *client)
{
	client->closing = true;
	if (count_output(client) == 0)
		ask_for_turn(client);
}

static void take_stream_turn(struct rpc_client *client)
{
	struct evbuffer *input = bufferevent_get_input(client->stream);

	if (client->ended) {
		end_stream(client);
		return;
	}
	evbuffer_drain(input, evbuffer_get_length(input));
	listen_or_not(client);
	client->events->has_room(client->context);
}

static void take_turn(evutil_socket_t fd, short what, void *argument)
{
	struct rpc_client *client = argument;
	ev_ssize_t length;

	if (client->broken || (client->closing && count_output(client) == 0)) {
		client->events->left(client->context);
		return;
	}
	client->active_ms = now_ms();
	if (client->closing)
		return;
	if (client->streaming) {
		take_stream_turn(client);
		return;
	}
	if (client->asking)
		return;
	start_boredom(client);
	if (count_output(client) > client->limits->output_pause_bytes)
		return;
	listen_or_not(client);
	length = find_line_end(client);
	if (length < 0)
		wait_for_more(client);
	else if ((size_t)length > client->line_bytes)
		refuse_long_line(client);
	else
		hand_over_line(client, length);
}

static void lose_patience(evutil_socket_t fd, short what, void *argument)
{
	struct rpc_client *client = argument;
	struct error error;

	error_set(&error, 0, "the request was begun and not ended within %u ms",
		client->limits->line_timeout_ms);
	refuse(client, RPC_INVALID_REQUEST, error.message);
}

static void lose_interest(evutil_socket_t fd, short what, void *argument)
{
	struct rpc_client *client = argument;
	struct error error;

	if (!is_idle(client))
		return;
	error_set(&error, 0, "the connection has asked nothing for %u s",
		client->limits->idle_timeout_ms / 1000);
	refuse(client, RPC_INVALID_REQUEST, error.message);
}

static void note_progress(struct bufferevent *stream, void *argument)
{
	listen_or_not(argument);
	ask_for_turn(argument);
}

static void note_event(struct bufferevent *stream, short what, void *argument)
{
	struct rpc_client *client = argument;

	if ((what & BEV_EVENT_TIMEOUT) != 0 && client->streaming && !client->closing) {
		/* libevent writes no more after it, and a stream has any time to be read */
		bufferevent_enable(stream, EV_WRITE);
		return;
	}
	if (what & BEV_EVENT_EOF)
		client->ended = true; /* it may still read answers: `printf ... | nc -U` */
	else
		client->broken = true; /* an error, or it does not read */
	ask_for_turn(client);
}

/* A base without priorities refuses one, and needs none. */
static void set_priority(struct rpc_client *client, int priority)
{
	event_priority_set(client->turn, priority);
	event_priority_set(client->patience, priority);
	event_priority_set(client->boredom, priority);
	bufferevent_priority_set(client->stream, priority);
}

struct rpc_client *rpc_client_create(struct event_base *base, int fd,
	const struct rpc_limits *limits, size_t line_bytes, int priority,
	const struct rpc_client_events *events, void *context)
{
	struct rpc_client *client = calloc(1, sizeof(*client));
	struct timeval write_timeout = interval(limits->write_timeout_ms);

	if (client == NULL) {
		close(fd);
		return NULL;
	}
	client->limits = limits;
	client->line_bytes = line_bytes;
	client->events = events;
	client->context = context;
	client->turn = evtimer_new(base, take_turn, client);
	client->patience = evtimer_new(base, lose_patience, client);
	client->boredom = evtimer_new(base, lose_interest, client);
	client->active_ms = now_ms();
	client->stream = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (client->stream == NULL)
		close(fd);
	if (client->turn == NULL || client->patience == NULL || client->boredom == NULL ||
		client->stream == NULL) {
		rpc_client_destroy(client);
		return NULL;
	}
	set_priority(client, priority);
	bufferevent_setcb(client->stream, note_progress, note_progress, note_event, client);
	bufferevent_set_timeouts(client->stream, NULL, &write_timeout);
	bufferevent_setwatermark(client->stream, EV_WRITE, limits->output_pause_bytes, 0);
	bufferevent_enable(client->stream, EV_READ | EV_WRITE);
	start_boredom(client);
	return client;
}

size_t rpc_client_held(const struct rpc_client *client)
{
	return evbuffer_get_length(bufferevent_get_input(client->stream)) + count_output(client);
}

void rpc_client_destroy(struct rpc_client *client)
{
	if (client == NULL)
		return;
	if (client->stream != NULL)
		bufferevent_free(client->stream);
	if (client->patience != NULL)
		event_free(client->patience);
	if (client->boredom != NULL)
		event_free(client->boredom);
	if (client->turn != NULL)
		event_free(client->turn);
	free(client);
}

bool rpc_client_has_hung_up(const struct rpc_client *client)
{
	struct pollfd end = { .fd = bufferevent_getfd(client->stream) };

	return poll(&end, 1, 0) == 1 && (end.revents & (POLLHUP | POLLERR)) != 0;
}

void rpc_client_answer(struct rpc_client *client, char *line)
{
	client->asking = false;
	if (line != NULL)
		send_line(client, line);
	ask_for_turn(client);
}

void rpc_client_answer_buffer(struct rpc_client *client, struct evbuffer *line)
{
	struct evbuffer *output = bufferevent_get_output(client->stream);

	client->asking = false;
	if (evbuffer_add_buffer(output, line) != 0)
		client->broken = true;
	else
		end_line(client);
	evbuffer_free(line);
	ask_for_turn(client);
}

void rpc_client_begin_stream(struct rpc_client *client, char *line)
{
	client->streaming = true;
	send_line(client, line);
	ask_for_turn(client);
}

void rpc_client_push(struct rpc_client *client, char *line)
{
	if (line != NULL) {
		send_line(client, line);
		return;
	}
	client->broken = true;
	ask_for_turn(client);
}

bool rpc_client_has_room(const struct rpc_client *client)
{
	return !client->broken && !client->closing &&
	       count_output(client) < client->limits->stream_bytes;
}
