/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * probe_server: a server of TCP on loopback that serves each connection in a thread of its own, as
 * a test tells it to.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct probe_server;

/* Serves a connection; it is closed afterwards. */
typedef void probe_serve_t(int fd, void *context);

/* `family` is AF_INET or AF_INET6. The kernel chooses the port. */
struct probe_server *probe_server_start(int family, probe_serve_t *serve, void *context);

uint16_t probe_server_port(const struct probe_server *server);

/* Connections that have come so far. */
unsigned int probe_server_connections(struct probe_server *server);

/* Waits for the connections, which the clients have closed, or which will end by themselves. */
void probe_server_stop(struct probe_server *server);

/* A port of loopback at which nothing listens; it is kept until probe_port_release(). */
struct probe_port {
	int fd;
	uint16_t port;
};
struct probe_port probe_port_claim(int family);
void probe_port_release(struct probe_port *port);

/* What a server of a fixed answer does. */
struct probe_script {
	bool speaks_first; /* does not wait for a request */
	const char *answer;
	size_t answer_length; /* 0: a text */
	size_t repeat; /* how often `answer` is sent in all; 0: once, SIZE_MAX: without an end */
	enum {
		PROBE_SCRIPT_CLOSE,
		PROBE_SCRIPT_RESET,
		PROBE_SCRIPT_WAIT, /* until the client closes the connection */
	} end;
	char request[4096]; /* the last one, as it came */
};

/* A probe_serve_t, with a struct probe_script. */
void probe_script_serve(int fd, void *script);

/* Reads until the client is gone. */
void probe_server_wait(int fd);
