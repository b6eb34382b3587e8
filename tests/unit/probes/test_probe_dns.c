/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include <sys/socket.h>
#include <unistd.h>

#include "probe_run.h"
#include "probes/probe_socket.h"

#define TIMEOUT_MS 90
#define HEADER     12
#define MESSAGE    512

/* How the server answers a query, which stands in `message` already. */
typedef size_t answer_t(uint8_t message[MESSAGE], size_t length);

static struct server {
	struct event event;
	int fd;
	unsigned int lost, requests;
	answer_t *answers[3];
	uint8_t query[MESSAGE];
	size_t length;
} server;

static int open_run(void **state)
{
	struct probe_run *run;
	int result = probe_run_open(state);

	run = *state;
	run->settings.type = CONFIG_HEALTH_DNS;
	strcpy(run->settings.question.name, "example.org");
	run->settings.question.type = 1;
	server = (struct server){ .fd = -1 };
	return result;
}

static void on_request(evutil_socket_t fd, short what, void *context)
{
	union probe_sockaddr peer;
	socklen_t length = sizeof(peer);
	ssize_t got = recvfrom(fd, server.query, MESSAGE, 0, &peer.any, &length);

	assert_true(got >= HEADER);
	server.length = (size_t)got;
	if (server.requests++ < server.lost)
		return;
	for (size_t i = 0; i < COUNT_OF(server.answers) && server.answers[i] != NULL; i++) {
		uint8_t message[MESSAGE];
		size_t answered;

		memcpy(message, server.query, MESSAGE);
		answered = server.answers[i](message, server.length);
		assert_true(sendto(fd, message, answered, 0, &peer.any, length) >= 0);
	}
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

static size_t answer(uint8_t message[MESSAGE], size_t length)
{
	message[2] |= 0x80;
	return length;
}

static size_t answer_servfail(uint8_t message[MESSAGE], size_t length)
{
	message[3] = 2;
	return answer(message, length);
}

static size_t answer_unnamed(uint8_t message[MESSAGE], size_t length)
{
	message[3] = 13;
	return answer(message, length);
}

static size_t answer_nxdomain(uint8_t message[MESSAGE], size_t length)
{
	message[3] = 3;
	return answer(message, length);
}

static size_t answer_another_id(uint8_t message[MESSAGE], size_t length)
{
	message[1] ^= 1;
	return answer_servfail(message, length);
}

static size_t answer_another_question(uint8_t message[MESSAGE], size_t length)
{
	message[HEADER + 1]++;
	return answer_servfail(message, length);
}

static size_t answer_nothing(uint8_t message[MESSAGE], size_t length)
{
	return 0;
}

static size_t answer_header_only(uint8_t message[MESSAGE], size_t length)
{
	answer(message, length);
	return HEADER - 1;
}

/* 192.0.2.7, at the name of the question. */
static size_t answer_address(uint8_t message[MESSAGE], size_t length)
{
	static const uint8_t record[] = "\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04"
					"\xc0\x00\x02\x07";

	message[7] = 1;
	memcpy(message + length, record, sizeof(record) - 1);
	return answer(message, length + sizeof(record) - 1);
}

static size_t answer_truncated(uint8_t message[MESSAGE], size_t length)
{
	message[2] |= 0x02;
	return answer(message, length);
}

static size_t answer_malformed(uint8_t message[MESSAGE], size_t length)
{
	return answer_address(message, length) - 1;
}

static void rcode_that_is_expected_passes(void **state)
{
	static const char *const addresses[] = { "127.0.0.1", "::1" };

	server.answers[0] = answer;
	for (size_t i = 0; i < COUNT_OF(addresses); i++) {
		serve(*state, addresses[i]);
		probe_run_expect(*state, PROBE_PASSED, "rcode NOERROR");
		end_server();
	}
}

static void other_rcode_is_named(void **state)
{
	struct probe_run *run = *state;

	serve(run, "127.0.0.1");
	server.answers[0] = answer_servfail;
	probe_run_expect(run, PROBE_RCODE, "rcode SERVFAIL, expected NOERROR");
	assert_int_equal(run->result.detail, 2);
	server.answers[0] = answer_unnamed;
	probe_run_expect(run, PROBE_RCODE, "rcode 13, expected NOERROR");
	run->settings.rcode = 3;
	server.answers[0] = answer;
	probe_run_expect(run, PROBE_RCODE, "rcode NOERROR, expected NXDOMAIN");
	server.answers[0] = answer_nxdomain;
	probe_run_expect(run, PROBE_PASSED, "rcode NXDOMAIN");
	end_server();
}

static void expected_address_has_to_be_there(void **state)
{
	struct probe_run *run = *state;

	serve(run, "127.0.0.1");
	server.answers[0] = answer_address;
	address_parse("192.0.2.7", &run->settings.expect_answer);
	probe_run_expect(run, PROBE_PASSED, "rcode NOERROR");
	address_parse("192.0.2.8", &run->settings.expect_answer);
	probe_run_expect(run, PROBE_ANSWER, "answer without 192.0.2.8");
	server.answers[0] = answer_truncated;
	probe_run_expect(run, PROBE_ANSWER, "truncated answer without 192.0.2.8");
	run->settings.expect_answer.family = ADDRESS_NONE;
	probe_run_expect(run, PROBE_PASSED, "rcode NOERROR");
	end_server();
}

static void forged_answers_are_passed_over(void **state)
{
	serve(*state, "127.0.0.1");
	server.answers[0] = answer_another_id;
	server.answers[1] = answer_another_question;
	server.answers[2] = answer;
	probe_run_expect(*state, PROBE_PASSED, "rcode NOERROR");
	end_server();
}

static void answer_to_another_question_does_not_pass(void **state)
{
	struct probe_run *run = *state;

	run->settings.timeout_ms = TIMEOUT_MS;
	serve(run, "127.0.0.1");
	server.answers[0] = answer_another_question;
	probe_run_expect(run, PROBE_PROTOCOL, "answers another question");
	server.answers[0] = answer_nothing;
	probe_run_expect(run, PROBE_PROTOCOL, "answers another question");
	end_server();
}

static void malformed_answer_does_not_pass(void **state)
{
	struct probe_run *run = *state;

	run->settings.timeout_ms = TIMEOUT_MS;
	address_parse("192.0.2.7", &run->settings.expect_answer);
	serve(run, "127.0.0.1");
	server.answers[0] = answer_malformed;
	probe_run_expect(run, PROBE_PROTOCOL, "malformed answer");
	server.answers[0] = answer_header_only;
	probe_run_expect(run, PROBE_PROTOCOL, "malformed answer");
	end_server();
}

static void query_is_sent_again_where_it_was_lost(void **state)
{
	struct probe_run *run = *state;

	run->settings.timeout_ms = 3000;
	serve(run, "127.0.0.1");
	server.lost = 1;
	server.answers[0] = answer;
	probe_run_expect(run, PROBE_PASSED, "rcode NOERROR");
	assert_in_range(server.requests, 2, 3);
	end_server();
}

static void silence_is_no_answer(void **state)
{
	struct probe_run *run = *state;

	run->settings.timeout_ms = TIMEOUT_MS;
	serve(run, "127.0.0.1");
	probe_run_expect(run, PROBE_TIMEOUT, "no answer in 90 ms");
	end_server();
}

static void closed_port_is_refused(void **state)
{
	close(probe_run_bind(*state, SOCK_DGRAM, "127.0.0.1"));
	probe_run_expect(*state, PROBE_REFUSED, "connect refused");
}

static void each_probe_has_an_id_of_its_own(void **state)
{
	unsigned int different = 0;
	uint8_t id[2] = { 0, 0 };

	serve(*state, "127.0.0.1");
	server.answers[0] = answer;
	for (int i = 0; i < 8; i++) {
		probe_run_expect(*state, PROBE_PASSED, "rcode NOERROR");
		different += memcmp(id, server.query, sizeof(id)) != 0;
		memcpy(id, server.query, sizeof(id));
	}
	assert_true(different >= 6);
	end_server();
}

static void question_that_is_none_says_nothing_of_the_backend(void **state)
{
	struct probe_run *run = *state;

	strcpy(run->settings.question.name, "example..org");
	serve(run, "127.0.0.1");
	probe_run_expect(run, PROBE_LOCAL, "this node could not probe: question: invalid argument");
	end_server();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_run, probe_run_close)
	const struct CMUnitTest tests[] = {
		TEST(rcode_that_is_expected_passes),
		TEST(other_rcode_is_named),
		TEST(expected_address_has_to_be_there),
		TEST(forged_answers_are_passed_over),
		TEST(answer_to_another_question_does_not_pass),
		TEST(malformed_answer_does_not_pass),
		TEST(query_is_sent_again_where_it_was_lost),
		TEST(silence_is_no_answer),
		TEST(closed_port_is_refused),
		TEST(each_probe_has_an_id_of_its_own),
		TEST(question_that_is_none_says_nothing_of_the_backend),
	};

	return cmocka_run_group_tests(tests, probe_run_enter, NULL);
}
