/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mtu_tcp: whether packets of the largest size arrive at a service over TCP. It connects, and sends
 * one segment once more that it has never sent (segment.h): the backend's kernel acknowledges it,
 * and the application hears nothing of it. So it needs neither an answer to an echo nor a request
 * that the service would understand.
 *
 * The size is the largest that workers send this way, or less if the backend has asked for less in
 * its SYN (MSS): more than that no client sends to it. A backend does not know of outer headers,
 * though: where it asks for the full packets of clients, and these do not fit the port behind an
 * outer header, uploads hang although each hop does as it should. That is said, too.
 */
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "probes/probe_socket.h"
#include "probes/probe_type.h"
#include "probes/segment.h"

#define CLIENT_MTU      1500 /* of nearly all clients */
#define IPV4_HEADERS    40   /* bytes of IP and TCP without options, as MSS counts (RFC 6691) */
#define IPV6_HEADERS    60
#define FIRST_LOOK_MS   1
#define LONGEST_LOOK_MS 64 /* between two looks at the connection */
#define SENDS           4  /* of the segment, at equal distances within the timeout */

/* Of TCP_INFO's tcpi_state. */
enum { STATE_CLOSED = 7, STATE_CLOSE_WAIT = 8 };

struct mtu_attempt {
	int fd, raw; /* valid if `is_open` and `is_raw_open` */
	bool is_open, is_raw_open;
	struct event connected, look;
	uint32_t look_ms;
	uint32_t waited_ms; /* since the segment was last sent */
	uint32_t acks;      /* segments without data that had come before it was sent */
	struct segment segment;
};

static const uint8_t zeros[UINT16_MAX];

static struct mtu_attempt *attempt_of(struct probe *probe)
{
	return (struct mtu_attempt *)probe->attempt;
}

static int read_info(int fd, struct tcp_info *info)
{
	socklen_t length = sizeof(*info);

	memset(info, 0, sizeof(*info));
	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &length);
}

static uint32_t acks_of(const struct tcp_info *info)
{
	return info->tcpi_segs_in - info->tcpi_data_segs_in;
}

static int read_number(int fd, int option, uint32_t *value)
{
	socklen_t length = sizeof(*value);

	return getsockopt(fd, IPPROTO_TCP, option, value, &length);
}

static int read_sequence(int fd, int queue, uint32_t *value)
{
	if (setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_QUEUE, &queue, sizeof(queue)) != 0)
		return -1;
	return read_number(fd, TCP_QUEUE_SEQ, value);
}

/* The kernel tells where a connection stands while it is under repair, and what MSS it was told. */
static int read_numbers(int fd, struct segment *segment, uint32_t *mss)
{
	const int on = TCP_REPAIR_ON, off = TCP_REPAIR_OFF_NO_WP;
	int result;

	if (setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &on, sizeof(on)) != 0)
		return -1;
	result = read_sequence(fd, TCP_SEND_QUEUE, &segment->next);
	if (result == 0)
		result = read_sequence(fd, TCP_RECV_QUEUE, &segment->ack);
	if (result == 0)
		result = read_number(fd, TCP_MAXSEG, mss);
	if (result == 0)
		result = read_number(fd, TCP_TIMESTAMP, &segment->timestamp);
	if (setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &off, sizeof(off)) != 0)
		return -1;
	return result;
}

static int read_own_end(int fd, struct segment *segment)
{
	union probe_sockaddr own;
	socklen_t length = sizeof(own);

	if (getsockname(fd, &own.any, &length) != 0)
		return -1;
	segment->source = (struct address){ .family = segment->destination.family };
	segment->source_port = ntohs(own.ipv4.sin_port); /* at the same place in both families */
	if (segment->source.family == ADDRESS_IPV4)
		memcpy(segment->source.bytes, &own.ipv4.sin_addr, 4);
	else
		memcpy(segment->source.bytes, &own.ipv6.sin6_addr, 16);
	return 0;
}

/* The segment is complete but for its size. `*mss` is what the backend has asked for. */
static int read_connection(struct probe *probe, uint32_t *mss)
{
	struct mtu_attempt *attempt = attempt_of(probe);
	struct segment *segment = &attempt->segment;
	struct tcp_info info;

	segment->destination = probe->target->address;
	segment->destination_port = probe->target->port;
	if (read_own_end(attempt->fd, segment) != 0 ||
		read_numbers(attempt->fd, segment, mss) != 0 || read_info(attempt->fd, &info) != 0)
		return -1;
	segment->has_timestamp = (info.tcpi_options & TCPI_OPT_TIMESTAMPS) != 0;
	attempt->acks = acks_of(&info);
	return 0;
}

/* Packets that get lost on the way out are sent again like others. */
static void send_segment(struct probe *probe)
{
	struct mtu_attempt *attempt = attempt_of(probe);
	uint8_t headers[SEGMENT_HEADERS_MAX];
	size_t size = segment_write(&attempt->segment, headers);
	struct iovec parts[] = { { headers, size },
		{ (void *)zeros, attempt->segment.size - size } };
	union probe_sockaddr peer;
	struct msghdr message = { .msg_name = &peer, .msg_iov = parts, .msg_iovlen = 2 };

	message.msg_namelen = probe_sockaddr_make(&probe->target->address, 0, &peer);
	attempt->waited_ms = 0;
	if (sendmsg(attempt->raw, &message, MSG_NOSIGNAL) < 0 && errno != EAGAIN &&
		errno != ENOBUFS && errno != EINTR)
		probe_finish_unsent(probe, "send", errno);
}

/*
 * A FIN is a segment without data, too, unless it came with data. One that ends the connection at
 * once leaves nothing to find out.
 */
static void look(struct probe *probe)
{
	struct mtu_attempt *attempt = attempt_of(probe);
	struct tcp_info info;
	uint32_t needed = attempt->acks + 1;

	if (read_info(attempt->fd, &info) != 0) {
		probe_finish_errno(probe, "tcp_info", errno);
		return;
	}
	needed += info.tcpi_state == STATE_CLOSE_WAIT;
	if (info.tcpi_state == STATE_CLOSED || acks_of(&info) >= needed)
		probe_finish(probe, PROBE_PASSED, 0, "arrived");
}

static void plan_look(struct probe *probe)
{
	struct mtu_attempt *attempt = attempt_of(probe);
	const struct timeval delay = { 0, attempt->look_ms * 1000 };

	if (event_add(&attempt->look, &delay) != 0)
		probe_finish_errno(probe, "event", ENOMEM);
}

static void on_look(evutil_socket_t fd, short what, void *context)
{
	struct probe *probe = context;
	struct mtu_attempt *attempt = attempt_of(probe);

	if (!probe->has_result)
		look(probe);
	if (probe->has_result)
		return;
	attempt->waited_ms += attempt->look_ms;
	if (attempt->waited_ms >= probe->settings->timeout_ms / SENDS)
		send_segment(probe);
	if (attempt->look_ms < LONGEST_LOOK_MS)
		attempt->look_ms *= 2;
	plan_look(probe);
}

static void begin(struct probe *probe)
{
	struct mtu_attempt *attempt = attempt_of(probe);
	const uint32_t mtu = probe->target->mtu;
	uint32_t mss, full;

	if (read_connection(probe, &mss) != 0) {
		probe_finish_errno(probe, "tcp_repair", errno);
		return;
	}
	full = mss + (probe->target->address.family == ADDRESS_IPV4 ? IPV4_HEADERS : IPV6_HEADERS);
	if (full > mtu && mtu < CLIENT_MTU) {
		probe_finish(probe, PROBE_MTU, (int32_t)mtu,
			"it asks for packets of %u bytes, and only %u fit the port behind an outer "
			"header",
			full, mtu);
		return;
	}
	attempt->segment.size = (uint16_t)(full < mtu ? full : mtu);
	attempt->look_ms = FIRST_LOOK_MS;
	send_segment(probe);
	plan_look(probe);
}

static void on_connected(evutil_socket_t fd, short what, void *context)
{
	struct probe *probe = context;
	int error = 0;
	socklen_t length = sizeof(error);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0)
		error = errno;
	if (error != 0)
		probe_finish_network(probe, "connect", error);
	else
		begin(probe);
}

static void begin_connect(struct probe *probe)
{
	struct mtu_attempt *attempt = attempt_of(probe);
	union probe_sockaddr peer;
	socklen_t length = probe_sockaddr_make(&probe->target->address, probe->target->port, &peer);

	if (connect(attempt->fd, &peer.any, length) != 0 && errno != EINPROGRESS)
		probe_finish_unsent(probe, "connect", errno);
	else if (event_add(&attempt->connected, NULL) != 0)
		probe_finish_errno(probe, "event", ENOMEM);
}

static void start(struct probe *probe)
{
	struct mtu_attempt *attempt = attempt_of(probe);
	struct event_base *base = probe->prober->base;
	const char *step;
	int fd = probe_socket_open(probe->target, SOCK_STREAM, 0, &step);

	if (fd >= 0) {
		attempt->fd = fd;
		attempt->is_open = true;
		event_assign(&attempt->connected, base, fd, EV_WRITE, on_connected, probe);
		evtimer_assign(&attempt->look, base, on_look, probe);
		fd = probe_socket_open(probe->target, SOCK_RAW, IPPROTO_RAW, &step);
	}
	if (fd < 0) {
		probe_finish_errno(probe, step, -fd);
		return;
	}
	attempt->raw = fd;
	attempt->is_raw_open = true;
	if (probe_socket_allow_full(fd, &probe->target->address) != 0)
		probe_finish_errno(probe, "full packets", errno);
	else
		begin_connect(probe);
}

static void stop(struct probe *probe)
{
	struct mtu_attempt *attempt = attempt_of(probe);

	if (attempt->is_raw_open)
		close(attempt->raw);
	if (!attempt->is_open)
		return;
	event_del(&attempt->connected);
	event_del(&attempt->look);
	probe_socket_abort(attempt->fd);
}

static void late(struct probe *probe)
{
	const uint32_t size = attempt_of(probe)->segment.size;

	if (size == 0) /* not connected, as it was just before */
		return;
	look(probe);
	if (!probe->has_result)
		probe_finish(
			probe, PROBE_MTU, (int32_t)size, "packets of %u bytes do not arrive", size);
}

const struct probe_type probe_type_mtu_tcp = {
	.attempt_size = sizeof(struct mtu_attempt),
	.more_descriptors = 1, /* a raw socket beside the connection */
	.start = start,
	.stop = stop,
	.late = late,
};
