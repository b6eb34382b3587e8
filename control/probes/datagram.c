/* SPDX-License-Identifier: BSD-3-Clause */
#include "probes/datagram.h"

#include <errno.h>
#include <event2/event.h>
#include <sys/socket.h>
#include <unistd.h>

#include "probes/probe_socket.h"
#include "probes/probe_type.h"

#define ANSWER_MAX        65535
#define ANSWERS_PER_EVENT 8 /* so that a peer who never stops holds nobody else up */

static struct datagram *datagram_of(struct probe *probe)
{
	return (struct datagram *)probe->attempt;
}

/* This packet is lost, and the next one may be not. */
static bool is_passing(int error)
{
	return error == EAGAIN || error == ENOBUFS || error == ENOMEM || error == EINTR;
}

/* An error that has come for what was sent before: send() would return it as if it were its own. */
static bool has_been_told(struct probe *probe)
{
	int error = 0;
	socklen_t length = sizeof(error);

	if (getsockopt(datagram_of(probe)->fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0)
		error = errno;
	if (error != 0)
		probe_finish_network(probe, "send", error);
	return error != 0;
}

static void send_request(struct probe *probe)
{
	struct datagram *datagram = datagram_of(probe);

	if (datagram->sent > 0 && has_been_told(probe))
		return;
	if (datagram->before_send != NULL)
		datagram->before_send(probe);
	datagram->send_error = 0;
	datagram->sent++;
	if (send(datagram->fd, datagram->request, datagram->length, MSG_NOSIGNAL) >= 0)
		return;
	datagram->send_error = errno;
	if (!is_passing(errno))
		probe_finish_unsent(probe, "send", errno);
}

static void on_again(evutil_socket_t unused, short what, void *context)
{
	struct probe *probe = context;
	struct datagram *datagram = datagram_of(probe);

	if (probe->has_result)
		return;
	send_request(probe);
	if (datagram->sent >= DATAGRAM_SENDS)
		event_del(&datagram->again);
}

static void receive(struct probe *probe)
{
	struct datagram *datagram = datagram_of(probe);
	uint8_t bytes[ANSWER_MAX];

	for (int i = 0; i < ANSWERS_PER_EVENT && !probe->has_result; i++) {
		ssize_t got = recv(datagram->fd, bytes, sizeof(bytes), 0);

		if (got >= 0)
			datagram->receive(probe, bytes, (size_t)got);
		else if (errno == EAGAIN || errno == EINTR)
			return;
		else
			probe_finish_network(probe, "send", errno);
	}
}

static void on_readable(evutil_socket_t unused, short what, void *context)
{
	receive(context);
}

static void assign_events(struct probe *probe)
{
	struct datagram *datagram = datagram_of(probe);
	struct event_base *base = probe->prober->base;

	event_assign(
		&datagram->readable, base, datagram->fd, EV_READ | EV_PERSIST, on_readable, probe);
	event_assign(&datagram->again, base, -1, EV_PERSIST, on_again, probe);
}

static int add_events(struct probe *probe)
{
	struct datagram *datagram = datagram_of(probe);
	uint32_t pause_us = probe->settings->timeout_ms * 1000 / DATAGRAM_SENDS;
	const struct timeval pause = { pause_us / 1000000, pause_us % 1000000 };

	if (event_add(&datagram->readable, NULL) != 0)
		return -1;
	return event_add(&datagram->again, &pause);
}

static int connect_to(const struct probe_target *target, int fd, uint16_t port)
{
	union probe_sockaddr peer;
	socklen_t length = probe_sockaddr_make(&target->address, port, &peer);

	return connect(fd, &peer.any, length);
}

void datagram_start(struct probe *probe, int fd, const char *step, uint16_t port)
{
	struct datagram *datagram = datagram_of(probe);

	if (fd < 0) {
		probe_finish_errno(probe, step, -fd);
		return;
	}
	datagram->fd = fd;
	datagram->open = true;
	/* before anything fails, because stop() takes them away */
	assign_events(probe);
	if (connect_to(probe->target, fd, port) != 0)
		probe_finish_unsent(probe, "connect", errno);
	else if (add_events(probe) != 0)
		probe_finish_errno(probe, "event", ENOMEM);
	else
		send_request(probe);
}

void datagram_stop(struct probe *probe)
{
	struct datagram *datagram = datagram_of(probe);

	if (!datagram->open)
		return;
	event_del(&datagram->readable);
	event_del(&datagram->again);
	close(datagram->fd);
}

bool datagram_late(struct probe *probe)
{
	const struct datagram *datagram = datagram_of(probe);

	receive(probe);
	if (!probe->has_result && datagram->send_error != 0)
		probe_finish_unsent(probe, "send", datagram->send_error);
	return probe->has_result;
}
