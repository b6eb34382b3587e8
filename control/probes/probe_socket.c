/* SPDX-License-Identifier: BSD-3-Clause */
#include "probes/probe_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/tcp.h>
#include <string.h>
#include <unistd.h>

socklen_t probe_sockaddr_make(
	const struct address *address, uint16_t port, union probe_sockaddr *sockaddr)
{
	memset(sockaddr, 0, sizeof(*sockaddr));
	if (address->family == ADDRESS_IPV4) {
		sockaddr->ipv4.sin_family = AF_INET;
		sockaddr->ipv4.sin_port = htons(port);
		memcpy(&sockaddr->ipv4.sin_addr, address->bytes, 4);
		return sizeof(sockaddr->ipv4);
	}
	sockaddr->ipv6.sin6_family = AF_INET6;
	sockaddr->ipv6.sin6_port = htons(port);
	memcpy(&sockaddr->ipv6.sin6_addr, address->bytes, 16);
	return sizeof(sockaddr->ipv6);
}

static int set_mark(int fd, const struct probe_target *target)
{
	if (target->mark == 0)
		return 0;
	return setsockopt(fd, SOL_SOCKET, SO_MARK, &target->mark, sizeof(target->mark));
}

static int set_interface(int fd, const struct probe_target *target)
{
	if (target->interface == NULL)
		return 0;
	return setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, target->interface,
		(socklen_t)strlen(target->interface));
}

/* The port is chosen by connect(), which knows the peer: the same one may do for many of them. */
static int set_source(int fd, const struct probe_target *target)
{
	const int one = 1;
	union probe_sockaddr source;
	socklen_t length;

	if (target->source.family == ADDRESS_NONE)
		return 0;
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	length = probe_sockaddr_make(&target->source, 0, &source);
	return bind(fd, &source.any, length);
}

static const struct {
	const char *step;
	int (*set)(int fd, const struct probe_target *target);
} settings[] = {
	{ "mark", set_mark },
	{ "interface", set_interface },
	{ "source address", set_source },
};

int probe_socket_open(const struct probe_target *target, int type, int protocol, const char **step)
{
	int family = target->address.family == ADDRESS_IPV4 ? AF_INET : AF_INET6;
	int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
	int code;

	*step = "socket";
	if (fd < 0)
		return -errno;
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		*step = settings[i].step;
		if (settings[i].set(fd, target) == 0)
			continue;
		code = -errno;
		close(fd);
		return code;
	}
	return fd;
}

bool probe_socket_has_sent(int fd)
{
	struct tcp_info info = { .tcpi_segs_out = 0 };
	socklen_t length = sizeof(info);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) == 0 && info.tcpi_segs_out > 0;
}

bool probe_socket_has_received(int fd)
{
	struct tcp_info info = { .tcpi_bytes_received = 0 };
	socklen_t length = sizeof(info);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) == 0 &&
	       info.tcpi_bytes_received > 1;
}

void probe_socket_abort(int fd)
{
	const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(fd);
}

int probe_socket_allow_full(int fd, const struct address *peer)
{
	const int ipv4 = IP_PMTUDISC_PROBE, ipv6 = IPV6_PMTUDISC_PROBE, on = 1;

	if (peer->family == ADDRESS_IPV4)
		return setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &ipv4, sizeof(ipv4));
	if (setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &ipv6, sizeof(ipv6)) != 0)
		return -1;
	return setsockopt(fd, IPPROTO_IPV6, IPV6_DONTFRAG, &on, sizeof(on));
}
