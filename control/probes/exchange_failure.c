/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Asked are, in this order: TLS, whose handshake knows most; the errno of the socket; and only then
 * libcurl's own code.
 */
#include "probes/exchange_failure.h"

#include <errno.h>
#include <stddef.h>
#include <stdbool.h>

#include "probes/exchange.h"
#include "probes/probe_type.h"

static const struct failure {
	CURLcode code;
	enum probe_reason reason;
	const char *sentence; /* NULL: libcurl's */
} failures[] = {
	{ CURLE_COULDNT_CONNECT, PROBE_UNREACHABLE, "no connection" },
	{ CURLE_GOT_NOTHING, PROBE_CLOSED, "connection closed without an answer" },
	{ CURLE_PARTIAL_FILE, PROBE_CLOSED, "connection closed in the middle of the answer" },
	{ CURLE_RECV_ERROR, PROBE_PROTOCOL, "the answer is not valid HTTP" }, /* its chunks */
	{ CURLE_SEND_ERROR, PROBE_CLOSED, "connection closed before the request" },
	{ CURLE_SSL_CONNECT_ERROR, PROBE_TLS, "TLS handshake failed" },
	{ CURLE_PEER_FAILED_VERIFICATION, PROBE_CERTIFICATE, "certificate is not valid" },
	{ CURLE_WEIRD_SERVER_REPLY, PROBE_PROTOCOL, "the answer is not HTTP" },
	{ CURLE_UNSUPPORTED_PROTOCOL, PROBE_PROTOCOL, "the answer is not HTTP" },
	{ CURLE_HTTP2, PROBE_PROTOCOL, "the answer is not HTTP/2" },
	{ CURLE_HTTP2_STREAM, PROBE_PROTOCOL, "the stream of HTTP/2 was reset" },
	{ CURLE_BAD_CONTENT_ENCODING, PROBE_PROTOCOL, "the encoding of the answer is unknown" },
	{ CURLE_OPERATION_TIMEDOUT, PROBE_TIMEOUT, "no answer" },
};

static const struct failure *find_failure(CURLcode code)
{
	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++)
		if (failures[i].code == code)
			return &failures[i];
	return NULL;
}

static bool explain_tls(struct exchange *exchange)
{
	struct tls_failure failure;

	probe_tls_explain(&exchange->tls, exchange->message, &failure);
	if (failure.reason == PROBE_NONE)
		return false;
	probe_finish(exchange->probe, failure.reason, failure.detail, "%s", failure.sentence);
	return true;
}

/*
 * The errno is that of the last call. After an RST, it is that of the close_notify that TLS tries
 * to send nonetheless.
 */
static bool explain_errno(struct exchange *exchange, CURLcode code)
{
	long error = 0;

	curl_easy_getinfo(exchange->transfer.easy, CURLINFO_OS_ERRNO, &error);
	if (error == EPIPE && code == CURLE_RECV_ERROR)
		error = ECONNRESET;
	if (error == 0 || error == EAGAIN || error == EINPROGRESS)
		return false;
	if (exchange_is_connected(exchange))
		probe_finish_network(exchange->probe, "transfer", (int)error);
	else if (exchange->has_sent)
		probe_finish_network(exchange->probe, "connect", (int)error);
	else
		probe_finish_unsent(exchange->probe, "connect", (int)error);
	return true;
}

/* What libcurl does not tell apart. */
static CURLcode refine(const struct exchange *exchange, CURLcode code)
{
	if (code == CURLE_GOT_NOTHING && exchange->has_received && !exchange->has_begun_tls)
		return CURLE_HTTP2; /* frames that are none */
	if (code == CURLE_PARTIAL_FILE && exchange->header_bytes == 0)
		return CURLE_GOT_NOTHING;
	return code;
}

/*
 * Where the backend has said something, a failure that we do not know is its own: a line of headers
 * that is longer than libcurl's buffer is CURLE_OUT_OF_MEMORY.
 */
static void explain_code(struct exchange *exchange, CURLcode code)
{
	const struct failure *failure = find_failure(code);

	if (failure != NULL)
		probe_finish(exchange->probe, failure->reason, 0, "%s", failure->sentence);
	else if (code == CURLE_OUT_OF_MEMORY && exchange_is_connected(exchange))
		probe_finish(exchange->probe, PROBE_PROTOCOL, 0, "a header that has no end");
	else if (exchange_is_connected(exchange))
		probe_finish(exchange->probe, PROBE_PROTOCOL, 0, "%s", curl_easy_strerror(code));
	else
		probe_finish(exchange->probe, PROBE_LOCAL,
			code == CURLE_OUT_OF_MEMORY ? ENOMEM : EINVAL,
			"this node could not probe: %s", curl_easy_strerror(code));
}

void exchange_fail(struct exchange *exchange, CURLcode code)
{
	if (!explain_tls(exchange) && !explain_errno(exchange, code))
		explain_code(exchange, refine(exchange, code));
}
