/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The server and its clients share one thread here: until() turns the event loop by hand until a
 * condition holds, and fails at a deadline. Clients are plain sockets that never block.
 */
#include "unit.h"

#include <errno.h>
#include <limits.h>
#include <event2/event.h>
#include <fcntl.h>
#include <grp.h>
#include <jansson.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "loop.h"
#include "rpc.h"
#include "rpc_answer.h"
#include "rpc_message.h"

#define DEADLINE_MS   60000
#define CLIENTS_MAX   70
#define SMALL_LINE    4096
#define ANSWER_BYTES  (200 << 10)
#define PATIENCE_MS   40
#define PIECES        20
#define READERS       12346 /* a group without a name */
#define MUTATION_SEED 20231105u

struct client {
	int fd;
	char *received; /* NUL-terminated */
	size_t length;
	bool ended; /* the server has closed */
};

struct fixture {
	char directory[64];
	char path[96];
	gid_t group; /* to listen with */
	struct event_base *base;
	struct event *tick; /* so that a pass of the loop ends although nothing happens */
	struct rpc_server *server;
	struct client clients[CLIENTS_MAX];
	struct rpc_call *kept; /* the call that `keep` did not answer yet */
	unsigned int ticks;
	unsigned int called; /* times any method ran */
	unsigned int changed;
	unsigned int pieces; /* written by all productions */
	unsigned int ended;  /* productions */
	unsigned int urgent; /* times that something else had to be done */
};

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

static void handle_slices(void *context, const json_t *params, struct rpc_call *call)
{
	static const struct rpc_source source = { write_number, end_numbers };
	struct production *production = calloc(1, sizeof(*production));

	production->fixture = context;
	production->again = json_integer_value(json_object_get(params, "again"));
	rpc_call_produce(call, &source, production);
}

static const struct rpc_method methods[] = {
	{ "echo", false, handle_echo },
	{ "refuse", false, handle_refuse },
	{ "keep", false, handle_keep },
	{ "change", true, handle_change },
	{ "big", false, handle_big },
	{ "nothing", false, handle_nothing },
	{ "slices", false, handle_slices },
};

static const struct rpc_limits test_limits = {
	.clients = 64,
	.clients_reserved = 8,
	.line_bytes = SMALL_LINE,
	.line_bytes_reader = SMALL_LINE / 4,
	.output_pause_bytes = 64 << 10,
	.output_bytes = 1 << 20,
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

static void start_server(struct fixture *fixture)
{
	struct rpc_place place = { fixture->path, fixture->group };
	struct error error = { "" };

	fixture->server = rpc_server_create(
		fixture->base, &place, methods, COUNT_OF(methods), fixture, &error);
	assert_string_equal(error.message, "");
	assert_non_null(fixture->server);
	rpc_server_set_limits(fixture->server, &test_limits);
}

static int set_up(void **state)
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

static void client_close(struct client *client)
{
	if (client->fd >= 0)
		close(client->fd);
	client->fd = -1;
	free(client->received);
	client->received = NULL;
	client->length = 0;
	client->ended = false;
}

static int tear_down(void **state)
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

static int connect_to(const char *path)
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

static struct client *client_connect(struct fixture *fixture, size_t index)
{
	struct client *client = &fixture->clients[index];

	client_close(client);
	client->fd = connect_to(fixture->path);
	assert_true(client->fd >= 0);
	fcntl(client->fd, F_SETFL, O_NONBLOCK);
	client->received = calloc(1, 1);
	return client;
}

static void client_send_bytes(struct client *client, const void *bytes, size_t length)
{
	assert_int_equal(send(client->fd, bytes, length, MSG_NOSIGNAL), length);
}

static void client_send(struct client *client, const char *text)
{
	client_send_bytes(client, text, strlen(text));
}

static void client_receive(struct client *client)
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

static long long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

typedef bool condition(struct fixture *fixture, const void *argument);

static void turn_until(struct fixture *fixture, condition *holds, const void *argument)
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

static bool has_ended(struct fixture *fixture, const void *argument)
{
	struct client *client = (struct client *)argument;

	client_receive(client);
	return client->ended;
}

static bool has_kept_a_call(struct fixture *fixture, const void *argument)
{
	return fixture->kept != NULL;
}

static bool has_clients(struct fixture *fixture, const void *argument)
{
	return rpc_server_count_clients(fixture->server) == *(const size_t *)argument;
}

static bool has_exited(struct fixture *fixture, const void *argument)
{
	siginfo_t info = { 0 };

	waitid(P_PID, *(const pid_t *)argument, &info, WEXITED | WNOHANG | WNOWAIT);
	return info.si_pid != 0;
}

static void wait_for_clients(struct fixture *fixture, size_t count)
{
	turn_until(fixture, has_clients, &count);
}

/* The next line that arrives, parsed and taken out of what was received. */
static json_t *client_next(struct fixture *fixture, struct client *client)
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
static void expect_error(
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

static void expect_result(
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
static void expect_service(struct fixture *fixture, struct client *client)
{
	client_send(client, "{\"jsonrpc\":\"2.0\",\"id\":77,\"method\":\"echo\"}\n");
	expect_result(fixture, client, "77", "{}");
}

static void a_request_is_answered_on_its_own_line(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = client_connect(fixture, 0);

	client_send(client, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\","
			    "\"params\":{\"pool\":\"web\"}}\n");
	expect_result(fixture, client, "1", "{\"pool\":\"web\"}");
	assert_int_equal(client->length, 0);
}

static void string_number_and_null_ids_are_echoed(void **state)
{
	static const char *const ids[] = { "\"a b\"", "\"\"", "0", "-7", "1.5", "null" };
	struct fixture *fixture = *state;
	struct client *client = client_connect(fixture, 0);

	for (size_t i = 0; i < COUNT_OF(ids); i++) {
		char line[128];

		snprintf(line, sizeof(line),
			"{\"jsonrpc\":\"2.0\",\"id\":%s,\"method\":\"echo\"}\n", ids[i]);
		client_send(client, line);
		expect_result(fixture, client, ids[i], "{}");
	}
}

static void bad_requests_are_answered_with_what_is_wrong(void **state)
{
	static const struct {
		const char *line;
		int code;
		const char *id;
		const char *part;
	} rows[] = {
		{ "{", RPC_PARSE_ERROR, "null", "not JSON" },
		{ "hello", RPC_PARSE_ERROR, "null", "not JSON" },
		{ "{} {}", RPC_PARSE_ERROR, "null", "not JSON" },
		{ "{\"id\":1,\"id\":2}", RPC_PARSE_ERROR, "null", "duplicate" },
		{ "{\"id\":\"\\u0000\"}", RPC_PARSE_ERROR, "null", "not JSON" },
		{ "{\"id\":\"\xff\"}", RPC_PARSE_ERROR, "null", "not JSON" },
		{ "{\"id\":\"\xc0\xaf\"}", RPC_PARSE_ERROR, "null", "not JSON" },
		{ "{\"id\":123456789012345678901234567890}", RPC_PARSE_ERROR, "null", "not JSON" },
		{ "3", RPC_INVALID_REQUEST, "null", "not an object" },
		{ "null", RPC_INVALID_REQUEST, "null", "not an object" },
		{ "[]", RPC_INVALID_REQUEST, "null", "batches are not supported" },
		{ "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\"}]", RPC_INVALID_REQUEST,
			"null", "batches are not supported" },
		{ "{}", RPC_INVALID_REQUEST, "null", "\"jsonrpc\" is not \"2.0\"" },
		{ "{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"echo\"}", RPC_INVALID_REQUEST, "1",
			"\"jsonrpc\" is not \"2.0\"" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1}", RPC_INVALID_REQUEST, "1", "\"method\"" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":4}", RPC_INVALID_REQUEST, "1",
			"\"method\"" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"echo\"}", RPC_INVALID_REQUEST,
			"null", "\"id\"" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":true,\"method\":\"echo\"}", RPC_INVALID_REQUEST,
			"null", "\"id\"" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\",\"parameters\":{}}",
			RPC_INVALID_REQUEST, "1", "\"parameters\" is not a member" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\",\"params\":[1]}",
			RPC_INVALID_PARAMS, "1", "\"params\" is not an object" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\",\"params\":null}",
			RPC_INVALID_PARAMS, "1", "\"params\" is not an object" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ecko\"}", RPC_METHOD_NOT_FOUND, "1",
			"no method \"ecko\"; there are echo, refuse, keep, change" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"refuse\"}", RPC_NOT_FOUND, "1",
			"there is no pool \"web-9\"" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"nothing\"}", RPC_INTERNAL_ERROR, "1",
			"could not be made" },
	};
	struct fixture *fixture = *state;
	struct client *client = client_connect(fixture, 0);

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		client_send(client, rows[i].line);
		client_send(client, "\n");
		expect_error(fixture, client, rows[i].code, rows[i].id, rows[i].part);
	}
	expect_service(fixture, client);
}

static void a_method_name_cut_within_a_character_is_still_answered(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = client_connect(fixture, 0);
	char line[512] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a";

	for (int i = 0; i < 60; i++)
		strcat(line, "\xc3\xa4");
	strcat(line, "\"}\n");
	client_send(client, line);
	expect_error(fixture, client, RPC_METHOD_NOT_FOUND, "1", "there is no method \"a?");
}

static void nesting_is_bounded_and_brackets_in_strings_do_not_count(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = client_connect(fixture, 0);
	char deep[256] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\",\"params\":{\"a\":";
	size_t start = strlen(deep);

	for (int i = 0; i < RPC_NESTING_MAX - 2; i++)
		strcat(deep, "[");
	for (int i = 0; i < RPC_NESTING_MAX - 2; i++)
		strcat(deep, "]");
	strcat(deep, "}}\n");
	client_send(client, deep);
	json_decref(client_next(fixture, client));
	assert_int_equal(fixture->called, 1);

	memset(deep + start, '[', RPC_NESTING_MAX - 1);
	client_send(client, deep);
	expect_error(fixture, client, RPC_PARSE_ERROR, "null", "nested 33 deep, 32 at most");
	client_send(client, "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"echo\",\"params\":{\"a\":"
			    "\"[[[[[[[[[[[[[[[[[[[[\\\"[[[[[[[[[[[[[[[[[[[[[[[[[[[\"}}\n");
	json_decref(client_next(fixture, client));
	assert_int_equal(fixture->called, 2);
}

static void a_line_of_empty_arrays_is_refused_before_it_eats_memory(void **state)
{
	size_t count = RPC_VALUES_MAX + 1;
	char *line = malloc(3 * count + 2);
	struct rpc_request request;
	struct error error;

	line[0] = '[';
	for (size_t i = 0; i < count; i++)
		memcpy(line + 1 + 3 * i, "[],", 3);
	line[3 * count] = ']';
	assert_int_equal(rpc_request_parse(&request, line, 3 * count + 1, &error), RPC_PARSE_ERROR);
	assert_non_null(strstr(error.message, "values"));
	rpc_request_release(&request);
	free(line);
}

static void a_notification_is_carried_out_and_not_answered(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = client_connect(fixture, 0);

	client_send(client, "{\"jsonrpc\":\"2.0\",\"method\":\"change\"}\n"
			    "{\"jsonrpc\":\"2.0\",\"method\":\"unheard-of\"}\n"
			    "{\"jsonrpc\":\"2.0\",\"method\":\"refuse\"}\n"
			    "{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"params\":3}\n");
	expect_service(fixture, client);
	assert_int_equal(fixture->changed, 1);
	assert_int_equal(client->length, 0);
}

static void requests_of_one_client_are_answered_in_their_order(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = client_connect(fixture, 0);

	client_send(client, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"keep\"}\n"
			    "\n"
			    "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"echo\"}\r\n"
			    "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"refuse\"}\n");
	turn_until(fixture, has_kept_a_call, NULL);
	for (int i = 0; i < 5; i++)
		event_base_loop(fixture->base, EVLOOP_ONCE);
	client_receive(client);
	assert_int_equal(fixture->called, 0); /* the second waits for the first */
	assert_int_equal(client->length, 0);

	rpc_call_result(fixture->kept, json_true());
	fixture->kept = NULL;
	expect_result(fixture, client, "1", "true");
	expect_result(fixture, client, "2", "{}");
	expect_error(fixture, client, RPC_NOT_FOUND, "3", "web-9");
}

static void many_clients_are_served_at_once(void **state)
{
	struct fixture *fixture = *state;
	char id[16], line[128];

	for (size_t i = 0; i < 20; i++)
		client_connect(fixture, i);
	for (size_t round = 0; round < 10; round++) {
		for (size_t i = 0; i < 20; i++) {
			snprintf(line, sizeof(line),
				"{\"jsonrpc\":\"2.0\",\"id\":%zu,\"method\":\"echo\"}\n",
				100 * i + round);
			client_send(&fixture->clients[i], line);
		}
	}
	for (size_t i = 0; i < 20; i++) {
		for (size_t round = 0; round < 10; round++) {
			snprintf(id, sizeof(id), "%zu", 100 * i + round);
			expect_result(fixture, &fixture->clients[i], id, "{}");
		}
	}
	assert_int_equal(fixture->called, 200);
}

static void a_client_gets_one_request_per_pass_of_the_loop(void **state)
{
	struct fixture *fixture = *state;
	struct client *greedy = client_connect(fixture, 0);
	struct client *modest = client_connect(fixture, 1);

	wait_for_clients(fixture, 2);
	for (int i = 0; i < 50; i++)
		client_send(greedy, "{\"jsonrpc\":\"2.0\",\"method\":\"echo\"}\n");
	client_send(modest, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\"}\n");
	expect_result(fixture, modest, "1", "{}");
	assert_true(fixture->called < 10);
}

static void a_half_written_line_is_given_up_in_time(void **state)
{
	struct fixture *fixture = *state;
	struct rpc_limits limits = test_limits;
	struct client *half, *good;

	limits.line_timeout_ms = PATIENCE_MS;
	rpc_server_set_limits(fixture->server, &limits);
	half = client_connect(fixture, 0);
	good = client_connect(fixture, 1);
	client_send(half, "{\"jsonrpc\":\"2.0\",");
	expect_service(fixture, good);
	expect_error(fixture, half, RPC_INVALID_REQUEST, "null", "not ended within 40 ms");
	turn_until(fixture, has_ended, half);
	wait_for_clients(fixture, 1);
	expect_service(fixture, good); /* who says nothing may stay */
}

static void dripping_bytes_does_not_renew_the_time_for_a_line(void **state)
{
	struct fixture *fixture = *state;
	struct rpc_limits limits = test_limits;
	struct client *client;
	long long deadline = now_ms() + DEADLINE_MS;

	limits.line_timeout_ms = PATIENCE_MS;
	limits.line_bytes = 1 << 20; /* so that time is up first */
	rpc_server_set_limits(fixture->server, &limits);
	client = client_connect(fixture, 0);
	while (!client->ended) {
		assert_true(now_ms() < deadline);
		send(client->fd, " ", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
		event_base_loop(fixture->base, EVLOOP_ONCE);
		client_receive(client);
	}
	assert_non_null(strstr(client->received, "not ended within"));
}

static void the_longest_line_is_served_and_a_longer_one_refused(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = client_connect(fixture, 0);
	struct client *good = client_connect(fixture, 1);
	char line[SMALL_LINE + 2];

	memset(line, ' ', sizeof(line));
	memcpy(line, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\"}", 40);
	line[SMALL_LINE] = '\n';
	client_send_bytes(client, line, SMALL_LINE + 1);
	expect_result(fixture, client, "1", "{}");

	line[SMALL_LINE] = ' ';
	line[SMALL_LINE + 1] = '\n';
	client_send_bytes(client, line, SMALL_LINE + 2);
	expect_error(fixture, client, RPC_INVALID_REQUEST, "null", "longer than 4096 bytes");
	turn_until(fixture, has_ended, client);
	expect_service(fixture, good);
}

static void a_line_without_end_is_not_kept_in_memory(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = client_connect(fixture, 0);
	struct client *good = client_connect(fixture, 1);
	char block[4096];
	size_t sent = 0;

	memset(block, 'x', sizeof(block));
	while (!client->ended && sent < (16u << 20)) {
		ssize_t went = send(client->fd, block, sizeof(block), MSG_NOSIGNAL);

		sent += went > 0 ? went : 0;
		event_base_loop(fixture->base, EVLOOP_ONCE);
		client_receive(client);
	}
	assert_true(client->ended);
	assert_non_null(strstr(client->received, "longer than 4096 bytes"));
	expect_service(fixture, good);
}

static void a_full_buffer_behind_a_call_under_way_costs_nothing(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = client_connect(fixture, 0);
	unsigned int before, passes = 0;

	client_send(client, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"keep\"}\n");
	turn_until(fixture, has_kept_a_call, NULL);
	for (int i = 0; i < 200; i++)
		client_send(client, "{\"jsonrpc\":\"2.0\",\"method\":\"echo\"}\n");
	for (int i = 0; i < 20; i++)
		event_base_loop(fixture->base, EVLOOP_NONBLOCK);
	before = fixture->ticks;
	for (; fixture->ticks < before + 10; passes++)
		event_base_loop(fixture->base, EVLOOP_ONCE);
	assert_true(passes <= 10); /* the loop woke up for its ticks and nothing else */

	rpc_call_result(fixture->kept, json_true());
	fixture->kept = NULL;
	expect_result(fixture, client, "1", "true");
	expect_service(fixture, client);
	assert_int_equal(fixture->called, 201);
}

static void a_reader_who_does_not_read_is_not_listened_to(void **state)
{
	struct fixture *fixture = *state;
	struct client *slow = client_connect(fixture, 0);
	struct client *good = client_connect(fixture, 1);
	unsigned int served;

	for (int i = 0; i < 40; i++)
		client_send(slow, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"big\"}\n");
	for (int i = 0; i < 20; i++)
		expect_service(fixture, good);
	served = fixture->called - 20;
	assert_true(served < 10); /* what the socket holds, and one answer above the bound */
	for (int i = 0; i < 40; i++) {
		json_t *answer = client_next(fixture, slow);

		assert_int_equal(
			json_string_length(json_object_get(answer, "result")), ANSWER_BYTES);
		json_decref(answer);
	}
	assert_int_equal(fixture->called, 40 + 20);
}

static void a_reader_who_never_reads_is_disconnected_in_time(void **state)
{
	struct fixture *fixture = *state;
	struct rpc_limits limits = test_limits;
	struct client *slow, *good;

	limits.write_timeout_ms = PATIENCE_MS;
	rpc_server_set_limits(fixture->server, &limits);
	good = client_connect(fixture, 1);
	slow = client_connect(fixture, 0);
	wait_for_clients(fixture, 2);
	for (int i = 0; i < 10; i++)
		client_send(slow, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"big\"}\n");
	wait_for_clients(fixture, 1);
	expect_service(fixture, good);
}

static void an_answer_beyond_the_bound_ends_the_connection(void **state)
{
	struct fixture *fixture = *state;
	struct rpc_limits limits = test_limits;
	struct client *client, *good;

	limits.output_bytes = ANSWER_BYTES / 2;
	rpc_server_set_limits(fixture->server, &limits);
	client = client_connect(fixture, 0);
	good = client_connect(fixture, 1);
	client_send(client, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"big\"}\n");
	turn_until(fixture, has_ended, client);
	expect_service(fixture, good);
}

static void binary_garbage_is_answered_and_harms_nobody(void **state)
{
	static const char garbage[] = "\x16\x03\x01\x00\xff\xfe\x00{}\n"
				      "\x00\x00\x00\x00\n"
				      "GET / HTTP/1.1\n";
	struct fixture *fixture = *state;
	struct client *client = client_connect(fixture, 0);
	struct client *good = client_connect(fixture, 1);

	client_send_bytes(client, garbage, sizeof(garbage) - 1);
	expect_error(fixture, client, RPC_PARSE_ERROR, "null", "NUL byte");
	expect_error(fixture, client, RPC_PARSE_ERROR, "null", "NUL byte");
	expect_error(fixture, client, RPC_PARSE_ERROR, "null", "not JSON");
	expect_service(fixture, client);
	expect_service(fixture, good);
}

/* xorshift32 (Marsaglia 2003): the same mutations in every run */
static uint32_t draw(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

static size_t mutate(char *line, size_t length, uint32_t *seed)
{
	for (uint32_t count = 1 + draw(seed) % 4; count > 0 && length > 1; count--) {
		size_t at = draw(seed) % length;

		switch (draw(seed) % 3) {
		case 0: line[at] = draw(seed); break;
		case 1: memmove(line + at, line + at + 1, --length - at); break;
		case 2: line[at] = "{}[]\",:\\\n0e-"[draw(seed) % 12]; break;
		}
	}
	return length;
}

static void mutated_requests_are_all_survived(void **state)
{
	static const char good_line[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\","
					"\"params\":{\"a\":[1,2.5,\"\\u00e4\",{\"b\":null}]}}";
	struct fixture *fixture = *state;
	struct client *good = client_connect(fixture, 1);
	uint32_t seed = MUTATION_SEED;

	for (int round = 0; round < 50; round++) {
		struct client *client = client_connect(fixture, 0);

		for (int i = 0; i < 40; i++) {
			char line[sizeof(good_line)];
			size_t length;

			memcpy(line, good_line, sizeof(line));
			length = mutate(line, sizeof(line) - 1, &seed);
			client_send_bytes(client, line, length);
			client_send(client, "\n");
		}
		shutdown(client->fd, SHUT_WR);
		turn_until(fixture, has_ended, client);
		assert_non_null(strstr(client->received, "jsonrpc"));
		wait_for_clients(fixture, 1);
	}
	expect_service(fixture, good);
}

static void a_client_that_leaves_in_the_middle_of_a_line_is_forgotten(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = client_connect(fixture, 0);

	client_send(client, "{\"jsonrpc\":\"2.0\",\"id\":1,\"meth");
	wait_for_clients(fixture, 1);
	client_close(client);
	wait_for_clients(fixture, 0);
	expect_service(fixture, client_connect(fixture, 1));
}

static void a_client_that_stops_sending_still_gets_its_answers(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = client_connect(fixture, 0);

	client_send(client, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"keep\"}\n"
			    "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"echo\"}\n"
			    "{\"jsonrpc\"");
	shutdown(client->fd, SHUT_WR);
	turn_until(fixture, has_kept_a_call, NULL);
	rpc_call_result(fixture->kept, json_null());
	fixture->kept = NULL;
	expect_result(fixture, client, "1", "null");
	expect_result(fixture, client, "2", "{}");
	expect_error(fixture, client, RPC_PARSE_ERROR, "null", "the last line has no end");
	turn_until(fixture, has_ended, client);
	wait_for_clients(fixture, 0);
}

static void an_answer_after_the_client_left_is_harmless(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = client_connect(fixture, 0);

	client_send(client, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"keep\"}\n");
	turn_until(fixture, has_kept_a_call, NULL);
	client_close(client);
	for (int i = 0; i < 5; i++)
		event_base_loop(fixture->base, EVLOOP_ONCE);
	rpc_call_result(fixture->kept, json_string("too late"));
	fixture->kept = NULL;
	wait_for_clients(fixture, 0);
	expect_service(fixture, client_connect(fixture, 1));
}

static void an_answer_after_the_client_was_disconnected_is_harmless(void **state)
{
	struct fixture *fixture = *state;
	struct rpc_limits limits = test_limits;
	struct client *client;

	limits.write_timeout_ms = PATIENCE_MS;
	limits.output_pause_bytes = 16 << 20;
	limits.output_bytes = 16 << 20;
	rpc_server_set_limits(fixture->server, &limits);
	client = client_connect(fixture, 0);
	for (int i = 0; i < 5; i++)
		client_send(client, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"big\"}\n");
	client_send(client, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"keep\"}\n");
	turn_until(fixture, has_kept_a_call, NULL);
	wait_for_clients(fixture, 0); /* it did not read, so it went, its call still open */
	rpc_call_error(fixture->kept, RPC_REFUSED, "too late");
	fixture->kept = NULL;
	expect_service(fixture, client_connect(fixture, 1));
}

static void an_answer_after_the_server_went_is_harmless(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = client_connect(fixture, 0);

	client_send(client, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"keep\"}\n");
	turn_until(fixture, has_kept_a_call, NULL);
	rpc_server_destroy(fixture->server);
	fixture->server = NULL;
	rpc_call_result(fixture->kept, json_true());
	fixture->kept = NULL;
	turn_until(fixture, has_ended, client);
	assert_int_equal(client->length, 0);
}

static void expect_numbers(struct fixture *fixture, struct client *client, const char *id)
{
	char list[128] = "[0";

	for (int i = 1; i < PIECES; i++)
		snprintf(list + strlen(list), sizeof(list) - strlen(list), ",%d", i);
	strcat(list, "]");
	expect_result(fixture, client, id, list);
}

static void ask_for_slices(struct client *client, int again)
{
	char request[128];

	snprintf(request, sizeof(request),
		"{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"slices\",\"params\":{\"again\":%d}}\n",
		again);
	client_send(client, request);
}

static void an_answer_in_slices_is_one_line(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = client_connect(fixture, 0);

	ask_for_slices(client, 0);
	expect_numbers(fixture, client, "7");
	assert_int_equal(fixture->ended, 1);
	expect_service(fixture, client);
}

static void an_answer_in_slices_may_begin_anew(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = client_connect(fixture, 0);

	ask_for_slices(client, 3);
	expect_numbers(fixture, client, "7");
	assert_int_equal(fixture->pieces, PIECES + 3 * PIECES / 2);
}

/* A change is answered while forty lists are under way, after few of their pieces. */
static void who_asks_for_little_does_not_wait_for_long_answers(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = client_connect(fixture, 0);
	unsigned int before;

	for (size_t i = 1; i <= 40; i++)
		ask_for_slices(client_connect(fixture, i), 0);
	wait_for_clients(fixture, 41);
	while (fixture->pieces == 0)
		event_base_loop(fixture->base, EVLOOP_ONCE);
	before = fixture->pieces;
	expect_service(fixture, client);
	assert_in_range(fixture->pieces - before, 0, 20);
	assert_int_equal(fixture->ended, 0);
	for (size_t i = 1; i <= 40; i++)
		expect_numbers(fixture, &fixture->clients[i], "7");
}

static bool has_written(struct fixture *fixture, const void *argument)
{
	return fixture->pieces > 0;
}

static bool has_ended_production(struct fixture *fixture, const void *argument)
{
	return fixture->ended > 0;
}

/* It would go on for ever. */
static void an_answer_in_slices_ends_with_its_client(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = client_connect(fixture, 0);
	unsigned int before;

	ask_for_slices(client, INT_MAX);
	turn_until(fixture, has_written, NULL);
	client_close(client);
	before = fixture->pieces;
	turn_until(fixture, has_ended_production, NULL);
	assert_in_range(fixture->pieces - before, 0, 10);
	wait_for_clients(fixture, 0);
}

/* As another user, whom the file mode would keep out. */
static void connect_as_reader(struct fixture *fixture, size_t index)
{
	char run[80];

	if (geteuid() != 0)
		fail_msg("this test needs root, to become another user");
	snprintf(run, sizeof(run), "%s/run", fixture->directory);
	assert_int_equal(chmod(fixture->directory, 0755), 0);
	assert_int_equal(chmod(run, 0755), 0);
	assert_int_equal(chmod(fixture->path, 0666), 0);
	assert_int_equal(seteuid(65534), 0);
	client_connect(fixture, index);
	assert_int_equal(seteuid(0), 0);
}

/* Twenty lists of readers are under way: in equal turns his would be last of 21. */
static void an_operator_gets_a_long_answer_before_readers(void **state)
{
	struct fixture *fixture = *state;
	struct client *boss = client_connect(fixture, 0);
	unsigned int before;

	for (size_t i = 1; i <= 20; i++) {
		connect_as_reader(fixture, i);
		ask_for_slices(&fixture->clients[i], 0);
	}
	wait_for_clients(fixture, 21);
	turn_until(fixture, has_written, NULL);
	before = fixture->pieces;
	ask_for_slices(boss, 0);
	expect_numbers(fixture, boss, "7");
	assert_in_range(fixture->pieces - before, PIECES, 3 * PIECES);
	for (size_t i = 1; i <= 20; i++)
		expect_numbers(fixture, &fixture->clients[i], "7");
}

/* An operator who asks again and again takes three slices of four, not all. */
static void readers_get_their_answer_beside_an_operator(void **state)
{
	struct fixture *fixture = *state;
	struct client *boss = client_connect(fixture, 0);

	ask_for_slices(boss, INT_MAX);
	turn_until(fixture, has_written, NULL);
	connect_as_reader(fixture, 1);
	ask_for_slices(&fixture->clients[1], 0);
	expect_numbers(fixture, &fixture->clients[1], "7");
	assert_in_range(fixture->pieces, PIECES, 8 * PIECES);
}

static void an_answer_in_slices_ends_with_the_server(void **state)
{
	struct fixture *fixture = *state;

	ask_for_slices(client_connect(fixture, 0), 1000);
	turn_until(fixture, has_written, NULL);
	rpc_server_destroy(fixture->server);
	fixture->server = NULL;
	assert_int_equal(fixture->ended, 1);
}

static void a_client_that_stops_sending_still_gets_its_answer_in_slices(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = client_connect(fixture, 0);

	ask_for_slices(client, 1);
	assert_int_equal(shutdown(client->fd, SHUT_WR), 0);
	expect_numbers(fixture, client, "7");
	wait_for_clients(fixture, 0);
}

static void count_urgent(evutil_socket_t fd, short what, void *argument)
{
	struct fixture *fixture = argument;

	fixture->urgent++;
}

/* There is always something more urgent to do, but a long answer comes to its end. */
static void an_answer_in_slices_is_not_put_off_for_ever(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = client_connect(fixture, 0);
	struct event *endless;
	int ends[2];

	ask_for_slices(client, 0);
	turn_until(fixture, has_written, NULL);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "x", 1), 1); /* never read */
	endless = event_new(fixture->base, ends[0], EV_READ | EV_PERSIST, count_urgent, fixture);
	event_priority_set(endless, LOOP_CHANGES);
	event_add(endless, NULL);
	expect_numbers(fixture, client, "7");
	assert_true(fixture->urgent > PIECES);
	event_free(endless);
	close(ends[0]);
	close(ends[1]);
}

static void an_answer_in_slices_after_the_server_went_is_not_begun(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = client_connect(fixture, 0);

	client_send(client, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"keep\"}\n");
	turn_until(fixture, has_kept_a_call, NULL);
	rpc_server_destroy(fixture->server);
	fixture->server = NULL;
	handle_slices(fixture, NULL, fixture->kept);
	fixture->kept = NULL;
	assert_int_equal(fixture->ended, 1);
	assert_int_equal(fixture->pieces, 0);
}

static void fill_with_silence(struct fixture *fixture)
{
	for (size_t i = 0; i < test_limits.clients; i++)
		client_connect(fixture, i);
	wait_for_clients(fixture, test_limits.clients);
}

static void the_operator_gets_in_beside_as_many_silent_clients_as_there_may_be(void **state)
{
	struct fixture *fixture = *state;
	struct client *client;

	fill_with_silence(fixture);
	expect_service(fixture, &fixture->clients[1]);
	client = client_connect(fixture, test_limits.clients);
	expect_service(fixture, client);
	assert_int_equal(rpc_server_count_clients(fixture->server), test_limits.clients);
	expect_service(fixture, &fixture->clients[1]); /* it was heard of lately, and stays */
}

static void the_operator_gets_in_beside_lines_that_do_not_end(void **state)
{
	struct fixture *fixture = *state;

	for (size_t i = 0; i < test_limits.clients; i++)
		client_send(client_connect(fixture, i), "{");
	wait_for_clients(fixture, test_limits.clients);
	expect_service(fixture, client_connect(fixture, test_limits.clients));
}

static void a_client_that_says_nothing_is_disconnected_in_time(void **state)
{
	struct fixture *fixture = *state;
	struct rpc_limits limits = test_limits;
	struct client *client;

	limits.idle_timeout_ms = PATIENCE_MS;
	rpc_server_set_limits(fixture->server, &limits);
	client = client_connect(fixture, 0);
	expect_error(fixture, client, RPC_INVALID_REQUEST, "null", "has asked nothing for");
	turn_until(fixture, has_ended, client);
	wait_for_clients(fixture, 0);
}

static void a_call_under_way_is_not_silence(void **state)
{
	struct fixture *fixture = *state;
	struct rpc_limits limits = test_limits;
	struct client *client;
	unsigned int ticks;

	limits.idle_timeout_ms = PATIENCE_MS;
	rpc_server_set_limits(fixture->server, &limits);
	client = client_connect(fixture, 0);
	client_send(client, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"keep\"}\n");
	turn_until(fixture, has_kept_a_call, NULL);
	ticks = fixture->ticks;
	while (fixture->ticks < ticks + 3 * PATIENCE_MS / 2) /* ticks of 2 ms */
		event_base_loop(fixture->base, EVLOOP_ONCE);
	rpc_call_result(fixture->kept, json_true());
	fixture->kept = NULL;
	expect_result(fixture, client, "1", "true");
}

static void only_root_and_the_owner_may_change_things(void **state)
{
	static const struct {
		bool changes;
		uid_t peer;
		uid_t owner;
		bool may;
	} rows[] = {
		{ true, 0, 0, true },
		{ true, 0, 998, true },
		{ true, 998, 998, true },
		{ true, 1000, 998, false },
		{ true, 1000, 0, false },
		{ true, 65534, 998, false },
		{ false, 1000, 998, true },
		{ false, 1000, 0, true },
		{ false, 0, 998, true },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_int_equal(rpc_peer_may_call(rows[i].changes, rows[i].peer, rows[i].owner),
			rows[i].may);
}

/* Copies what the server says on `fd` until it hangs up. */
static void relay_answers(int fd, int answers)
{
	char buffer[4096];
	ssize_t got;

	while ((got = read(fd, buffer, sizeof(buffer))) > 0)
		if (write(answers, buffer, got) != got)
			_exit(3);
	close(fd);
}

static void ask_as_nobody(const char *path, int answers)
{
	static const char lines[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\"}\n"
				    "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"change\"}\n";
	int fd = connect_to(path);

	if (fd < 0 || write(fd, lines, sizeof(lines) - 1) != (ssize_t)sizeof(lines) - 1)
		_exit(2);
	shutdown(fd, SHUT_WR);
	relay_answers(fd, answers);
}

static void crowd_as_nobody(const char *path, int answers)
{
	char line[SMALL_LINE / 4 + 1];
	int first = connect_to(path), second = connect_to(path), third = connect_to(path);

	relay_answers(third, answers);
	memset(line, ' ', sizeof(line));
	if (write(first, line, sizeof(line)) != (ssize_t)sizeof(line))
		_exit(2);
	relay_answers(first, answers);
	close(second);
}

/*
 * Runs `behave` in a child that is another user, while the server serves it; what the child writes
 * to its second argument is received by `answers`. `group` is the child's beside its own.
 */
static void run_as_user(struct fixture *fixture, struct client *answers, gid_t group,
	void (*behave)(const char *path, int answers))
{
	int ends[2], status;
	pid_t child;

	if (geteuid() != 0)
		fail_msg("this test needs root, to become another user");
	assert_int_equal(chmod(fixture->directory, 0755), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	child = fork();
	if (child == 0) {
		if (setgroups(1, &group) != 0 || setgid(65534) != 0 || setuid(65534) != 0)
			_exit(1);
		behave(fixture->path, ends[1]);
		_exit(0);
	}
	turn_until(fixture, has_exited, &child);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	close(ends[1]);
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	client_close(answers);
	answers->fd = ends[0];
	answers->received = calloc(1, 1);
}

/* The file mode keeps strangers out; here it lets them in, so that credentials decide. */
static void run_as_nobody(struct fixture *fixture, struct client *answers,
	void (*behave)(const char *path, int answers))
{
	char run[80];

	snprintf(run, sizeof(run), "%s/run", fixture->directory);
	assert_int_equal(chmod(run, 0755), 0);
	assert_int_equal(chmod(fixture->path, 0666), 0);
	run_as_user(fixture, answers, 65534, behave);
}

static void start_server_of_group(struct fixture *fixture, gid_t group)
{
	char run[80];

	rpc_server_destroy(fixture->server);
	snprintf(run, sizeof(run), "%s/run", fixture->directory);
	assert_int_equal(rmdir(run), 0);
	fixture->group = group;
	start_server(fixture);
}

static void members_of_the_group_may_read_and_not_change(void **state)
{
	struct fixture *fixture = *state;
	struct client *answers = &fixture->clients[0];

	start_server_of_group(fixture, READERS);
	run_as_user(fixture, answers, READERS, ask_as_nobody);
	expect_result(fixture, answers, "1", "{}");
	expect_error(fixture, answers, RPC_NOT_PERMITTED, "2", "user 65534 may not call change");
	assert_int_equal(fixture->changed, 0);
}

static void find_a_closed_door(const char *path, int answers)
{
	if (connect_to(path) >= 0 || errno != EACCES)
		_exit(2);
}

static void who_is_not_in_the_group_does_not_get_in(void **state)
{
	struct fixture *fixture = *state;

	start_server_of_group(fixture, READERS);
	run_as_user(fixture, &fixture->clients[0], READERS + 1, find_a_closed_door);
	assert_int_equal(rpc_server_count_clients(fixture->server), 0);
}

static void another_user_may_read_and_not_change(void **state)
{
	struct fixture *fixture = *state;
	struct client *answers = &fixture->clients[0];

	run_as_nobody(fixture, answers, ask_as_nobody);
	expect_result(fixture, answers, "1", "{}");
	expect_error(fixture, answers, RPC_NOT_PERMITTED, "2", "user 65534 may not call change");
	assert_int_equal(fixture->changed, 0);
}

static void readers_get_fewer_places_and_shorter_lines(void **state)
{
	struct fixture *fixture = *state;
	struct client *answers = &fixture->clients[0];
	struct rpc_limits limits = test_limits;

	limits.clients = 4;
	limits.clients_reserved = 2;
	rpc_server_set_limits(fixture->server, &limits);
	run_as_nobody(fixture, answers, crowd_as_nobody);
	expect_error(fixture, answers, RPC_REFUSED, "null", "too many clients: 2 are connected");
	expect_error(fixture, answers, RPC_INVALID_REQUEST, "null", "longer than 1024 bytes");
	expect_service(fixture, client_connect(fixture, 1));
}

static void the_server_knows_the_user_it_serves(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = client_connect(fixture, 0);
	char uid[16];

	client_send(client, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"change\"}\n");
	snprintf(uid, sizeof(uid), "%u", (unsigned int)getuid());
	expect_result(fixture, client, "1", uid);
}

static unsigned int mode_of(const char *path)
{
	struct stat file;

	assert_int_equal(lstat(path, &file), 0);
	return file.st_mode & 07777;
}

static void the_directory_is_made_and_the_modes_are_narrow(void **state)
{
	struct fixture *fixture = *state;
	mode_t umask_before = umask(077);
	char run[80];

	rpc_server_destroy(fixture->server);
	snprintf(run, sizeof(run), "%s/run", fixture->directory);
	assert_int_equal(rmdir(run), 0);
	start_server(fixture);
	umask(umask_before);
	assert_int_equal(mode_of(run), 0750);
	assert_int_equal(mode_of(fixture->path), 0660);
}

static void no_umask_makes_the_socket_file_wider(void **state)
{
	struct fixture *fixture = *state;
	mode_t umask_before = umask(0);

	rpc_server_destroy(fixture->server);
	start_server(fixture);
	assert_int_equal(umask(umask_before), 0);
	assert_int_equal(mode_of(fixture->path), 0660);
}

static void expect_no_server(struct fixture *fixture, const char *path, const char *sentence)
{
	struct rpc_place place = { path, GROUP_NONE };
	struct error error = { "" };

	assert_null(rpc_server_create(
		fixture->base, &place, methods, COUNT_OF(methods), fixture, &error));
	assert_string_equal(error.message, sentence);
}

/* Makes `run`/inner a directory of that mode and user, and tries to serve in it. */
static void expect_no_server_in(
	struct fixture *fixture, mode_t mode, uid_t user, const char *complaint)
{
	char directory[80], path[96], sentence[256];

	snprintf(directory, sizeof(directory), "%s/run/inner", fixture->directory);
	snprintf(path, sizeof(path), "%s/s", directory);
	snprintf(sentence, sizeof(sentence), "%s: %s", directory, complaint);
	assert_int_equal(mkdir(directory, 0700), 0);
	assert_int_equal(chown(directory, user, -1), 0);
	assert_int_equal(chmod(directory, mode), 0);
	expect_no_server(fixture, path, sentence);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(rmdir(directory), 0);
}

static void a_directory_where_others_could_replace_the_socket_is_refused(void **state)
{
	struct fixture *fixture = *state;

	if (geteuid() != 0)
		fail_msg("this test needs root, to give a directory away");
	expect_no_server_in(fixture, 0757, 0, "others may write to the directory (0757)");
	expect_no_server_in(fixture, 0770, 0, "others may write to the directory (0770)");
	expect_no_server_in(fixture, 0755, 65534, "the directory belongs to user 65534");
	expect_no_server_in(fixture, 01777, 65534, "the directory belongs to user 65534");
}

static void a_sticky_directory_like_tmp_is_good_enough(void **state)
{
	struct fixture *fixture = *state;
	char run[80];

	rpc_server_destroy(fixture->server);
	snprintf(run, sizeof(run), "%s/run", fixture->directory);
	assert_int_equal(chmod(run, 01777), 0);
	start_server(fixture);
	expect_service(fixture, client_connect(fixture, 0));
}

static void links_on_the_way_to_the_socket_are_not_followed(void **state)
{
	struct fixture *fixture = *state;
	char run[80], link[96], path[112], sentence[256];

	snprintf(run, sizeof(run), "%s/run", fixture->directory);
	snprintf(link, sizeof(link), "%s/link", run);
	assert_int_equal(symlink(run, link), 0);
	snprintf(path, sizeof(path), "%s/s", link);
	snprintf(sentence, sizeof(sentence), "%s: not a directory, or a link to one", link);
	expect_no_server(fixture, path, sentence);
	snprintf(sentence, sizeof(sentence), "%s exists and is not a socket", link);
	expect_no_server(fixture, link, sentence);
	assert_int_equal(unlink(link), 0);
}

static void the_socket_file_goes_with_the_server(void **state)
{
	struct fixture *fixture = *state;

	rpc_server_destroy(fixture->server);
	fixture->server = NULL;
	assert_int_equal(access(fixture->path, F_OK), -1);
}

static void the_socket_file_of_a_dead_process_is_replaced(void **state)
{
	struct fixture *fixture = *state;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	rpc_server_destroy(fixture->server);
	strcpy(address.sun_path, fixture->path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	close(fd); /* as a killed process leaves it: the file stays and nobody answers */
	start_server(fixture);
	expect_service(fixture, client_connect(fixture, 0));
}

static void a_living_server_is_named_and_left_alone(void **state)
{
	struct fixture *fixture = *state;
	char sentence[256];

	snprintf(sentence, sizeof(sentence), "%s is served by process %d", fixture->path,
		(int)getpid());
	expect_no_server(fixture, fixture->path, sentence);
	expect_service(fixture, client_connect(fixture, 0));
}

static void what_is_no_socket_is_never_removed(void **state)
{
	struct fixture *fixture = *state;
	char path[96], sentence[256];

	snprintf(path, sizeof(path), "%s/run/file", fixture->directory);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	snprintf(sentence, sizeof(sentence), "%s exists and is not a socket", path);
	expect_no_server(fixture, path, sentence);
	assert_int_equal(unlink(path), 0);
}

static void a_path_that_cannot_be_is_an_error_with_a_sentence(void **state)
{
	struct fixture *fixture = *state;
	char path[160], sentence[256];

	expect_no_server(fixture, "", "the control socket has no path");
	memset(path, 'x', sizeof(path));
	path[108] = '\0';
	snprintf(sentence, sizeof(sentence), "%s: a socket path has at most 107 bytes", path);
	expect_no_server(fixture, path, sentence);
	snprintf(path, sizeof(path), "%s/no/such", fixture->directory);
	snprintf(sentence, sizeof(sentence), "%s/no/such: No such file or directory",
		fixture->directory);
	strcat(path, "/socket");
	expect_no_server(fixture, path, sentence);
}

static void the_socket_file_of_a_successor_is_left_alone(void **state)
{
	struct fixture *fixture = *state;
	struct rpc_server *first = fixture->server;

	assert_int_equal(unlink(fixture->path), 0);
	start_server(fixture);
	rpc_server_destroy(first);
	expect_service(fixture, client_connect(fixture, 0));
}

#define with_server(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_server(a_request_is_answered_on_its_own_line),
		with_server(string_number_and_null_ids_are_echoed),
		with_server(bad_requests_are_answered_with_what_is_wrong),
		with_server(a_method_name_cut_within_a_character_is_still_answered),
		with_server(nesting_is_bounded_and_brackets_in_strings_do_not_count),
		cmocka_unit_test(a_line_of_empty_arrays_is_refused_before_it_eats_memory),
		with_server(a_notification_is_carried_out_and_not_answered),
		with_server(requests_of_one_client_are_answered_in_their_order),
		with_server(many_clients_are_served_at_once),
		with_server(a_client_gets_one_request_per_pass_of_the_loop),
		with_server(a_half_written_line_is_given_up_in_time),
		with_server(dripping_bytes_does_not_renew_the_time_for_a_line),
		with_server(the_longest_line_is_served_and_a_longer_one_refused),
		with_server(a_line_without_end_is_not_kept_in_memory),
		with_server(a_full_buffer_behind_a_call_under_way_costs_nothing),
		with_server(a_reader_who_does_not_read_is_not_listened_to),
		with_server(a_reader_who_never_reads_is_disconnected_in_time),
		with_server(an_answer_beyond_the_bound_ends_the_connection),
		with_server(binary_garbage_is_answered_and_harms_nobody),
		with_server(mutated_requests_are_all_survived),
		with_server(a_client_that_leaves_in_the_middle_of_a_line_is_forgotten),
		with_server(a_client_that_stops_sending_still_gets_its_answers),
		with_server(an_answer_after_the_client_left_is_harmless),
		with_server(an_answer_after_the_client_was_disconnected_is_harmless),
		with_server(an_answer_after_the_server_went_is_harmless),
		with_server(an_answer_in_slices_is_one_line),
		with_server(an_answer_in_slices_may_begin_anew),
		with_server(who_asks_for_little_does_not_wait_for_long_answers),
		with_server(an_answer_in_slices_ends_with_its_client),
		with_server(an_operator_gets_a_long_answer_before_readers),
		with_server(readers_get_their_answer_beside_an_operator),
		with_server(an_answer_in_slices_ends_with_the_server),
		with_server(a_client_that_stops_sending_still_gets_its_answer_in_slices),
		with_server(an_answer_in_slices_is_not_put_off_for_ever),
		with_server(an_answer_in_slices_after_the_server_went_is_not_begun),
		with_server(the_operator_gets_in_beside_as_many_silent_clients_as_there_may_be),
		with_server(the_operator_gets_in_beside_lines_that_do_not_end),
		with_server(a_client_that_says_nothing_is_disconnected_in_time),
		with_server(a_call_under_way_is_not_silence),
		cmocka_unit_test(only_root_and_the_owner_may_change_things),
		with_server(another_user_may_read_and_not_change),
		with_server(members_of_the_group_may_read_and_not_change),
		with_server(who_is_not_in_the_group_does_not_get_in),
		with_server(readers_get_fewer_places_and_shorter_lines),
		with_server(the_server_knows_the_user_it_serves),
		with_server(the_directory_is_made_and_the_modes_are_narrow),
		with_server(no_umask_makes_the_socket_file_wider),
		with_server(a_directory_where_others_could_replace_the_socket_is_refused),
		with_server(a_sticky_directory_like_tmp_is_good_enough),
		with_server(links_on_the_way_to_the_socket_are_not_followed),
		with_server(the_socket_file_goes_with_the_server),
		with_server(the_socket_file_of_a_dead_process_is_replaced),
		with_server(a_living_server_is_named_and_left_alone),
		with_server(what_is_no_socket_is_never_removed),
		with_server(a_path_that_cannot_be_is_an_error_with_a_sentence),
		with_server(the_socket_file_of_a_successor_is_left_alone),
	};

	return cmocka_run_group_tests_name("rpc", tests, NULL, NULL);
}
