/* SPDX-License-Identifier: BSD-3-Clause */
/* Who gets in, for how long, and who may do what. */
#include "unit.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <grp.h>
#include <malloc.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rpc_fixture.h"

#define PATIENCE_MS 40
#define READERS     12346 /* a group without a name */

static unsigned int trims;

/* In the place of the library's. */
int malloc_trim(size_t pad)
{
	trims++;
	return 1;
}

static bool has_trimmed(struct fixture *fixture, const void *argument)
{
	return trims != 0;
}

static void what_a_large_request_took_is_given_back_after_its_client(void **state)
{
	struct fixture *fixture = *state;
	struct rpc_limits limits = test_limits;
	char piece[65536];
	struct client *client;

	limits.line_bytes = 8 << 20;
	rpc_server_set_limits(fixture->server, &limits);
	memset(piece, 'a', sizeof(piece));
	trims = 0;
	client = client_connect(fixture, 0);
	for (size_t sent = 0; sent < 2 << 20;) {
		ssize_t length =
			send(client->fd, piece, sizeof(piece), MSG_NOSIGNAL | MSG_DONTWAIT);

		assert_true(length > 0 || errno == EAGAIN);
		sent += length > 0 ? (size_t)length : 0;
		event_base_loop(fixture->base, EVLOOP_NONBLOCK);
	}
	assert_int_equal(trims, 0);
	client_close(client);
	turn_until(fixture, has_trimmed, NULL);
	assert_int_equal(trims, 1);
	expect_service(fixture, client_connect(fixture, 0));
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_server(what_a_large_request_took_is_given_back_after_its_client),
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
	};

	return cmocka_run_group_tests_name("rpc_peers", tests, NULL, NULL);
}
