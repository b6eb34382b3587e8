/* SPDX-License-Identifier: BSD-3-Clause */
#include "probes/echo_socket.h"

#include <errno.h>
#include <linux/icmp.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "probes/probe_socket.h"

/* So that others' messages wake nobody. That they are others' is seen without it, too. */
static void pass_replies(int fd, bool ipv4)
{
	struct icmp_filter filter = { .data = ~(1u << ICMP_ECHOREPLY) };
	struct icmp6_filter filter6;

	ICMP6_FILTER_SETBLOCKALL(&filter6);
	ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &filter6);
	if (ipv4)
		(void)setsockopt(fd, SOL_RAW, ICMP_FILTER, &filter, sizeof(filter));
	else
		(void)setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter6, sizeof(filter6));
}

static bool is_forbidden(int code)
{
	return code == -EACCES || code == -EPERM || code == -EPROTONOSUPPORT;
}

int echo_socket_open(const struct probe_target *target, struct echo *echo, const char **step)
{
	bool ipv4 = target->address.family == ADDRESS_IPV4;
	int protocol = ipv4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	int fd = probe_socket_open(target, SOCK_DGRAM, protocol, step);

	echo->family = target->address.family;
	echo->kernel_id = fd >= 0;
	if (fd >= 0 || !is_forbidden(fd))
		return fd;
	fd = probe_socket_open(target, SOCK_RAW, protocol, step);
	echo->ip_header = ipv4;
	if (fd >= 0)
		pass_replies(fd, ipv4);
	return fd;
}
