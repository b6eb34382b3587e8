/* SPDX-License-Identifier: BSD-3-Clause */
/* rpc_listener: the socket file, and the connections to it. */
#pragma once

#include <sys/socket.h>

#include "base/error.h"

struct event_base;
struct rpc_listener;

/* A client connected: `fd` is non-blocking and the callee's to close. */
typedef void rpc_listener_accept(void *context, int fd, const struct ucred *peer);

#define RPC_LISTENER_LOOK_MS 1000

/* `address` as for rpc_server_create(). Returns NULL with the sentence in `error`. */
struct rpc_address;
struct rpc_listener *rpc_listener_create(struct event_base *base, const struct rpc_address *address,
	rpc_listener_accept *accepted, void *context, struct error *error);

/* Removes the socket file unless another one has replaced it. NULL is allowed. */
void rpc_listener_destroy(struct rpc_listener *listener);
