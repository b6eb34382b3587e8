/* SPDX-License-Identifier: BSD-3-Clause */
#include "probes/probe_reason.h"

#include <ctype.h>
#include <errno.h>
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

enum probe_reason probe_reason_of_errno(int error)
{
	static const struct {
		int error;
		enum probe_reason reason;
	} reasons[] = {
		{ ECONNREFUSED, PROBE_REFUSED },
		{ ENETUNREACH, PROBE_UNREACHABLE },
		{ EHOSTUNREACH, PROBE_UNREACHABLE },
		{ ENETDOWN, PROBE_UNREACHABLE },
		{ EHOSTDOWN, PROBE_UNREACHABLE },
		{ ENONET, PROBE_UNREACHABLE },
		{ EPROTO, PROBE_UNREACHABLE },  /* ICMP(v6) parameter problem */
		{ ENOPROTOOPT, PROBE_REFUSED }, /* ICMP protocol unreachable */
		{ ETIMEDOUT, PROBE_TIMEOUT },
		{ ECONNRESET, PROBE_RESET },
		{ ECONNABORTED, PROBE_RESET },
		{ EPIPE, PROBE_CLOSED },
		{ ENOTCONN, PROBE_CLOSED },
	};

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].error == error)
			return reasons[i].reason;
	return PROBE_LOCAL;
}
