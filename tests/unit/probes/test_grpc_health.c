/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include "probes/grpc_health.h"

/* Bytes of a message that is put into a frame. */
#define MESSAGE(...)                                                                       \
	{                                                                                  \
		(const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }) \
	}

struct message {
	const uint8_t *bytes;
	size_t length;
};

static int read_message(const struct message *message, int32_t *serving)
{
	/* of its size, so that a sanitizer sees what is read behind it */
	uint8_t *frame = malloc(5 + message->length);
	const char *fault;
	int code;

	assert_non_null(frame);
	memcpy(frame, (const uint8_t[]){ 0, 0, 0, 0, (uint8_t)message->length }, 5);
	memcpy(frame + 5, message->bytes, message->length);
	code = grpc_answer_read(frame, 5 + message->length, serving, &fault);
	free(frame);
	return code;
}

static void a_status_is_found_among_other_fields(void **state)
{
	const struct {
		struct message message;
		int32_t serving;
	} cases[] = {
		{ MESSAGE(0x08, 1), 1 },
		{ MESSAGE(0x08, 1, 0x08, 2), 2 },                      /* the last one counts */
		{ MESSAGE(0x12, 2, 'a', 'b', 0x08, 1), 1 },            /* bytes */
		{ MESSAGE(0x1d, 1, 2, 3, 4, 0x08, 1), 1 },             /* 32 bits */
		{ MESSAGE(0x08, 1, 0x21, 1, 2, 3, 4, 5, 6, 7, 8), 1 }, /* 64 bits */
		{ MESSAGE(0x98, 0x06, 5, 0x08, 1), 1 },                /* field 99 */
		{ MESSAGE(0x08, 0x81, 0x00), 1 },                      /* longer than it must be */
		{ MESSAGE(0x10, 1), 0 },
		{ MESSAGE(0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01), -1 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		int32_t serving;

		assert_int_equal(read_message(&cases[i].message, &serving), 0);
		assert_int_equal(serving, cases[i].serving);
	}
}

static void a_message_that_is_cut_off_or_odd_is_refused(void **state)
{
	const struct message cases[] = {
		MESSAGE(0x08), MESSAGE(0x88), MESSAGE(0x08, 0x80),
		MESSAGE(0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02),
		MESSAGE(0x0a, 1, 'a'), /* field 1 of bytes */
		MESSAGE(0x12, 3, 'a'), /* too short */
		MESSAGE(0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01),
		MESSAGE(0x1d, 1, 2, 3), MESSAGE(0x19, 1, 2, 3, 4, 5, 6, 7),
		MESSAGE(0x00, 1),    /* field 0 */
		MESSAGE(0x13, 0x14), /* a group */
		MESSAGE(0x16, 1),    /* no wire type */
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		int32_t serving;

		assert_true(read_message(&cases[i], &serving) < 0);
	}
}

static void a_frame_must_be_whole_and_alone(void **state)
{
	const struct {
		struct message frame;
		const char *fault;
	} cases[] = {
		{ MESSAGE(0), "a message that is cut off" },
		{ MESSAGE(0, 0, 0, 0, 1), "a message that is cut off" },
		{ MESSAGE(0, 0xff, 0xff, 0xff, 0xff, 8, 1), "a message that is cut off" },
		{ MESSAGE(1, 0, 0, 0, 2, 8, 1), "a compressed message" },
		{ MESSAGE(2, 0, 0, 0, 2, 8, 1), "a compressed message" },
		{ MESSAGE(0, 0, 0, 0, 0, 0), "more than one message" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const char *fault;
		int32_t serving;

		assert_true(grpc_answer_read(cases[i].frame.bytes, cases[i].frame.length, &serving,
				    &fault) < 0);
		assert_string_equal(fault, cases[i].fault);
	}
}

static void a_long_service_has_a_length_of_two_bytes(void **state)
{
	uint8_t request[GRPC_REQUEST_SIZE(300)];
	char service[301];

	memset(service, 's', 300);
	service[300] = '\0';
	assert_int_equal(grpc_request_write(service, request), 5 + 3 + 300);
	assert_memory_equal(request, ((const uint8_t[]){ 0, 0, 0, 1, 47, 0x0a, 0xac, 0x02 }), 8);
	assert_memory_equal(request + 8, service, 300);
}

static void a_status_is_a_number(void **state)
{
	assert_int_equal(grpc_status_read("0", 1), 0);
	assert_int_equal(grpc_status_read("16", 2), 16);
	assert_int_equal(grpc_status_read("999999999", 9), 999999999);
	assert_int_equal(grpc_status_read("9999999999", 10), -1);
	assert_int_equal(grpc_status_read("", 0), -1);
	assert_int_equal(grpc_status_read("-1", 2), -1);
	assert_int_equal(grpc_status_read("1 ", 2), -1);
	assert_string_equal(grpc_status_name(16), "unauthenticated");
	assert_null(grpc_status_name(17));
	assert_null(grpc_status_name(-1));
	assert_string_equal(grpc_serving_name(1), "SERVING");
	assert_null(grpc_serving_name(4));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_status_is_found_among_other_fields),
		cmocka_unit_test(a_message_that_is_cut_off_or_odd_is_refused),
		cmocka_unit_test(a_frame_must_be_whole_and_alone),
		cmocka_unit_test(a_long_service_has_a_length_of_two_bytes),
		cmocka_unit_test(a_status_is_a_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
