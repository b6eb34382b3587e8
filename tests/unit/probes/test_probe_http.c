/* SPDX-License-Identifier: BSD-3-Clause */
/* Probes of HTTP against servers on loopback, which fail in each way that a backend may. */
#include "unit.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "probe_fixture.h"
#include "probe_server.h"

#define OK_ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nready"

#define HELD_UP_TIMEOUT_MS 1000

/* Probes a server that does what the script says. */
static struct probe_result run_script(
	void **state, const struct config_health *settings, struct probe_script *script)
{
	struct probe_server *server = probe_server_start(AF_INET, probe_script_serve, script);
	struct probe_result result = probe_fixture_run(*state, settings, probe_server_port(server));

	probe_server_stop(server);
	return result;
}

static void an_answer_of_200_passes(void **state)
{
	struct config_health settings = probe_settings_http();
	struct probe_script script = { .answer = OK_ANSWER };
	struct probe_result result = run_script(state, &settings, &script);

	probe_result_assert(&result, PROBE_PASSED, "status 200");
	assert_int_equal(result.detail, 200);
	assert_false(result.has_weight);
	assert_int_equal(result.word, PROBE_WORD_NONE);
}

static void the_request_has_path_and_host_as_configured(void **state)
{
	struct config_health settings = probe_settings_http();
	struct probe_script script = { .answer = OK_ANSWER };
	struct probe_result result;

	settings.path = (char *)"/a/../health check?full=1#x";
	settings.host = (char *)"www.example.org";
	result = run_script(state, &settings, &script);
	probe_result_assert(&result, PROBE_PASSED, NULL);
	assert_int_equal(
		strncmp(script.request, "GET /a/../health%20check?full=1#x HTTP/1.1\r\n", 44), 0);
	assert_non_null(strstr(script.request, "\r\nHost: www.example.org\r\n"));
	assert_non_null(strstr(script.request, "\r\nConnection: close\r\n"));
	assert_null(strstr(script.request, "Cookie"));
}

static void the_host_is_address_and_port_by_default(void **state)
{
	struct config_health settings = probe_settings_http();
	struct probe_script script = { .answer = OK_ANSWER };
	struct probe_server *server = probe_server_start(AF_INET6, probe_script_serve, &script);
	uint16_t port = probe_server_port(server);
	struct probe_watch watch;
	char line[64];

	probe_watch_start(*state, &settings, AF_INET6, port, &watch);
	probe_fixture_await(*state, &watch.done, 1);
	probe_server_stop(server);
	probe_result_assert(&watch.result, PROBE_PASSED, "status 200");
	snprintf(line, sizeof(line), "\r\nHost: [::1]:%u\r\n", port);
	assert_non_null(strstr(script.request, line));
}

static void head_asks_for_no_body(void **state)
{
	struct config_health settings = probe_settings_http();
	struct probe_script script = { .answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
		.end = PROBE_SCRIPT_WAIT };
	struct probe_result result;

	settings.method = CONFIG_HEALTH_HEAD;
	result = run_script(state, &settings, &script);
	probe_result_assert(&result, PROBE_PASSED, "status 200");
	assert_int_equal(strncmp(script.request, "HEAD / HTTP/1.1\r\n", 17), 0);
}

static void a_redirect_is_not_followed(void **state)
{
	struct config_health settings = probe_settings_http();
	struct probe_script script = { .answer = "HTTP/1.1 302 Found\r\nLocation: /there\r\n"
						 "Set-Cookie: a=b\r\nContent-Length: 0\r\n\r\n" };
	struct probe_server *server = probe_server_start(AF_INET, probe_script_serve, &script);
	struct probe_result result =
		probe_fixture_run(*state, &settings, probe_server_port(server));

	assert_int_equal(probe_server_connections(server), 1);
	probe_server_stop(server);
	probe_result_assert(&result, PROBE_STATUS, "status 302, expected 200-299");
	assert_int_equal(result.detail, 302);
}

static void the_status_is_held_against_ranges(void **state)
{
	struct config_health settings = probe_settings_http();
	struct probe_script script = { .answer = "HTTP/1.1 404 Not Found\r\n"
						 "Content-Length: 0\r\n\r\n" };
	struct probe_result result;

	result = run_script(state, &settings, &script);
	probe_result_assert(&result, PROBE_STATUS, "status 404, expected 200-299");
	settings.expect_status = (char *)"200-299,404";
	settings.status_ranges[1] = (struct config_status_range){ 404, 404 };
	settings.status_range_count = 2;
	result = run_script(state, &settings, &script);
	probe_result_assert(&result, PROBE_PASSED, "status 404");
}

static void an_interim_answer_is_not_the_answer(void **state)
{
	struct config_health settings = probe_settings_http();
	struct probe_script script = { .answer = "HTTP/1.1 103 Early Hints\r\n"
						 "X-Load-Balancing-Endpoint-Weight: 7\r\n\r\n"
						 "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n" };
	struct probe_result result;

	settings.weight_header = true;
	result = run_script(state, &settings, &script);
	probe_result_assert(&result, PROBE_STATUS, "status 503, expected 200-299");
	assert_false(result.has_weight);
}

static void the_body_must_hold_what_is_expected(void **state)
{
	struct config_health settings = probe_settings_http();
	struct probe_script script = { .answer = "HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n"
						 "all is well\r\n\t" };
	struct probe_result result;

	settings.expect_body = (char *)"is well";
	result = run_script(state, &settings, &script);
	probe_result_assert(&result, PROBE_PASSED, "status 200");
	settings.expect_body = (char *)"is better";
	result = run_script(state, &settings, &script);
	probe_result_assert(&result, PROBE_BODY, "no \"is better\" in the body");
	script.answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
	result = run_script(state, &settings, &script);
	probe_result_assert(&result, PROBE_BODY, "no \"is better\" in the body");
}

static void a_body_in_chunks_or_up_to_the_end_of_the_connection_is_read(void **state)
{
	struct config_health settings = probe_settings_http();
	struct probe_script chunks = {
		.answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
			  "3\r\nall\r\n8\r\n is well\r\n0\r\n\r\n"
	};
	struct probe_script plain = { .answer = "HTTP/1.0 200 OK\r\n\r\nall is well" };
	struct probe_result result;

	settings.expect_body = (char *)"all is well";
	result = run_script(state, &settings, &chunks);
	probe_result_assert(&result, PROBE_PASSED, NULL);
	result = run_script(state, &settings, &plain);
	probe_result_assert(&result, PROBE_PASSED, NULL);
}

static void nobody_listens(void **state)
{
	struct config_health settings = probe_settings_http();
	struct probe_port port = probe_port_claim(AF_INET);
	struct probe_result result = probe_fixture_run(*state, &settings, port.port);

	probe_port_release(&port);
	probe_result_assert(&result, PROBE_REFUSED, "connect refused");
	assert_int_equal(result.detail, ECONNREFUSED);
}

static void a_server_that_accepts_and_says_nothing_times_out(void **state)
{
	struct config_health settings = probe_settings_http();
	struct probe_script script = { .answer = "", .end = PROBE_SCRIPT_WAIT };
	struct probe_result result;

	settings.timeout_ms = PROBE_FIXTURE_SHORT_MS;
	result = run_script(state, &settings, &script);
	probe_result_assert(&result, PROBE_TIMEOUT, "no answer in 200 ms");
	assert_int_equal(result.detail, 200);
	assert_true(result.duration_us >= 200000);
}

static void a_body_that_is_not_there_in_time_times_out(void **state)
{
	struct config_health settings = probe_settings_http();
	struct probe_script script = { .answer =
					       "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf",
		.end = PROBE_SCRIPT_WAIT };
	struct probe_result result;

	settings.timeout_ms = PROBE_FIXTURE_PATIENT_MS;
	result = run_script(state, &settings, &script);
	probe_result_assert(&result, PROBE_TIMEOUT, "no end of the answer in 2000 ms");
}

/* A listener whose queue is full lets no SYN in. */
static void a_listener_whose_queue_is_full_times_out(void **state)
{
	struct config_health settings = probe_settings_http();
	struct probe_port port = probe_port_claim(AF_INET);
	struct probe_watch watches[4];
	unsigned int refused = 0;

	assert_int_equal(listen(port.fd, 0), 0);
	settings.timeout_ms = PROBE_FIXTURE_SHORT_MS;
	for (size_t i = 0; i < COUNT_OF(watches); i++)
		probe_watch_start(*state, &settings, AF_INET, port.port, &watches[i]);
	for (size_t i = 0; i < COUNT_OF(watches); i++) {
		probe_fixture_await(*state, &watches[i].done, 1);
		probe_result_assert(&watches[i].result, PROBE_TIMEOUT, NULL);
		if (strcmp(watches[i].result.sentence, "no connection in 200 ms") == 0)
			refused++;
	}
	probe_port_release(&port);
	assert_true(refused >= 1);
}

static void a_connection_that_ends_early_is_told(void **state)
{
	struct config_health settings = probe_settings_http();
	const struct {
		struct probe_script script;
		enum probe_reason reason;
		const char *sentence;
	} cases[] = {
		{ { .answer = "" }, PROBE_CLOSED, "connection closed without an answer" },
		{ { .answer = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf" }, PROBE_CLOSED,
			"connection closed in the middle of the answer" },
		{ { .answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf" },
			PROBE_CLOSED, "connection closed in the middle of the answer" },
		{ { .answer = "", .end = PROBE_SCRIPT_RESET }, PROBE_RESET, "connection reset" },
		{ { .answer = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
			  .end = PROBE_SCRIPT_RESET },
			PROBE_RESET, "connection reset" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct probe_script script = cases[i].script;
		struct probe_result result = run_script(state, &settings, &script);

		probe_result_assert(&result, cases[i].reason, cases[i].sentence);
	}
}

static void what_is_not_http_breaks_the_protocol(void **state)
{
	struct config_health settings = probe_settings_http();
	static const char *const answers[] = {
		"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n",
		"\r\n\r\n",
		"HTTP/9.7 200 OK\r\n\r\n",
		"HTTP/1.1 two hundred\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
		"\x16\x03\x01\x02\x00\x01\x00",
	};

	for (size_t i = 0; i < COUNT_OF(answers); i++) {
		struct probe_script script = { .answer = answers[i] };
		struct probe_result result = run_script(state, &settings, &script);

		probe_result_assert(&result, PROBE_PROTOCOL, NULL);
	}
}

static void a_line_of_headers_without_an_end_breaks_the_protocol(void **state)
{
	struct config_health settings = probe_settings_http();
	struct probe_script script = {
		.answer = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", .repeat = SIZE_MAX
	};
	struct probe_result result;

	/* from the status line on */
	result = run_script(state, &settings, &script);
	probe_result_assert(&result, PROBE_PROTOCOL, NULL);
}

static void headers_without_an_end_break_the_protocol(void **state)
{
	struct config_health settings = probe_settings_http();
	static char header[9000];
	struct probe_script script = { .answer = header, .repeat = SIZE_MAX };
	struct probe_result result;

	/* each time an interim answer with many headers */
	strcpy(header, "HTTP/1.1 100 Continue\r\n");
	while (strlen(header) < 8000)
		strcat(header, "X-Filler: abcdefghijklmnopqrstuvwxyz\r\n");
	strcat(header, "\r\n");
	result = run_script(state, &settings, &script);
	probe_result_assert(&result, PROBE_PROTOCOL, "headers of more than 64 KiB");
}

static void a_header_without_an_end_breaks_the_protocol(void **state)
{
	struct config_health settings = probe_settings_http();
	static char answer[400000];
	struct probe_script script = { .answer = answer, .end = PROBE_SCRIPT_WAIT };
	struct probe_result result;

	strcpy(answer, "HTTP/1.1 200 OK\r\nX-Long: ");
	memset(answer + strlen(answer), 'a', sizeof(answer) - 1 - strlen(answer));
	result = run_script(state, &settings, &script);
	probe_result_assert(&result, PROBE_PROTOCOL, "a header that has no end");
}

static void of_a_body_without_an_end_64_kib_are_read(void **state)
{
	struct config_health settings = probe_settings_http();
	static char answer[70000];
	struct probe_script script = { .answer = answer, .end = PROBE_SCRIPT_WAIT };
	struct probe_result result;
	char *last; /* bytes that are read */

	strcpy(answer, "HTTP/1.1 200 OK\r\n\r\n");
	last = answer + strlen(answer) + 65536 - 4;
	memset(answer + strlen(answer), 'b', sizeof(answer) - 1 - strlen(answer));
	memcpy(last, "last", 4);
	settings.expect_body = (char *)"last";
	result = run_script(state, &settings, &script);
	probe_result_assert(&result, PROBE_PASSED, "status 200");
	settings.expect_body = (char *)"lastb";
	result = run_script(state, &settings, &script);
	probe_result_assert(&result, PROBE_BODY, "no \"lastb\" in the first 64 KiB of the body");
	settings.expect_body = NULL;
	script.repeat = SIZE_MAX;
	result = run_script(state, &settings, &script);
	probe_result_assert(&result, PROBE_PASSED, "status 200");
}

static void a_weight_is_read_where_it_is_asked_for(void **state)
{
	struct config_health settings = probe_settings_http();
	const struct {
		const char *headers;
		bool has_weight;
		uint32_t weight;
		const char *sentence;
	} cases[] = {
		{ "X-Load-Balancing-Endpoint-Weight: 50\r\n", true, 50, "status 200" },
		{ "x-load-balancing-endpoint-weight:0 \r\n", true, 0, "status 200" },
		{ "", false, 0, "status 200, no header X-Load-Balancing-Endpoint-Weight" },
		{ "X-Load-Balancing-Endpoint-Weight: 1001\r\n", false, 0,
			"status 200, a senseless X-Load-Balancing-Endpoint-Weight" },
		{ "X-Load-Balancing-Endpoint-Weight: 5\r\n"
		  "X-Load-Balancing-Endpoint-Weight: 6\r\n",
			false, 0, "status 200, a senseless X-Load-Balancing-Endpoint-Weight" },
	};
	char answer[256];

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct probe_script script = { .answer = answer };
		struct probe_result result;

		snprintf(answer, sizeof(answer), "HTTP/1.1 200 OK\r\n%sContent-Length: 0\r\n\r\n",
			cases[i].headers);
		settings.weight_header = true;
		result = run_script(state, &settings, &script);
		probe_result_assert(&result, PROBE_PASSED, cases[i].sentence);
		assert_int_equal(result.has_weight, cases[i].has_weight);
		assert_int_equal(result.weight, cases[i].weight);
		assert_int_equal(
			result.is_senseless, strstr(cases[i].sentence, "senseless") != NULL);
		settings.weight_header = false;
		result = run_script(state, &settings, &script);
		probe_result_assert(&result, PROBE_PASSED, "status 200");
		assert_false(result.has_weight);
	}
}

static void words_in_the_body_are_read_where_they_are_asked_for(void **state)
{
	struct config_health settings = probe_settings_http();
	struct probe_script script = { .answer = "HTTP/1.1 200 OK\r\n\r\ndrain 30%\nready" };
	struct probe_result result;

	settings.agent = true;
	result = run_script(state, &settings, &script);
	probe_result_assert(&result, PROBE_PASSED, "status 200");
	assert_int_equal(result.word, PROBE_WORD_DRAIN);
	assert_true(result.has_weight_percent);
	assert_int_equal(result.weight_percent, 30);
	script.answer = "HTTP/1.1 200 OK\r\n\r\n<html>";
	result = run_script(state, &settings, &script);
	probe_result_assert(&result, PROBE_PASSED, "status 200, a senseless line of an agent");
	assert_true(result.is_senseless);
	assert_int_equal(result.word, PROBE_WORD_NONE);
	script.answer = "HTTP/1.1 503 Busy\r\n\r\nmaint";
	result = run_script(state, &settings, &script);
	probe_result_assert(&result, PROBE_STATUS, NULL);
	assert_int_equal(result.word, PROBE_WORD_MAINT);
}

static void what_a_backend_sends_is_printed_clean(void **state)
{
	struct config_health settings = probe_settings_http();
	struct probe_script script = { .answer = "HTTP/1.1 200 OK\r\n\r\n" };
	struct probe_result result;

	settings.expect_body = (char *)"\xc3\xbc\xff\x1b[2J";
	result = run_script(state, &settings, &script);
	probe_result_assert(&result, PROBE_BODY, "no \"\xc3\xbc??[2J\" in the body");
}

/* The process is held up for longer than the timeout, before the loop sends the request. */
static struct probe_result run_held_up(struct probe_fixture *fixture, struct probe_script *script)
{
	struct config_health settings = probe_settings_http();
	struct probe_server *server = probe_server_start(AF_INET, probe_script_serve, script);
	struct probe_watch watch;

	settings.timeout_ms = HELD_UP_TIMEOUT_MS;
	probe_watch_start(fixture, &settings, AF_INET, probe_server_port(server), &watch);
	poll(NULL, 0, HELD_UP_TIMEOUT_MS + 100);
	probe_fixture_await(fixture, &watch.done, 1);
	probe_server_stop(server);
	return watch.result;
}

static void a_loop_that_is_held_up_fails_no_backend(void **state)
{
	struct probe_script script = { .answer = OK_ANSWER };
	struct probe_result result = run_held_up(*state, &script);

	probe_result_assert(&result, PROBE_PASSED, "status 200");
}

static void a_loop_that_is_held_up_lets_no_silent_backend_pass(void **state)
{
	struct probe_script script = { .answer = "", .end = PROBE_SCRIPT_WAIT };
	struct probe_result result = run_held_up(*state, &script);

	probe_result_assert(&result, PROBE_TIMEOUT, "no answer in 1000 ms");
}

#define PROBE_TEST(name) \
	cmocka_unit_test_setup_teardown(name, probe_fixture_setup, probe_fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROBE_TEST(an_answer_of_200_passes),
		PROBE_TEST(the_request_has_path_and_host_as_configured),
		PROBE_TEST(the_host_is_address_and_port_by_default),
		PROBE_TEST(head_asks_for_no_body),
		PROBE_TEST(a_redirect_is_not_followed),
		PROBE_TEST(the_status_is_held_against_ranges),
		PROBE_TEST(an_interim_answer_is_not_the_answer),
		PROBE_TEST(the_body_must_hold_what_is_expected),
		PROBE_TEST(a_body_in_chunks_or_up_to_the_end_of_the_connection_is_read),
		PROBE_TEST(nobody_listens),
		PROBE_TEST(a_server_that_accepts_and_says_nothing_times_out),
		PROBE_TEST(a_body_that_is_not_there_in_time_times_out),
		PROBE_TEST(a_listener_whose_queue_is_full_times_out),
		PROBE_TEST(a_connection_that_ends_early_is_told),
		PROBE_TEST(what_is_not_http_breaks_the_protocol),
		PROBE_TEST(a_line_of_headers_without_an_end_breaks_the_protocol),
		PROBE_TEST(headers_without_an_end_break_the_protocol),
		PROBE_TEST(a_header_without_an_end_breaks_the_protocol),
		PROBE_TEST(of_a_body_without_an_end_64_kib_are_read),
		PROBE_TEST(a_weight_is_read_where_it_is_asked_for),
		PROBE_TEST(words_in_the_body_are_read_where_they_are_asked_for),
		PROBE_TEST(what_a_backend_sends_is_printed_clean),
		PROBE_TEST(a_loop_that_is_held_up_fails_no_backend),
		PROBE_TEST(a_loop_that_is_held_up_lets_no_silent_backend_pass),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
