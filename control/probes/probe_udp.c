/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * udp: an answer holds what is expected. Without `expect` any answer will do; without `send`, too,
 * an empty datagram is sent, and it is good enough that nothing refuses it: a service that keeps
 * silent about what it does not understand looks like one whose answers are lost. Even a refusal
 * may be missed, because hosts limit how often they send them (RFC 1812, section 4.3.2.8).
 */
#include <string.h>
#include <sys/socket.h>

#include "probes/datagram.h"
#include "probes/probe_socket.h"
#include "probes/probe_type.h"

struct udp_attempt {
	struct datagram datagram;
	bool other; /* answers came, without what is expected */
};

static struct udp_attempt *attempt_of(struct probe *probe)
{
	return (struct udp_attempt *)probe->attempt;
}

static void receive(struct probe *probe, const uint8_t *bytes, size_t length)
{
	const struct config_payload *expect = &probe->settings->expect;

	if (expect->length == 0)
		probe_finish(probe, PROBE_PASSED, 0, "answered");
	else if (memmem(bytes, length, expect->bytes, expect->length) != NULL)
		probe_finish(probe, PROBE_PASSED, 0, "answered as expected");
	else
		attempt_of(probe)->other = true;
}

static void start(struct probe *probe)
{
	struct datagram *datagram = &attempt_of(probe)->datagram;
	const char *step;
	int fd;

	datagram->request = probe->settings->send.bytes;
	datagram->length = probe->settings->send.length;
	datagram->receive = receive;
	fd = probe_socket_open(probe->target, SOCK_DGRAM, 0, &step);
	datagram_start(probe, fd, step, probe->target->port);
}

static void late(struct probe *probe)
{
	const struct config_health *settings = probe->settings;

	if (datagram_late(probe))
		return;
	if (attempt_of(probe)->other)
		probe_finish(probe, PROBE_ANSWER, 0, "answer does not hold what is expected");
	else if (settings->send.length == 0 && settings->expect.length == 0)
		probe_finish(probe, PROBE_PASSED, 0, "not refused in %u ms", settings->timeout_ms);
}

const struct probe_type probe_type_udp = {
	.attempt_size = sizeof(struct udp_attempt),
	.start = start,
	.stop = datagram_stop,
	.late = late,
};
