/* SPDX-License-Identifier: BSD-3-Clause */
/* echo_socket: sockets for ICMP echoes. */
#pragma once

#include "probes/echo_message.h"
#include "probes/probe.h"

/*
 * As probe_socket_open(), and sets what the messages of `echo` depend on. The kernel brings nothing
 * but replies to this socket (SOCK_DGRAM), where net.ipv4.ping_group_range allows that; else it is
 * a raw one, which sees the replies of its peer to others, too.
 */
int echo_socket_open(const struct probe_target *target, struct echo *echo, const char **step);
