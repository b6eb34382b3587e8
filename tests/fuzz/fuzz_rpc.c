/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any bytes, from two clients that come, go and keep silent as they like, reach the control socket.
 * What they get is JSON-RPC: at most one answer for each line, and notifications once they have a
 * stream. A client that has left is forgotten, and a client that asks properly afterwards is
 * answered.
 *
 * The input: steps of one byte, some with a length (1 byte) and so many bytes behind them.
 */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "common/loop.h"
#include "require.h"
#include "rpc/rpc.h"
#include "rpc/rpc_answer.h"
#include "rpc/rpc_message.h"

#define CLIENTS    2
#define KEPT_MAX   8
#define PIECES     6
#define NUMBERS    40 /* of a stream; all together are more than its client has room for */
#define STREAMS    4
#define DEADLINE_S 20

/* The lower half of a step's byte; the upper half is for the step to use. */
enum step {
	STEP_BYTES,  /* sends bytes as they are */
	STEP_LINE,   /* the same, and a newline */
	STEP_CALL,   /* sends a request to the method of the upper half, with bytes as its params */
	STEP_TURN,   /* lets the server go on */
	STEP_ANSWER, /* answers what was kept, and has more for all streams */
	STEP_OTHER,  /* it is the other client's turn */
	STEP_FINISH, /* sends nothing more, and still reads */
	STEP_LEAVE,
	STEP_READ,
	STEP_COUNT,
};

struct client {
	int fd; /* -1: not connected */
	size_t lines;
	size_t answers;
	char *received;
	size_t length;
};

struct stream {
	struct rpc_stream *rpc; /* NULL: there is none */
	int next, end;
};

static struct server {
	char directory[32];
	char path[64];
	struct event_base *base;
	struct rpc_server *rpc;
	struct rpc_call *kept[KEPT_MAX];
	size_t kept_count;
	struct stream streams[STREAMS];
	unsigned int echoes;
} server;

static void handle_echo(void *context, const json_t *params, struct rpc_call *call)
{
	server.echoes++;
	rpc_call_result(call, json_deep_copy(params));
}

static void handle_refuse(void *context, const json_t *params, struct rpc_call *call)
{
	const char *name = json_string_value(json_object_get(params, "name"));

	rpc_call_error(call, RPC_NOT_FOUND, "there is no \"%s\"", name == NULL ? "" : name);
}

static void handle_keep(void *context, const json_t *params, struct rpc_call *call)
{
	if (server.kept_count == KEPT_MAX)
		rpc_call_result(call, NULL);
	else
		server.kept[server.kept_count++] = call;
}

static enum rpc_step write_piece(void *production, struct rpc_answer *answer)
{
	int *piece = production;

	if (*piece == 0)
		rpc_answer_open_list(answer, NULL);
	rpc_answer_value(answer, NULL, json_integer(*piece));
	return ++*piece == PIECES ? RPC_STEP_LAST : RPC_STEP_MORE;
}

static void handle_pieces(void *context, const json_t *params, struct rpc_call *call)
{
	static const struct rpc_source source = { write_piece, free };
	int *piece = calloc(1, sizeof(*piece));

	require(piece != NULL);
	rpc_call_produce(call, &source, piece);
}

static enum rpc_step next_number(void *context, struct rpc_notification *notification)
{
	struct stream *stream = context;

	if (stream->next == stream->end)
		return RPC_STEP_LAST;
	*notification =
		(struct rpc_notification){ "number", json_pack("{s:i}", "number", stream->next++) };
	return stream->next == stream->end ? RPC_STEP_LAST : RPC_STEP_MORE;
}

static void end_stream(void *context)
{
	((struct stream *)context)->rpc = NULL;
}

static void handle_stream(void *context, const json_t *params, struct rpc_call *call)
{
	static const struct rpc_stream_source source = { next_number, end_stream };
	struct stream *stream = server.streams;

	while (stream->rpc != NULL)
		require(++stream < server.streams + STREAMS);
	*stream = (struct stream){ .end = 1 };
	stream->rpc = rpc_call_stream(call, json_true(), &source, stream);
}

static void wake_streams(void)
{
	for (struct stream *stream = server.streams; stream < server.streams + STREAMS; stream++)
		if (stream->rpc != NULL) {
			stream->end += NUMBERS;
			rpc_stream_wake(stream->rpc);
		}
}

static const struct rpc_method methods[] = {
	{ "echo", false, handle_echo },
	{ "refuse", false, handle_refuse },
	{ "keep", false, handle_keep },
	{ "pieces", true, handle_pieces },
	{ "stream", false, handle_stream },
};

#define METHODS (sizeof(methods) / sizeof(methods[0]))

/* Small, so that an input reaches them. */
static const struct rpc_limits limits = {
	.clients = 4,
	.clients_reserved = 1,
	.clients_of_reader = 2,
	.line_bytes = 1024,
	.line_bytes_reader = 512,
	.output_pause_bytes = 1024,
	.output_bytes = 8192,
	.stream_bytes = 512,
	.line_timeout_ms = 60000,
	.idle_timeout_ms = 60000,
	.idle_short_ms = 60000,
	.write_timeout_ms = 60000,
};

static void remove_directory(void)
{
	rpc_server_destroy(server.rpc);
	rmdir(server.directory);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct error error = { "" };
	struct rpc_address address = { server.path, GROUP_NONE };

	strcpy(server.directory, "/tmp/sluice-fuzz-XXXXXX");
	require(mkdtemp(server.directory) != NULL);
	snprintf(server.path, sizeof(server.path), "%s/socket", server.directory);
	server.base = loop_create();
	require(server.base != NULL);
	server.rpc = rpc_server_create(server.base, &address, methods, METHODS, NULL, &error);
	require(server.rpc != NULL);
	rpc_server_set_limits(server.rpc, &limits);
	atexit(remove_directory);
	return 0;
}

static void client_connect(struct client *client)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	*client = (struct client){ .fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) };
	memcpy(address.sun_path, server.path, sizeof(server.path));
	require(connect(client->fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	require(fcntl(client->fd, F_SETFL, O_NONBLOCK) == 0);
}

static void client_leave(struct client *client)
{
	if (client->fd >= 0)
		close(client->fd);
	free(client->received);
	*client = (struct client){ .fd = -1 };
}

static bool is_notification(const json_t *message)
{
	return json_is_string(json_object_get(message, "method")) &&
	       json_is_object(json_object_get(message, "params")) &&
	       json_object_get(message, "id") == NULL;
}

/* Whether it is one, and not a notification. */
static bool check_message(const char *line, size_t length)
{
	json_t *answer = json_loadb(line, length, JSON_REJECT_DUPLICATES, NULL), *id;
	const char *version = json_string_value(json_object_get(answer, "jsonrpc"));
	const json_t *error = json_object_get(answer, "error");

	require(json_is_object(answer) && json_object_size(answer) == 3);
	require(version != NULL && strcmp(version, "2.0") == 0);
	if (is_notification(answer)) {
		json_decref(answer);
		return false;
	}
	require((error == NULL) != (json_object_get(answer, "result") == NULL));
	require(error == NULL || json_string_length(json_object_get(error, "message")) > 0);
	id = json_object_get(answer, "id");
	require(json_is_null(id) || json_is_string(id) || json_is_number(id));
	json_decref(answer);
	return true;
}

/* Judges each line that is complete. */
static void check_received(struct client *client)
{
	char *end, *line = client->received;

	while (client->length > 0 &&
		(end = memchr(line, '\n', client->length - (line - client->received))) != NULL) {
		client->answers += check_message(line, end - line);
		line = end + 1;
	}
	if (line == client->received)
		return;
	client->length -= line - client->received;
	memmove(client->received, line, client->length);
}

static void client_read(struct client *client)
{
	char buffer[4096];
	ssize_t got;

	while (client->fd >= 0 && (got = recv(client->fd, buffer, sizeof(buffer), 0)) > 0) {
		client->received = realloc(client->received, client->length + got);
		require(client->received != NULL);
		memcpy(client->received + client->length, buffer, got);
		client->length += got;
		check_received(client);
	}
	/* what is too long is refused before its end */
	require(client->answers <= client->lines + 1);
}

static void client_send(struct client *client, const void *bytes, size_t length)
{
	if (client->fd < 0)
		client_connect(client);
	/* what is not taken, or not all, is lost: the server has its reasons */
	if (send(client->fd, bytes, length, MSG_NOSIGNAL) > 0)
		for (size_t i = 0; i < length; i++)
			client->lines += ((const char *)bytes)[i] == '\n';
}

static void client_call(struct client *client, uint8_t which, const uint8_t *params, size_t length)
{
	char head[128];

	snprintf(head, sizeof(head),
		"{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"%s\",\"params\":", which,
		methods[which % METHODS].name);
	client_send(client, head, strlen(head));
	client_send(client, params, length);
	client_send(client, "}\n", 2);
}

static void answer_kept(bool refuse)
{
	while (server.kept_count > 0) {
		struct rpc_call *call = server.kept[--server.kept_count];

		if (refuse)
			rpc_call_error(call, RPC_REFUSED, "too late");
		else
			rpc_call_result(call, json_integer(1));
	}
}

static void take_step(struct client clients[CLIENTS], unsigned int *turn, struct input *input)
{
	struct client *client = &clients[*turn];
	uint8_t step = input_take8(input), more = step >> 4;
	const uint8_t *bytes;
	size_t length = 0;

	step = (step & 15) % STEP_COUNT;
	if (step <= STEP_CALL)
		bytes = input_take(input, input_take8(input), &length);
	switch ((enum step)step) {
	case STEP_CALL: client_call(client, more, bytes, length); break;
	case STEP_BYTES:
	case STEP_LINE:
		client_send(client, bytes, length);
		if (step == STEP_LINE)
			client_send(client, "\n", 1);
		break;
	case STEP_TURN: loop_run_ready(server.base); break;
	case STEP_ANSWER:
		answer_kept(more & 1);
		wake_streams();
		break;
	case STEP_OTHER: *turn = (*turn + 1) % CLIENTS; break;
	case STEP_FINISH:
		if (client->fd >= 0)
			shutdown(client->fd, SHUT_WR);
		break;
	case STEP_LEAVE: client_leave(client); break;
	case STEP_READ:
	case STEP_COUNT: client_read(client); break;
	}
}

static bool is_late(time_t since)
{
	return time(NULL) - since > DEADLINE_S;
}

/* A client of the old school. */
static void ask_properly(void)
{
	static const char line[] =
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\",\"params\":{\"a\":[1]}}\n";
	unsigned int echoes = server.echoes;
	time_t since = time(NULL);
	struct client client;

	client_connect(&client);
	client_send(&client, line, strlen(line));
	while (client.answers == 0) {
		loop_run_ready(server.base);
		client_read(&client);
		require(!is_late(since));
	}
	require(server.echoes == echoes + 1);
	client_leave(&client);
}

static void await_empty(void)
{
	time_t since = time(NULL);

	while (rpc_server_count_clients(server.rpc) > 0) {
		loop_run_ready(server.base);
		answer_kept(true);
		require(!is_late(since));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct client clients[CLIENTS] = { { .fd = -1 }, { .fd = -1 } };
	struct input input = { data, size };
	unsigned int turn = 0;

	while (input.left > 0)
		take_step(clients, &turn, &input);
	loop_run_ready(server.base);
	answer_kept(false);
	loop_run_ready(server.base);
	for (unsigned int i = 0; i < CLIENTS; i++) {
		client_read(&clients[i]);
		client_leave(&clients[i]);
	}
	await_empty();
	ask_properly();
	await_empty();
	return 0;
}
