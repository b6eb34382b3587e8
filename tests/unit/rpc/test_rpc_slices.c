/* SPDX-License-Identifier: BSD-3-Clause */
/* Answers that are made in slices. */
#include "unit.h"

#include <event2/event.h>
#include <limits.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/loop.h"
#include "rpc_fixture.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
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
	};

	return cmocka_run_group_tests_name("rpc_slices", tests, NULL, NULL);
}
