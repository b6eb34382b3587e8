/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The server knows its peers (who is connected, with which rights) and at most one call of each. A
 * call points to its peer and a peer to its call; the one that ends first clears the pointer of the
 * other.
 */
#include "rpc/rpc.h"

#include <errno.h>
#include <event2/event.h>
#include <malloc.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/events.h"
#include "common/loop.h"
#include "rpc/rpc_answer.h"
#include "rpc/rpc_client.h"
#include "rpc/rpc_listener.h"
#include "rpc/rpc_message.h"
#include "rpc/rpc_slices.h"
#include "rpc/rpc_stream.h"

#define CROWDING_PERIOD_MS 10000

#define TRIM_BYTES (1 << 20) /* of a client, which are given back to the kernel after it */

const struct rpc_limits rpc_limits_default = {
	.clients = 64,
	.clients_reserved = 8,
	.clients_of_reader = 32,
	.line_bytes = 16 << 20,
	.line_bytes_reader = 64 << 10, /* a question is names and addresses, never a document */
	.output_pause_bytes = 1 << 20,
	.output_bytes = 64 << 20,
	.stream_bytes = 64 << 10,
	.line_timeout_ms = 30000,
	.idle_timeout_ms = 600000,
	.idle_short_ms = 1000,
	.write_timeout_ms = 30000,
};

struct rpc_call {
	struct rpc_server *server;
	struct peer *peer; /* NULL once it has left */
	struct rpc_request request;
	uid_t uid;
	uid_t owner; /* of the server */
	pid_t pid;
	/* while its answer is made in slices */
	struct rpc_slice slice;
	const struct rpc_source *source;
	void *production;
	struct rpc_answer *answer;
};

struct peer {
	LIST_ENTRY(peer) entry;
	struct rpc_server *server;
	struct rpc_client *client;
	struct rpc_call *call;     /* the one under way, or NULL */
	struct rpc_stream *stream; /* what follows the answer to its last call, or NULL */
	uid_t uid;
	pid_t pid;
	bool is_large; /* it has sent a request of TRIM_BYTES */
};

/* Clients that were refused or closed for lack of room since the last event about it. */
struct rpc_crowding {
	unsigned int turned_away;
	unsigned int closed;
	uint64_t logged_ms;
};

struct rpc_server {
	struct event_base *base;
	struct rpc_listener *listener;
	const struct rpc_method *methods;
	size_t method_count;
	void *context;
	uid_t owner;
	struct rpc_limits limits;
	LIST_HEAD(, peer) peers;
	size_t peer_count;
	struct rpc_slices slices;
	struct rpc_crowding crowding;
	struct event *trim; /* pending while memory is to be given back */
};

bool rpc_peer_may_call(bool changes, uid_t peer, uid_t owner)
{
	return !changes || peer == 0 || peer == owner;
}

static const struct rpc_method *find_method(const struct rpc_server *server, const char *name)
{
	for (size_t i = 0; i < server->method_count; i++)
		if (strcmp(server->methods[i].name, name) == 0)
			return &server->methods[i];
	return NULL;
}

static void list_methods(const struct rpc_server *server, char *list, size_t size)
{
	size_t used = 0;

	list[0] = '\0';
	for (size_t i = 0; i < server->method_count && used < size; i++)
		used += snprintf(list + used, size - used, "%s%s", i == 0 ? "" : ", ",
			server->methods[i].name);
}

static void call_end(struct rpc_call *call, char *line)
{
	struct peer *peer = call->peer;

	rpc_request_release(&call->request);
	free(call);
	if (peer == NULL) {
		free(line);
		return;
	}
	peer->call = NULL;
	rpc_client_answer(peer->client, line);
}

static bool call_is_awaited(const struct rpc_call *call)
{
	return call->peer != NULL && !call->request.notification;
}

static void call_fail(struct rpc_call *call, int code, const char *sentence)
{
	rpc_call_refuse(call, code, sentence, NULL);
}

void rpc_call_refuse(struct rpc_call *call, enum rpc_code code, const char *sentence, json_t *data)
{
	char *line = NULL;

	if (call_is_awaited(call))
		line = rpc_message_print_error(call->request.id, code, sentence, data);
	else
		json_decref(data);
	call_end(call, line);
}

void rpc_call_result(struct rpc_call *call, json_t *result)
{
	char *line = NULL;

	if (!call_is_awaited(call)) {
		json_decref(result);
		call_end(call, NULL);
		return;
	}
	if (result != NULL)
		line = rpc_message_print_result(call->request.id, result);
	if (line == NULL)
		call_fail(call, RPC_INTERNAL_ERROR, "the result could not be made: out of memory");
	else
		call_end(call, line);
}

void rpc_call_error(struct rpc_call *call, enum rpc_code code, const char *sentence, ...)
{
	char text[4096]; /* room for a sentence that holds a struct error and some names */
	va_list arguments;

	va_start(arguments, sentence);
	vsnprintf(text, sizeof(text), sentence, arguments);
	va_end(arguments);
	call_fail(call, code, text);
}

static void production_end(struct rpc_call *call)
{
	call->source->end(call->production);
	rpc_answer_destroy(call->answer);
	call->answer = NULL;
}

static void production_send(struct rpc_call *call)
{
	struct evbuffer *line = rpc_answer_finish(call->answer, call->request.id);
	struct peer *peer = call->peer;

	production_end(call);
	if (line == NULL) {
		call_fail(call, RPC_INTERNAL_ERROR, "the result could not be made: out of memory");
		return;
	}
	rpc_request_release(&call->request);
	free(call);
	peer->call = NULL;
	rpc_client_answer_buffer(peer->client, line);
}

static struct rpc_call *call_of(struct rpc_slice *slice)
{
	return (struct rpc_call *)((char *)slice - offsetof(struct rpc_call, slice));
}

static void end_production(struct rpc_slice *slice)
{
	struct rpc_call *call = call_of(slice);

	production_end(call);
	call_end(call, NULL);
}

/* One slice of a production. */
static bool produce(struct rpc_slice *slice, int64_t end_us)
{
	struct rpc_call *call = call_of(slice);
	enum rpc_step step = RPC_STEP_MORE;

	if (!call_is_awaited(call) || rpc_client_has_hung_up(call->peer->client)) {
		end_production(slice);
		return false;
	}
	while (step != RPC_STEP_LAST && rpc_slices_now_us() < end_us) {
		step = call->source->write(call->production, call->answer);
		if (step == RPC_STEP_AGAIN)
			rpc_answer_clear(call->answer);
	}
	if (step != RPC_STEP_LAST)
		return true;
	production_send(call);
	return false;
}

void rpc_call_produce(struct rpc_call *call, const struct rpc_source *source, void *production)
{
	static const struct rpc_slice_kind kind = { .work = produce, .end = end_production };

	if (!call_is_awaited(call)) { /* and there may be no server any more */
		source->end(production);
		call_end(call, NULL);
		return;
	}
	call->answer = rpc_answer_create();
	if (call->answer == NULL) {
		source->end(production);
		call_fail(call, RPC_INTERNAL_ERROR, "out of memory");
		return;
	}
	call->source = source;
	call->production = production;
	call->slice =
		(struct rpc_slice){ .kind = &kind, .for_operator = rpc_call_may_change(call) };
	rpc_slices_add(&call->server->slices, &call->slice);
}

struct rpc_stream *rpc_call_stream(struct rpc_call *call, json_t *answer,
	const struct rpc_stream_source *source, void *context)
{
	struct peer *peer = call->peer;
	struct rpc_stream *stream = NULL;
	char *line = NULL;

	if (call_is_awaited(call)) {
		line = rpc_message_print_result(call->request.id, answer);
		stream = rpc_stream_create(&call->server->slices, peer->client,
			rpc_call_may_change(call), source, context);
	} else {
		json_decref(answer);
	}
	if (line == NULL || stream == NULL) {
		free(line);
		if (stream != NULL)
			rpc_stream_destroy(stream);
		else
			source->end(context);
		call_fail(call, RPC_INTERNAL_ERROR, "out of memory");
		return NULL;
	}
	rpc_request_release(&call->request);
	free(call);
	peer->call = NULL;
	peer->stream = stream;
	rpc_client_begin_stream(peer->client, line);
	rpc_stream_wake(stream);
	return stream;
}

const char *rpc_call_method(const struct rpc_call *call)
{
	return call->request.method;
}

uid_t rpc_call_uid(const struct rpc_call *call)
{
	return call->uid;
}

pid_t rpc_call_pid(const struct rpc_call *call)
{
	return call->pid;
}

bool rpc_call_may_change(const struct rpc_call *call)
{
	return rpc_peer_may_call(true, call->uid, call->owner);
}

static void call_method(struct rpc_server *server, struct rpc_call *call)
{
	const struct rpc_method *method = find_method(server, call->request.method);
	char known[1024];

	if (method == NULL) {
		list_methods(server, known, sizeof(known));
		rpc_call_error(call, RPC_METHOD_NOT_FOUND,
			"there is no method \"%.64s\"; there are %s", call->request.method, known);
		return;
	}
	if (!rpc_peer_may_call(method->changes, call->uid, call->owner)) {
		rpc_call_error(call, RPC_NOT_PERMITTED,
			"user %u may not call %s: only root and user %u may change things",
			(unsigned int)call->uid, method->name, (unsigned int)server->owner);
		return;
	}
	method->handle(server->context, call->request.params, call);
}

static void peer_asked(void *context, const char *line, size_t length)
{
	struct peer *peer = context;
	struct rpc_call *call = calloc(1, sizeof(*call));
	struct error error;
	int code;

	if (call == NULL) {
		rpc_client_answer(peer->client,
			rpc_message_print_error(NULL, RPC_INTERNAL_ERROR, "out of memory", NULL));
		return;
	}
	peer->is_large |= length >= TRIM_BYTES;
	call->server = peer->server;
	call->peer = peer;
	call->uid = peer->uid;
	call->owner = peer->server->owner;
	call->pid = peer->pid;
	peer->call = call;
	code = rpc_request_parse(&call->request, line, length, &error);
	if (code != 0)
		call_fail(call, code, error.message);
	else
		call_method(peer->server, call);
}

/* What large requests took lies in pieces in the heap, which malloc() keeps. */
static void give_memory_back(evutil_socket_t fd, short what, void *context)
{
	malloc_trim(0);
}

/* Later: libevent frees the buffers of a client that is gone in a later pass of the loop. */
static void trim_soon(struct rpc_server *server)
{
	static const struct timeval pause = { .tv_usec = 500000 };

	if (!evtimer_pending(server->trim, NULL))
		evtimer_add(server->trim, &pause);
}

static void peer_destroy(struct peer *peer)
{
	if (peer->call != NULL)
		peer->call->peer = NULL;
	rpc_stream_destroy(peer->stream);
	if (peer->is_large || rpc_client_held(peer->client) >= TRIM_BYTES)
		trim_soon(peer->server);
	rpc_client_destroy(peer->client);
	LIST_REMOVE(peer, entry);
	peer->server->peer_count--;
	free(peer);
}

static void peer_left(void *context)
{
	peer_destroy(context);
}

static void peer_has_room(void *context)
{
	struct peer *peer = context;

	if (peer->stream != NULL)
		rpc_stream_wake(peer->stream);
}

static const struct rpc_client_events peer_events = {
	.asked = peer_asked,
	.has_room = peer_has_room,
	.left = peer_left,
};

/* At most one event in ten seconds. */
static void publish_crowding(struct rpc_server *server)
{
	struct rpc_crowding *crowding = &server->crowding;
	uint64_t now_ms = rpc_slices_now_us() / 1000;

	if (crowding->logged_ms != 0 && now_ms - crowding->logged_ms < CROWDING_PERIOD_MS)
		return;
	events_publish(EVENT(SOCKET, WARNING, NODE, NULL),
		"control socket: %zu clients are connected; turned away %u, closed %u idle ones to "
		"make room",
		server->peer_count, crowding->turned_away, crowding->closed);
	*crowding = (struct rpc_crowding){ .logged_ms = now_ms };
}

/* There is nothing to wait for: the buffer of a new connection has room for one line. */
static void reject(struct rpc_server *server, int fd, const char *whose, size_t clients)
{
	struct error error;
	char *line;

	server->crowding.turned_away++;
	publish_crowding(server);
	error_set(&error, 0, "too many clients: %zu%s are connected", clients, whose);
	line = rpc_message_print_error(NULL, RPC_REFUSED, error.message, NULL);
	if (line != NULL) {
		send(fd, line, strlen(line), MSG_DONTWAIT | MSG_NOSIGNAL);
		send(fd, "\n", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
		free(line);
	}
	close(fd);
}

static void peer_create(struct rpc_server *server, int fd, const struct ucred *credentials)
{
	bool trusted = rpc_peer_may_call(true, credentials->uid, server->owner);
	struct peer *peer = calloc(1, sizeof(*peer));

	if (peer == NULL) {
		close(fd);
		return;
	}
	peer->server = server;
	peer->uid = credentials->uid;
	peer->pid = credentials->pid;
	peer->client = rpc_client_create(server->base, fd, &server->limits,
		trusted ? server->limits.line_bytes : server->limits.line_bytes_reader,
		trusted ? LOOP_CHANGES : LOOP_READERS, &peer_events, peer);
	if (peer->client == NULL) {
		free(peer);
		return;
	}
	LIST_INSERT_HEAD(&server->peers, peer, entry);
	server->peer_count++;
}

static bool is_reader(const struct peer *peer)
{
	return !rpc_peer_may_call(true, peer->uid, peer->server->owner);
}

static size_t count_peers_of(const struct rpc_server *server, uid_t uid)
{
	const struct peer *peer;
	size_t count = 0;

	LIST_FOREACH(peer, &server->peers, entry)
	count += peer->uid == uid;
	return count;
}

/* The client that has been idle longest, and for at least `least_ms`; or NULL. */
static struct peer *find_idle(const struct rpc_server *server, bool readers_only, uint64_t least_ms)
{
	struct peer *peer, *idle = NULL;
	uint64_t longest_ms = least_ms;

	LIST_FOREACH(peer, &server->peers, entry)
	{
		uint64_t idle_ms = rpc_client_idle_ms(peer->client);

		if (idle_ms <= longest_ms || (readers_only && !is_reader(peer)))
			continue;
		longest_ms = idle_ms;
		idle = peer;
	}
	return idle;
}

/* The oldest that is not being answered; also one that has a stream. Or NULL. */
static struct peer *find_unanswered(const struct rpc_server *server, bool readers_only)
{
	struct peer *peer, *oldest = NULL;

	LIST_FOREACH(peer, &server->peers, entry)
	if (peer->call == NULL && (!readers_only || is_reader(peer)))
		oldest = peer; /* the list has the newest first */
	return oldest;
}

/*
 * Which client to close for the operator: first a reader that is not being answered; else an
 * operator that has been idle for a while, because another may only just have connected. NULL: all
 * are being answered.
 */
static struct peer *find_spare(const struct rpc_server *server)
{
	struct peer *spare = find_idle(server, true, 0);

	if (spare == NULL)
		spare = find_unanswered(server, true);
	if (spare == NULL)
		spare = find_idle(server, false, server->limits.idle_short_ms);
	return spare != NULL ? spare : find_unanswered(server, false);
}

/* Whether there is room for one more client; closes an idle one where that is needed. */
static bool make_room(struct rpc_server *server, bool trusted)
{
	size_t room = server->limits.clients - (trusted ? 0 : server->limits.clients_reserved);
	struct peer *spare;

	if (server->peer_count < room)
		return true;
	spare = trusted ? find_spare(server)
			: find_idle(server, true, server->limits.idle_short_ms);
	if (spare == NULL)
		return false;
	server->crowding.closed++;
	publish_crowding(server);
	peer_destroy(spare);
	return server->peer_count < room;
}

static void admit(void *context, int fd, const struct ucred *credentials)
{
	struct rpc_server *server = context;
	bool trusted = rpc_peer_may_call(true, credentials->uid, server->owner);
	size_t of_user = trusted ? 0 : count_peers_of(server, credentials->uid);

	if (!trusted && of_user >= server->limits.clients_of_reader)
		reject(server, fd, " of this user", of_user);
	else if (!make_room(server, trusted))
		reject(server, fd, "", server->peer_count);
	else
		peer_create(server, fd, credentials);
}

static void ignore_broken_pipes(void)
{
	struct sigaction action;

	if (sigaction(SIGPIPE, NULL, &action) == 0 && action.sa_handler == SIG_DFL)
		signal(SIGPIPE, SIG_IGN);
}

struct rpc_server *rpc_server_create(struct event_base *base, const struct rpc_address *address,
	const struct rpc_method *methods, size_t method_count, void *context, struct error *error)
{
	struct rpc_server *server = calloc(1, sizeof(*server));

	if (server == NULL) {
		error_set(error, -ENOMEM, "control socket: out of memory");
		return NULL;
	}
	ignore_broken_pipes();
	server->base = base;
	server->methods = methods;
	server->method_count = method_count;
	server->context = context;
	server->owner = geteuid();
	server->limits = rpc_limits_default;
	LIST_INIT(&server->peers);
	server->trim = evtimer_new(base, give_memory_back, NULL);
	if (server->trim != NULL && rpc_slices_init(&server->slices, base))
		server->listener = rpc_listener_create(base, address, admit, server, error);
	else
		error_set(error, -ENOMEM, "control socket: out of memory");
	if (server->listener == NULL) {
		rpc_slices_fini(&server->slices);
		if (server->trim != NULL)
			event_free(server->trim);
		free(server);
		return NULL;
	}
	return server;
}

void rpc_server_destroy(struct rpc_server *server)
{
	if (server == NULL)
		return;
	rpc_listener_destroy(server->listener);
	while (!LIST_EMPTY(&server->peers))
		peer_destroy(LIST_FIRST(&server->peers));
	rpc_slices_fini(&server->slices);
	event_free(server->trim);
	free(server);
}

void rpc_server_set_limits(struct rpc_server *server, const struct rpc_limits *limits)
{
	server->limits = *limits;
}

size_t rpc_server_count_clients(const struct rpc_server *server)
{
	return server->peer_count;
}
