/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rpc_client: one connection, as lines. It hands over one line at a time and waits for its answer
 * before the next, which may begin a stream of lines; it knows bounds and times, nothing of
 * methods.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rpc/rpc.h"

struct rpc_client;

struct rpc_client_events {
	/*
	 * A line, without its newline, that lives until the function returns. It is concluded
	 * exactly once by rpc_client_answer(), now or later.
	 */
	void (*asked)(void *context, const char *line, size_t length);
	/* A stream was given room by its reader. */
	void (*has_room)(void *context);
	/* The connection has ended. The callee destroys the client. */
	void (*left)(void *context);
};

/*
 * Takes over `fd`, a connected non-blocking socket, also when it returns NULL (no memory).
 * `limits` must outlive the client; `line_bytes` is its longest line, `priority` that of its events
 * (enum loop_priority).
 */
struct rpc_client *rpc_client_create(struct event_base *base, int fd,
	const struct rpc_limits *limits, size_t line_bytes, int priority,
	const struct rpc_client_events *events, void *context);

/* Disconnects at once; what was not sent is lost. NULL is allowed. */
void rpc_client_destroy(struct rpc_client *client);

/* Bytes that were received and sent and are still in memory. */
size_t rpc_client_held(const struct rpc_client *client);

/*
 * For how long it has had nothing to do: no line begun, none under way, no answer to read. 0 where
 * it has something.
 */
uint64_t rpc_client_idle_ms(const struct rpc_client *client);

/*
 * Whether the other end is closed, so that no answer can be read. One that will only send no more
 * is still there. Asks the kernel.
 */
bool rpc_client_has_hung_up(const struct rpc_client *client);

/*
 * Concludes the line under way: `line` (from malloc, stolen, without its newline) is sent, NULL
 * sends nothing. Never ends the connection by itself: `left` comes later, from the event loop.
 */
void rpc_client_answer(struct rpc_client *client, char *line);

/* The same with a buffer that holds the line, which is stolen. */
struct evbuffer;
void rpc_client_answer_buffer(struct rpc_client *client, struct evbuffer *line);

/*
 * As rpc_client_answer(), and from now on the connection is a stream: lines are pushed, what the
 * client sends is ignored, and it has any time to read. When it ends its side, it may still read
 * what was pushed.
 */
void rpc_client_begin_stream(struct rpc_client *client, char *line);

/* Sends another line (stolen, without its newline); NULL ends the connection. */
void rpc_client_push(struct rpc_client *client, char *line);

/* Whether fewer than limits.stream_bytes wait to be read, and it is to get more. */
bool rpc_client_has_room(const struct rpc_client *client);
