/* SPDX-License-Identifier: BSD-3-Clause */
/* icmp: an echo. Each probe has a socket of its own, because its mark and interface are its own. */
#include <stdlib.h>

#include "probes/datagram.h"
#include "probes/echo_message.h"
#include "probes/echo_socket.h"
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

static void start(struct probe *probe)
{
	struct icmp_attempt *attempt = attempt_of(probe);

	const char *step;
	int fd = echo_socket_open(probe->target, &attempt->echo, &step);

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
