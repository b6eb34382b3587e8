/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dns: one question over UDP, and the rcode of its answer, or a record in it. An answer that is
 * truncated is not asked for again over TCP: its rcode counts, and an address that is expected must
 * be in the part that came, which has room for 28 addresses (512 bytes, RFC 1035, section 4.2.1).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "probes/datagram.h"
#include "probes/dns_message.h"
#include "probes/probe_socket.h"
#include "probes/probe_type.h"

#define RCODE_TEXT_SIZE 16

struct dns_attempt {
	struct datagram datagram;
	struct dns_query query;
	bool malformed, other; /* such answers came */
};

static struct dns_attempt *attempt_of(struct probe *probe)
{
	return (struct dns_attempt *)probe->attempt;
}

static const char *format_rcode(int rcode, char text[static RCODE_TEXT_SIZE])
{
	const char *name = config_health_rcode_name(rcode);

	if (name != NULL)
		return name;
	snprintf(text, RCODE_TEXT_SIZE, "%d", rcode);
	return text;
}

static void judge(struct probe *probe, const struct dns_answer *answer)
{
	const struct config_health *settings = probe->settings;
	char got[RCODE_TEXT_SIZE], expected[RCODE_TEXT_SIZE], address[ADDRESS_TEXT_SIZE];
	const char *rcode = format_rcode(answer->rcode, got);

	if (answer->rcode != settings->rcode)
		probe_finish(probe, PROBE_RCODE, answer->rcode, "rcode %s, expected %s", rcode,
			format_rcode(settings->rcode, expected));
	else if (settings->expect_answer.family != ADDRESS_NONE && !answer->holds)
		probe_finish(probe, PROBE_ANSWER, 0, "%s without %s",
			answer->truncated ? "truncated answer" : "answer",
			address_format(&settings->expect_answer, address));
	else
		probe_finish(probe, PROBE_PASSED, 0, "rcode %s", rcode);
}

static void receive(struct probe *probe, const uint8_t *bytes, size_t length)
{
	struct dns_attempt *attempt = attempt_of(probe);
	struct dns_answer answer;

	switch (dns_answer_read(
		bytes, length, &attempt->query, &probe->settings->expect_answer, &answer)) {
	case DNS_ANSWER: judge(probe, &answer); break;
	case DNS_MALFORMED: attempt->malformed = true; break;
	case DNS_OTHER: attempt->other = true; break;
	}
}

static void start(struct probe *probe)
{
	const struct config_question *question = &probe->settings->question;
	struct dns_attempt *attempt = attempt_of(probe);
	const char *step;
	int fd;

	if (!dns_query_write(
		    &attempt->query, question->name, question->type, (uint16_t)arc4random())) {
		probe_finish_errno(probe, "question", EINVAL);
		return;
	}
	attempt->datagram.request = attempt->query.bytes;
	attempt->datagram.length = attempt->query.length;
	attempt->datagram.receive = receive;
	fd = probe_socket_open(probe->target, SOCK_DGRAM, 0, &step);
	datagram_start(probe, fd, step, probe->target->port);
}

static void late(struct probe *probe)
{
	const struct dns_attempt *attempt = attempt_of(probe);

	if (datagram_late(probe))
		return;
	if (attempt->malformed)
		probe_finish(probe, PROBE_PROTOCOL, 0, "malformed answer");
	else if (attempt->other)
		probe_finish(probe, PROBE_PROTOCOL, 0, "answers another question");
}

const struct probe_type probe_type_dns = {
	.attempt_size = sizeof(struct dns_attempt),
	.start = start,
	.stop = datagram_stop,
	.late = late,
};
