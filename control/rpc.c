/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The server knows its peers (who is connected, with which rights) and at most one call of each.
 * A call holds its peer and a peer holds its call, so whichever goes first lets the other know.
 */
#include "rpc.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loop.h"
#include "rpc_client.h"
#include "rpc_listener.h"
#include "rpc_message.h"

const struct rpc_limits rpc_limits_default = {
	.clients = 64,
	.clients_reserved = 8,
	.line_bytes = 16 << 20,
	.line_bytes_reader = 64 << 10, /* a question is names and addresses, never a document */
	.output_pause_bytes = 1 << 20,
	.output_bytes = 64 << 20,
	.line_timeout_ms = 30000,
	.write_timeout_ms = 30000,
};

struct rpc_call {
	struct peer *peer; /* NULL once it has left */
	struct rpc_request request;
	uid_t uid;
};

struct peer {
	LIST_ENTRY(peer) entry;
	struct rpc_server *server;
	struct rpc_client *client;
	struct rpc_call *call; /* the one under way, or NULL */
	uid_t uid;
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
	char *line = NULL;

	if (call_is_awaited(call))
		line = rpc_message_print_error(call->request.id, code, sentence);
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

uid_t rpc_call_uid(const struct rpc_call *call)
{
	return call->uid;
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
	if (!rpc_peer_may_call(method->changes, call->uid, server->owner)) {
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
			rpc_message_print_error(NULL, RPC_INTERNAL_ERROR, "out of memory"));
		return;
	}
	call->peer = peer;
	call->uid = peer->uid;
	peer->call = call;
	code = rpc_request_parse(&call->request, line, length, &error);
	if (code != 0)
		call_fail(call, code, error.message);
	else
		call_method(peer->server, call);
}

static void peer_destroy(struct peer *peer)
{
	if (peer->call != NULL)
		peer->call->peer = NULL;
	rpc_client_destroy(peer->client);
	LIST_REMOVE(peer, entry);
	peer->server->peer_count--;
	free(peer);
}

static void peer_left(void *context)
{
	peer_destroy(context);
}

static const struct rpc_client_events peer_events = { .asked = peer_asked, .left = peer_left };

/* There is nothing to wait for: the buffer of a new connection has room for one line. */
static void turn_away(int fd, size_t clients)
{
	struct error error;
	char *line;

	error_set(&error, 0, "too many clients: %zu are connected", clients);
	line = rpc_message_print_error(NULL, RPC_REFUSED, error.message);
	if (line != NULL) {
		send(fd, line, strlen(line), MSG_DONTWAIT | MSG_NOSIGNAL);
		send(fd, "\n", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
		free(line);
	}
	close(fd);
}

static void peer_create(struct rpc_server *server, int fd, uid_t uid)
{
	bool trusted = rpc_peer_may_call(true, uid, server->owner);
	struct peer *peer = calloc(1, sizeof(*peer));

	if (peer == NULL) {
		close(fd);
		return;
	}
	peer->server = server;
	peer->uid = uid;
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

static void admit(void *context, int fd, const struct ucred *credentials)
{
	struct rpc_server *server = context;
	size_t room = server->limits.clients;

	/* readers who hold all their places open must not lock the operator out */
	if (!rpc_peer_may_call(true, credentials->uid, server->owner))
		room -= server->limits.clients_reserved;
	if (server->peer_count >= room)
		turn_away(fd, server->peer_count);
	else
		peer_create(server, fd, credentials->uid);
}

static void ignore_broken_pipes(void)
{
	struct sigaction action;

	if (sigaction(SIGPIPE, NULL, &action) == 0 && action.sa_handler == SIG_DFL)
		signal(SIGPIPE, SIG_IGN);
}

struct rpc_server *rpc_server_create(struct event_base *base, const char *path,
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
	server->listener = rpc_listener_create(base, path, admit, server, error);
	if (server->listener == NULL) {
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
