/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tcp: the backend accepts a connection. It is closed by a reset, which leaves no TIME_WAIT on
 * either side. There may be ten thousand of these a second, so each system call counts: socket,
 * connect, what libevent asks of epoll (two), getsockname, setsockopt, close. SO_ERROR is asked for
 * only where something can be read, too: libevent reports an error as both.
 *
 * With `agent`, the backend sends a line at once that says what it wants to be. A connection
 * without such a line is as good: agents come and go.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "probes/probe_agent.h"
#include "probes/probe_socket.h"
#include "probes/probe_type.h"

/* Below, no system is set up to take the ports of its own connections from. */
#define OWN_PORT_LEAST 1024

struct tcp_attempt {
	int fd; /* valid if `open` */
	bool open;
	bool established;
	struct event event;
	size_t length;
	char line[PROBE_AGENT_LINE_MAX + 2]; /* a longer one shows */
};

static struct tcp_attempt *attempt_of(struct probe *probe)
{
	return (struct tcp_attempt *)probe->attempt;
}

static bool has_error(struct probe *probe, int fd)
{
	int error = 0;
	socklen_t length = sizeof(error);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0)
		error = errno;
	if (error != 0)
		probe_finish_network(probe, "connect", error);
	return error != 0;
}

static bool is_own_address(const struct probe *probe, const struct sockaddr_storage *own)
{
	const struct address *address = &probe->target->address;
	const void *bytes = address->family == ADDRESS_IPV4
				    ? (const void *)&((const struct sockaddr_in *)own)->sin_addr
				    : (const void *)&((const struct sockaddr_in6 *)own)->sin6_addr;

	return memcmp(bytes, address->bytes, address_length(address)) == 0;
}

/*
 * A connection to a port of this node that nothing listens on may happen to leave from that very
 * port, and so meet itself (simultaneous open, RFC 9293, section 3.5).
 */
static bool meets_itself(struct probe *probe, int fd)
{
	struct sockaddr_storage own = { .ss_family = AF_UNSPEC };
	socklen_t length = sizeof(own);
	uint16_t port = probe->target->port;

	/* the port is at the same place in both families */
	if (port < OWN_PORT_LEAST || getsockname(fd, (struct sockaddr *)&own, &length) != 0 ||
		((const struct sockaddr_in *)&own)->sin_port != htons(port) ||
		!is_own_address(probe, &own))
		return false;
	probe_finish(probe, PROBE_REFUSED, ECONNREFUSED,
		"connect refused: nothing listens on this node's own port %u", port);
	return true;
}

/* The line is complete, or will not be. */
static void judge_line(struct probe *probe)
{
	struct tcp_attempt *attempt = attempt_of(probe);
	int length = (int)strcspn(attempt->line, "\r\n");

	switch (probe_agent_read(attempt->line, attempt->length, &probe->result)) {
	case AGENT_MISSING:
		probe_finish(probe, PROBE_PASSED, 0, "connected; the agent says nothing");
		break;
	case AGENT_SENSELESS:
		probe->result.is_senseless = true;
		probe_finish(probe, PROBE_PASSED, 0,
			"connected; the agent's line is senseless and ignored: %.*s", length,
			attempt->line);
		break;
	case AGENT_UNDERSTOOD:
		probe_finish(probe, PROBE_PASSED, 0, "connected; the agent says: %.*s", length,
			attempt->line);
		break;
	}
}

static void read_line(struct probe *probe)
{
	struct tcp_attempt *attempt = attempt_of(probe);
	/* the last byte stays NUL */
	ssize_t got = recv(attempt->fd, attempt->line + attempt->length,
		sizeof(attempt->line) - 1 - attempt->length, 0);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got < 0) {
		probe_finish_network(probe, "read", errno);
		return;
	}
	attempt->length += (size_t)got;
	if (got == 0 || attempt->length == sizeof(attempt->line) - 1 ||
		memchr(attempt->line, '\n', attempt->length) != NULL)
		judge_line(probe);
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
	struct probe *probe = context;

	if (!probe->has_result)
		read_line(probe);
}

static void await_line(struct probe *probe)
{
	struct tcp_attempt *attempt = attempt_of(probe);

	event_del(&attempt->event); /* it is still there where time is up */
	event_assign(&attempt->event, probe->prober->base, attempt->fd, EV_READ | EV_PERSIST,
		on_readable, probe);
	if (event_add(&attempt->event, NULL) != 0)
		probe_finish_errno(probe, "event", ENOMEM);
}

static void on_connected(evutil_socket_t fd, short what, void *context)
{
	struct probe *probe = context;

	if (((what & EV_READ) != 0 && has_error(probe, fd)) || meets_itself(probe, fd))
		return;
	attempt_of(probe)->established = true;
	if (probe->settings->agent)
		await_line(probe);
	else
		probe_finish(probe, PROBE_PASSED, 0, "connected");
}

static int begin_connect(int fd, const struct probe_target *target)
{
	union probe_sockaddr peer;
	socklen_t length = probe_sockaddr_make(&target->address, target->port, &peer);

	return connect(fd, &peer.any, length) == 0 || errno == EINPROGRESS ? 0 : -1;
}

static void start(struct probe *probe)
{
	struct tcp_attempt *attempt = attempt_of(probe);
	const char *step;
	int fd = probe_socket_open(probe->target, SOCK_STREAM, 0, &step);

	if (fd < 0) {
		probe_finish_errno(probe, step, -fd);
		return;
	}
	attempt->fd = fd;
	attempt->open = true;
	event_assign(
		&attempt->event, probe->prober->base, fd, EV_READ | EV_WRITE, on_connected, probe);
	if (begin_connect(fd, probe->target) != 0)
		probe_finish_unsent(probe, "connect", errno);
	else if (event_add(&attempt->event, NULL) != 0)
		probe_finish_errno(probe, "event", ENOMEM);
}

static void stop(struct probe *probe)
{
	struct tcp_attempt *attempt = attempt_of(probe);

	if (!attempt->open)
		return;
	event_del(&attempt->event);
	probe_socket_abort(attempt->fd);
}

/* What on_connected() would be called with, if the loop came round to it; 0: nothing has come. */
static short look_at(int fd)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN | POLLOUT };

	if (poll(&ready, 1, 0) != 1)
		return 0;
	return ready.revents == POLLOUT ? EV_WRITE : EV_READ | EV_WRITE;
}

/*
 * A loop that was held up comes to the timeouts of many probes before it has heard of all of their
 * connections.
 */
static void late(struct probe *probe)
{
	struct tcp_attempt *attempt = attempt_of(probe);
	short what = attempt->established ? EV_READ : look_at(attempt->fd);

	if (what == 0)
		return;
	if (!attempt->established)
		on_connected(attempt->fd, what, probe);
	if (!probe->has_result)
		read_line(probe);
	if (!probe->has_result)
		judge_line(probe);
}

const struct probe_type probe_type_tcp = {
	.attempt_size = sizeof(struct tcp_attempt),
	.start = start,
	.stop = stop,
	.late = late,
};
