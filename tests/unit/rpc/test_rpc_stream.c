/* SPDX-License-Identifier: BSD-3-Clause */
/* Notifications that follow an answer. */
#include "unit.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rpc_fixture.h"

#define MANY 20000 /* notifications, more than a client has room for */

static void begin_stream(struct fixture *fixture, struct client *client)
{
	client_send(client, "{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"stream\"}\n");
	expect_result(fixture, client, "5", "\"begun\"");
}

static void expect_number(struct fixture *fixture, struct client *client, int number)
{
	json_t *message = client_next(fixture, client);
	const char *method = json_string_value(json_object_get(message, "method"));
	json_t *params = json_object_get(message, "params");

	assert_int_equal(json_object_size(message), 3);
	assert_non_null(method);
	assert_string_equal(method, "number");
	assert_int_equal(json_integer_value(json_object_get(params, "number")), number);
	json_decref(message);
}

static bool has_ended_stream(struct fixture *fixture, const void *argument)
{
	return fixture->ended >= *(const unsigned int *)argument;
}

static void wait_for_ends(struct fixture *fixture, unsigned int ends)
{
	turn_until(fixture, has_ended_stream, &ends);
}

static void notifications_follow_the_answer_as_they_come(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = client_connect(fixture, 0);

	fixture->stream_end = 2;
	begin_stream(fixture, client);
	expect_number(fixture, client, 0);
	expect_number(fixture, client, 1);
	wake_streams(fixture, 3);
	wake_streams(fixture, 5);
	for (int number = 2; number < 5; number++)
		expect_number(fixture, client, number);
	expect_service(fixture, client_connect(fixture, 1));
}

static void a_stream_ends_when_its_client_closes(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = client_connect(fixture, 0);

	begin_stream(fixture, client);
	client_close(client);
	wait_for_ends(fixture, 1);
	wait_for_clients(fixture, 0);
	wake_streams(fixture, 1);
}

/* `echo REQUEST | socat - UNIX:...` gets its answer. */
static void a_client_that_ends_its_side_gets_the_answer_and_the_end(void **state)
{
	static const char request[] = "{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"stream\"}\n";
	struct fixture *fixture = *state;
	struct client *client = client_connect(fixture, 0);

	client_send(client, request);
	shutdown(client->fd, SHUT_WR);
	expect_result(fixture, client, "5", "\"begun\"");
	turn_until(fixture, has_ended, client);
	wait_for_ends(fixture, 1);
}

static void what_a_client_sends_into_its_stream_is_ignored(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = client_connect(fixture, 0);
	char bytes[8 * SMALL_LINE];

	memset(bytes, 'x', sizeof(bytes));
	begin_stream(fixture, client);
	client_send(client, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\"}\n");
	client_send_bytes(client, bytes, sizeof(bytes));
	expect_service(fixture, client_connect(fixture, 1));
	wake_streams(fixture, 1);
	expect_number(fixture, client, 0);
	assert_int_equal(fixture->called, 1);
}

static bool has_come(struct fixture *fixture, const void *argument)
{
	return now_ms() >= *(const long long *)argument;
}

/* So many as fit into its limit and the buffer of the socket, which is much less. */
static void one_that_does_not_read_is_not_written_to_for_ever(void **state)
{
	struct fixture *fixture = *state;
	struct rpc_limits limits = test_limits;
	struct client *client;
	unsigned int written;
	long long moment;

	limits.write_timeout_ms = 50;
	rpc_server_set_limits(fixture->server, &limits);
	client = client_connect(fixture, 0);
	begin_stream(fixture, client);
	wake_streams(fixture, MANY);
	do { /* until a whole turn of another client brings no more */
		written = fixture->pieces;
		expect_service(fixture, client_connect(fixture, 1));
	} while (fixture->pieces != written);
	assert_in_range(written, 1, MANY / 2);
	/* it may take its time, and then has all of them */
	moment = now_ms() + 3 * limits.write_timeout_ms;
	turn_until(fixture, has_come, &moment);
	for (int number = 0; number < MANY; number++)
		expect_number(fixture, client, number);
}

static void a_fast_stream_does_not_wait_for_a_slow_one(void **state)
{
	struct fixture *fixture = *state;
	struct client *slow = client_connect(fixture, 0), *fast = client_connect(fixture, 1);

	begin_stream(fixture, slow);
	begin_stream(fixture, fast);
	wake_streams(fixture, MANY);
	for (int number = 0; number < MANY; number++)
		expect_number(fixture, fast, number);
	expect_number(fixture, slow, 0);
}

static void a_notification_that_asks_for_a_stream_gets_none(void **state)
{
	struct fixture *fixture = *state;
	struct client *client = client_connect(fixture, 0);

	client_send(client, "{\"jsonrpc\":\"2.0\",\"method\":\"stream\"}\n");
	wait_for_ends(fixture, 1);
	expect_service(fixture, client);
}

static void streams_end_with_the_server(void **state)
{
	struct fixture *fixture = *state;

	begin_stream(fixture, client_connect(fixture, 0));
	begin_stream(fixture, client_connect(fixture, 1));
	wake_streams(fixture, MANY);
	rpc_server_destroy(fixture->server);
	fixture->server = NULL;
	assert_int_equal(fixture->ended, 2);
}

/* All connections are in use, by streams of readers; the operator comes in all the same. */
static void a_stream_of_a_reader_makes_room_for_the_operator(void **state)
{
	struct fixture *fixture = *state;
	struct rpc_limits limits = test_limits;
	char run[80];

	if (geteuid() != 0)
		fail_msg("this test needs root, to become another user");
	limits.clients = 3;
	limits.clients_reserved = 0;
	rpc_server_set_limits(fixture->server, &limits);
	snprintf(run, sizeof(run), "%s/run", fixture->directory);
	assert_int_equal(chmod(fixture->directory, 0755), 0);
	assert_int_equal(chmod(run, 0755), 0);
	assert_int_equal(chmod(fixture->path, 0666), 0);
	for (size_t i = 0; i < limits.clients; i++) {
		assert_int_equal(seteuid(65534), 0);
		client_connect(fixture, i);
		assert_int_equal(seteuid(0), 0);
		begin_stream(fixture, &fixture->clients[i]);
	}
	expect_service(fixture, client_connect(fixture, 10));
	turn_until(fixture, has_ended, &fixture->clients[0]);
	assert_int_equal(fixture->ended, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_server(notifications_follow_the_answer_as_they_come),
		with_server(a_stream_ends_when_its_client_closes),
		with_server(a_client_that_ends_its_side_gets_the_answer_and_the_end),
		with_server(what_a_client_sends_into_its_stream_is_ignored),
		with_server(one_that_does_not_read_is_not_written_to_for_ever),
		with_server(a_fast_stream_does_not_wait_for_a_slow_one),
		with_server(a_notification_that_asks_for_a_stream_gets_none),
		with_server(streams_end_with_the_server),
		with_server(a_stream_of_a_reader_makes_room_for_the_operator),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
