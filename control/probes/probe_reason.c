/* SPDX-License-Identifier: BSD-3-Clause */
#include "probes/probe_reason.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "config/config_health.h"
#include "probes/certificate.h"
#include "probes/grpc_health.h"
#include "state/health_row.h"

#define DETAIL_SIZE 100
#define DAY_S       INT64_C(86400)

const char *probe_reason_name(enum probe_reason reason)
{
	static const char *const names[] = {
#define REASON_NAME(name, json) #json,
		PROBE_REASON_TABLE(REASON_NAME)
#undef REASON_NAME
	};

	return (unsigned int)reason < PROBE_REASON_COUNT ? names[reason] : names[PROBE_NONE];
}

/* Each writes what a detail stands for. */
typedef void detail_writer_t(int32_t detail, char text[static DETAIL_SIZE]);

static void write_number(int32_t detail, char text[static DETAIL_SIZE])
{
	snprintf(text, DETAIL_SIZE, "%d", detail);
}

/* As the C library has it, but for the capital at the beginning. */
static void write_errno(int32_t detail, char text[static DETAIL_SIZE])
{
	const char *description = strerrordesc_np(detail);

	snprintf(text, DETAIL_SIZE, "%s", description == NULL ? "unknown error" : description);
	text[0] = (char)tolower((unsigned char)text[0]);
}

static void write_certificate(int32_t detail, char text[static DETAIL_SIZE])
{
	snprintf(text, DETAIL_SIZE, "%s", certificate_error_text(detail));
}

static void write_date(int32_t detail, char text[static DETAIL_SIZE])
{
	time_t moment = detail * DAY_S;
	struct tm date;

	if (gmtime_r(&moment, &date) == NULL || strftime(text, DETAIL_SIZE, "%F", &date) == 0)
		snprintf(text, DETAIL_SIZE, "day %d", detail);
}

static void write_override(int32_t detail, char text[static DETAIL_SIZE])
{
	static const char *const texts[HEALTH_OVERRIDE_COUNT] = {
		[HEALTH_OVERRIDE_NONE] = "left to its check again",
		[HEALTH_OVERRIDE_UP] = "set to up",
		[HEALTH_OVERRIDE_DOWN] = "set to down",
	};

	snprintf(text, DETAIL_SIZE, "%s",
		detail >= 0 && detail < HEALTH_OVERRIDE_COUNT ? texts[detail] : "set");
}

/* "3 (NXDOMAIN)" */
static void write_named(int32_t detail, const char *name, char text[static DETAIL_SIZE])
{
	if (name == NULL)
		snprintf(text, DETAIL_SIZE, "%d", detail);
	else
		snprintf(text, DETAIL_SIZE, "%d (%s)", detail, name);
}

static void write_grpc_status(int32_t detail, char text[static DETAIL_SIZE])
{
	write_named(detail, grpc_status_name(detail), text);
}

static void write_serving(int32_t detail, char text[static DETAIL_SIZE])
{
	write_named(detail, grpc_serving_name(detail), text);
}

static void write_rcode(int32_t detail, char text[static DETAIL_SIZE])
{
	write_named(detail, config_health_rcode_name(detail), text);
}

/* Before the detail, the detail where it says anything, and after it. */
static const struct reason_text {
	const char *before;
	detail_writer_t *write;
	const char *after;
} texts[] = {
	[PROBE_NONE] = { "not probed yet", NULL, "" },
	[PROBE_PASSED] = { "passed", NULL, "" },
	[PROBE_REFUSED] = { "connect refused", NULL, "" },
	[PROBE_UNREACHABLE] = { "", write_errno, "" },
	[PROBE_TIMEOUT] = { "no answer in ", write_number, " ms" },
	[PROBE_RESET] = { "connection reset", NULL, "" },
	[PROBE_CLOSED] = { "connection closed before the answer", NULL, "" },
	[PROBE_STATUS] = { "status ", write_number, "" },
	[PROBE_BODY] = { "the body lacks what is expected", NULL, "" },
	[PROBE_PROTOCOL] = { "the answer breaks the protocol", NULL, "" },
	[PROBE_TLS] = { "TLS handshake failed", NULL, "" },
	[PROBE_CERTIFICATE] = { "", write_certificate, "" },
	[PROBE_EXPIRED] = { "certificate expired on ", write_date, "" },
	[PROBE_GRPC_STATUS] = { "grpc-status ", write_grpc_status, "" },
	[PROBE_NOT_SERVING] = { "gRPC health is ", write_serving, "" },
	[PROBE_ANSWER] = { "not the answer that is expected", NULL, "" },
	[PROBE_RCODE] = { "rcode ", write_rcode, "" },
	[PROBE_EXIT] = { "exit status ", write_number, "" },
	[PROBE_SIGNAL] = { "ended by signal ", write_number, "" },
	[PROBE_MTU] = { "packets of ", write_number, " bytes do not arrive" },
	[PROBE_LOCAL] = { "this node could not probe: ", write_errno, "" },
	[PROBE_OVERRIDE] = { "", write_override, " by an operator" },
	[PROBE_PATH] = { "no way through the data path: ", write_errno, "" },
};

_Static_assert(sizeof(texts) / sizeof(texts[0]) == PROBE_REASON_COUNT, "a text for each reason");

void probe_reason_describe(
	enum probe_reason reason, int32_t detail, char text[static PROBE_SENTENCE_SIZE])
{
	const struct reason_text *row =
		&texts[(unsigned int)reason < PROBE_REASON_COUNT ? reason : PROBE_NONE];
	char written[DETAIL_SIZE] = "";

	if (row->write != NULL)
		row->write(detail, written);
	snprintf(text, PROBE_SENTENCE_SIZE, "%s%s%s", row->before, written, row->after);
}

struct errno_reason {
	int error;
	enum probe_reason reason;
};

static bool find_reason(
	const struct errno_reason *rows, size_t count, int error, enum probe_reason *reason)
{
	for (size_t i = 0; i < count; i++)
		if (rows[i].error == error) {
			*reason = rows[i].reason;
			return true;
		}
	return false;
}

#define FIND(rows, error, reason) find_reason(rows, sizeof(rows) / sizeof(rows[0]), error, reason)

/* ICMP and ICMPv6 have many errnos for "no way to it": EACCES, EMSGSIZE, EOPNOTSUPP, EPROTO, ... */
enum probe_reason probe_reason_of_errno(int error, enum probe_origin origin)
{
	static const struct errno_reason peers[] = {
		{ ECONNREFUSED, PROBE_REFUSED },
		{ ENOPROTOOPT, PROBE_REFUSED }, /* ICMP protocol unreachable */
		{ ETIMEDOUT, PROBE_TIMEOUT },
		{ ECONNRESET, PROBE_RESET },
		{ ECONNABORTED, PROBE_RESET },
		{ EPIPE, PROBE_CLOSED },
		{ ENOTCONN, PROBE_CLOSED },
	};
	/* what this node lacks or forbids: no packet from elsewhere becomes one of these */
	static const struct errno_reason own[] = {
		{ EMFILE, PROBE_LOCAL },
		{ ENFILE, PROBE_LOCAL },
		{ ENOMEM, PROBE_LOCAL },
		{ ENOBUFS, PROBE_LOCAL },
		{ EADDRNOTAVAIL, PROBE_LOCAL },
		{ EADDRINUSE, PROBE_LOCAL },
		{ EPERM, PROBE_LOCAL }, /* a packet filter of this node */
		{ ENODEV, PROBE_LOCAL },
		{ ENXIO, PROBE_LOCAL },
		{ EAGAIN, PROBE_LOCAL },
		{ EBADF, PROBE_LOCAL },
		{ EINVAL, PROBE_LOCAL }, /* also a blackhole route */
		{ EFAULT, PROBE_LOCAL },
	};
	/* and those that a packet may become, too */
	static const struct errno_reason unsent[] = {
		{ ENETUNREACH, PROBE_LOCAL }, /* no route */
		{ EACCES, PROBE_LOCAL },      /* a route that prohibits it */
		{ ENETDOWN, PROBE_LOCAL },
		{ EMSGSIZE, PROBE_LOCAL }, /* more than a port of this node takes */
		{ EAFNOSUPPORT, PROBE_LOCAL },
	};
	enum probe_reason reason = PROBE_UNREACHABLE;

	if (origin == PROBE_ORIGIN_NODE)
		return PROBE_LOCAL;
	if (FIND(peers, error, &reason) || FIND(own, error, &reason))
		return reason;
	if (origin == PROBE_ORIGIN_UNSENT)
		FIND(unsent, error, &reason);
	return reason;
}

bool probe_reason_is_silence(enum probe_reason reason)
{
	return reason == PROBE_TIMEOUT || reason == PROBE_UNREACHABLE || reason == PROBE_PATH;
}
