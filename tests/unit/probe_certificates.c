/* SPDX-License-Identifier: BSD-3-Clause */
#include "probe_certificates.h"

#include "unit.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#define DAY_S 86400

static void set_time(ASN1_TIME *moment, const char *text, long days)
{
	if (text != NULL)
		assert_int_equal(ASN1_TIME_set_string_X509(moment, text), 1);
	else
		assert_non_null(X509_gmtime_adj(moment, days * DAY_S));
}

static void add_extension(X509 *certificate, X509 *issuer, int kind, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;

	X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, kind, value);
	assert_non_null(extension);
	assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
	X509_EXTENSION_free(extension);
}

static void set_subject(X509 *certificate, const struct probe_identity_wish *wish)
{
	X509_NAME *name = X509_get_subject_name(certificate);
	const char *text = wish->is_issuer ? "issuer of a test" : "server of a test";

	assert_int_equal(X509_NAME_add_entry_by_txt(
				 name, "CN", MBSTRING_ASC, (const unsigned char *)text, -1, -1, 0),
		1);
}

struct probe_identity probe_identity_make(const struct probe_identity_wish *wish)
{
	struct probe_identity identity = { X509_new(), EVP_EC_gen("P-256") };
	X509 *certificate = identity.certificate;
	X509 *issuer = wish->issuer == NULL ? certificate : wish->issuer->certificate;

	assert_non_null(certificate);
	assert_non_null(identity.key);
	X509_set_version(certificate, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), wish->is_issuer ? 1 : 2);
	set_time(X509_getm_notBefore(certificate), wish->from, -1);
	set_time(X509_getm_notAfter(certificate), wish->until, 1);
	set_subject(certificate, wish);
	X509_set_issuer_name(certificate, X509_get_subject_name(issuer));
	X509_set_pubkey(certificate, identity.key);
	if (wish->is_issuer)
		add_extension(certificate, issuer, NID_basic_constraints, "critical,CA:TRUE");
	if (wish->names != NULL)
		add_extension(certificate, issuer, NID_subject_alt_name, wish->names);
	assert_true(X509_sign(certificate, wish->issuer == NULL ? identity.key : wish->issuer->key,
			    EVP_sha256()) > 0);
	return identity;
}

void probe_identity_free(struct probe_identity *identity)
{
	X509_free(identity->certificate);
	EVP_PKEY_free(identity->key);
}

void probe_identity_write(const struct probe_identity *identity, const char *path)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(PEM_write_X509(file, identity->certificate), 1);
	assert_int_equal(fclose(file), 0);
}

SSL_CTX *probe_tls_context(const struct probe_identity *identity)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());

	assert_non_null(context);
	assert_int_equal(SSL_CTX_use_certificate(context, identity->certificate), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(context, identity->key), 1);
	return context;
}

/* A head of a request. */
static bool read_request(SSL *ssl, char *request, size_t size)
{
	size_t length = 0;
	int got;

	request[0] = '\0';
	while (length + 1 < size && strstr(request, "\r\n\r\n") == NULL) {
		got = SSL_read(ssl, request + length, (int)(size - 1 - length));
		if (got <= 0)
			return false;
		length += (size_t)got;
		request[length] = '\0';
	}
	return true;
}

static void answer(SSL *ssl, struct probe_script *script)
{
	char request[sizeof(script->request)];
	char byte;

	if (!read_request(ssl, request, sizeof(request)))
		return;
	memcpy(script->request, request, sizeof(request));
	if (script->answer[0] != '\0')
		SSL_write(ssl, script->answer, (int)strlen(script->answer));
	if (script->end == PROBE_SCRIPT_WAIT)
		SSL_read(ssl, &byte, 1);
	else if (script->end == PROBE_SCRIPT_CLOSE)
		SSL_shutdown(ssl);
}

void probe_tls_serve(int fd, void *context)
{
	const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };
	struct probe_tls_script *script = context;
	SSL *ssl = SSL_new(script->context);
	const char *name;

	if (ssl == NULL || SSL_set_fd(ssl, fd) != 1)
		abort();
	if (SSL_accept(ssl) == 1) {
		name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
		snprintf(script->name, sizeof(script->name), "%s", name == NULL ? "" : name);
		answer(ssl, &script->script);
	} else {
		probe_server_wait(fd); /* lets the client read our alert */
	}
	if (script->script.end == PROBE_SCRIPT_RESET)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	SSL_free(ssl);
}
