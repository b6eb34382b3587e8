/* SPDX-License-Identifier: BSD-3-Clause */
#include "rpc/rpc_stream.h"

#include <stdlib.h>

#include "rpc/rpc_message.h"

struct rpc_stream {
	struct rpc_slice slice; /* first, so that one is the other */
	struct rpc_slices *slices;
	struct rpc_client *client;
	const struct rpc_stream_source *source;
	void *context;
};

static enum rpc_step write_next(struct rpc_stream *stream)
{
	struct rpc_notification notification = { NULL, NULL };
	enum rpc_step step = stream->source->next(stream->context, &notification);

	if (notification.params != NULL)
		rpc_client_push(stream->client,
			rpc_message_print_notification(notification.method, notification.params));
	return step;
}

/* Where the client has no room, its progress wakes the stream. */
static bool work(struct rpc_slice *slice, int64_t end_us)
{
	struct rpc_stream *stream = (struct rpc_stream *)slice;

	while (rpc_client_has_room(stream->client)) {
		if (write_next(stream) == RPC_STEP_LAST)
			return false;
		if (rpc_slices_now_us() >= end_us)
			return true;
	}
	return false;
}

/* It ends with its client. */
static void do_nothing(struct rpc_slice *slice)
{
}

struct rpc_stream *rpc_stream_create(struct rpc_slices *slices, struct rpc_client *client,
	bool for_operator, const struct rpc_stream_source *source, void *context)
{
	static const struct rpc_slice_kind kind = { .work = work, .end = do_nothing };
	struct rpc_stream *stream = calloc(1, sizeof(*stream));

	if (stream == NULL)
		return NULL;
	stream->slice = (struct rpc_slice){ .kind = &kind, .for_operator = for_operator };
	stream->slices = slices;
	stream->client = client;
	stream->source = source;
	stream->context = context;
	return stream;
}

void rpc_stream_wake(struct rpc_stream *stream)
{
	if (rpc_client_has_room(stream->client))
		rpc_slices_add(stream->slices, &stream->slice);
}

void rpc_stream_destroy(struct rpc_stream *stream)
{
	if (stream == NULL)
		return;
	rpc_slices_remove(stream->slices, &stream->slice);
	stream->source->end(stream->context);
	free(stream);
}
