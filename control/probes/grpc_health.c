/* SPDX-License-Identifier: BSD-3-Clause */
#include "probes/grpc_health.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define FRAME_SIZE        5 /* bytes before a message: whether it is compressed, and its length */
#define TAG_SERVICE       0x0a /* field 1, of bytes with a length */
#define STATUS_DIGITS_MAX 9
#define FIELD_STATUS      1
#define VARINT_SIZE       10 /* bytes, at most */

/* Wire types of protobuf; groups are of its past. */
enum wire_type { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

const char *grpc_serving_name(int32_t serving)
{
	static const char *const names[] = {
		[GRPC_SERVING_UNKNOWN] = "UNKNOWN",
		[GRPC_SERVING] = "SERVING",
		[GRPC_NOT_SERVING] = "NOT_SERVING",
		[GRPC_SERVICE_UNKNOWN] = "SERVICE_UNKNOWN",
	};

	return (uint32_t)serving < sizeof(names) / sizeof(names[0]) ? names[serving] : NULL;
}

/* doc/statuscodes.md of gRPC */
const char *grpc_status_name(int32_t status)
{
	static const char *const names[] = {
		"ok",
		"cancelled",
		"unknown",
		"invalid argument",
		"deadline exceeded",
		"not found",
		"already exists",
		"permission denied",
		"resource exhausted",
		"failed precondition",
		"aborted",
		"out of range",
		"unimplemented",
		"internal",
		"unavailable",
		"data loss",
		"unauthenticated",
	};

	return (uint32_t)status < sizeof(names) / sizeof(names[0]) ? names[status] : NULL;
}

int32_t grpc_status_read(const char *text, size_t length)
{
	int32_t status = 0;

	if (length == 0 || length > STATUS_DIGITS_MAX)
		return -1;
	for (size_t i = 0; i < length; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -1;
		status = status * 10 + (text[i] - '0');
	}
	return status;
}

static void write_be32(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 24);
	at[1] = (uint8_t)(value >> 16);
	at[2] = (uint8_t)(value >> 8);
	at[3] = (uint8_t)value;
}

static uint32_t read_be32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static uint8_t *write_varint(uint8_t *at, size_t value)
{
	for (; value >= 0x80; value >>= 7)
		*at++ = (uint8_t)(value | 0x80);
	*at++ = (uint8_t)value;
	return at;
}

size_t grpc_request_write(const char *service, uint8_t *request)
{
	size_t length = strlen(service);
	uint8_t *at = request + FRAME_SIZE;

	if (length > 0) { /* an empty one is not written */
		*at++ = TAG_SERVICE;
		at = write_varint(at, length);
		memcpy(at, service, length);
		at += length;
	}
	request[0] = 0;
	write_be32(request + 1, (uint32_t)(at - request - FRAME_SIZE));
	return (size_t)(at - request);
}

/* What is not read yet of a message. */
struct rest {
	const uint8_t *at;
	size_t length;
};

static bool skip(struct rest *rest, uint64_t length)
{
	if (length > rest->length)
		return false;
	rest->at += length;
	rest->length -= (size_t)length;
	return true;
}

/* False: it is cut off, or has more than 64 bits. */
static bool read_varint(struct rest *rest, uint64_t *value)
{
	*value = 0;
	for (unsigned int i = 0; i < VARINT_SIZE && i < rest->length; i++) {
		uint8_t byte = rest->at[i];

		if (i == VARINT_SIZE - 1 && byte > 1)
			return false;
		*value |= (uint64_t)(byte & 0x7f) << (7 * i);
		if ((byte & 0x80) == 0)
			return skip(rest, i + 1);
	}
	return false;
}

static bool skip_field(struct rest *rest, unsigned int wire_type)
{
	uint64_t length;

	switch (wire_type) {
	case WIRE_VARINT: return read_varint(rest, &length);
	case WIRE_64: return skip(rest, 8);
	case WIRE_BYTES: return read_varint(rest, &length) && skip(rest, length);
	case WIRE_32: return skip(rest, 4);
	default: return false;
	}
}

/* A status that is given more than once is the last one. */
static bool read_field(struct rest *rest, int32_t *serving)
{
	uint64_t tag, value;

	if (!read_varint(rest, &tag) || tag > UINT32_MAX || tag >> 3 == 0)
		return false;
	if (tag >> 3 != FIELD_STATUS)
		return skip_field(rest, tag & 7);
	if ((tag & 7) != WIRE_VARINT || !read_varint(rest, &value))
		return false;
	*serving = (int32_t)(uint32_t)value;
	return true;
}

int grpc_answer_read(const uint8_t *body, size_t length, int32_t *serving, const char **fault)
{
	struct rest rest;

	*fault = NULL;
	*serving = GRPC_SERVING_UNKNOWN;
	if (length < FRAME_SIZE)
		*fault = "a message that is cut off";
	else if (body[0] != 0)
		*fault = "a compressed message";
	else if (read_be32(body + 1) > length - FRAME_SIZE)
		*fault = "a message that is cut off";
	else if (read_be32(body + 1) < length - FRAME_SIZE)
		*fault = "more than one message";
	if (*fault != NULL)
		return -EINVAL;
	rest = (struct rest){ body + FRAME_SIZE, length - FRAME_SIZE };
	while (rest.length > 0)
		if (!read_field(&rest, serving)) {
			*fault = "a message that is no HealthCheckResponse";
			return -EINVAL;
		}
	return 0;
}
