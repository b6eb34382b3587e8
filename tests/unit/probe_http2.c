/* SPDX-License-Identifier: BSD-3-Clause */
#include "probe_http2.h"

#include "unit.h"

#include <nghttp2/nghttp2.h>
#include <sys/socket.h>

#include "probe_server.h"

/* One connection. */
struct serving {
	struct probe_http2_script *script;
	int fd;
	SSL *ssl;
	size_t sent; /* bytes of the body */
	bool is_over;
};

static ssize_t put(struct serving *serving, const uint8_t *bytes, size_t length)
{
	if (serving->ssl != NULL)
		return SSL_write(serving->ssl, bytes, (int)length);
	return send(serving->fd, bytes, length, MSG_NOSIGNAL);
}

static ssize_t get(struct serving *serving, uint8_t *bytes, size_t size)
{
	if (serving->ssl != NULL)
		return SSL_read(serving->ssl, bytes, (int)size);
	return recv(serving->fd, bytes, size, 0);
}

static nghttp2_nv header(const char *name, const char *value)
{
	return (nghttp2_nv){ (uint8_t *)name, (uint8_t *)value, strlen(name), strlen(value), 0 };
}

static ssize_t on_read(nghttp2_session *session, int32_t stream, uint8_t *buffer, size_t length,
	uint32_t *flags, nghttp2_data_source *source, void *context)
{
	struct serving *serving = source->ptr;
	struct probe_http2_script *script = serving->script;
	size_t whole = script->body_length * (script->repeat == 0 ? 1 : script->repeat);
	size_t count = 0;
	nghttp2_nv trailer;

	while (count < length && serving->sent < whole)
		buffer[count++] = script->body[serving->sent++ % script->body_length];
	if (serving->sent < whole)
		return (ssize_t)count;
	if (script->action == PROBE_HTTP2_WAIT_TRAILERS && count == 0)
		return NGHTTP2_ERR_DEFERRED;
	if (script->action == PROBE_HTTP2_WAIT_TRAILERS)
		return (ssize_t)count;
	*flags |= NGHTTP2_DATA_FLAG_EOF;
	if (script->trailer_status != NULL) {
		*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
		trailer = header("grpc-status", script->trailer_status);
		assert_int_equal(nghttp2_submit_trailer(session, stream, &trailer, 1), 0);
	}
	return (ssize_t)count;
}

static void answer(nghttp2_session *session, int32_t stream, struct serving *serving)
{
	struct probe_http2_script *script = serving->script;
	nghttp2_data_provider body = { { .ptr = serving }, on_read };
	nghttp2_nv headers[3];
	size_t count = 0;
	bool has_body = script->body != NULL || script->trailer_status != NULL;

	headers[count++] = header(":status", script->status == NULL ? "200" : script->status);
	if (script->content_type == NULL)
		headers[count++] = header("content-type", "application/grpc+proto");
	else if (script->content_type[0] != '\0')
		headers[count++] = header("content-type", script->content_type);
	if (script->header_status != NULL)
		headers[count++] = header("grpc-status", script->header_status);
	assert_int_equal(
		nghttp2_submit_response(session, stream, headers, count, has_body ? &body : NULL),
		0);
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *context)
{
	struct serving *serving = context;

	if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0 ||
		(frame->hd.type != NGHTTP2_DATA && frame->hd.type != NGHTTP2_HEADERS))
		return 0;
	switch (serving->script->action) {
	case PROBE_HTTP2_ANSWER:
	case PROBE_HTTP2_WAIT_TRAILERS: answer(session, frame->hd.stream_id, serving); break;
	case PROBE_HTTP2_RESET_STREAM:
		nghttp2_submit_rst_stream(session, 0, frame->hd.stream_id, NGHTTP2_INTERNAL_ERROR);
		break;
	case PROBE_HTTP2_GO_AWAY:
		nghttp2_session_terminate_session(session, NGHTTP2_ENHANCE_YOUR_CALM);
		break;
	case PROBE_HTTP2_CLOSE:
	case PROBE_HTTP2_RESET: serving->is_over = true; break;
	case PROBE_HTTP2_WAIT: break;
	}
	return 0;
}

static void note(char *text, size_t size, const uint8_t *value, size_t length)
{
	snprintf(text, size, "%.*s", (int)length, (const char *)value);
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
	size_t name_length, const uint8_t *value, size_t length, uint8_t flags, void *context)
{
	struct probe_http2_script *script = ((struct serving *)context)->script;
	const struct {
		const char *name;
		char *text;
		size_t size;
	} fields[] = {
		{ ":method", script->method, sizeof(script->method) },
		{ ":path", script->path, sizeof(script->path) },
		{ ":authority", script->authority, sizeof(script->authority) },
		{ "te", script->te, sizeof(script->te) },
		{ "content-type", script->type, sizeof(script->type) },
	};

	for (size_t i = 0; i < COUNT_OF(fields); i++)
		if (name_length == strlen(fields[i].name) &&
			memcmp(name, fields[i].name, name_length) == 0)
			note(fields[i].text, fields[i].size, value, length);
	return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *bytes,
	size_t length, void *context)
{
	struct probe_http2_script *script = ((struct serving *)context)->script;

	for (size_t i = 0; i < length && script->request_length < sizeof(script->request); i++)
		script->request[script->request_length++] = bytes[i];
	return 0;
}

/* False: the client is gone. */
static bool send_pending(nghttp2_session *session, struct serving *serving)
{
	const uint8_t *bytes;
	ssize_t length;

	while ((length = nghttp2_session_mem_send(session, &bytes)) > 0)
		for (ssize_t sent = 0; sent < length;) {
			ssize_t count = put(serving, bytes + sent, (size_t)(length - sent));

			if (count <= 0)
				return false;
			sent += count;
		}
	return length == 0;
}

static void run(nghttp2_session *session, struct serving *serving)
{
	uint8_t bytes[4096];
	ssize_t got;

	nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, NULL, 0);
	while (send_pending(session, serving) && !serving->is_over &&
		(nghttp2_session_want_read(session) || nghttp2_session_want_write(session))) {
		got = get(serving, bytes, sizeof(bytes));
		if (got <= 0 || nghttp2_session_mem_recv(session, bytes, (size_t)got) < 0)
			break;
	}
}

static void serve_session(struct serving *serving)
{
	nghttp2_session_callbacks *callbacks;
	nghttp2_session *session;

	if (nghttp2_session_callbacks_new(&callbacks) != 0)
		abort();
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
	if (nghttp2_session_server_new(&session, callbacks, serving) != 0)
		abort();
	run(session, serving);
	nghttp2_session_del(session);
	nghttp2_session_callbacks_del(callbacks);
}

void probe_http2_serve(int fd, void *context)
{
	const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };
	struct probe_http2_script *script = context;
	struct serving serving = { .script = script, .fd = fd };
	const char *name;

	script->request_length = 0;
	if (script->tls != NULL) {
		serving.ssl = SSL_new(script->tls);
		if (serving.ssl == NULL || SSL_set_fd(serving.ssl, fd) != 1)
			abort();
	}
	if (serving.ssl == NULL || SSL_accept(serving.ssl) == 1) {
		name = serving.ssl == NULL
			       ? NULL
			       : SSL_get_servername(serving.ssl, TLSEXT_NAMETYPE_host_name);
		snprintf(script->name, sizeof(script->name), "%s", name == NULL ? "" : name);
		serve_session(&serving);
	}
	if (script->action == PROBE_HTTP2_RESET) {
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	} else { /* what is not read would make it an RST */
		shutdown(fd, SHUT_WR);
		probe_server_wait(fd);
	}
	SSL_free(serving.ssl);
}

static int choose(SSL *ssl, const unsigned char **chosen, unsigned char *length,
	const unsigned char *offered, unsigned int offered_length, void *context)
{
	static const unsigned char http2[] = { 2, 'h', '2' };
	unsigned char *protocol;

	if (SSL_select_next_proto(&protocol, length, http2, sizeof(http2), offered,
		    offered_length) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*chosen = protocol;
	return SSL_TLSEXT_ERR_OK;
}

void probe_http2_choose(SSL_CTX *context)
{
	SSL_CTX_set_alpn_select_cb(context, choose, NULL);
}
