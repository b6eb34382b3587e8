/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets of the largest size, to servers in a network namespace of their own behind a cable that
 * loses what is too large, as a filter has it. Needs root.
 */
#include "probe_run.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netns.h"
#include "probes/probe_socket.h"
#include "probes/segment.h"

#define MTU 1480 /* what workers send */

static const char *const addresses[] = { "127.0.0.1", "::1" };

static void run_line(const char *line)
{
	assert_int_equal(netns_run(line), 0);
}

/* Packets of more than so many bytes are lost. */
static void lose_above(unsigned int size)
{
	char line[160];

	snprintf(line, sizeof(line),
		"nft flush chain inet hole in && nft add rule inet hole in meta length '>' %u drop",
		size);
	run_line(line);
}

static void lose_nothing(void)
{
	run_line("nft flush chain inet hole in");
}

static void set_up(struct probe_run *run, enum config_health_type type)
{
	run->settings.type = type;
	run->settings.probe_mtu = true;
	run->settings.timeout_ms = 10000;
	run->target.mtu = MTU;
}

/* What comes in on the listener: nobody may send it a byte. */
static void check_silence(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	char byte;

	while (fd >= 0) {
		assert_true(recv(fd, &byte, 1, MSG_DONTWAIT) <= 0);
		close(fd);
		fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	}
}

/* What a listener asks for in its SYN. */
static void set_mss(int listener, int mss)
{
	assert_int_equal(setsockopt(listener, IPPROTO_TCP, TCP_MAXSEG, &mss, sizeof(mss)), 0);
}

/* One that asks for packets of MTU bytes. */
static int listen_at(struct probe_run *run, const char *address)
{
	int fd = probe_run_bind(run, SOCK_STREAM, address);

	set_mss(fd, MTU - (run->target.address.family == ADDRESS_IPV4 ? 40 : 60));
	assert_int_equal(listen(fd, 16), 0);
	return fd;
}

static void a_full_segment_arrives_and_no_application_sees_it(void **state)
{
	struct probe_run *run = *state;

	for (size_t i = 0; i < COUNT_OF(addresses); i++)
		for (int timestamps = 0; timestamps <= 1; timestamps++) {
			int listener = listen_at(run, addresses[i]);

			probe_run_sysctl("net/ipv4/tcp_timestamps", timestamps ? "1" : "0");
			set_up(run, CONFIG_HEALTH_TCP);
			lose_above(MTU);
			probe_run_expect(run, PROBE_PASSED, "connected");
			check_silence(listener);
			close(listener);
		}
	lose_nothing();
}

static void a_path_that_loses_full_segments_is_found(void **state)
{
	struct probe_run *run = *state;

	for (size_t i = 0; i < COUNT_OF(addresses); i++)
		for (int timestamps = 0; timestamps <= 1; timestamps++) {
			int listener = listen_at(run, addresses[i]);

			probe_run_sysctl("net/ipv4/tcp_timestamps", timestamps ? "1" : "0");
			set_up(run, CONFIG_HEALTH_TCP);
			run->settings.timeout_ms = 300;
			lose_above(MTU - 1);
			probe_run_expect(run, PROBE_MTU, "packets of 1480 bytes do not arrive");
			assert_int_equal(run->result.detail, MTU);
			check_silence(listener);
			close(listener);
		}
	lose_nothing();
}

static void the_size_is_not_asked_where_small_packets_fail(void **state)
{
	struct probe_run *run = *state;
	int socket = probe_run_bind(run, SOCK_STREAM, "127.0.0.1"); /* does not listen */

	set_up(run, CONFIG_HEALTH_TCP);
	probe_run_expect(run, PROBE_REFUSED, "connect refused");
	close(socket);
}

static void an_unknown_size_is_not_tried(void **state)
{
	struct probe_run *run = *state;
	int listener = listen_at(run, "127.0.0.1");

	set_up(run, CONFIG_HEALTH_TCP);
	run->target.mtu = 0;
	lose_above(200);
	probe_run_expect(run, PROBE_PASSED, "connected");
	run->target.mtu = MTU;
	run->settings.probe_mtu = false;
	probe_run_expect(run, PROBE_PASSED, "connected");
	lose_nothing();
	close(listener);
}

static void a_backend_that_asks_for_less_gets_no_more(void **state)
{
	struct probe_run *run = *state;
	int listener = listen_at(run, "127.0.0.1");

	set_up(run, CONFIG_HEALTH_TCP);
	set_mss(listener, 1000);
	lose_above(1040);
	probe_run_expect(run, PROBE_PASSED, "connected");
	run->settings.timeout_ms = 300;
	lose_above(1039);
	probe_run_expect(run, PROBE_MTU, "packets of 1040 bytes do not arrive");
	lose_nothing();
	close(listener);
}

/* Full packets of clients would not fit, so uploads would hang. */
static void a_backend_that_asks_for_more_than_fits_is_found(void **state)
{
	struct probe_run *run = *state;
	int listener = listen_at(run, "127.0.0.1");

	set_up(run, CONFIG_HEALTH_TCP);
	set_mss(listener, 1460);
	probe_run_expect(run, PROBE_MTU,
		"it asks for packets of 1500 bytes, and only 1480 fit the port behind an outer "
		"header");
	set_mss(listener, 1440);
	probe_run_expect(run, PROBE_PASSED, "connected");
	run->target.mtu = 1580; /* more than nearly all clients have */
	set_mss(listener, 9000);
	probe_run_expect(run, PROBE_PASSED, "connected");
	close(listener);
}

/* A server that speaks first, or ends the connection, is no answer to the segment. */
static void serve_and_end(int listener, bool speaks)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	if (speaks)
		assert_int_equal(send(fd, "220 ready\r\n", 11, MSG_NOSIGNAL), 11);
	shutdown(fd, SHUT_WR);
	close(fd);
}

static void what_the_server_sends_by_itself_is_no_answer(void **state)
{
	struct probe_run *run = *state;

	for (int speaks = 0; speaks <= 1; speaks++) {
		int listener = listen_at(run, "127.0.0.1");
		unsigned int results = run->results;

		set_up(run, CONFIG_HEALTH_TCP);
		run->settings.timeout_ms = 500;
		lose_above(MTU - 1);
		probe_run_begin(run);
		while (run->results == results) {
			serve_and_end(listener, speaks);
			probe_run_turn(run);
		}
		assert_string_equal(run->result.sentence, "packets of 1480 bytes do not arrive");
		close(listener);
	}
	lose_nothing();
}

static void without_tcp_a_large_echo_finds_out(void **state)
{
	struct probe_run *run = *state;

	for (size_t i = 0; i < COUNT_OF(addresses); i++) {
		probe_run_set_target(run, addresses[i], 0);
		set_up(run, CONFIG_HEALTH_ICMP);
		lose_above(MTU);
		probe_run_expect(run, PROBE_PASSED, "answered");
		run->settings.timeout_ms = 600;
		lose_above(MTU - 1);
		probe_run_expect(run, PROBE_MTU, "packets of 1480 bytes do not arrive");
	}
	lose_nothing();
}

/* The service answers, and echoes are not answered at all. */
static void without_any_echo_nothing_is_said_of_the_size(void **state)
{
	struct probe_run *run = *state;
	int socket = probe_run_bind(run, SOCK_DGRAM, "127.0.0.1");
	unsigned int results = run->results;

	set_up(run, CONFIG_HEALTH_UDP);
	run->settings.timeout_ms = 600;
	run->settings.send = (struct config_payload){ .bytes = (uint8_t *)"?", .length = 1 };
	probe_run_sysctl("net/ipv4/icmp_echo_ignore_all", "1");
	probe_run_begin(run);
	while (run->results == results) {
		struct sockaddr_in peer;
		socklen_t length = sizeof(peer);
		char byte;

		if (recvfrom(socket, &byte, 1, MSG_DONTWAIT, (struct sockaddr *)&peer, &length) ==
			1)
			sendto(socket, "!", 1, 0, (struct sockaddr *)&peer, length);
		probe_run_turn(run);
	}
	assert_true(run->result.passed);
	assert_string_equal(run->result.sentence, "answered");
	probe_run_sysctl("net/ipv4/icmp_echo_ignore_all", "0");
	close(socket);
}

static void a_probe_can_be_cancelled_at_any_time(void **state)
{
	struct probe_run *run = *state;
	int listener = listen_at(run, "127.0.0.1");

	lose_above(MTU - 1);
	for (int turns = 0; turns < 40; turns++) {
		set_up(run, CONFIG_HEALTH_TCP);
		probe_run_begin(run);
		for (int turn = 0; turn < turns; turn++)
			probe_run_turn(run);
		assert_non_null(run->probe);
		probe_cancel(run->probe);
		run->probe = NULL;
	}
	lose_nothing();
	close(listener);
}

static void what_hinders_a_probe_is_its_result(void **state)
{
	struct probe_run *run = *state;
	int listener = listen_at(run, "127.0.0.1");

	set_up(run, CONFIG_HEALTH_TCP);
	run->target.hindrance = PROBE_PATH;
	run->target.why = "packets have no way to it";
	probe_run_expect(run, PROBE_PATH, "packets have no way to it");
	run->target.hindrance = PROBE_LOCAL;
	probe_run_expect(run, PROBE_LOCAL, "packets have no way to it");
	assert_int_equal(accept4(listener, NULL, NULL, SOCK_NONBLOCK), -1);
	run->target.hindrance = PROBE_NONE;
	probe_run_expect(run, PROBE_PASSED, "connected");
	close(listener);
}

static int enter(void **state)
{
	if (probe_run_enter(state) != 0)
		return -1;
	return netns_run("nft add table inet hole && nft add chain inet hole in "
			 "'{ type filter hook input priority 0; }'");
}

#define PROBE(test) cmocka_unit_test_setup_teardown(test, probe_run_open, probe_run_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROBE(a_full_segment_arrives_and_no_application_sees_it),
		PROBE(a_path_that_loses_full_segments_is_found),
		PROBE(the_size_is_not_asked_where_small_packets_fail),
		PROBE(an_unknown_size_is_not_tried),
		PROBE(a_backend_that_asks_for_less_gets_no_more),
		PROBE(a_backend_that_asks_for_more_than_fits_is_found),
		PROBE(what_the_server_sends_by_itself_is_no_answer),
		PROBE(without_tcp_a_large_echo_finds_out),
		PROBE(without_any_echo_nothing_is_said_of_the_size),
		PROBE(a_probe_can_be_cancelled_at_any_time),
		PROBE(what_hinders_a_probe_is_its_result),
	};

	return cmocka_run_group_tests(tests, enter, NULL);
}
