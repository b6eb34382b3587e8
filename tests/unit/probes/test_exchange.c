/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The connections of probes of HTTP: from where they go, what remains of them, many of them at
 * once, and probes that are cancelled. In a network namespace of its own.
 */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netns.h"
#include "probe_fixture.h"
#include "probe_server.h"

#define OK_ANSWER       "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nready"
#define FREE_MARK       7
#define PROHIBITED_MARK 8
#define CROWD           300

/* Where the proxy of the environment is asked, nothing is reached. */
static void the_environment_has_no_say(void **state)
{
	struct config_health settings = probe_settings_http();
	struct probe_script script = { .answer = OK_ANSWER };
	struct probe_server *server = probe_server_start(AF_INET, probe_script_serve, &script);
	struct probe_result result;

	setenv("http_proxy", "http://127.0.0.1:1", 1);
	setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
	result = probe_fixture_run(*state, &settings, probe_server_port(server));
	probe_server_stop(server);
	unsetenv("http_proxy");
	unsetenv("ALL_PROXY");
	probe_result_assert(&result, PROBE_PASSED, NULL);
}

static void each_probe_has_a_connection_of_its_own(void **state)
{
	struct config_health settings = probe_settings_http();
	struct probe_script script = { .answer = OK_ANSWER, .end = PROBE_SCRIPT_WAIT };
	struct probe_server *server = probe_server_start(AF_INET, probe_script_serve, &script);
	struct probe_result result;

	for (unsigned int i = 1; i <= 3; i++) {
		result = probe_fixture_run(*state, &settings, probe_server_port(server));
		probe_result_assert(&result, PROBE_PASSED, NULL);
		assert_int_equal(probe_server_connections(server), i);
	}
	probe_server_stop(server); /* waits until they are closed */
}

/* Connections of IPv4 to or from this port that the kernel keeps in TIME_WAIT. */
static unsigned int count_time_wait(uint16_t port)
{
	FILE *table = fopen("/proc/net/tcp", "r");
	unsigned int count = 0, local, remote, status;
	char line[256];

	assert_non_null(table);
	while (fgets(line, sizeof(line), table) != NULL)
		if (sscanf(line, " %*u: %*8x:%x %*8x:%x %x", &local, &remote, &status) == 3)
			count += status == 6 && (local == port || remote == port);
	fclose(table);
	return count;
}

/* Thousands of probes a second to one VIP would be out of ports. */
static void nothing_remains_of_a_connection(void **state)
{
	struct config_health settings = probe_settings_http();
	struct probe_script scripts[] = { { .answer = OK_ANSWER, .end = PROBE_SCRIPT_WAIT },
		{ .answer = OK_ANSWER, .end = PROBE_SCRIPT_CLOSE } };

	for (size_t i = 0; i < COUNT_OF(scripts); i++) {
		struct probe_server *server =
			probe_server_start(AF_INET, probe_script_serve, &scripts[i]);
		uint16_t port = probe_server_port(server);

		for (int repeat = 0; repeat < 10; repeat++) {
			struct probe_result result = probe_fixture_run(*state, &settings, port);

			probe_result_assert(&result, PROBE_PASSED, NULL);
		}
		probe_server_stop(server);
		assert_int_equal(count_time_wait(port), 0);
	}
}

/* As from a node whose interface, source or rights are not what was thought. */
static void what_this_node_lacks_says_nothing_of_the_backend(void **state)
{
	struct config_health settings = probe_settings_http();
	struct probe_script script = { .answer = OK_ANSWER };
	struct probe_server *server = probe_server_start(AF_INET, probe_script_serve, &script);
	struct probe_watch watch = { .target.port = probe_server_port(server) };

	assert_int_equal(address_parse("127.0.0.1", &watch.target.address), 0);
	watch.target.interface = "sluice-none";
	probe_watch_start_target(*state, &settings, &watch);
	probe_fixture_await(*state, &watch.done, 1);
	probe_result_assert(
		&watch.result, PROBE_LOCAL, "this node could not probe: interface: no such device");
	assert_int_equal(watch.result.detail, ENODEV);

	watch.target.interface = NULL;
	assert_int_equal(address_parse("203.0.113.7", &watch.target.source), 0);
	probe_watch_start_target(*state, &settings, &watch);
	probe_fixture_await(*state, &watch.done, 1);
	probe_result_assert(&watch.result, PROBE_LOCAL, NULL);
	assert_int_equal(watch.result.detail, EADDRNOTAVAIL);
	assert_int_equal(probe_server_connections(server), 0);
	probe_server_stop(server);
}

static void without_descriptors_this_node_cannot_probe(void **state)
{
	struct config_health settings = probe_settings_http();
	struct rlimit before, none;
	struct probe_result result;
	struct probe_port port = probe_port_claim(AF_INET);
	int next = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){ (rlim_t)next, before.rlim_max };
	close(next);
	next = dup(port.fd); /* the last one that is free */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	result = probe_fixture_run(*state, &settings, port.port);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	close(next);
	probe_port_release(&port);
	probe_result_assert(&result, PROBE_LOCAL, NULL);
	assert_int_equal(result.detail, EMFILE);
}

static void serve_peer(int fd, void *context)
{
	struct probe_script script = { .answer = OK_ANSWER };
	struct sockaddr_in *peer = context;
	socklen_t length = sizeof(*peer);

	if (getpeername(fd, (struct sockaddr *)peer, &length) < 0)
		abort();
	probe_script_serve(fd, &script);
}

/* The mark is seen by a rule of the network namespace that prohibits one of them. */
static void the_socket_has_source_mark_and_interface(void **state)
{
	struct config_health settings = probe_settings_http();
	struct sockaddr_in peer = { 0 };
	struct probe_server *server = probe_server_start(AF_INET, serve_peer, &peer);
	struct probe_watch watch = { .target = {
					     .port = probe_server_port(server),
					     .mark = FREE_MARK,
					     .interface = "lo",
				     } };

	assert_int_equal(address_parse("127.0.0.1", &watch.target.address), 0);
	assert_int_equal(address_parse("127.0.0.9", &watch.target.source), 0);
	probe_watch_start_target(*state, &settings, &watch);
	probe_fixture_await(*state, &watch.done, 1);
	probe_result_assert(&watch.result, PROBE_PASSED, NULL);
	watch.target.mark = PROHIBITED_MARK;
	watch.target.interface = NULL; /* with one, the kernel does without a route */
	probe_watch_start_target(*state, &settings, &watch);
	probe_fixture_await(*state, &watch.done, 1);
	probe_server_stop(server);
	assert_int_equal(ntohl(peer.sin_addr.s_addr), 0x7f000009);
	probe_result_assert(&watch.result, PROBE_LOCAL,
		"this node could not probe: connect: permission denied");
	assert_int_equal(watch.result.detail, EACCES);
}

static void three_hundred_at_once_are_all_answered(void **state)
{
	struct config_health settings = probe_settings_http();
	struct probe_script script = { .answer = OK_ANSWER, .end = PROBE_SCRIPT_WAIT };
	struct probe_server *server = probe_server_start(AF_INET, probe_script_serve, &script);
	struct probe_watch *watches = calloc(CROWD, sizeof(*watches));

	assert_non_null(watches);
	for (size_t i = 0; i < CROWD; i++)
		probe_watch_start(
			*state, &settings, AF_INET, probe_server_port(server), &watches[i]);
	for (size_t i = 0; i < CROWD; i++) {
		probe_fixture_await(*state, &watches[i].done, 1);
		probe_result_assert(&watches[i].result, PROBE_PASSED, "status 200");
	}
	assert_int_equal(probe_server_connections(server), CROWD);
	probe_server_stop(server);
	free(watches);
}

static void a_cancelled_probe_closes_its_connection_and_says_nothing(void **state)
{
	struct config_health settings = probe_settings_http();
	struct probe_script script = { .answer = "HTTP/1.1 200 OK\r\n", .end = PROBE_SCRIPT_WAIT };
	struct probe_script other = { .answer = OK_ANSWER };
	struct probe_server *server = probe_server_start(AF_INET, probe_script_serve, &script);
	struct probe_server *answering = probe_server_start(AF_INET, probe_script_serve, &other);
	struct probe_watch early, later, result;

	probe_watch_start(*state, &settings, AF_INET, probe_server_port(server), &early);
	probe_cancel(early.probe); /* before it has begun */
	probe_watch_start(*state, &settings, AF_INET, probe_server_port(server), &later);
	probe_watch_start(*state, &settings, AF_INET, probe_server_port(answering), &result);
	probe_fixture_await(*state, &result.done, 1);
	while (probe_server_connections(server) == 0) {
		result.result = probe_fixture_run(*state, &settings, probe_server_port(answering));
		probe_result_assert(&result.result, PROBE_PASSED, NULL);
	}
	probe_cancel(later.probe);
	probe_server_stop(server); /* waits until it is closed */
	probe_server_stop(answering);
	assert_int_equal(early.done, 0);
	assert_int_equal(later.done, 0);
}

static void a_prober_that_goes_cancels_its_probes(void **state)
{
	struct probe_fixture *fixture = *state;
	struct config_health settings = probe_settings_http();
	struct probe_script script = { .answer = "", .end = PROBE_SCRIPT_WAIT };
	struct probe_server *server = probe_server_start(AF_INET, probe_script_serve, &script);
	struct probe_watch watches[3];
	struct error error;

	for (size_t i = 0; i < COUNT_OF(watches); i++)
		probe_watch_start(
			fixture, &settings, AF_INET, probe_server_port(server), &watches[i]);
	prober_destroy(fixture->prober);
	probe_server_stop(server);
	for (size_t i = 0; i < COUNT_OF(watches); i++)
		assert_int_equal(watches[i].done, 0);
	fixture->prober = prober_create(fixture->base, &error);
	assert_non_null(fixture->prober);
}

#define PROBE_TEST(name) \
	cmocka_unit_test_setup_teardown(name, probe_fixture_setup, probe_fixture_teardown)

static int enter_netns(void **state)
{
	if (netns_enter() < 0 || netns_run("ip link set lo up") < 0)
		return -1;
	/* a rule before the one of local addresses */
	return netns_run("ip rule add pref 100 lookup local && ip rule del pref 0 && "
			 "ip rule add pref 50 fwmark 8 prohibit");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROBE_TEST(the_environment_has_no_say),
		PROBE_TEST(each_probe_has_a_connection_of_its_own),
		PROBE_TEST(nothing_remains_of_a_connection),
		PROBE_TEST(what_this_node_lacks_says_nothing_of_the_backend),
		PROBE_TEST(without_descriptors_this_node_cannot_probe),
		PROBE_TEST(the_socket_has_source_mark_and_interface),
		PROBE_TEST(three_hundred_at_once_are_all_answered),
		PROBE_TEST(a_cancelled_probe_closes_its_connection_and_says_nothing),
		PROBE_TEST(a_prober_that_goes_cancels_its_probes),
	};

	return cmocka_run_group_tests(tests, enter_netns, NULL);
}
