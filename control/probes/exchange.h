/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * exchange: one request of HTTP on a connection of its own, and its answer, for a probe. What goes
 * wrong on the way is the probe's result at once; an answer that has come is judged by the type of
 * the probe. What a backend may send is bounded.
 */
#pragma once

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "probes/curl_loop.h"
#include "probes/probe_tls.h"

#define EXCHANGE_BODY_MAX    65536 /* bytes of the answer; the rest is not read */
#define EXCHANGE_HEADERS_MAX 65536 /* bytes of headers and trailers; more of them is a failure */

struct exchange;
struct probe;

struct exchange_request {
	bool uses_tls;
	bool uses_http2;  /* with prior knowledge, or by ALPN */
	bool is_head;     /* no body is sent with the answer */
	bool keeps_body;  /* of the answer */
	const char *path; /* with the query */
	const char *host; /* the Host header; NULL: the name of TLS or the address, and the port */
	const uint8_t *body; /* NULL: none; kept by the caller until exchange_stop() */
	size_t body_length;
	const char *const *headers; /* lines, with a NULL behind the last one */
};

struct exchange_handler {
	/* A line of the answer, from its status line on; trailers, too. It may end in CR LF. */
	void (*header)(struct exchange *exchange, const char *line, size_t length);

	/* The answer is there as far as it is read; the result is to be set by probe_finish(). */
	void (*judge)(struct exchange *exchange);
};

/* All zero before exchange_start(). */
struct exchange {
	struct probe *probe;
	const struct exchange_handler *handler;
	struct curl_transfer transfer;
	struct curl_slist *connect_to;
	struct curl_slist *headers;
	char message[CURL_ERROR_SIZE]; /* libcurl's, of a failure */
	struct probe_tls tls;
	bool has_begun_tls;
	bool has_sent;     /* a SYN at least; known once the connection is closed */
	bool has_received; /* anything, with or without TLS; known once the connection is closed */
	size_t header_bytes;
	bool keeps_body;
	bool is_cut; /* the body is longer than what is read of it */
	size_t body_bytes;
	char *body; /* what is kept of it, without a NUL */
	size_t body_room;
};

/* Begins; `exchange` stays where it is until exchange_stop(). */
void exchange_start(struct exchange *exchange, struct probe *probe,
	const struct exchange_request *request, const struct exchange_handler *handler);

void exchange_stop(struct exchange *exchange);

/* The status of the answer. */
int32_t exchange_status(const struct exchange *exchange);

/* Whether the answer is of HTTP/2. */
bool exchange_is_http2(const struct exchange *exchange);

/* Whether the backend has accepted the connection. */
bool exchange_is_connected(const struct exchange *exchange);

/* What has not come yet: "connection", "TLS handshake", "answer", "end of the answer". */
const char *exchange_awaited(const struct exchange *exchange);
