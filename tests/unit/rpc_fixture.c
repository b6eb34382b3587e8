/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/loop.h"
#include "rpc/rpc_answer.h"
#include "rpc_fixture.h"

static long long now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static void handle_echo(void *context, const json_t *params, struct rpc_call *call)
{
	struct fixture *fixture = context;

	fixture->called++;
	rpc_call_result(call, json_deep_copy(params));
}

static void handle_refuse(void *context, const json_t *params, struct rpc_call *call)
{
	rpc_call_error(call, RPC_NOT_FOUND, "there is no pool \"%s\"", "web-9");
}

static void handle_keep(void *context, const json_t *params, struct rpc_call *call)
{
	struct fixture *fixture = context;

	assert_null(fixture->kept);
	fixture->kept = call;
}

static void handle_change(void *context, const json_t *params, struct rpc_call *call)
{
	struct fixture *fixture = context;

	fixture->changed++;
	rpc_call_result(call, json_integer(rpc_call_uid(call)));
}

static void handle_big(void *context, const json_t *params, struct rpc_call *call)
{
	struct fixture *fixture = context;
	char *text = malloc(ANSWER_BYTES);

	fixture->called++;
	memset(text, 'x', ANSWER_BYTES);
	rpc_call_result(call, json_stringn(text, ANSWER_BYTES));
	free(text);
}

static void handle_nothing(void *context, const json_t *params, struct rpc_call *call)
{
	rpc_call_result(call, NULL);
}

/* A list of numbers, half a slice each, that begins anew so many times before it is complete. */
struct production {
	struct fixture *fixture;
	int next;
	int again;
};

static enum rpc_step write_number(void *context, struct rpc_answer *answer)
{
	struct production *production = context;
	long long end_us = now_us() + LOOP_SLICE_US / 2;

	while (now_us() < end_us)
		;
	if (production->next == 0)
		rpc_answer_open_list(answer, NULL);
	rpc_answer_value(answer, NULL, json_integer(production->next++));
	production->fixture->pieces++;
	if (production->next == PIECES / 2 && production->again > 0) {
		production->again--;
		production->next = 0;
		return RPC_STEP_AGAIN;
	}
	return production->next == PIECES ? RPC_STEP_LAST : RPC_STEP_MORE;
}

static void end_numbers(void *context)
{
	struct production *production = context;

	production->fixture->ended++;
	free(production);
}

void handle_slices(void *context, const json_t *params, struct rpc_call *call)
{
	static const struct rpc_source source = { write_number, end_numbers };
	struct production *production = calloc(1, sizeof(*production));

	production->fixture = context;
	production->again = json_integer_value(json_object_get(params, "again"));
	rpc_call_produce(call, &source, production);
}

static enum rpc_step next_number(void *context, struct rpc_notification *notification)
{
	struct test_stream *stream = context;

	if (stream->next >= stream->fixture->stream_end)
		return RPC_STEP_LAST;
	stream->fixture->pieces++;
	*notification =
		(struct rpc_notification){ "number", json_pack("{s:i}", "number", stream->next++) };
	return RPC_STEP_MORE;
}

static void end_stream(void *context)
{
	struct test_stream *stream = context;

	stream->fixture->ended++;
	stream->stream = NULL;
}

static void handle_stream(void *context, const json_t *params, struct rpc_call *call)
{
	static const struct rpc_stream_source source = { next_number, end_stream };
	struct fixture *fixture = context;
	size_t i = 0;

	while (i < STREAMS_MAX - 1 && fixture->streams[i].stream != NULL)
		i++;
	fixture->streams[i] = (struct test_stream){ .fixture = fixture };
	fixture->streams[i].stream =
		rpc_call_stream(call, json_string("begun"), &source, &fixture->streams[i]);
}

void wake_streams(struct fixture *fixture, int stream_end)
{
	fixture->stream_end = stream_end;
	for (size_t i = 0; i < STREAMS_MAX; i++)
		if (fixture->streams[i].stream != NULL)
			rpc_stream_wake(fixture->streams[i].stream);
}

static const struct rpc_method methods[] = {
	{ "echo", false, handle_echo },
	{ "refuse", false, handle_refuse },
	{ "keep", false, handle_keep },
	{ "change", true, handle_change },
	{ "big", false, handle_big },
	{ "nothing", false, handle_nothing },
	{ "slices", false, handle_slices },
	{ "stream", false, handle_stream },
};

const struct rpc_limits test_limits = {
	.clients = 64,
	.clients_reserved = 8,
	.line_bytes = SMALL_LINE,
	.line_bytes_reader = SMALL_LINE / 4,
	.output_pause_bytes = 64 << 10,
	.output_bytes = 1 << 20,
	.stream_bytes = 16 << 10,
	.line_timeout_ms = 30000,
	.idle_timeout_ms = 30000,
	.idle_short_ms = 1000,
	.clients_of_reader = 56,
	.write_timeout_ms = 30000,
};

static void tick(evutil_socket_t fd, short what, void *argument)
{
	struct fixture *fixture = argument;

	fixture->ticks++;
	event_base_loopbreak(fixture->base); /* EVLOOP_ONCE ends only where all is done */
}

void start_server(struct fixture *fixture)
{
	struct rpc_address address = { fixture->path, fixture->group };
	struct error error = { "" };

	if (fixture->methods == NULL) {
		fixture->methods = methods;
		fixture->method_count = COUNT_OF(methods);
	}
	fixture->server = rpc_server_create(
		fixture->base, &address, fixture->methods, fixture->method_count, fixture, &error);
	assert_string_equal(error.message, "");
	assert_non_null(fixture->server);
	rpc_server_set_limits(fixture->server, &test_limits);
}

int rpc_set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	struct timeval interval = { 0, 2000 };

	strcpy(fixture->directory, "/tmp/sluice-rpc-XXXXXX");
	if (mkdtemp(fixture->directory) == NULL)
		return -1;
	snprintf(fixture->path, sizeof(fixture->path), "%s/run/socket", fixture->directory);
	fixture->group = GROUP_NONE;
	fixture->base = loop_create();
	fixture->tick = event_new(fixture->base, -1, EV_PERSIST, tick, fixture);
	event_priority_set(fixture->tick, LOOP_TIMERS);
	event_add(fixture->tick, &interval);
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		fixture->clients[i].fd = -1;
	start_server(fixture);
	*state = fixture;
	return 0;
}

void client_close(struct client *client)
{
	if (client->fd >= 0)
		close(client->fd);
	client->fd = -1;
	free(client->received);
	client->received = NULL;
	client->length = 0;
	client->ended = false;
}

int rpc_tear_down(void **state)
{
	struct fixture *fixture = *state;
	char run[80];

	for (size_t i = 0; i < CLIENTS_MAX; i++)
		client_close(&fixture->clients[i]);
	rpc_server_destroy(fixture->server);
	if (fixture->kept != NULL)
		rpc_call_result(fixture->kept, json_null());
	event_free(fixture->tick);
	event_base_free(fixture->base);
	unlink(fixture->path);
	snprintf(run, sizeof(run), "%s/run", fixture->directory);
	rmdir(run);
	rmdir(fixture->directory);
	free(fixture);
	return 0;
}

int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), code;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	code = errno;
	close(fd);
	errno = code;
	return -1;
}

struct client *client_connect(struct fixture *fixture, size_t index)
{
	struct client *client = &fixture->clients[index];

	client_close(client);
	client->fd = connect_to(fixture->path);
	assert_true(client->fd >= 0);
	fcntl(client->fd, F_SETFL, O_NONBLOCK);
	client->received = calloc(1, 1);
	return client;
}

void client_send_bytes(struct client *client, const void *bytes, size_t length)
{
	assert_int_equal(send(client->fd, bytes, length, MSG_NOSIGNAL), length);
}

void client_send(struct client *client, const char *text)
{
	client_send_bytes(client, text, strlen(text));
}

void client_receive(struct client *client)
{
	char buffer[65536];
	ssize_t got;

	while ((got = recv(client->fd, buffer, sizeof(buffer), 0)) > 0) {
		client->received = realloc(client->received, client->length + got + 1);
		memcpy(client->received + client->length, buffer, got);
		client->length += got;
		client->received[client->length] = '\0';
	}
	if (got == 0 || (errno != EAGAIN && errno != EINTR))
		client->ended = true;
}

long long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

void turn_until(struct fixture *fixture, condition *holds, const void *argument)
{
	long long deadline = now_ms() + DEADLINE_MS;

	while (!holds(fixture, argument)) {
		if (now_ms() > deadline)
			fail_msg("the deadline passed");
		event_base_loop(fixture->base, EVLOOP_ONCE);
	}
}

static bool has_line(struct fixture *fixture, const void *argument)
{
	struct client *client = (struct client *)argument;

	client_receive(client);
	return strchr(client->received, '\n') != NULL;
}

bool has_ended(struct fixture *fixture, const void *argument)
{
	struct client *client = (struct client *)argument;

	client_receive(client);
	return client->ended;
}

bool has_kept_a_call(struct fixture *fixture, const void *argument)
{
	return fixture->kept != NULL;
}

static bool has_clients(struct fixture *fixture, const void *argument)
{
	return rpc_server_count_clients(fixture->server) == *(const size_t *)argument;
}

bool has_exited(struct fixture *fixture, const void *argument)
{
	siginfo_t info = { 0 };

	waitid(P_PID, *(const pid_t *)argument, &info, WEXITED | WNOHANG | WNOWAIT);
	return info.si_pid != 0;
}

void wait_for_clients(struct fixture *fixture, size_t count)
{
	turn_until(fixture, has_clients, &count);
}

/* The next line that arrives, parsed and taken out of what was received. */
json_t *client_next(struct fixture *fixture, struct client *client)
{
	char *end;
	json_t *answer;

	turn_until(fixture, has_line, client);
	end = strchr(client->received, '\n');
	answer = json_loadb(client->received, end - client->received, 0, NULL);
	assert_non_null(answer);
	assert_string_equal(json_string_value(json_object_get(answer, "jsonrpc")), "2.0");
	client->length -= end + 1 - client->received;
	memmove(client->received, end + 1, client->length + 1);
	return answer;
}

/* Asserts an error with this code, and that its sentence holds `part`. */
void expect_error(
	struct fixture *fixture, struct client *client, int code, const char *id, const char *part)
{
	json_t *answer = client_next(fixture, client);
	json_t *error = json_object_get(answer, "error");
	char *got_id = json_dumps(json_object_get(answer, "id"), JSON_ENCODE_ANY);
	const char *message = json_string_value(json_object_get(error, "message"));

	assert_int_equal(json_integer_value(json_object_get(error, "code")), code);
	assert_non_null(message);
	if (strstr(message, part) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", message, part);
	assert_string_equal(got_id, id);
	assert_null(json_object_get(answer, "result"));
	free(got_id);
	json_decref(answer);
}

void expect_result(
	struct fixture *fixture, struct client *client, const char *id, const char *result)
{
	json_t *answer = client_next(fixture, client);
	char *got_id = json_dumps(json_object_get(answer, "id"), JSON_ENCODE_ANY);
	char *got = json_dumps(json_object_get(answer, "result"), JSON_ENCODE_ANY | JSON_COMPACT);

	assert_non_null(got);
	assert_string_equal(got, result);
	assert_string_equal(got_id, id);
	assert_null(json_object_get(answer, "error"));
	free(got_id);
	free(got);
	json_decref(answer);
}

/* That the server serves a client as ever: the end of every test about a bad neighbour. */
void expect_service(struct fixture *fixture, struct client *client)
{
	client_send(client, "{\"jsonrpc\":\"2.0\",\"id\":77,\"method\":\"echo\"}\n");
	expect_result(fixture, client, "77", "{}");
}
