/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mtu_echo: whether packets of the largest size arrive where there is no TCP to find out by
 * (mtu_tcp.c): by an ICMP echo of that size, and a small one in the end. A backend that answers the
 * small one alone does not get large packets. One that answers none tells nothing of them.
 */
#include <errno.h>
#include <stdlib.h>

#include "probes/datagram.h"
#include "probes/echo_message.h"
#include "probes/echo_socket.h"
#include "probes/probe_socket.h"
#include "probes/probe_type.h"

#define IPV4_SIZE 20
#define IPV6_SIZE 40

struct mtu_echo_attempt {
	struct datagram datagram;
	struct echo echo;
	uint8_t *message;
	size_t length; /* of the large one */
	bool is_small_answered;
};

static struct mtu_echo_attempt *attempt_of(struct probe *probe)
{
	return (struct mtu_echo_attempt *)probe->attempt;
}

/* The last one is small. */
static void before_send(struct probe *probe)
{
	struct mtu_echo_attempt *attempt = attempt_of(probe);

	attempt->echo.sequence++;
	echo_request_write(&attempt->echo, attempt->message);
	if (attempt->datagram.sent == DATAGRAM_SENDS - 1)
		attempt->datagram.length = ECHO_LENGTH;
}

static void receive(struct probe *probe, const uint8_t *bytes, size_t length)
{
	struct mtu_echo_attempt *attempt = attempt_of(probe);

	attempt->echo.padding = attempt->length - ECHO_LENGTH;
	if (echo_is_answered(&attempt->echo, bytes, length))
		probe_finish(probe, PROBE_PASSED, 0, "arrived");
	attempt->echo.padding = 0;
	attempt->is_small_answered |= echo_is_answered(&attempt->echo, bytes, length);
}

static void start(struct probe *probe)
{
	struct mtu_echo_attempt *attempt = attempt_of(probe);
	const struct address *peer = &probe->target->address;
	const char *step;
	int fd;

	attempt->length =
		probe->target->mtu - (peer->family == ADDRESS_IPV4 ? IPV4_SIZE : IPV6_SIZE);
	attempt->message = calloc(1, attempt->length);
	if (attempt->message == NULL) {
		probe_finish_errno(probe, "message", ENOMEM);
		return;
	}
	fd = echo_socket_open(probe->target, &attempt->echo, &step);
	attempt->echo.id = (uint16_t)arc4random();
	arc4random_buf(attempt->echo.token, sizeof(attempt->echo.token));
	attempt->datagram.request = attempt->message;
	attempt->datagram.length = attempt->length;
	attempt->datagram.receive = receive;
	attempt->datagram.before_send = before_send;
	if (fd >= 0)
		probe_socket_allow_full(fd, peer); /* or it is as large as the kernel likes */
	datagram_start(probe, fd, step, 0);
}

static void stop(struct probe *probe)
{
	datagram_stop(probe);
	free(attempt_of(probe)->message);
}

static void late(struct probe *probe)
{
	const struct mtu_echo_attempt *attempt = attempt_of(probe);

	if (datagram_late(probe))
		return;
	if (attempt->is_small_answered)
		probe_finish(probe, PROBE_MTU, (int32_t)probe->target->mtu,
			"packets of %u bytes do not arrive", probe->target->mtu);
	else
		probe_finish(probe, PROBE_PASSED, 0, "no echo is answered");
}

const struct probe_type probe_type_mtu_echo = {
	.attempt_size = sizeof(struct mtu_echo_attempt),
	.start = start,
	.stop = stop,
	.late = late,
};
