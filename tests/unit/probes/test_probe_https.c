/* SPDX-License-Identifier: BSD-3-Clause */
/* Probes of HTTPS against servers on loopback with certificates of all kinds. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/x509_vfy.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "probe_certificates.h"
#include "probe_fixture.h"
#include "probe_server.h"

#define OK_ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define NAME      "www.example.org"

/* An issuer in a file, and a certificate of it that has nothing wrong. */
struct world {
	struct probe_fixture *fixture;
	char directory[32];
	char ca_file[64];
	struct probe_identity issuer;
	struct probe_identity server;
};

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	struct probe_identity_wish wish = { .is_issuer = true };
	void *fixture;

	assert_non_null(world);
	assert_int_equal(probe_fixture_setup(&fixture), 0);
	world->fixture = fixture;
	strcpy(world->directory, "/tmp/sluice-probes-XXXXXX");
	assert_non_null(mkdtemp(world->directory));
	snprintf(world->ca_file, sizeof(world->ca_file), "%s/ca.pem", world->directory);
	world->issuer = probe_identity_make(&wish);
	probe_identity_write(&world->issuer, world->ca_file);
	wish = (struct probe_identity_wish){ .names = "DNS:" NAME ",IP:127.0.0.1",
		.issuer = &world->issuer };
	world->server = probe_identity_make(&wish);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;
	void *fixture = world->fixture;

	unlink(world->ca_file);
	rmdir(world->directory);
	probe_identity_free(&world->issuer);
	probe_identity_free(&world->server);
	probe_fixture_teardown(&fixture);
	free(world);
	return 0;
}

static struct config_health settings_https(struct world *world)
{
	struct config_health settings = probe_settings_http();

	settings.type = CONFIG_HEALTH_HTTPS;
	settings.sni = (char *)NAME;
	settings.ca_file = world->ca_file;
	return settings;
}

static struct probe_result run_server(struct world *world, const struct config_health *settings,
	probe_serve_t *serve, void *context)
{
	struct probe_server *server = probe_server_start(AF_INET, serve, context);
	struct probe_result result =
		probe_fixture_run(world->fixture, settings, probe_server_port(server));

	probe_server_stop(server);
	return result;
}

static struct probe_result run_tls(
	struct world *world, const struct config_health *settings, struct probe_tls_script *script)
{
	return run_server(world, settings, probe_tls_serve, script);
}

/* Probes a server that has this certificate. */
static struct probe_result run_identity(struct world *world, const struct config_health *settings,
	const struct probe_identity *identity)
{
	struct probe_tls_script script = { .context = probe_tls_context(identity),
		.script.answer = OK_ANSWER };
	struct probe_result result = run_tls(world, settings, &script);

	SSL_CTX_free(script.context);
	return result;
}

/* The same with one that is made for it. */
static struct probe_result run_wish(struct world *world, const struct config_health *settings,
	const struct probe_identity_wish *wish)
{
	struct probe_identity identity = probe_identity_make(wish);
	struct probe_result result = run_identity(world, settings, &identity);

	probe_identity_free(&identity);
	return result;
}

static void a_certificate_of_a_trusted_issuer_passes(void **state)
{
	struct world *world = *state;
	struct config_health settings = settings_https(world);
	struct probe_tls_script script = { .context = probe_tls_context(&world->server),
		.script.answer = OK_ANSWER };
	struct probe_result result = run_tls(world, &settings, &script);

	probe_result_assert(&result, PROBE_PASSED, "status 200");
	assert_string_equal(script.name, NAME);

	/* the name is that of the host, where there is no other */
	settings.sni = NULL;
	settings.host = (char *)NAME ":8443";
	result = run_tls(world, &settings, &script);
	probe_result_assert(&result, PROBE_PASSED, "status 200");
	assert_string_equal(script.name, NAME);
	assert_non_null(strstr(script.script.request, "\r\nHost: " NAME ":8443\r\n"));

	/* or the address */
	settings.host = NULL;
	result = run_tls(world, &settings, &script);
	probe_result_assert(&result, PROBE_PASSED, "status 200");
	assert_string_equal(script.name, "");

	/* each has a name of its own */
	settings.sni = (char *)NAME;
	settings.host = (char *)"other.example.org";
	result = run_tls(world, &settings, &script);
	probe_result_assert(&result, PROBE_PASSED, "status 200");
	assert_string_equal(script.name, NAME);
	assert_non_null(strstr(script.script.request, "\r\nHost: other.example.org\r\n"));
	SSL_CTX_free(script.context);
}

static void a_wildcard_covers_one_label(void **state)
{
	struct world *world = *state;
	struct config_health settings = settings_https(world);
	const struct probe_identity_wish wish = { .names = "DNS:*.example.org",
		.issuer = &world->issuer };
	struct probe_result result = run_wish(world, &settings, &wish);

	probe_result_assert(&result, PROBE_PASSED, NULL);
	settings.sni = (char *)"a.b.example.org";
	result = run_wish(world, &settings, &wish);
	probe_result_assert(&result, PROBE_CERTIFICATE, "certificate is not for a.b.example.org");
}

static void a_certificate_for_another_name_fails(void **state)
{
	struct world *world = *state;
	struct config_health settings = settings_https(world);
	struct probe_result result;

	settings.sni = (char *)"other.example.org";
	result = run_identity(world, &settings, &world->server);
	probe_result_assert(&result, PROBE_CERTIFICATE, "certificate is not for other.example.org");
	assert_int_equal(result.detail, X509_V_ERR_HOSTNAME_MISMATCH);
	settings.sni = NULL;
	settings.host = (char *)"[::1]:443";
	result = run_identity(world, &settings, &world->server);
	probe_result_assert(&result, PROBE_CERTIFICATE, "certificate is not for ::1");
	assert_int_equal(result.detail, X509_V_ERR_IP_ADDRESS_MISMATCH);
}

static void an_expired_certificate_fails_with_its_date(void **state)
{
	struct world *world = *state;
	struct config_health settings = settings_https(world);
	const struct probe_identity_wish wish = { .names = "DNS:" NAME,
		.issuer = &world->issuer,
		.from = "20190101000000Z",
		.until = "20200229235959Z" };
	struct probe_result result = run_wish(world, &settings, &wish);
	char text[PROBE_SENTENCE_SIZE];

	probe_result_assert(&result, PROBE_EXPIRED, "certificate expired on 2020-02-29");
	assert_int_equal(result.detail, 18321); /* date -d 2020-02-29 +%s, / 86400 */
	probe_reason_describe(result.reason, result.detail, text);
	assert_string_equal(text, "certificate expired on 2020-02-29");
}

static void an_expired_issuer_is_told_from_an_expired_certificate(void **state)
{
	struct world *world = *state;
	struct config_health settings = settings_https(world);
	struct probe_identity_wish wish = {
		.is_issuer = true, .from = "20190101000000Z", .until = "20200301000000Z"
	};
	struct probe_identity issuer = probe_identity_make(&wish);
	struct probe_result result;

	probe_identity_write(&issuer, world->ca_file);
	wish = (struct probe_identity_wish){ .names = "DNS:" NAME, .issuer = &issuer };
	result = run_wish(world, &settings, &wish);
	probe_identity_free(&issuer);
	probe_result_assert(
		&result, PROBE_EXPIRED, "certificate of its issuer expired on 2020-03-01");
}

static void a_certificate_that_is_not_valid_yet_fails_with_its_date(void **state)
{
	struct world *world = *state;
	struct config_health settings = settings_https(world);
	const struct probe_identity_wish wish = { .names = "DNS:" NAME,
		.issuer = &world->issuer,
		.from = "20950101000000Z",
		.until = "20960101000000Z" };
	struct probe_result result = run_wish(world, &settings, &wish);

	probe_result_assert(
		&result, PROBE_CERTIFICATE, "certificate is not valid before 2095-01-01");
	assert_int_equal(result.detail, X509_V_ERR_CERT_NOT_YET_VALID);
}

static void a_certificate_of_an_unknown_issuer_fails(void **state)
{
	struct world *world = *state;
	struct config_health settings = settings_https(world);
	const struct probe_identity_wish alone = { .names = "DNS:" NAME };
	struct probe_result result;

	settings.ca_file = NULL; /* those of the system */
	result = run_identity(world, &settings, &world->server);
	probe_result_assert(&result, PROBE_CERTIFICATE, "certificate is of an unknown issuer");
	result = run_wish(world, &settings, &alone);
	probe_result_assert(&result, PROBE_CERTIFICATE, "certificate is self-signed");
}

static void a_certificate_may_be_trusted_itself(void **state)
{
	struct world *world = *state;
	struct config_health settings = settings_https(world);
	struct probe_result result;

	probe_identity_write(&world->server, world->ca_file);
	result = run_identity(world, &settings, &world->server);
	probe_result_assert(&result, PROBE_PASSED, NULL);
}

static void without_verification_every_certificate_passes(void **state)
{
	struct world *world = *state;
	struct config_health settings = settings_https(world);
	const struct probe_identity_wish wish = { .names = "DNS:other.example.org",
		.from = "20190101000000Z",
		.until = "20200229235959Z" };
	struct probe_result result;

	settings.verify = false;
	settings.ca_file = NULL;
	result = run_wish(world, &settings, &wish);
	probe_result_assert(&result, PROBE_PASSED, "status 200");
}

static void a_file_of_issuers_is_read_again_when_it_has_changed(void **state)
{
	struct world *world = *state;
	struct config_health settings = settings_https(world);
	struct probe_identity_wish wish = { .is_issuer = true };
	struct probe_identity issuer = probe_identity_make(&wish);
	const struct timespec past[2] = { { 1000, 0 }, { 1000, 0 } };
	struct probe_result result = run_identity(world, &settings, &world->server);

	probe_result_assert(&result, PROBE_PASSED, NULL);
	probe_identity_write(&issuer, world->ca_file);
	assert_int_equal(utimensat(AT_FDCWD, world->ca_file, past, 0), 0);
	result = run_identity(world, &settings, &world->server);
	probe_identity_free(&issuer);
	probe_result_assert(&result, PROBE_CERTIFICATE, NULL);
	probe_identity_write(&world->issuer, world->ca_file);
	result = run_identity(world, &settings, &world->server);
	probe_result_assert(&result, PROBE_PASSED, NULL);
}

/* The issuers are needed once there is a connection, and the second probe drops them before. */
static void issuers_stay_for_a_probe_under_way(void **state)
{
	struct world *world = *state;
	struct config_health settings = settings_https(world);
	struct probe_tls_script script = { .context = probe_tls_context(&world->server),
		.script.answer = OK_ANSWER };
	struct probe_server *server = probe_server_start(AF_INET, probe_tls_serve, &script);
	struct probe_identity_wish wish = { .is_issuer = true };
	struct probe_identity other = probe_identity_make(&wish);
	const struct timespec past[2] = { { 1000, 0 }, { 1000, 0 } };
	struct probe_watch first, second;

	probe_watch_start(world->fixture, &settings, AF_INET, probe_server_port(server), &first);
	probe_identity_write(&other, world->ca_file);
	assert_int_equal(utimensat(AT_FDCWD, world->ca_file, past, 0), 0);
	probe_watch_start(world->fixture, &settings, AF_INET, probe_server_port(server), &second);
	probe_fixture_await(world->fixture, &first.done, 1);
	probe_fixture_await(world->fixture, &second.done, 1);
	probe_result_assert(&first.result, PROBE_PASSED, "status 200");
	probe_result_assert(&second.result, PROBE_CERTIFICATE, NULL);
	probe_server_stop(server);
	SSL_CTX_free(script.context);
	probe_identity_free(&other);
}

static void a_file_of_issuers_that_cannot_be_read_is_this_nodes_fault(void **state)
{
	struct world *world = *state;
	struct config_health settings = settings_https(world);
	struct probe_port port = probe_port_claim(AF_INET);
	FILE *file = fopen(world->ca_file, "w");
	struct probe_result result;

	assert_non_null(file);
	fputs("-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----\n", file);
	fclose(file);
	for (int i = 0; i < 2; i++) {
		result = probe_fixture_run(world->fixture, &settings, port.port);
		probe_result_assert(&result, PROBE_LOCAL, "ca_file: no certificate can be read");
	}
	assert_int_equal(unlink(world->ca_file), 0);
	result = probe_fixture_run(world->fixture, &settings, port.port);
	probe_result_assert(&result, PROBE_LOCAL, "ca_file: No such file or directory");
	assert_int_equal(result.detail, ENOENT);
	assert_int_equal(mkfifo(world->ca_file, 0600), 0);
	result = probe_fixture_run(world->fixture, &settings, port.port);
	probe_result_assert(&result, PROBE_LOCAL, "ca_file: not a file");
	probe_port_release(&port);
}

static void a_name_that_no_url_can_have_is_this_nodes_fault(void **state)
{
	struct world *world = *state;
	struct config_health settings = settings_https(world);
	struct probe_result result;

	settings.sni = (char *)"www example org";
	result = run_identity(world, &settings, &world->server);
	probe_result_assert(&result, PROBE_LOCAL, NULL);
	assert_non_null(strstr(result.sentence, "URL"));
}

static void tls_that_is_too_old_fails(void **state)
{
	struct world *world = *state;
	struct config_health settings = settings_https(world);
	struct probe_tls_script script = { .context = probe_tls_context(&world->server),
		.script.answer = OK_ANSWER };
	struct probe_result result;

	SSL_CTX_set_max_proto_version(script.context, TLS1_2_VERSION);
	result = run_tls(world, &settings, &script);
	probe_result_assert(&result, PROBE_PASSED, NULL);
	settings.tls_min = CONFIG_HEALTH_TLS_1_3;
	result = run_tls(world, &settings, &script);
	probe_result_assert(&result, PROBE_TLS, "no TLS 1.3 or later");
	assert_int_equal(result.detail, SSL_AD_PROTOCOL_VERSION);

	settings.tls_min = CONFIG_HEALTH_TLS_1_2;
	SSL_CTX_set_min_proto_version(script.context, TLS1_VERSION);
	SSL_CTX_set_max_proto_version(script.context, TLS1_1_VERSION);
	SSL_CTX_set_cipher_list(script.context, "ALL:@SECLEVEL=0");
	result = run_tls(world, &settings, &script);
	probe_result_assert(&result, PROBE_TLS, "no TLS 1.2 or later");
	SSL_CTX_free(script.context);
}

static void the_alert_of_a_server_is_told(void **state)
{
	struct world *world = *state;
	struct config_health settings = settings_https(world);
	struct probe_tls_script script = { .context = probe_tls_context(&world->server),
		.script.answer = OK_ANSWER };
	struct probe_result result;

	SSL_CTX_set_verify(script.context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	result = run_tls(world, &settings, &script); /* TLS 1.3: after our handshake */
	probe_result_assert(&result, PROBE_TLS, "TLS alert received: certificate required");
	SSL_CTX_set_max_proto_version(script.context, TLS1_2_VERSION);
	result = run_tls(world, &settings, &script);
	probe_result_assert(&result, PROBE_TLS, "TLS alert received: handshake failure");
	assert_int_equal(result.detail, SSL_AD_HANDSHAKE_FAILURE);
	SSL_CTX_free(script.context);
}

static void what_is_not_tls_breaks_the_protocol(void **state)
{
	struct world *world = *state;
	struct config_health settings = settings_https(world);
	struct probe_script plain = { .speaks_first = true,
		.answer = "HTTP/1.1 400 Bad Request\r\n\r\n",
		.end = PROBE_SCRIPT_WAIT };
	struct probe_script garbage = { .speaks_first = true,
		.answer = "SSH-2.0-OpenSSH_9.2p1\r\n",
		.end = PROBE_SCRIPT_WAIT };
	struct probe_result result;

	result = run_server(world, &settings, probe_script_serve, &plain);
	probe_result_assert(&result, PROBE_PROTOCOL, "the answer is not TLS");
	result = run_server(world, &settings, probe_script_serve, &garbage);
	probe_result_assert(&result, PROBE_PROTOCOL, "the answer is not TLS");
}

/* Reads what there is of a ClientHello. */
static void read_some(int fd)
{
	char bytes[4096];

	recv(fd, bytes, sizeof(bytes), 0);
}

static void serve_close(int fd, void *context)
{
	read_some(fd);
}

static void serve_reset(int fd, void *context)
{
	const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };

	read_some(fd);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

static void serve_nothing(int fd, void *context)
{
	probe_server_wait(fd);
}

static void a_handshake_that_does_not_end_is_told(void **state)
{
	struct world *world = *state;
	struct config_health settings = settings_https(world);
	struct probe_result result;

	result = run_server(world, &settings, serve_close, NULL);
	probe_result_assert(&result, PROBE_CLOSED, "connection closed in the TLS handshake");
	result = run_server(world, &settings, serve_reset, NULL);
	probe_result_assert(&result, PROBE_RESET, "connection reset");
	settings.timeout_ms = PROBE_FIXTURE_SHORT_MS;
	result = run_server(world, &settings, serve_nothing, NULL);
	probe_result_assert(&result, PROBE_TIMEOUT, "no TLS handshake in 200 ms");
}

static void an_answer_that_does_not_end_is_told(void **state)
{
	struct world *world = *state;
	struct config_health settings = settings_https(world);
	const struct {
		struct probe_script script;
		enum probe_reason reason;
		const char *sentence;
	} cases[] = {
		{ { .answer = "" }, PROBE_CLOSED, "connection closed without an answer" },
		{ { .answer = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf" }, PROBE_CLOSED,
			"connection closed in the middle of the answer" },
		{ { .answer = "", .end = PROBE_SCRIPT_RESET }, PROBE_RESET, "connection reset" },
		{ { .answer = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
			  .end = PROBE_SCRIPT_RESET },
			PROBE_RESET, "connection reset" },
		{ { .answer = "", .end = PROBE_SCRIPT_WAIT }, PROBE_TIMEOUT,
			"no answer in 2000 ms" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct probe_tls_script script = { .context = probe_tls_context(&world->server),
			.script = cases[i].script };
		struct probe_result result;

		if (cases[i].reason == PROBE_TIMEOUT)
			settings.timeout_ms = PROBE_FIXTURE_PATIENT_MS;
		result = run_tls(world, &settings, &script);
		SSL_CTX_free(script.context);
		probe_result_assert(&result, cases[i].reason, cases[i].sentence);
	}
}

static void a_probe_may_be_cancelled_in_its_handshake(void **state)
{
	struct world *world = *state;
	struct config_health settings = settings_https(world);
	struct probe_server *silent = probe_server_start(AF_INET, serve_nothing, NULL);
	struct probe_watch watch;
	struct probe_result result;

	probe_watch_start(world->fixture, &settings, AF_INET, probe_server_port(silent), &watch);
	while (probe_server_connections(silent) == 0) {
		result = run_identity(world, &settings, &world->server);
		probe_result_assert(&result, PROBE_PASSED, NULL);
	}
	probe_cancel(watch.probe);
	probe_server_stop(silent); /* waits until it is closed */
	assert_int_equal(watch.done, 0);
}

#define PROBE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROBE_TEST(a_certificate_of_a_trusted_issuer_passes),
		PROBE_TEST(a_wildcard_covers_one_label),
		PROBE_TEST(a_certificate_for_another_name_fails),
		PROBE_TEST(an_expired_certificate_fails_with_its_date),
		PROBE_TEST(an_expired_issuer_is_told_from_an_expired_certificate),
		PROBE_TEST(a_certificate_that_is_not_valid_yet_fails_with_its_date),
		PROBE_TEST(a_certificate_of_an_unknown_issuer_fails),
		PROBE_TEST(a_certificate_may_be_trusted_itself),
		PROBE_TEST(without_verification_every_certificate_passes),
		PROBE_TEST(a_file_of_issuers_is_read_again_when_it_has_changed),
		PROBE_TEST(issuers_stay_for_a_probe_under_way),
		PROBE_TEST(a_file_of_issuers_that_cannot_be_read_is_this_nodes_fault),
		PROBE_TEST(a_name_that_no_url_can_have_is_this_nodes_fault),
		PROBE_TEST(tls_that_is_too_old_fails),
		PROBE_TEST(the_alert_of_a_server_is_told),
		PROBE_TEST(what_is_not_tls_breaks_the_protocol),
		PROBE_TEST(a_handshake_that_does_not_end_is_told),
		PROBE_TEST(an_answer_that_does_not_end_is_told),
		PROBE_TEST(a_probe_may_be_cancelled_in_its_handshake),
	};

	/* a server's, whose client has gone */
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
