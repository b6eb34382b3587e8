/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Nothing is taken from the environment, and nothing from one probe to the next: no proxy, cookie,
 * resolver, cached connection or session of TLS. The URL has the name that TLS is to use;
 * CURLOPT_CONNECT_TO has the address.
 */
#include "probes/exchange.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probes/exchange_failure.h"
#include "probes/probe_socket.h"
#include "probes/probe_type.h"
#include "probes/trust.h"

#define URL_SIZE     (CERTIFICATE_NAME_SIZE + ADDRESS_TEXT_SIZE + 32)
#define BODY_ROOM    4096     /* bytes at first */
#define WAIT_FOREVER 2147483L /* seconds: the prober keeps the time */

static curl_socket_t on_open(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct exchange *exchange = context;
	const char *step;
	int fd = probe_socket_open(exchange->probe->target, SOCK_STREAM, IPPROTO_TCP, &step);

	if (fd >= 0)
		return fd;
	probe_finish_errno(exchange->probe, step, -fd);
	return CURL_SOCKET_BAD;
}

static int on_close(void *context, curl_socket_t fd)
{
	struct exchange *exchange = context;

	exchange->has_sent = probe_socket_has_sent(fd);
	exchange->has_received = probe_socket_has_received(fd);
	probe_socket_abort(fd);
	return 0;
}

static size_t on_header(char *line, size_t size, size_t count, void *context)
{
	struct exchange *exchange = context;
	size_t length = size * count;

	exchange->header_bytes += length;
	if (exchange->header_bytes > EXCHANGE_HEADERS_MAX) {
		probe_finish(exchange->probe, PROBE_PROTOCOL, 0, "headers of more than %d KiB",
			EXCHANGE_HEADERS_MAX >> 10);
		return 0;
	}
	exchange->handler->header(exchange, line, length);
	return length;
}

/* False: out of memory. */
static bool make_room(struct exchange *exchange, size_t length)
{
	size_t room = exchange->body_room == 0 ? BODY_ROOM : exchange->body_room;
	char *body;

	while (room < length)
		room *= 2;
	if (room == exchange->body_room)
		return true;
	body = realloc(exchange->body, room);
	if (body == NULL)
		return false;
	exchange->body = body;
	exchange->body_room = room;
	return true;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *context)
{
	struct exchange *exchange = context;
	size_t length = size * count;
	size_t left = EXCHANGE_BODY_MAX - exchange->body_bytes;
	size_t taken = length < left ? length : left;

	if (exchange->keeps_body && taken > 0) {
		if (!make_room(exchange, exchange->body_bytes + taken)) {
			probe_finish_errno(exchange->probe, "body", ENOMEM);
			return 0;
		}
		memcpy(exchange->body + exchange->body_bytes, bytes, taken);
	}
	exchange->body_bytes += taken;
	exchange->is_cut = taken < length;
	return taken; /* less than length: libcurl ends the transfer */
}

static CURLcode on_tls(CURL *easy, void *context, void *of_exchange)
{
	struct exchange *exchange = of_exchange;

	exchange->has_begun_tls = true;
	probe_tls_apply(&exchange->tls, context);
	return CURLE_OK;
}

static void on_done(struct curl_transfer *transfer, CURLcode code)
{
	struct exchange *exchange =
		(struct exchange *)((char *)transfer - offsetof(struct exchange, transfer));

	if (code == CURLE_OK || exchange->is_cut)
		exchange->handler->judge(exchange);
	else
		exchange_fail(exchange, code);
}

static void on_fail(struct curl_transfer *transfer, int error)
{
	struct exchange *exchange =
		(struct exchange *)((char *)transfer - offsetof(struct exchange, transfer));

	probe_finish_errno(exchange->probe, "transfer", error);
}

/* The options of every exchange. */
static bool set_constants(CURL *easy)
{
	static const struct {
		CURLoption option;
		long value;
	} numbers[] = {
		{ CURLOPT_NOSIGNAL, 1 }, { CURLOPT_FRESH_CONNECT, 1 }, { CURLOPT_FORBID_REUSE, 1 },
		{ CURLOPT_FOLLOWLOCATION, 0 }, { CURLOPT_DNS_CACHE_TIMEOUT, 0 },
		{ CURLOPT_SSL_SESSIONID_CACHE, 0 }, { CURLOPT_HTTP_CONTENT_DECODING, 0 },
		{ CURLOPT_CONNECTTIMEOUT, WAIT_FOREVER },
		{ CURLOPT_CA_CACHE_TIMEOUT, 0 }, /* it would keep one store for all files */
		{ CURLOPT_SSL_VERIFYHOST, 0 },   /* certificate.h does that */
	};
	bool ok = true;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		ok &= curl_easy_setopt(easy, numbers[i].option, numbers[i].value) == CURLE_OK;
	ok &= curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK;
	ok &= curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK;
	ok &= curl_easy_setopt(easy, CURLOPT_USERAGENT, "sluice") == CURLE_OK;
	/* not those of libcurl: trust.h has the issuers */
	ok &= curl_easy_setopt(easy, CURLOPT_CAINFO, NULL) == CURLE_OK;
	ok &= curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) == CURLE_OK;
	return ok;
}

static bool set_callbacks(CURL *easy, struct exchange *exchange)
{
	bool ok = true;

	ok &= curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, exchange->message) == CURLE_OK;
	ok &= curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open) == CURLE_OK;
	ok &= curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, exchange) == CURLE_OK;
	ok &= curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close) == CURLE_OK;
	ok &= curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, exchange) == CURLE_OK;
	ok &= curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK;
	ok &= curl_easy_setopt(easy, CURLOPT_HEADERDATA, exchange) == CURLE_OK;
	ok &= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK;
	ok &= curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange) == CURLE_OK;
	return ok;
}

/* "192.0.2.1" or "[2001:db8::1]", as in a URL. */
static void write_literal(const struct address *address, char *text, size_t size)
{
	char plain[ADDRESS_TEXT_SIZE];

	address_format(address, plain);
	snprintf(text, size, address->family == ADDRESS_IPV6 ? "[%s]" : "%s", plain);
}

static bool set_place(CURL *easy, struct exchange *exchange, const struct exchange_request *request)
{
	const struct probe_target *target = exchange->probe->target;
	const char *name = request->uses_tls ? exchange->tls.subject.name : "";
	char literal[ADDRESS_TEXT_SIZE + 2];
	char url[URL_SIZE];
	char connect_to[URL_SIZE];

	write_literal(&target->address, literal, sizeof(literal));
	snprintf(url, sizeof(url), "%s://%s:%u/", request->uses_tls ? "https" : "http",
		name[0] == '\0' ? literal : name, target->port);
	snprintf(connect_to, sizeof(connect_to), "::%s:%u", literal, target->port);
	exchange->connect_to = curl_slist_append(NULL, connect_to);
	return exchange->connect_to != NULL &&
	       curl_easy_setopt(easy, CURLOPT_CONNECT_TO, exchange->connect_to) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_URL, url) == CURLE_OK;
}

static bool is_plain(char c)
{
	return c > ' ' && c < 0x7f;
}

/* The path as it is, but for bytes that no request line may have (RFC 9112, 3.2). */
static bool set_path(CURL *easy, const char *path)
{
	char *target = malloc(3 * strlen(path) + 1);
	char *at = target;
	bool ok;

	if (target == NULL)
		return false;
	for (; *path != '\0'; path++) {
		if (is_plain(*path))
			*at++ = *path;
		else
			at += sprintf(at, "%%%02X", (unsigned char)*path);
	}
	*at = '\0';
	ok = curl_easy_setopt(easy, CURLOPT_REQUEST_TARGET, target) == CURLE_OK;
	free(target);
	return ok;
}

static bool add_header(struct exchange *exchange, const char *line)
{
	struct curl_slist *longer = curl_slist_append(exchange->headers, line);

	if (longer == NULL)
		return false;
	exchange->headers = longer;
	return true;
}

static bool add_host(struct exchange *exchange, const char *host)
{
	size_t size = strlen(host) + sizeof("Host: ");
	char *line = malloc(size);
	bool ok;

	if (line == NULL)
		return false;
	snprintf(line, size, "Host: %s", host);
	ok = add_header(exchange, line);
	free(line);
	return ok;
}

static bool set_headers(
	CURL *easy, struct exchange *exchange, const struct exchange_request *request)
{
	if (request->host != NULL && !add_host(exchange, request->host))
		return false;
	if (!request->uses_http2 && !add_header(exchange, "Connection: close"))
		return false;
	for (const char *const *line = request->headers; line != NULL && *line != NULL; line++)
		if (!add_header(exchange, *line))
			return false;
	return curl_easy_setopt(easy, CURLOPT_HTTPHEADER, exchange->headers) == CURLE_OK;
}

/* With TLS, ALPN says whether it is HTTP/2. */
static long version_of(const struct exchange_request *request)
{
	if (!request->uses_http2)
		return CURL_HTTP_VERSION_1_1;
	return request->uses_tls ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE;
}

static bool set_request(
	CURL *easy, struct exchange *exchange, const struct exchange_request *request)
{
	bool ok = set_path(easy, request->path) && set_headers(easy, exchange, request);

	ok &= curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, version_of(request)) == CURLE_OK;
	if (request->is_head)
		ok &= curl_easy_setopt(easy, CURLOPT_NOBODY, 1L) == CURLE_OK;
	if (request->body == NULL)
		return ok;
	ok &= curl_easy_setopt(easy, CURLOPT_POST, 1L) == CURLE_OK;
	ok &= curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body) == CURLE_OK;
	ok &= curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)request->body_length) == CURLE_OK;
	return ok;
}

static bool set_tls(CURL *easy, struct exchange *exchange)
{
	long minimum = exchange->tls.minimum == CONFIG_HEALTH_TLS_1_3 ? CURL_SSLVERSION_TLSv1_3
								      : CURL_SSLVERSION_TLSv1_2;
	bool ok = true;

	ok &= curl_easy_setopt(easy, CURLOPT_SSLVERSION, minimum) == CURLE_OK;
	ok &= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, (long)exchange->tls.verify) ==
	      CURLE_OK;
	ok &= curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, on_tls) == CURLE_OK;
	ok &= curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, exchange) == CURLE_OK;
	return ok;
}

/* False: there is a result already, of this node. */
static bool prepare_tls(struct exchange *exchange, const struct exchange_request *request)
{
	const struct config_health *settings = exchange->probe->settings;
	struct probe_tls *tls = &exchange->tls;
	struct error error;
	int code;

	probe_tls_name(tls, settings->sni, request->host, &exchange->probe->target->address);
	tls->verify = settings->verify;
	tls->minimum = settings->tls_min;
	tls->only_http2 = request->uses_http2;
	if (!tls->verify)
		return true;
	tls->store = trust_find(exchange->probe->prober->trust, settings->ca_file, &code, &error);
	if (tls->store != NULL) {
		X509_STORE_up_ref(tls->store); /* another probe may make trust.c drop it */
		return true;
	}
	probe_finish(exchange->probe, PROBE_LOCAL, -code, "%s", error.message);
	return false;
}

void exchange_start(struct exchange *exchange, struct probe *probe,
	const struct exchange_request *request, const struct exchange_handler *handler)
{
	CURL *easy = curl_easy_init();

	exchange->probe = probe;
	exchange->handler = handler;
	exchange->keeps_body = request->keeps_body;
	exchange->transfer.easy = easy;
	exchange->transfer.done = on_done;
	exchange->transfer.fail = on_fail;
	if (request->uses_tls && !prepare_tls(exchange, request))
		return;
	if (easy != NULL && set_constants(easy) && set_callbacks(easy, exchange) &&
		set_place(easy, exchange, request) && set_request(easy, exchange, request) &&
		(!request->uses_tls || set_tls(easy, exchange)))
		curl_loop_add(probe->prober->curl, &exchange->transfer);
	else
		probe_finish_errno(probe, "request", ENOMEM);
}

/* A handle that was never added may be removed. */
void exchange_stop(struct exchange *exchange)
{
	if (exchange->transfer.easy != NULL) {
		curl_loop_remove(exchange->probe->prober->curl, &exchange->transfer);
		curl_easy_cleanup(exchange->transfer.easy);
	}
	X509_STORE_free(exchange->tls.store);
	curl_slist_free_all(exchange->connect_to);
	curl_slist_free_all(exchange->headers);
	free(exchange->body);
}

int32_t exchange_status(const struct exchange *exchange)
{
	long status = 0;

	curl_easy_getinfo(exchange->transfer.easy, CURLINFO_RESPONSE_CODE, &status);
	return (int32_t)status;
}

bool exchange_is_http2(const struct exchange *exchange)
{
	long version = 0;

	curl_easy_getinfo(exchange->transfer.easy, CURLINFO_HTTP_VERSION, &version);
	return version == CURL_HTTP_VERSION_2_0;
}

/* To libcurl, a connection includes its TLS. */
static bool is_ready(const struct exchange *exchange)
{
	curl_off_t moment = 0;

	if (exchange->transfer.easy != NULL)
		curl_easy_getinfo(exchange->transfer.easy, CURLINFO_CONNECT_TIME_T, &moment);
	return moment != 0;
}

bool exchange_is_connected(const struct exchange *exchange)
{
	return exchange->has_begun_tls || is_ready(exchange);
}

const char *exchange_awaited(const struct exchange *exchange)
{
	if (!exchange_is_connected(exchange))
		return "connection";
	if (!is_ready(exchange))
		return "TLS handshake";
	if (exchange->header_bytes == 0)
		return "answer";
	return "end of the answer";
}
