/* SPDX-License-Identifier: BSD-3-Clause */
/* Each test runs with a socket of the kernel's own for echoes, and with a raw one. */
#include "unit.h"

#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "probe_run.h"
#include "probes/echo_message.h"
#include "probes/probe_socket.h"

#define TIMEOUT_MS 90
#define IP_HEADER  20

/* What answers in the place of the kernel. */
struct responder {
	int fd;
	struct event event;
	bool ipv4;
	uint8_t token_change, id_change;
	unsigned int requests;
};

static int open_run(void **state, bool raw)
{
	struct probe_run *run;
	int result = probe_run_open(state);

	run = *state;
	run->settings.type = CONFIG_HEALTH_ICMP;
	run->settings.timeout_ms = 3000;
	probe_run_sysctl("net/ipv4/ping_group_range", raw ? "1 0" : "0 0");
	probe_run_sysctl("net/ipv4/icmp_echo_ignore_all", "0");
	probe_run_sysctl("net/ipv6/icmp/echo_ignore_all", "0");
	return result;
}

static int open_raw(void **state)
{
	return open_run(state, true);
}

static int open_datagram(void **state)
{
	return open_run(state, false);
}

static void host_that_answers_passes(void **state)
{
	probe_run_set_target(*state, "127.0.0.1", 0);
	probe_run_expect(*state, PROBE_PASSED, "answered");
	probe_run_set_target(*state, "::1", 0);
	probe_run_expect(*state, PROBE_PASSED, "answered");
}

static void host_that_keeps_silent_does_not_answer(void **state)
{
	struct probe_run *run = *state;

	run->settings.timeout_ms = TIMEOUT_MS;
	probe_run_sysctl("net/ipv4/icmp_echo_ignore_all", "1");
	probe_run_sysctl("net/ipv6/icmp/echo_ignore_all", "1");
	probe_run_set_target(run, "127.0.0.1", 0);
	probe_run_expect(run, PROBE_TIMEOUT, "no answer in 90 ms");
	probe_run_set_target(run, "::1", 0);
	probe_run_expect(run, PROBE_TIMEOUT, "no answer in 90 ms");
}

static void lack_of_a_route_says_nothing_of_the_backend(void **state)
{
	struct probe_run *run = *state;

	probe_run_set_target(run, "192.0.2.1", 0);
	probe_run_expect(
		run, PROBE_LOCAL, "this node could not probe: connect: network is unreachable");
}

/* The kernel completes the checksum of ICMPv6. */
static void write_checksum(uint8_t *message)
{
	uint32_t sum = 0;

	message[2] = message[3] = 0;
	for (size_t i = 0; i < ECHO_LENGTH; i += 2)
		sum += (uint32_t)(message[i] << 8 | message[i + 1]);
	sum = (sum & 0xffff) + (sum >> 16);
	sum += sum >> 16;
	message[2] = (uint8_t)(~sum >> 8);
	message[3] = (uint8_t)~sum;
}

static void on_message(evutil_socket_t fd, short what, void *context)
{
	struct responder *responder = context;
	size_t header = responder->ipv4 ? IP_HEADER : 0;
	uint8_t bytes[256], *message = bytes + header;
	union probe_sockaddr peer;
	socklen_t length = sizeof(peer);
	ssize_t got = recvfrom(fd, bytes, sizeof(bytes), 0, &peer.any, &length);

	if (got != (ssize_t)(header + ECHO_LENGTH) ||
		message[0] != (responder->ipv4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST))
		return;
	responder->requests++;
	message[0] = responder->ipv4 ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY;
	message[4] ^= responder->id_change;
	message[ECHO_LENGTH - 1] ^= responder->token_change;
	if (responder->ipv4)
		write_checksum(message);
	assert_int_equal(sendto(fd, message, ECHO_LENGTH, 0, &peer.any, length), ECHO_LENGTH);
}

static void respond(struct probe_run *run, struct responder *responder, const char *address)
{
	probe_run_sysctl("net/ipv4/icmp_echo_ignore_all", "1");
	probe_run_sysctl("net/ipv6/icmp/echo_ignore_all", "1");
	probe_run_set_target(run, address, 0);
	responder->ipv4 = run->target.address.family == ADDRESS_IPV4;
	responder->fd = socket(responder->ipv4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_CLOEXEC,
		responder->ipv4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	assert_true(responder->fd >= 0);
	event_assign(&responder->event, run->base, responder->fd, EV_READ | EV_PERSIST, on_message,
		responder);
	event_add(&responder->event, NULL);
}

static void stop_responder(struct responder *responder)
{
	event_del(&responder->event);
	close(responder->fd);
}

static void forged_answer_does_not_count(void **state)
{
	static const char *const addresses[] = { "127.0.0.1", "::1" };
	struct probe_run *run = *state;

	for (size_t i = 0; i < COUNT_OF(addresses); i++) {
		struct responder responder = { .token_change = 0 };

		respond(run, &responder, addresses[i]);
		run->settings.timeout_ms = 3000;
		probe_run_expect(run, PROBE_PASSED, "answered"); /* so it would be seen */
		run->settings.timeout_ms = TIMEOUT_MS;
		responder.token_change = 1;
		probe_run_expect(run, PROBE_TIMEOUT, "no answer in 90 ms");
		responder.token_change = 0;
		responder.id_change = 1;
		probe_run_expect(run, PROBE_TIMEOUT, "no answer in 90 ms");
		assert_true(responder.requests >= 3);
		stop_responder(&responder);
	}
}

static void probes_of_one_host_do_not_take_each_others_answers(void **state)
{
	struct probe_run *run = *state;
	struct probe *first;

	probe_run_set_target(run, "127.0.0.1", 0);
	probe_run_begin(run);
	first = run->probe;
	probe_run_begin(run);
	while (run->results < 2)
		event_base_loop(run->base, EVLOOP_ONCE);
	assert_non_null(first);
	assert_true(run->result.passed);
}

static void cancelled_probe_gives_no_result(void **state)
{
	struct probe_run *run = *state;

	probe_run_set_target(run, "127.0.0.1", 0);
	probe_run_begin(run);
	probe_cancel(run->probe);
	for (int i = 0; i < 10; i++)
		probe_run_turn(run);
	assert_int_equal(run->results, 0);
}

int main(void)
{
#define TEST(name)                                                              \
	{ #name " (raw)", name, open_raw, probe_run_close, NULL },              \
	{                                                                       \
#name " (datagram)", name, open_datagram, probe_run_close, NULL \
	}
	const struct CMUnitTest tests[] = {
		TEST(host_that_answers_passes),
		TEST(host_that_keeps_silent_does_not_answer),
		TEST(lack_of_a_route_says_nothing_of_the_backend),
		TEST(forged_answer_does_not_count),
		TEST(probes_of_one_host_do_not_take_each_others_answers),
		TEST(cancelled_probe_gives_no_result),
	};

	return cmocka_run_group_tests(tests, probe_run_enter, NULL);
}
