/* SPDX-License-Identifier: BSD-3-Clause */
/* Probes of grpc.health.v1 against servers of HTTP/2 on loopback. */
#include "unit.h"

#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "probe_certificates.h"
#include "probe_fixture.h"
#include "probe_http2.h"
#include "probe_server.h"

#define NAME  "grpc.example.org"
#define CROWD 300

static const uint8_t serving[] = { 0, 0, 0, 0, 2, 0x08, 0x01 };

static struct config_health settings_grpc(void)
{
	struct config_health settings = probe_settings_http();

	settings.type = CONFIG_HEALTH_GRPC;
	settings.path = NULL;
	settings.expect_status = NULL;
	settings.status_range_count = 0;
	return settings;
}

static struct probe_http2_script script_of(const uint8_t *body, size_t length)
{
	return (struct probe_http2_script){
		.body = body, .body_length = length, .trailer_status = "0"
	};
}

static struct probe_result run_serve(
	void **state, const struct config_health *settings, probe_serve_t *serve, void *context)
{
	struct probe_server *server = probe_server_start(AF_INET, serve, context);
	struct probe_result result = probe_fixture_run(*state, settings, probe_server_port(server));

	probe_server_stop(server);
	return result;
}

static struct probe_result run(
	void **state, const struct config_health *settings, struct probe_http2_script *script)
{
	return run_serve(state, settings, probe_http2_serve, script);
}

static void a_server_that_serves_passes(void **state)
{
	struct config_health settings = settings_grpc();
	struct probe_http2_script script = script_of(serving, sizeof(serving));
	static const uint8_t empty[] = { 0, 0, 0, 0, 0 };
	static const uint8_t named[] = { 0, 0, 0, 0, 6, 0x0a, 4, 'n', 'a', 'm', 'e' };
	struct probe_result result = run(state, &settings, &script);

	probe_result_assert(&result, PROBE_PASSED, "gRPC health is SERVING");
	assert_string_equal(script.method, "POST");
	assert_string_equal(script.path, "/grpc.health.v1.Health/Check");
	assert_string_equal(script.te, "trailers");
	assert_string_equal(script.type, "application/grpc");
	assert_int_equal(strncmp(script.authority, "127.0.0.1:", 10), 0);
	assert_int_equal(script.request_length, sizeof(empty));
	assert_memory_equal(script.request, empty, sizeof(empty));

	settings.service = (char *)"name";
	result = run(state, &settings, &script);
	probe_result_assert(&result, PROBE_PASSED, NULL);
	assert_int_equal(script.request_length, sizeof(named));
	assert_memory_equal(script.request, named, sizeof(named));
}

static void a_server_that_does_not_serve_fails(void **state)
{
	struct config_health settings = settings_grpc();
	static const uint8_t unknown[] = { 0, 0, 0, 0, 0 };
	static const uint8_t not_serving[] = { 0, 0, 0, 0, 2, 0x08, 0x02 };
	struct probe_http2_script script = script_of(not_serving, sizeof(not_serving));
	struct probe_result result = run(state, &settings, &script);

	probe_result_assert(&result, PROBE_NOT_SERVING, "gRPC health is 2 (NOT_SERVING)");
	assert_int_equal(result.detail, 2);
	script = script_of(unknown, sizeof(unknown));
	result = run(state, &settings, &script);
	probe_result_assert(&result, PROBE_NOT_SERVING, "gRPC health is 0 (UNKNOWN)");
}

static void a_status_of_grpc_is_told(void **state)
{
	struct config_health settings = settings_grpc();
	struct probe_http2_script script = { .header_status = "12" };
	struct probe_result result = run(state, &settings, &script); /* without trailers */

	probe_result_assert(&result, PROBE_GRPC_STATUS,
		"grpc-status 12 (unimplemented): it has no health service");
	assert_int_equal(result.detail, 12);
	script = script_of(NULL, 0);
	script.trailer_status = "5";
	result = run(state, &settings, &script);
	probe_result_assert(&result, PROBE_GRPC_STATUS,
		"grpc-status 5 (not found): it does not know this service");
	script = script_of(serving, sizeof(serving));
	script.trailer_status = "14";
	result = run(state, &settings, &script);
	probe_result_assert(&result, PROBE_GRPC_STATUS, "grpc-status 14 (unavailable)");
	script.trailer_status = "99";
	result = run(state, &settings, &script);
	probe_result_assert(&result, PROBE_GRPC_STATUS, "grpc-status 99");
}

static void a_status_of_http_is_told(void **state)
{
	struct config_health settings = settings_grpc();
	struct probe_http2_script script = { .status = "503", .content_type = "text/html" };
	struct probe_result result = run(state, &settings, &script);

	probe_result_assert(&result, PROBE_STATUS, "status 503, expected 200");
	assert_int_equal(result.detail, 503);
}

static void what_is_not_grpc_breaks_the_protocol(void **state)
{
	struct config_health settings = settings_grpc();
	static const uint8_t compressed[] = { 1, 0, 0, 0, 2, 0x08, 0x01 };
	static const uint8_t cut[] = { 0, 0, 0, 0, 9, 0x08, 0x01 };
	static const uint8_t twice[] = { 0, 0, 0, 0, 2, 8, 1, 0, 0, 0, 0, 2, 8, 1 };
	static const uint8_t endless[] = { 0, 0, 0, 0, 3, 0x08, 0xff, 0xff };
	const struct {
		struct probe_http2_script script;
		const char *sentence;
	} cases[] = {
		{ script_of(compressed, sizeof(compressed)), "a compressed message" },
		{ script_of(cut, sizeof(cut)), "a message that is cut off" },
		{ script_of(serving, 3), "a message that is cut off" },
		{ script_of(NULL, 0), "a message that is cut off" },
		{ script_of(twice, sizeof(twice)), "more than one message" },
		{ script_of(endless, sizeof(endless)), "a message that is no HealthCheckResponse" },
		{ { .body = serving, .body_length = sizeof(serving) }, "no grpc-status" },
		{ { .body = serving, .body_length = sizeof(serving), .trailer_status = "fine" },
			"a grpc-status that is no number" },
		{ { .body = serving,
			  .body_length = sizeof(serving),
			  .trailer_status = "0",
			  .content_type = "application/json" },
			"the answer is not gRPC" },
		{ { .body = serving,
			  .body_length = sizeof(serving),
			  .trailer_status = "0",
			  .repeat = 20000 },
			"a message of more than 64 KiB" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct probe_http2_script script = cases[i].script;
		struct probe_result result = run(state, &settings, &script);

		probe_result_assert(&result, PROBE_PROTOCOL, cases[i].sentence);
		assert_int_equal(result.detail, 0);
	}
}

static void what_is_not_http2_breaks_the_protocol(void **state)
{
	struct config_health settings = settings_grpc();
	static const char *const answers[] = {
		"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
		"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n",
	};

	for (size_t i = 0; i < COUNT_OF(answers); i++) {
		struct probe_script script = {
			.answer = answers[i], .speaks_first = true, .end = PROBE_SCRIPT_WAIT
		};
		struct probe_result result =
			run_serve(state, &settings, probe_script_serve, &script);

		probe_result_assert(&result, PROBE_PROTOCOL, "the answer is not HTTP/2");
	}
}

static void a_call_that_does_not_end_is_told(void **state)
{
	struct config_health settings = settings_grpc();
	const struct {
		struct probe_http2_script script;
		enum probe_reason reason;
		const char *sentence;
	} cases[] = {
		{ { .action = PROBE_HTTP2_RESET_STREAM }, PROBE_PROTOCOL,
			"the stream of HTTP/2 was reset" },
		{ { .action = PROBE_HTTP2_GO_AWAY }, PROBE_CLOSED,
			"connection closed without an answer" },
		{ { .action = PROBE_HTTP2_CLOSE }, PROBE_CLOSED,
			"connection closed without an answer" },
		{ { .action = PROBE_HTTP2_RESET }, PROBE_RESET, "connection reset" },
		{ { .action = PROBE_HTTP2_WAIT }, PROBE_TIMEOUT, "no answer in 2000 ms" },
		{ { .action = PROBE_HTTP2_WAIT_TRAILERS,
			  .body = serving,
			  .body_length = sizeof(serving) },
			PROBE_TIMEOUT, "no end of the answer in 2000 ms" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct probe_http2_script script = cases[i].script;
		struct probe_result result;

		settings.timeout_ms = cases[i].reason == PROBE_TIMEOUT ? PROBE_FIXTURE_PATIENT_MS
								       : PROBE_FIXTURE_LONG_MS;
		result = run(state, &settings, &script);
		probe_result_assert(&result, cases[i].reason, cases[i].sentence);
	}
}

static void nobody_listens(void **state)
{
	struct config_health settings = settings_grpc();
	struct probe_port port = probe_port_claim(AF_INET);
	struct probe_result result = probe_fixture_run(*state, &settings, port.port);

	probe_port_release(&port);
	probe_result_assert(&result, PROBE_REFUSED, "connect refused");
}

static void tls_is_used_where_it_is_asked_for(void **state)
{
	struct config_health settings = settings_grpc();
	const struct probe_identity_wish wish = { .names = "DNS:" NAME };
	struct probe_identity identity = probe_identity_make(&wish);
	struct probe_http2_script script = script_of(serving, sizeof(serving));
	char ca_file[] = "/tmp/sluice-probes-XXXXXX";
	int file = mkstemp(ca_file);
	struct probe_result result;

	assert_true(file >= 0);
	close(file);
	probe_identity_write(&identity, ca_file);
	script.tls = probe_tls_context(&identity);
	probe_http2_choose(script.tls);
	settings.tls = true;
	settings.sni = (char *)NAME;
	settings.ca_file = ca_file;
	result = run(state, &settings, &script);
	probe_result_assert(&result, PROBE_PASSED, "gRPC health is SERVING");
	assert_string_equal(script.name, NAME);
	settings.ca_file = NULL;
	result = run(state, &settings, &script);
	probe_result_assert(&result, PROBE_CERTIFICATE, "certificate is self-signed");
	settings.verify = false;
	result = run(state, &settings, &script);
	probe_result_assert(&result, PROBE_PASSED, NULL);
	unlink(ca_file);
	SSL_CTX_free(script.tls);
	probe_identity_free(&identity);
}

static int refuse(SSL *ssl, const unsigned char **chosen, unsigned char *length,
	const unsigned char *offered, unsigned int offered_length, void *context)
{
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* One that knows of ALPN says so, and one that does not speaks HTTP/1.1. */
static void a_server_of_tls_without_http2_fails(void **state)
{
	struct config_health settings = settings_grpc();
	const struct probe_identity_wish wish = { .names = "DNS:" NAME };
	struct probe_identity identity = probe_identity_make(&wish);
	struct probe_tls_script script = { .context = probe_tls_context(&identity),
		.script.answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" };
	struct probe_result result;

	settings.tls = true;
	settings.verify = false;
	result = run_serve(state, &settings, probe_tls_serve, &script);
	probe_result_assert(&result, PROBE_PROTOCOL, "the answer is not HTTP/2");
	SSL_CTX_set_alpn_select_cb(script.context, refuse, NULL);
	result = run_serve(state, &settings, probe_tls_serve, &script);
	probe_result_assert(&result, PROBE_TLS, "no HTTP/2 by ALPN");
	SSL_CTX_free(script.context);
	probe_identity_free(&identity);
}

static void three_hundred_at_once_are_all_answered(void **state)
{
	struct config_health settings = settings_grpc();
	struct probe_http2_script script = script_of(serving, sizeof(serving));
	struct probe_server *server = probe_server_start(AF_INET, probe_http2_serve, &script);
	struct probe_watch *watches = calloc(CROWD, sizeof(*watches));

	assert_non_null(watches);
	for (size_t i = 0; i < CROWD; i++)
		probe_watch_start(
			*state, &settings, AF_INET, probe_server_port(server), &watches[i]);
	for (size_t i = 0; i < CROWD; i++) {
		probe_fixture_await(*state, &watches[i].done, 1);
		probe_result_assert(&watches[i].result, PROBE_PASSED, NULL);
	}
	assert_int_equal(probe_server_connections(server), CROWD); /* none was shared */
	probe_server_stop(server);
	free(watches);
}

static void a_cancelled_probe_closes_its_connection(void **state)
{
	struct config_health settings = settings_grpc();
	struct probe_http2_script waiting = { .action = PROBE_HTTP2_WAIT };
	struct probe_http2_script script = script_of(serving, sizeof(serving));
	struct probe_server *server = probe_server_start(AF_INET, probe_http2_serve, &waiting);
	struct probe_watch watch;
	struct probe_result result;

	probe_watch_start(*state, &settings, AF_INET, probe_server_port(server), &watch);
	while (probe_server_connections(server) == 0) {
		result = run(state, &settings, &script);
		probe_result_assert(&result, PROBE_PASSED, NULL);
	}
	probe_cancel(watch.probe);
	probe_server_stop(server); /* waits until it is closed */
	assert_int_equal(watch.done, 0);
}

#define PROBE_TEST(name) \
	cmocka_unit_test_setup_teardown(name, probe_fixture_setup, probe_fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROBE_TEST(a_server_that_serves_passes),
		PROBE_TEST(a_server_that_does_not_serve_fails),
		PROBE_TEST(a_status_of_grpc_is_told),
		PROBE_TEST(a_status_of_http_is_told),
		PROBE_TEST(what_is_not_grpc_breaks_the_protocol),
		PROBE_TEST(what_is_not_http2_breaks_the_protocol),
		PROBE_TEST(a_call_that_does_not_end_is_told),
		PROBE_TEST(nobody_listens),
		PROBE_TEST(tls_is_used_where_it_is_asked_for),
		PROBE_TEST(a_server_of_tls_without_http2_fails),
		PROBE_TEST(three_hundred_at_once_are_all_answered),
		PROBE_TEST(a_cancelled_probe_closes_its_connection),
	};

	/* a server's, whose client has gone */
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
