/* SPDX-License-Identifier: BSD-3-Clause */
#include "probes/probe_tls.h"

#include <openssl/err.h>
#include <openssl/sslerr.h>
#include <openssl/tls1.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const unsigned char http2[] = { 2, 'h', '2' };

/* Bytes before ":443". An IPv6 address is in brackets (RFC 3986, 3.2.2), or has no port. */
static size_t host_length(const char *host)
{
	const char *end = host[0] == '[' ? strchr(host, ']') : NULL;
	const char *colon = strchr(host, ':');

	if (end != NULL)
		return (size_t)(end + 1 - host);
	if (colon == NULL || strchr(colon + 1, ':') != NULL)
		return strlen(host);
	return (size_t)(colon - host);
}

/* Without brackets or within them. */
static bool read_literal(const char *host, size_t length, struct address *address)
{
	char text[ADDRESS_TEXT_SIZE];
	struct address found;

	if (host[0] == '[' && length > 2 && host[length - 1] == ']') {
		host++;
		length -= 2;
	}
	if (length >= sizeof(text))
		return false;
	memcpy(text, host, length);
	text[length] = '\0';
	if (address_parse(text, &found) < 0)
		return false;
	*address = found;
	return true;
}

void probe_tls_name(
	struct probe_tls *tls, const char *sni, const char *host, const struct address *address)
{
	struct certificate_subject *subject = &tls->subject;
	const char *name = sni != NULL ? sni : host;
	size_t length = name == NULL ? 0 : host_length(name);

	subject->name[0] = '\0';
	subject->address = *address;
	if (length > 0 && !read_literal(name, length, &subject->address))
		snprintf(subject->name, sizeof(subject->name), "%.*s", (int)length, name);
}

static int verify(X509_STORE_CTX *context, void *of_connection)
{
	struct probe_tls *tls = of_connection;

	return certificate_verify(context, &tls->subject, &tls->fault);
}

/* Notes the first fatal alert, of either side. */
static void on_info(const SSL *ssl, int where, int value)
{
	struct probe_tls *tls = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	if ((where & SSL_CB_ALERT) == 0 || value >> 8 != SSL3_AL_FATAL || tls->alert != 0)
		return;
	tls->alert = value & 0xff;
	tls->is_alert_received = (where & SSL_CB_READ) != 0;
}

void probe_tls_apply(struct probe_tls *tls, SSL_CTX *context)
{
	SSL_CTX_set_app_data(context, tls);
	SSL_CTX_set_info_callback(context, on_info);
	if (tls->only_http2)
		SSL_CTX_set_alpn_protos(context, http2, sizeof(http2));
	if (!tls->verify)
		return;
	SSL_CTX_set1_cert_store(context, tls->store);
	SSL_CTX_set_cert_verify_callback(context, verify, tls);
}

/* The reason of OpenSSL in libcurl's "...: error:0A00010B:SSL routines::wrong version number". */
static int openssl_reason(const char *message)
{
	const char *at = strstr(message, "error:");
	unsigned long code = at == NULL ? 0 : strtoul(at + strlen("error:"), NULL, 16);

	return ERR_GET_LIB(code) == ERR_LIB_SSL ? ERR_GET_REASON(code) : 0;
}

/* Those of TLS 1.3 and extensions are unknown to SSL_alert_desc_string_long(). */
static const char *alert_text(int alert)
{
	static const struct {
		int alert;
		const char *text;
	} later[] = {
		{ SSL_AD_MISSING_EXTENSION, "missing extension" },
		{ SSL_AD_CERTIFICATE_REQUIRED, "certificate required" },
		{ SSL_AD_NO_APPLICATION_PROTOCOL, "no application protocol" },
	};

	for (size_t i = 0; i < sizeof(later) / sizeof(later[0]); i++)
		if (later[i].alert == alert)
			return later[i].text;
	return SSL_alert_desc_string_long(alert);
}

static void explain_alert(const struct probe_tls *tls, struct tls_failure *failure)
{
	failure->reason = PROBE_TLS;
	failure->detail = tls->alert;
	if (tls->alert == TLS1_AD_PROTOCOL_VERSION)
		snprintf(failure->sentence, sizeof(failure->sentence), "no TLS %s or later",
			tls->minimum == CONFIG_HEALTH_TLS_1_3 ? "1.3" : "1.2");
	else if (tls->alert == TLS1_AD_NO_APPLICATION_PROTOCOL && tls->only_http2)
		snprintf(failure->sentence, sizeof(failure->sentence), "no HTTP/2 by ALPN");
	else
		snprintf(failure->sentence, sizeof(failure->sentence), "TLS alert %s: %s",
			tls->is_alert_received ? "received" : "sent", alert_text(tls->alert));
}

static void explain_end(struct tls_failure *failure)
{
	failure->reason = PROBE_CLOSED;
	snprintf(failure->sentence, sizeof(failure->sentence),
		"connection closed in the TLS handshake");
}

static void explain_reason(int reason, struct tls_failure *failure)
{
	const char *text = ERR_reason_error_string(ERR_PACK(ERR_LIB_SSL, 0, reason));

	failure->detail = 0;
	switch (reason) {
	case SSL_R_WRONG_VERSION_NUMBER:
	case SSL_R_HTTP_REQUEST:
	case SSL_R_HTTPS_PROXY_REQUEST:
		failure->reason = PROBE_PROTOCOL;
		snprintf(failure->sentence, sizeof(failure->sentence), "the answer is not TLS");
		break;
	case SSL_R_UNEXPECTED_EOF_WHILE_READING: explain_end(failure); break;
	default:
		failure->reason = PROBE_TLS;
		snprintf(failure->sentence, sizeof(failure->sentence), "TLS handshake: %s",
			text == NULL ? "failed" : text);
	}
}

void probe_tls_explain(
	const struct probe_tls *tls, const char *message, struct tls_failure *failure)
{
	int reason;

	memset(failure, 0, sizeof(*failure));
	if (tls->fault.reason != PROBE_NONE) {
		failure->reason = tls->fault.reason;
		failure->detail = tls->fault.detail;
		snprintf(failure->sentence, sizeof(failure->sentence), "%s", tls->fault.sentence);
	} else if (tls->alert != 0) {
		explain_alert(tls, failure);
	} else if (strstr(message, "SSL_ERROR_SYSCALL") != NULL) { /* without an errno */
		explain_end(failure);
	} else {
		reason = openssl_reason(message);
		if (reason != 0)
			explain_reason(reason, failure);
	}
}
