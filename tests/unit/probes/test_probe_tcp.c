/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "probe_run.h"
#include "probes/probe_socket.h"

#define LOCAL      "this node could not probe: "
#define MANY       200 /* more than libevent asks of epoll at once, at first */
#define PORT_RANGE "net/ipv4/ip_local_port_range"

static int open_run(void **state)
{
	struct probe_run *run;
	int result = probe_run_open(state);

	run = *state;
	run->settings.type = CONFIG_HEALTH_TCP;
	return result;
}

static int listen_on(struct probe_run *run, const char *address)
{
	int fd = probe_run_bind(run, SOCK_STREAM, address);

	assert_int_equal(listen(fd, 16), 0);
	return fd;
}

/* The connection that the probe has begun. */
static int accept_one(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static void connection_that_is_accepted_passes(void **state)
{
	static const char *const addresses[] = { "127.0.0.1", "::1" };

	for (size_t i = 0; i < COUNT_OF(addresses); i++) {
		int listener = listen_on(*state, addresses[i]);

		probe_run_expect(*state, PROBE_PASSED, "connected");
		close(listener);
	}
}

static void connection_ends_with_a_reset(void **state)
{
	int listener = listen_on(*state, "127.0.0.1"), fd;
	char byte;

	probe_run_expect(*state, PROBE_PASSED, "connected");
	fd = accept_one(listener);
	assert_int_equal(read(fd, &byte, 1), -1);
	assert_int_equal(errno, ECONNRESET);
	close(fd);
	close(listener);
}

static void port_without_a_listener_is_refused(void **state)
{
	struct probe_run *run = *state;
	int fd = probe_run_bind(run, SOCK_STREAM, "127.0.0.1");

	probe_run_expect(run, PROBE_REFUSED, "connect refused");
	assert_int_equal(run->result.detail, ECONNREFUSED);
	close(fd);
}

static void full_accept_queue_is_no_answer(void **state)
{
	struct probe_run *run = *state;
	int listener = probe_run_bind(run, SOCK_STREAM, "127.0.0.1");

	assert_int_equal(listen(listener, 0), 0);
	probe_run_expect(run, PROBE_PASSED, "connected"); /* stays in the queue of one */
	run->settings.timeout_ms = 50;
	probe_run_expect(run, PROBE_TIMEOUT, "no answer in 50 ms");
	assert_int_equal(run->result.detail, 50);
	assert_true(run->result.duration_us >= 40000);
	close(listener);
}

static void lack_of_a_route_says_nothing_of_the_backend(void **state)
{
	struct probe_run *run = *state;

	probe_run_set_target(run, "192.0.2.1", 80);
	probe_run_expect(run, PROBE_LOCAL, LOCAL "connect: network is unreachable");
	assert_int_equal(run->result.detail, ENETUNREACH);
}

static void reset_before_the_loop_looks_is_a_reset(void **state)
{
	struct probe_run *run = *state;
	int listener = listen_on(run, "127.0.0.1");

	probe_run_begin(run);
	probe_socket_abort(accept_one(listener));
	probe_run_await(run);
	assert_string_equal(run->result.sentence, "connection reset");
	assert_int_equal(run->result.reason, PROBE_RESET);
	close(listener);
}

static void connection_to_itself_does_not_pass(void **state)
{
	static const char *const addresses[] = { "127.0.0.1", "::1" };
	struct probe_run *run = *state;

	/* all connections are made from the port that is probed */
	probe_run_sysctl(PORT_RANGE, "40000 40000");
	for (size_t i = 0; i < COUNT_OF(addresses); i++) {
		probe_run_set_target(run, addresses[i], 40000);
		probe_run_expect(run, PROBE_REFUSED,
			"connect refused: nothing listens on this node's own port 40000");
	}
	probe_run_sysctl(PORT_RANGE, "32768 60999");
}

static void ports_that_are_used_up_say_nothing_of_the_backend(void **state)
{
	struct probe_run *run = *state;
	int listener = listen_on(run, "127.0.0.1");
	struct probe *first;

	probe_run_sysctl(PORT_RANGE, "40000 40000");
	run->settings.agent = true; /* so that the first one stays */
	probe_run_begin(run);
	first = run->probe;
	probe_run_turn(run);
	probe_run_expect(run, PROBE_LOCAL, LOCAL "connect: cannot assign requested address");
	assert_int_equal(run->result.detail, EADDRNOTAVAIL);
	probe_cancel(first);
	close(listener);
	probe_run_sysctl(PORT_RANGE, "32768 60999");
}

static void probe_leaves_from_its_source(void **state)
{
	struct probe_run *run = *state;
	int listener = listen_on(run, "127.0.0.1"), fd;
	union probe_sockaddr peer;
	socklen_t length = sizeof(peer);

	address_parse("127.0.0.2", &run->target.source);
	run->target.mark = 7;
	run->target.interface = "lo";
	probe_run_expect(run, PROBE_PASSED, "connected");
	fd = accept4(listener, &peer.any, &length, SOCK_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(ntohl(peer.ipv4.sin_addr.s_addr), INADDR_LOOPBACK + 1);
	close(fd);
	close(listener);
}

static void what_is_not_here_says_nothing_of_the_backend(void **state)
{
	struct probe_run *run = *state;
	int listener = listen_on(run, "127.0.0.1");

	address_parse("198.51.100.1", &run->target.source);
	probe_run_expect(run, PROBE_LOCAL, LOCAL "source address: cannot assign requested address");
	run->target.source.family = ADDRESS_NONE;
	run->target.interface = "nonesuch";
	probe_run_expect(run, PROBE_LOCAL, LOCAL "interface: no such device");
	close(listener);
}

static void lack_of_descriptors_says_nothing_of_the_backend(void **state)
{
	struct probe_run *run = *state;
	int listener = listen_on(run, "127.0.0.1"), next = dup(listener);
	struct rlimit before, none;

	close(next);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){ (rlim_t)next, before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	probe_run_expect(run, PROBE_LOCAL, LOCAL "socket: too many open files");
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	probe_run_expect(run, PROBE_PASSED, "connected");
	close(listener);
}

/* Runs a probe to which the backend sends pieces, and then ends its side or not. */
static void run_agent(struct probe_run *run, const char *const *pieces, size_t count, bool ends)
{
	int listener = listen_on(run, "127.0.0.1"), fd;

	run->settings.agent = true;
	probe_run_begin(run);
	fd = accept_one(listener);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(
			send(fd, pieces[i], strlen(pieces[i]), MSG_NOSIGNAL), strlen(pieces[i]));
		probe_run_turn(run);
		probe_run_turn(run);
	}
	if (ends)
		shutdown(fd, SHUT_WR);
	if (run->probe != NULL)
		probe_run_await(run);
	close(fd);
	close(listener);
}

static void agent_tells_state_and_weight(void **state)
{
	static const struct {
		const char *line;
		enum probe_word word;
		bool has_percent;
		uint32_t percent;
		const char *sentence;
	} lines[] = {
		{ "ready\n", PROBE_WORD_READY, false, 0, "connected; the agent says: ready" },
		{ "drain\r\n", PROBE_WORD_DRAIN, false, 0, "connected; the agent says: drain" },
		{ "maint\n", PROBE_WORD_MAINT, false, 0, "connected; the agent says: maint" },
		{ "75%\n", PROBE_WORD_NONE, true, 75, "connected; the agent says: 75%" },
		{ "ready 0%\nmaint\n", PROBE_WORD_READY, true, 0,
			"connected; the agent says: ready 0%" },
	};
	struct probe_run *run = *state;

	for (size_t i = 0; i < COUNT_OF(lines); i++) {
		run_agent(run, &lines[i].line, 1, false);
		assert_string_equal(run->result.sentence, lines[i].sentence);
		assert_true(run->result.passed);
		assert_int_equal(run->result.word, lines[i].word);
		assert_int_equal(run->result.has_weight_percent, lines[i].has_percent);
		assert_int_equal(run->result.weight_percent, lines[i].percent);
	}
}

static void agent_line_may_come_in_pieces(void **state)
{
	static const char *const pieces[] = { "dr", "ain 5", "0", "%", "\n" };
	struct probe_run *run = *state;

	run_agent(run, pieces, COUNT_OF(pieces), false);
	assert_string_equal(run->result.sentence, "connected; the agent says: drain 50%");
	assert_int_equal(run->result.weight_percent, 50);
}

static void agent_line_may_end_with_the_connection(void **state)
{
	static const char *const piece = "maint";
	struct probe_run *run = *state;

	run_agent(run, &piece, 1, true);
	assert_string_equal(run->result.sentence, "connected; the agent says: maint");
	assert_int_equal(run->result.word, PROBE_WORD_MAINT);
	assert_false(run->result.is_senseless);
}

static void senseless_line_is_said_and_ignored(void **state)
{
	static const char *const line = "drain HTTP/1.1\x01\xff\n";
	struct probe_run *run = *state;

	run_agent(run, &line, 1, false);
	assert_string_equal(run->result.sentence,
		"connected; the agent's line is senseless and ignored: drain HTTP/1.1??");
	assert_true(run->result.passed);
	assert_true(run->result.is_senseless);
	assert_int_equal(run->result.word, PROBE_WORD_NONE);
}

static void line_without_an_end_is_bounded(void **state)
{
	struct probe_run *run = *state;
	const char *piece;
	char line[4096];

	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	piece = line;
	run_agent(run, &piece, 1, false);
	assert_true(run->result.passed);
	assert_non_null(strstr(run->result.sentence, "senseless and ignored: xxx"));
}

static void agent_that_says_nothing_passes(void **state)
{
	struct probe_run *run = *state;

	run_agent(run, NULL, 0, true);
	assert_string_equal(run->result.sentence, "connected; the agent says nothing");
	assert_true(run->result.passed);
	run->settings.timeout_ms = 50;
	run_agent(run, NULL, 0, false);
	assert_string_equal(run->result.sentence, "connected; the agent says nothing");
	assert_true(run->result.passed && run->result.duration_us >= 40000);
}

static void reset_instead_of_a_line_is_a_reset(void **state)
{
	struct probe_run *run = *state;
	int listener = listen_on(run, "127.0.0.1"), fd;

	run->settings.agent = true;
	probe_run_begin(run);
	fd = accept_one(listener);
	probe_run_turn(run);
	assert_non_null(run->probe);
	probe_socket_abort(fd);
	probe_run_await(run);
	assert_string_equal(run->result.sentence, "connection reset");
	close(listener);
}

static void cancelled_probe_gives_no_result(void **state)
{
	struct probe_run *run = *state;
	int listener = listen_on(run, "127.0.0.1");

	probe_run_begin(run);
	probe_cancel(run->probe);
	run->settings.agent = true;
	probe_run_begin(run);
	probe_run_turn(run);
	probe_cancel(run->probe);
	/* a result that has come, and has not been told */
	probe_run_set_target(run, "192.0.2.1", 80);
	probe_run_begin(run);
	probe_cancel(run->probe);
	for (int i = 0; i < 10; i++)
		probe_run_turn(run);
	assert_int_equal(run->results, 0);
	close(listener);
}

static void count_passed(void *context, const struct probe_result *result)
{
	unsigned int *passed = context;

	assert_memory_equal(result->sentence, "connected", 9);
	++*passed;
}

/* The loop hears of a part of them only, before it comes to their timeouts. */
static void hold_up(struct probe_run *run)
{
	static const struct timeval later = { .tv_usec = 60000 };
	struct timeval now, end;
	unsigned int passed = 0;

	for (int i = 0; i < MANY; i++)
		assert_non_null(probe_start(
			run->prober, &run->settings, &run->target, count_passed, &passed));
	evutil_gettimeofday(&now, NULL);
	evutil_timeradd(&now, &later, &end);
	while (evutil_timercmp(&now, &end, <))
		evutil_gettimeofday(&now, NULL);
	while (passed < MANY)
		event_base_loop(run->base, EVLOOP_ONCE);
}

static void loop_that_is_held_up_fails_nobody(void **state)
{
	struct probe_run *run = *state;
	int listener = listen_on(run, "127.0.0.1");

	assert_int_equal(listen(listener, 2 * MANY), 0);
	run->settings.timeout_ms = 50;
	hold_up(run);
	run->settings.agent = true;
	hold_up(run);
	close(listener);
}

static void prober_ends_with_probes_under_way(void **state)
{
	struct probe_run *run = *state;
	int listener = listen_on(run, "127.0.0.1");

	run->settings.agent = true;
	for (int i = 0; i < 3; i++) {
		probe_run_begin(run);
		probe_run_turn(run);
	}
	close(listener); /* the rest is for probe_run_close() */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_run, probe_run_close)
	const struct CMUnitTest tests[] = {
		TEST(connection_that_is_accepted_passes),
		TEST(connection_ends_with_a_reset),
		TEST(port_without_a_listener_is_refused),
		TEST(full_accept_queue_is_no_answer),
		TEST(lack_of_a_route_says_nothing_of_the_backend),
		TEST(reset_before_the_loop_looks_is_a_reset),
		TEST(connection_to_itself_does_not_pass),
		TEST(ports_that_are_used_up_say_nothing_of_the_backend),
		TEST(probe_leaves_from_its_source),
		TEST(what_is_not_here_says_nothing_of_the_backend),
		TEST(lack_of_descriptors_says_nothing_of_the_backend),
		TEST(agent_tells_state_and_weight),
		TEST(agent_line_may_come_in_pieces),
		TEST(agent_line_may_end_with_the_connection),
		TEST(senseless_line_is_said_and_ignored),
		TEST(line_without_an_end_is_bounded),
		TEST(agent_that_says_nothing_passes),
		TEST(reset_instead_of_a_line_is_a_reset),
		TEST(cancelled_probe_gives_no_result),
		TEST(loop_that_is_held_up_fails_nobody),
		TEST(prober_ends_with_probes_under_way),
	};

	return cmocka_run_group_tests(tests, probe_run_enter, NULL);
}
