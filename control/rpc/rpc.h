/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rpc: JSON-RPC 2.0 over a Unix stream socket, one message per line. It only admits: which peers
 * connect, how much each may request, and in which order. What the methods do is the caller's.
 *
 * Everything here belongs to the thread that runs the event base. No client can make it wait:
 * lines, answers, clients and times are all bounded by struct rpc_limits, each client gets one
 * request per pass of the event loop, and long answers are made in slices (rpc_call_produce()).
 *
 * The operator (root and the owner of the server) can always connect: readers cannot use the
 * connections reserved for it, and where all are in use an idle one is closed, or else one with a
 * stream. A single user cannot
 * use all connections of readers.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"
#include "common/group.h"

struct event_base;
struct rpc_answer;
struct rpc_server;

/* Notifications that follow an answer. */
struct rpc_stream;

/* One request under way. It lives until it is answered, even if its client has left. */
struct rpc_call;

enum rpc_code {
	RPC_PARSE_ERROR = -32700,
	RPC_INVALID_REQUEST = -32600,
	RPC_METHOD_NOT_FOUND = -32601,
	RPC_INVALID_PARAMS = -32602,
	RPC_INTERNAL_ERROR = -32603,
	RPC_REFUSED = -32000,       /* understood, and not done: the sentence says why */
	RPC_NOT_FOUND = -32001,     /* a name that does not exist */
	RPC_NOT_PERMITTED = -32002, /* the peer may read, not change */
};

struct rpc_method {
	const char *name;
	bool changes; /* only root and the server's own user may call it */
	/*
	 * Answers `call` exactly once, by rpc_call_result() or rpc_call_error(), before it returns
	 * or at any time later. `params` is an object, empty where the request had none, and lives
	 * until the answer. The server must not be destroyed from within.
	 */
	void (*handle)(void *context, const json_t *params, struct rpc_call *call);
};

struct rpc_limits {
	size_t clients;                /* connected at a time */
	size_t clients_reserved;       /* of these, only for peers that may change things */
	size_t clients_of_reader;      /* of one user that may only read */
	size_t line_bytes;             /* longest request of a peer that may change things */
	size_t line_bytes_reader;      /* longest request of any other peer */
	size_t output_pause_bytes;     /* unread answers above which a client is not listened to */
	size_t output_bytes;           /* unread answers above which it is disconnected */
	size_t stream_bytes;           /* unread notifications above which a stream waits */
	unsigned int line_timeout_ms;  /* from the first byte of a line to its end */
	unsigned int idle_timeout_ms;  /* without a request, nothing under way */
	unsigned int idle_short_ms;    /* the same, where a reader needs the connection */
	unsigned int write_timeout_ms; /* with an answer waiting and nothing being read */
};

extern const struct rpc_limits rpc_limits_default;

/* Where a server listens. */
struct rpc_address {
	const char *path; /* copied */
	gid_t group;      /* of the socket file, and of its directory where that is made;
			   * GROUP_NONE: the process's own */
};

/*
 * Listens at `address` (mode 0660; its directory is made, 0750, where it is missing). A socket file
 * without a server is replaced. One with a server is an error that names the process. A directory
 * is refused if it is a link, belongs to another user, or is writable for others without being
 * sticky: they could replace the socket by their own. While the server runs, a file that is removed
 * or replaced is made again within RPC_LISTENER_LOOK_MS, under the same rules; that, or why it
 * fails, is logged once. Two servers that start in the same instant are kept apart by the lock of
 * the state file, which the caller holds by now, not here. `methods` and `context` must outlive the
 * server.
 *
 * Makes the process ignore SIGPIPE where that is still at its default, because a client that leaves
 * would end the process otherwise. Returns NULL with the sentence in `error`.
 */
struct rpc_server *rpc_server_create(struct event_base *base, const struct rpc_address *address,
	const struct rpc_method *methods, size_t method_count, void *context, struct error *error);

/*
 * Disconnects all clients and removes the socket file if it is still this server's. Calls under way
 * stay valid and must still be answered; the answers are dropped. NULL is allowed.
 */
void rpc_server_destroy(struct rpc_server *server);

/* To be set before any client connects. */
void rpc_server_set_limits(struct rpc_server *server, const struct rpc_limits *limits);

size_t rpc_server_count_clients(const struct rpc_server *server);

/* Both end the call: `call` is gone afterwards. They do no harm when its client has left, and
 * nothing is sent where the request was a notification. `result` is stolen; NULL is answered as an
 * internal error. */
void rpc_call_result(struct rpc_call *call, json_t *result);
void rpc_call_error(struct rpc_call *call, enum rpc_code code, const char *sentence, ...)
	__attribute__((format(printf, 3, 4)));

/* The same with `data` for programs beside the sentence, which is stolen; NULL: none. */
void rpc_call_refuse(struct rpc_call *call, enum rpc_code code, const char *sentence, json_t *data);

enum rpc_step {
	RPC_STEP_MORE,  /* there is more to write */
	RPC_STEP_LAST,  /* that was all */
	RPC_STEP_AGAIN, /* what was written is void: begin anew */
};

/* How a long answer is made. */
struct rpc_source {
	/* Writes a piece, of some microseconds. After RPC_STEP_AGAIN the answer is empty. */
	enum rpc_step (*write)(void *production, struct rpc_answer *answer);
	/* The production is over, whether it was sent or not. */
	void (*end)(void *production);
};

/*
 * Ends the call by an answer that is made in slices of LOOP_SLICE_US, after everything that is more
 * urgent (loop.h), and sent when it is complete. All answers of a server share these slices in
 * turn: those of operators get three of four while there are any. `call` is gone afterwards.
 * `source` outlives the server; a production ends early with the server, and with its client's
 * connection.
 */
void rpc_call_produce(struct rpc_call *call, const struct rpc_source *source, void *production);

/* A notification as JSON-RPC has it: a message to which there is no answer. */
struct rpc_notification {
	const char *method; /* static text */
	json_t *params;     /* an object, given away; NULL: there is none this time */
};

/* Where the notifications of a stream come from. */
struct rpc_stream_source {
	/*
	 * Makes the next notification, in some microseconds. RPC_STEP_LAST: there is no more for
	 * now, rpc_stream_wake() says when.
	 */
	enum rpc_step (*next)(void *context, struct rpc_notification *notification);
	/* The stream is over. It must not be woken any more. */
	void (*end)(void *context);
};

/*
 * Ends the call by an answer (stolen) and goes on with notifications, until the client closes its
 * side of the connection or the server ends. What the client sends meanwhile is ignored. They are
 * made in the same slices as long answers, and only while less than limits.stream_bytes wait to be
 * read; a client that does not read is never disconnected for it. `call` is gone afterwards.
 *
 * NULL: there is no stream, and `source` has been ended: memory is short, the client has left, or
 * it wanted no answer.
 */
struct rpc_stream *rpc_call_stream(struct rpc_call *call, json_t *answer,
	const struct rpc_stream_source *source, void *context);

/* There may be another notification. To be called from anywhere but its source. */
void rpc_stream_wake(struct rpc_stream *stream);

/* The method that is called, until the call is answered. */
const char *rpc_call_method(const struct rpc_call *call);

/* The user and the process at the other end, as the kernel reported when it connected. */
uid_t rpc_call_uid(const struct rpc_call *call);
pid_t rpc_call_pid(const struct rpc_call *call);

/* Whether it comes from an operator, which may change things. */
bool rpc_call_may_change(const struct rpc_call *call);

/* The rule behind `changes`: root and the owner of the server may do everything, others read. */
bool rpc_peer_may_call(bool changes, uid_t peer, uid_t owner);
