/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "probe_run.h"
#include "probes/probe_socket.h"

#define TIMEOUT_MS 90

/* Answers each request after the first `lost` ones by these answers. */
struct server {
	struct event event;
	int fd;
	unsigned int lost, requests;
	const char *answers[3];
	size_t length; /* of an answer; 0: that of the text */
	uint8_t request[64];
	size_t request_length;
};

static struct server server;

static int open_run(void **state)
{
	struct probe_run *run;
	int result = probe_run_open(state);

	run = *state;
	run->settings.type = CONFIG_HEALTH_UDP;
	server = (struct server){ .fd = -1 };
	return result;
}

static void on_request(evutil_socket_t fd, short what, void *context)
{
	union probe_sockaddr peer;
	socklen_t length = sizeof(peer);
	ssize_t got = recvfrom(fd, server.request, sizeof(server.request), 0, &peer.any, &length);

	assert_true(got >= 0);
	server.request_length = (size_t)got;
	if (server.requests++ < server.lost)
		return;
	for (size_t i = 0; i < COUNT_OF(server.answers) && server.answers[i] != NULL; i++)
		assert_true(sendto(fd, server.answers[i],
				    server.length == 0 ? strlen(server.answers[i]) : server.length,
				    0, &peer.any, length) >= 0);
}

static void serve(struct probe_run *run, const char *address)
{
	server.fd = probe_run_bind(run, SOCK_DGRAM, address);
	event_assign(&server.event, run->base, server.fd, EV_READ | EV_PERSIST, on_request, NULL);
	event_add(&server.event, NULL);
}

static void end_server(void)
{
	event_del(&server.event);
	close(server.fd);
}

static void set_payload(struct config_payload *payload, const char *bytes, size_t length)
{
	payload->bytes = (uint8_t *)(uintptr_t)bytes; /* not written to */
	payload->length = length;
}

static void answer_that_holds_what_is_expected_passes(void **state)
{
	static const char *const addresses[] = { "127.0.0.1", "::1" };
	struct probe_run *run = *state;

	set_payload(&run->settings.send, "pi\0ng", 5);
	set_payload(&run->settings.expect, "o\0n", 3);
	server.answers[0] = "po\0ng";
	server.length = 5;
	for (size_t i = 0; i < COUNT_OF(addresses); i++) {
		serve(run, addresses[i]);
		probe_run_expect(run, PROBE_PASSED, "answered as expected");
		assert_int_equal(server.request_length, 5);
		assert_memory_equal(server.request, "pi\0ng", 5);
		end_server();
	}
}

static void expected_answer_may_come_behind_others(void **state)
{
	struct probe_run *run = *state;

	set_payload(&run->settings.send, "ping", 4);
	set_payload(&run->settings.expect, "pong", 4);
	server.answers[0] = "hello";
	server.answers[1] = "";
	server.answers[2] = "a pong of sorts";
	serve(run, "127.0.0.1");
	probe_run_expect(run, PROBE_PASSED, "answered as expected");
	end_server();
}

static void any_answer_passes_where_none_is_expected(void **state)
{
	struct probe_run *run = *state;

	set_payload(&run->settings.send, "ping", 4);
	server.answers[0] = "";
	serve(run, "127.0.0.1");
	probe_run_expect(run, PROBE_PASSED, "answered");
	end_server();
}

static void other_answers_do_not_pass(void **state)
{
	struct probe_run *run = *state;

	run->settings.timeout_ms = TIMEOUT_MS;
	set_payload(&run->settings.send, "ping", 4);
	set_payload(&run->settings.expect, "pong", 4);
	server.answers[0] = "pon";
	serve(run, "127.0.0.1");
	probe_run_expect(run, PROBE_ANSWER, "answer does not hold what is expected");
	end_server();
}

static void request_is_sent_again_where_it_was_lost(void **state)
{
	struct probe_run *run = *state;

	run->settings.timeout_ms = 3000;
	set_payload(&run->settings.send, "ping", 4);
	server.answers[0] = "pong";
	server.lost = 1;
	serve(run, "127.0.0.1");
	probe_run_expect(run, PROBE_PASSED, "answered");
	assert_in_range(server.requests, 2, 3);
	end_server();
}

static void silence_is_no_answer(void **state)
{
	struct probe_run *run = *state;

	run->settings.timeout_ms = TIMEOUT_MS;
	set_payload(&run->settings.send, "ping", 4);
	serve(run, "127.0.0.1");
	probe_run_expect(run, PROBE_TIMEOUT, "no answer in 90 ms");
	assert_in_range(server.requests, 1, 3);
	end_server();
}

static void closed_port_is_refused_at_once(void **state)
{
	struct probe_run *run = *state;

	close(probe_run_bind(run, SOCK_DGRAM, "127.0.0.1"));
	set_payload(&run->settings.send, "ping", 4);
	probe_run_expect(run, PROBE_REFUSED, "connect refused");
	assert_true(run->result.duration_us < run->settings.timeout_ms * 1000 / 3);
	close(probe_run_bind(run, SOCK_DGRAM, "::1"));
	run->settings.send.length = 0;
	probe_run_expect(run, PROBE_REFUSED, "connect refused");
}

static void nothing_to_send_or_expect_passes_unless_refused(void **state)
{
	struct probe_run *run = *state;

	run->settings.timeout_ms = TIMEOUT_MS;
	serve(run, "127.0.0.1");
	probe_run_expect(run, PROBE_PASSED, "not refused in 90 ms");
	assert_true(server.requests >= 1);
	assert_int_equal(server.request_length, 0);
	end_server();
}

static void answers_of_others_do_not_count(void **state)
{
	struct probe_run *run = *state;
	union probe_sockaddr peer;
	socklen_t length = sizeof(peer);
	int other;

	run->settings.timeout_ms = TIMEOUT_MS;
	set_payload(&run->settings.send, "ping", 4);
	other = probe_run_bind(run, SOCK_DGRAM, "127.0.0.1");
	server.fd = probe_run_bind(run, SOCK_DGRAM, "127.0.0.1");
	probe_run_begin(run);
	assert_int_equal(
		recvfrom(server.fd, server.request, sizeof(server.request), 0, &peer.any, &length),
		4);
	assert_int_equal(sendto(other, "pong", 4, 0, &peer.any, length), 4);
	probe_run_await(run);
	assert_string_equal(run->result.sentence, "no answer in 90 ms");
	close(other);
	close(server.fd);
}

static void lack_of_a_route_says_nothing_of_the_backend(void **state)
{
	struct probe_run *run = *state;

	probe_run_set_target(run, "192.0.2.1", 53);
	probe_run_expect(
		run, PROBE_LOCAL, "this node could not probe: connect: network is unreachable");
}

/* As a firewall on the way says of a request that came from this port, to the server. */
static void prohibit(uint16_t from)
{
	struct sockaddr_in6 self = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct {
		struct icmp6_hdr icmp;
		struct ip6_hdr ip;
		struct udphdr udp;
	} packet = {
		.icmp = { .icmp6_type = ICMP6_DST_UNREACH, .icmp6_code = ICMP6_DST_UNREACH_ADMIN },
		.ip = { .ip6_src = self.sin6_addr, .ip6_dst = self.sin6_addr },
		.udp = { .uh_sport = from, .uh_ulen = htons(sizeof(packet.udp)) },
	};
	struct sockaddr_in6 own;
	socklen_t length = sizeof(own);
	int fd = socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6);

	assert_int_equal(getsockname(server.fd, (struct sockaddr *)&own, &length), 0);
	packet.ip.ip6_vfc = 6 << 4;
	packet.ip.ip6_nxt = IPPROTO_UDP;
	packet.ip.ip6_plen = packet.udp.uh_ulen;
	packet.udp.uh_dport = own.sin6_port;
	assert_int_equal(
		sendto(fd, &packet, sizeof(packet), 0, (struct sockaddr *)&self, sizeof(self)),
		sizeof(packet));
	close(fd);
}

static void what_is_prohibited_on_the_way_is_unreachable(void **state)
{
	struct probe_run *run = *state;
	struct sockaddr_in6 peer;
	socklen_t length = sizeof(peer);

	set_payload(&run->settings.send, "ping", 4);
	server.fd = probe_run_bind(run, SOCK_DGRAM, "::1");
	probe_run_begin(run);
	assert_int_equal(recvfrom(server.fd, server.request, sizeof(server.request), 0,
				 (struct sockaddr *)&peer, &length),
		4);
	prohibit(peer.sin6_port);
	probe_run_await(run);
	assert_int_equal(run->result.reason, PROBE_UNREACHABLE);
	assert_string_equal(run->result.sentence, "send: prohibited on the way");
	close(server.fd);
}

/* Longer than the loopback device takes in one piece of IPv4. */
static void request_that_cannot_be_sent_says_nothing_of_the_backend(void **state)
{
	static char much[65535];
	struct probe_run *run = *state;

	set_payload(&run->settings.send, much, sizeof(much));
	serve(run, "127.0.0.1");
	probe_run_expect(run, PROBE_LOCAL, "this node could not probe: send: message too long");
	end_server();
}

static void cancelled_probe_gives_no_result(void **state)
{
	struct probe_run *run = *state;

	set_payload(&run->settings.send, "ping", 4);
	server.answers[0] = "pong";
	serve(run, "127.0.0.1");
	probe_run_begin(run);
	probe_cancel(run->probe);
	probe_run_begin(run);
	probe_run_turn(run); /* the server has answered */
	if (run->probe != NULL)
		probe_cancel(run->probe);
	run->results = 0;
	for (int i = 0; i < 10; i++)
		probe_run_turn(run);
	assert_int_equal(run->results, 0);
	end_server();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_run, probe_run_close)
	const struct CMUnitTest tests[] = {
		TEST(answer_that_holds_what_is_expected_passes),
		TEST(expected_answer_may_come_behind_others),
		TEST(any_answer_passes_where_none_is_expected),
		TEST(other_answers_do_not_pass),
		TEST(request_is_sent_again_where_it_was_lost),
		TEST(silence_is_no_answer),
		TEST(closed_port_is_refused_at_once),
		TEST(nothing_to_send_or_expect_passes_unless_refused),
		TEST(answers_of_others_do_not_count),
		TEST(lack_of_a_route_says_nothing_of_the_backend),
		TEST(what_is_prohibited_on_the_way_is_unreachable),
		TEST(request_that_cannot_be_sent_says_nothing_of_the_backend),
		TEST(cancelled_probe_gives_no_result),
	};

	return cmocka_run_group_tests(tests, probe_run_enter, NULL);
}
