/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rpc_stream: the notifications that follow the answer to a call (rpc.h, rpc_call_stream()). A
 * stream has no buffer of its own: its source is asked for the next notification when the client
 * has room for it. Control thread.
 */
#pragma once

#include "rpc/rpc.h"
#include "rpc/rpc_client.h"
#include "rpc/rpc_slices.h"

/* Both are borrowed and outlive it. NULL where memory is short: `source` is not told then. */
struct rpc_stream *rpc_stream_create(struct rpc_slices *slices, struct rpc_client *client,
	bool for_operator, const struct rpc_stream_source *source, void *context);

/* Ends its source. NULL is allowed. */
void rpc_stream_destroy(struct rpc_stream *stream);
