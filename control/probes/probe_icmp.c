/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * icmp: an echo. Each probe has a socket of its own, because its mark and interface are its own:
 * one to which the kernel brings nothing but replies to it (SOCK_DGRAM), where
 * net.ipv4.ping_group_range allows that; else a raw one, which sees the replies of its peer to
 * others, too.
 */
#include <errno.h>
#include <linux/icmp.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "probes/datagram.h"
#include "probes/echo_message.h"
#include "probes/probe_socket.h"
#include "probes/probe_type.h"

struct icmp_attempt {
	struct datagram datagram;
	struct echo echo;
	uint8_t message[ECHO_LENGTH];
};

static struct icmp_attempt *attempt_of(struct probe *probe)
{
	return (struct icmp_attempt *)probe->attempt;
}

static void before_send(struct probe *probe)
{
	struct icmp_attempt *attempt = attempt_of(probe);

	attempt->echo.sequence++;
	echo_request_write(&attempt->echo, attempt->message);
}

static void receive(struct probe *probe, const uint8_t *bytes, size_t length)
{
	if (echo_is_answered(&attempt_of(probe)->echo, bytes, length))
		probe_finish(probe, PROBE_PASSED, 0, "answered");
}

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

/* As probe_socket_open(). */
static int open_socket(const struct probe_target *target, struct echo *echo, const char **step)
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

static void start(struct probe *probe)
{
	struct icmp_attempt *attempt = attempt_of(probe);

	const char *step;
	int fd = open_socket(probe->target, &attempt->echo, &step);

	attempt->echo.id = (uint16_t)arc4random();
	arc4random_buf(attempt->echo.token, sizeof(attempt->echo.token));
	attempt->datagram.request = attempt->message;
	attempt->datagram.length = sizeof(attempt->message);
	attempt->datagram.receive = receive;
	attempt->datagram.before_send = before_send;
	datagram_start(probe, fd, step, 0);
}

static void late(struct probe *probe)
{
	datagram_late(probe);
}

const struct probe_type probe_type_icmp = {
	.attempt_size = sizeof(struct icmp_attempt),
	.start = start,
	.stop = datagram_stop,
	.late = late,
};
