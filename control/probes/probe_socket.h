/* SPDX-License-Identifier: BSD-3-Clause */
/* probe_socket: the sockets of probes: who they seem to be, and which way they go. */
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include "probes/probe.h"

union probe_sockaddr {
	struct sockaddr any;
	struct sockaddr_in ipv4;
	struct sockaddr_in6 ipv6;
};

/* Returns its length in bytes. `port` is in host byte order. */
socklen_t probe_sockaddr_make(
	const struct address *address, uint16_t port, union probe_sockaddr *sockaddr);

/*
 * A non-blocking socket of the family of target->address, with its mark and interface, that is
 * bound to its source; it is not connected. `type` and `protocol` are those of socket(2). Returns
 * the descriptor, or -errno with what has failed in `*step`: "socket", "mark", ...
 */
int probe_socket_open(const struct probe_target *target, int type, int protocol, const char **step);

/* Whether anything was sent on a socket of TCP. False, too, where the kernel does not say. */
bool probe_socket_has_sent(int fd);

/*
 * Whether the peer of a connection of TCP has sent anything: more than a byte, for its FIN counts
 * as one. False, too, where the kernel does not say.
 */
bool probe_socket_has_received(int fd);

/*
 * close(2) of a socket of TCP, whose peer gets an RST: nothing of the connection remains, where
 * TIME_WAIT would take a port for a minute.
 */
void probe_socket_abort(int fd);

/*
 * Packets of this socket are as large as they are sent, whatever the kernel believes of the path,
 * and are not fragmented. `peer` says the family. 0, or -1 with errno.
 */
int probe_socket_allow_full(int fd, const struct address *peer);
