/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * grpc_health: the messages of grpc.health.v1.Health/Check, written and read by hand: length-
 * prefixed messages of gRPC over HTTP/2 (its PROTOCOL-HTTP2.md) around two messages of protobuf
 * with a field each (its health/v1/health.proto). Any thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* ServingStatus. */
enum grpc_serving {
	GRPC_SERVING_UNKNOWN,
	GRPC_SERVING,
	GRPC_NOT_SERVING,
	GRPC_SERVICE_UNKNOWN, /* of Watch only, but some servers answer with it */
};

/* NULL: it has no name. */
const char *grpc_serving_name(int32_t serving);

/* Name of a grpc-status, as in "not found"; NULL: it has none. */
const char *grpc_status_name(int32_t status);

/* The value of the header grpc-status, of `length` bytes; -1: it is no number. */
int32_t grpc_status_read(const char *text, size_t length);

/* Bytes of the request for a name of `length` bytes, at most. */
#define GRPC_REQUEST_SIZE(length) ((length) + 16)

/*
 * Writes the HealthCheckRequest for `service` ("" is the server as a whole), of less than 2^20
 * bytes, in its frame; `request` has GRPC_REQUEST_SIZE() bytes. Returns its length.
 */
size_t grpc_request_write(const char *service, uint8_t *request);

/*
 * Reads the one HealthCheckResponse that a body consists of. 0, or -EINVAL with a phrase in
 * `*fault`: "a compressed message".
 */
int grpc_answer_read(const uint8_t *body, size_t length, int32_t *serving, const char **fault);
