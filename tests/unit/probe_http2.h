/* SPDX-License-Identifier: BSD-3-Clause */
/* probe_http2: a server of HTTP/2 for one call on a connection, as gRPC makes it; by nghttp2. */
#pragma once

#include <openssl/ssl.h>
#include <stddef.h>
#include <stdint.h>

struct probe_http2_script {
	SSL_CTX *tls;               /* NULL: cleartext */
	const char *status;         /* of HTTP; NULL: "200" */
	const char *content_type;   /* "": none; NULL: that of gRPC */
	const char *header_status;  /* grpc-status in the headers; NULL: none */
	const char *trailer_status; /* in the trailers; NULL: no trailers */
	const uint8_t *body;        /* NULL: none */
	size_t body_length;
	size_t repeat; /* how often the body is sent; 0: once */
	enum {
		PROBE_HTTP2_ANSWER,
		PROBE_HTTP2_RESET_STREAM,
		PROBE_HTTP2_GO_AWAY,
		PROBE_HTTP2_CLOSE,         /* the connection, once the request is there */
		PROBE_HTTP2_RESET,         /* the same by RST */
		PROBE_HTTP2_WAIT,          /* until the client is gone */
		PROBE_HTTP2_WAIT_TRAILERS, /* the same, in the middle of the answer */
	} action;

	/* of the last request */
	char method[16], path[128], authority[128], te[32], type[64];
	uint8_t request[256];
	size_t request_length;
	char name[128]; /* SNI */
};

/* A probe_serve_t, with a struct probe_http2_script. */
void probe_http2_serve(int fd, void *script);

/* For a server's context of TLS: it speaks h2, by ALPN. */
void probe_http2_choose(SSL_CTX *context);
