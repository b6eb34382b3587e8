/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rpc_fixture: a server and its clients in one thread. turn_until() turns the event loop by hand
 * until a condition holds, and fails at a deadline. Clients are plain sockets that never block.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "rpc/rpc.h"

#define DEADLINE_MS  60000
#define CLIENTS_MAX  70
#define SMALL_LINE   4096
#define ANSWER_BYTES (200 << 10)
#define PIECES       20

struct event;

struct client {
	int fd;
	char *received; /* NUL-terminated */
	size_t length;
	bool ended; /* the server has closed */
};

/* Notifications of the method `stream` are numbers, which end at fixture.stream_end for now. */
#define STREAMS_MAX 8
struct test_stream {
	struct fixture *fixture;
	struct rpc_stream *stream; /* NULL: there is none */
	int next;
};

struct fixture {
	char directory[64];
	char path[96];
	gid_t group; /* to listen with */
	struct event_base *base;
	struct event *tick; /* so that a pass of the loop ends although nothing happens */
	struct rpc_server *server;
	struct client clients[CLIENTS_MAX];
	struct rpc_call *kept; /* the call that `keep` did not answer yet */
	unsigned int ticks;
	unsigned int called; /* times any method ran */
	unsigned int changed;
	unsigned int pieces; /* written by all productions */
	unsigned int ended;  /* productions, and streams */
	unsigned int urgent; /* times that something else had to be done */
	struct test_stream streams[STREAMS_MAX];
	int stream_end;
	const struct rpc_method *methods; /* others than those of the fixture; NULL: its own */
	size_t method_count;
};

extern const struct rpc_limits test_limits; /* of each server until a test sets others */

/* *state is the fixture. */
int rpc_set_up(void **state);
int rpc_tear_down(void **state);

#define with_server(name) cmocka_unit_test_setup_teardown(name, rpc_set_up, rpc_tear_down)

typedef bool condition(struct fixture *fixture, const void *argument);

/* A method: a list of PIECES numbers, half a slice each, that begins anew `again` times. */
void handle_slices(void *context, const json_t *params, struct rpc_call *call);

/* There is more for all streams. */
void wake_streams(struct fixture *fixture, int stream_end);

/* At the path and with the group of the fixture. */
void start_server(struct fixture *fixture);

/* A blocking descriptor, or -1 with errno. */
int connect_to(const char *path);

/* The client with this index, which is disconnected first. */
struct client *client_connect(struct fixture *fixture, size_t index);
void client_close(struct client *client);
void client_send_bytes(struct client *client, const void *bytes, size_t length);
void client_send(struct client *client, const char *text);
void client_receive(struct client *client);

/* CLOCK_MONOTONIC. */
long long now_ms(void);

/* Conditions; the argument is the client, the pid, none. */
bool has_ended(struct fixture *fixture, const void *argument);
bool has_exited(struct fixture *fixture, const void *argument);
bool has_kept_a_call(struct fixture *fixture, const void *argument);

/* Fails the test at the deadline. */
void turn_until(struct fixture *fixture, condition *holds, const void *argument);
void wait_for_clients(struct fixture *fixture, size_t count);

/* The next line that arrives, parsed and taken out of what was received. */
json_t *client_next(struct fixture *fixture, struct client *client);

/* Asserts an error with this code, and that its sentence holds `part`. */
void expect_error(
	struct fixture *fixture, struct client *client, int code, const char *id, const char *part);
void expect_result(
	struct fixture *fixture, struct client *client, const char *id, const char *result);

/* That the server serves a client as ever: the end of every test about a bad neighbour. */
void expect_service(struct fixture *fixture, struct client *client);
