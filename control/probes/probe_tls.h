/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * probe_tls: the TLS of one connection of a probe: whom to trust, and what went wrong, which
 * libcurl does not tell apart. The thread of the prober.
 */
#pragma once

#include <openssl/ssl.h>
#include <stdbool.h>

#include "config/config_health.h"
#include "probes/certificate.h"

/* It stays where it is while the connection lasts. */
struct probe_tls {
	bool verify;
	bool only_http2;   /* by ALPN (RFC 7301) */
	X509_STORE *store; /* of issuers that are trusted; the caller keeps a reference */
	struct certificate_subject subject;
	enum config_health_tls minimum; /* for the sentence: libcurl sees to it */

	struct certificate_fault fault;
	int alert; /* the fatal one (RFC 8446, 6); 0: none */
	bool is_alert_received;
};

/*
 * Sets the subject: the name of `sni`, or of `host` without its port, or the address where `host`
 * is one or neither is given. NULL is allowed for both.
 */
void probe_tls_name(
	struct probe_tls *tls, const char *sni, const char *host, const struct address *address);

/* For the context of this connection alone, before its handshake. */
void probe_tls_apply(struct probe_tls *tls, SSL_CTX *context);

struct tls_failure {
	enum probe_reason reason; /* PROBE_NONE: TLS knows of nothing */
	int32_t detail;
	char sentence[PROBE_SENTENCE_SIZE];
};

/*
 * What has gone wrong in TLS, if anything has. `message` is libcurl's of the same failure, with the
 * code of OpenSSL in it.
 */
void probe_tls_explain(
	const struct probe_tls *tls, const char *message, struct tls_failure *failure);
