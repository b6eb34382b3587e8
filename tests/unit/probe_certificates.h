/* SPDX-License-Identifier: BSD-3-Clause */
/* probe_certificates: servers of TLS on loopback, whose certificates are made by the test. */
#pragma once

#include <openssl/ssl.h>
#include <stdbool.h>

#include "probe_server.h"

struct probe_identity {
	X509 *certificate;
	EVP_PKEY *key;
};

struct probe_identity_wish {
	const char *names;                   /* "DNS:www.example.org,IP:127.0.0.1"; NULL: none */
	const char *from;                    /* "20200101000000Z"; NULL: yesterday */
	const char *until;                   /* NULL: tomorrow */
	const struct probe_identity *issuer; /* NULL: itself */
	bool is_issuer;
};

struct probe_identity probe_identity_make(const struct probe_identity_wish *wish);
void probe_identity_free(struct probe_identity *identity);

/* Writes the certificate to a file as PEM. */
void probe_identity_write(const struct probe_identity *identity, const char *path);

/* What a server of TLS has and does. */
struct probe_tls_script {
	SSL_CTX *context;
	struct probe_script script; /* after the handshake */
	char name[256];             /* SNI of the last client; "": none */
};

/* A probe_serve_t, with a struct probe_tls_script. */
void probe_tls_serve(int fd, void *tls_script);

/* A context of a server with this certificate, to be freed by SSL_CTX_free(). */
SSL_CTX *probe_tls_context(const struct probe_identity *identity);
