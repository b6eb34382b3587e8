/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include <errno.h>
#include <openssl/x509_vfy.h>

#include "common/printable.h"
#include "probes/probe_reason.h"

static void a_reason_and_its_detail_make_a_sentence(void **state)
{
	static const struct {
		enum probe_reason reason;
		int32_t detail;
		const char *sentence;
	} cases[] = {
		{ PROBE_NONE, 0, "not probed yet" },
		{ PROBE_REFUSED, ECONNREFUSED, "connect refused" },
		{ PROBE_UNREACHABLE, EHOSTUNREACH, "no route to host" },
		{ PROBE_TIMEOUT, 500, "no answer in 500 ms" },
		{ PROBE_STATUS, 503, "status 503" },
		{ PROBE_CERTIFICATE, X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT,
			"certificate is self-signed" },
		{ PROBE_CERTIFICATE, 123456, "certificate is not valid" },
		{ PROBE_EXPIRED, 20759, "certificate expired on 2026-11-02" },
		{ PROBE_EXPIRED, 0, "certificate expired on 1970-01-01" },
		{ PROBE_GRPC_STATUS, 14, "grpc-status 14 (unavailable)" },
		{ PROBE_GRPC_STATUS, -3, "grpc-status -3" },
		{ PROBE_NOT_SERVING, 2, "gRPC health is 2 (NOT_SERVING)" },
		{ PROBE_NOT_SERVING, INT32_MIN, "gRPC health is -2147483648" },
		{ PROBE_RCODE, 2, "rcode 2 (SERVFAIL)" },
		{ PROBE_EXIT, 1, "exit status 1" },
		{ PROBE_SIGNAL, 9, "ended by signal 9" },
		{ PROBE_MTU, 1500, "packets of 1500 bytes do not arrive" },
		{ PROBE_LOCAL, EMFILE, "this node could not probe: too many open files" },
		{ PROBE_LOCAL, -77777, "this node could not probe: unknown error" },
		{ PROBE_OVERRIDE, 0, "left to its check again by an operator" },
		{ PROBE_OVERRIDE, 1, "set to up by an operator" },
		{ PROBE_OVERRIDE, 2, "set to down by an operator" },
		{ PROBE_OVERRIDE, -1, "set by an operator" },
		{ PROBE_REASON_COUNT, 0, "not probed yet" },
		{ (enum probe_reason) - 1, 0, "not probed yet" },
	};
	char text[PROBE_SENTENCE_SIZE];

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		probe_reason_describe(cases[i].reason, cases[i].detail, text);
		assert_string_equal(text, cases[i].sentence);
	}
}

/* Whatever a damaged history holds. */
static void any_detail_of_any_reason_is_printable(void **state)
{
	static const int32_t details[] = { INT32_MIN, -1, 0, 1, 12, 255, 100000, INT32_MAX };
	char text[PROBE_SENTENCE_SIZE], clean[PROBE_SENTENCE_SIZE];

	for (unsigned int reason = 0; reason < PROBE_REASON_COUNT; reason++)
		for (size_t i = 0; i < COUNT_OF(details); i++) {
			probe_reason_describe(reason, details[i], text);
			assert_true(strlen(text) > 0);
			memcpy(clean, text, sizeof(clean));
			printable_make(clean);
			assert_string_equal(clean, text);
		}
}

/* They are in the state file. */
static void the_numbers_of_reasons_stay(void **state)
{
	assert_int_equal(PROBE_NONE, 0);
	assert_int_equal(PROBE_PASSED, 1);
	assert_int_equal(PROBE_TIMEOUT, 4);
	assert_int_equal(PROBE_STATUS, 7);
	assert_int_equal(PROBE_EXPIRED, 12);
	assert_int_equal(PROBE_RCODE, 16);
	assert_int_equal(PROBE_LOCAL, 20);
	assert_int_equal(PROBE_PATH, 22);
	assert_string_equal(probe_reason_name(PROBE_GRPC_STATUS), "grpc_status");
	assert_string_equal(probe_reason_name(PROBE_REASON_COUNT), "none");
}

static void an_errno_is_the_backends_or_this_nodes(void **state)
{
	static const struct {
		int error;
		enum probe_reason unsent, network;
	} cases[] = {
		{ ECONNREFUSED, PROBE_REFUSED, PROBE_REFUSED },
		{ ENOPROTOOPT, PROBE_REFUSED, PROBE_REFUSED },
		{ EHOSTUNREACH, PROBE_UNREACHABLE, PROBE_UNREACHABLE },
		{ ENETUNREACH, PROBE_LOCAL, PROBE_UNREACHABLE },
		{ ENETDOWN, PROBE_LOCAL, PROBE_UNREACHABLE },
		{ EACCES, PROBE_LOCAL, PROBE_UNREACHABLE },
		{ EMSGSIZE, PROBE_LOCAL, PROBE_UNREACHABLE },
		{ EOPNOTSUPP, PROBE_UNREACHABLE, PROBE_UNREACHABLE },
		{ EPROTO, PROBE_UNREACHABLE, PROBE_UNREACHABLE },
		{ ENONET, PROBE_UNREACHABLE, PROBE_UNREACHABLE },
		{ 4095, PROBE_UNREACHABLE, PROBE_UNREACHABLE },
		{ ETIMEDOUT, PROBE_TIMEOUT, PROBE_TIMEOUT },
		{ ECONNRESET, PROBE_RESET, PROBE_RESET },
		{ EPIPE, PROBE_CLOSED, PROBE_CLOSED },
		{ EMFILE, PROBE_LOCAL, PROBE_LOCAL },
		{ ENOMEM, PROBE_LOCAL, PROBE_LOCAL },
		{ ENOBUFS, PROBE_LOCAL, PROBE_LOCAL },
		{ EADDRNOTAVAIL, PROBE_LOCAL, PROBE_LOCAL },
		{ EADDRINUSE, PROBE_LOCAL, PROBE_LOCAL },
		{ EPERM, PROBE_LOCAL, PROBE_LOCAL },
		{ ENODEV, PROBE_LOCAL, PROBE_LOCAL },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		assert_int_equal(
			probe_reason_of_errno(cases[i].error, PROBE_ORIGIN_NODE), PROBE_LOCAL);
		assert_int_equal(probe_reason_of_errno(cases[i].error, PROBE_ORIGIN_UNSENT),
			cases[i].unsent);
		assert_int_equal(probe_reason_of_errno(cases[i].error, PROBE_ORIGIN_NETWORK),
			cases[i].network);
	}
}

static void silence_is_what_nothing_came_back_of(void **state)
{
	for (enum probe_reason reason = 0; reason < PROBE_REASON_COUNT; reason++)
		assert_int_equal(probe_reason_is_silence(reason),
			reason == PROBE_TIMEOUT || reason == PROBE_UNREACHABLE ||
				reason == PROBE_PATH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reason_and_its_detail_make_a_sentence),
		cmocka_unit_test(any_detail_of_any_reason_is_printable),
		cmocka_unit_test(the_numbers_of_reasons_stay),
		cmocka_unit_test(an_errno_is_the_backends_or_this_nodes),
		cmocka_unit_test(silence_is_what_nothing_came_back_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
