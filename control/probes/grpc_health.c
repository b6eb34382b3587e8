/* SPDX-License-Identifier: BSD-3-Clause */
#include "probes/grpc_health.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

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
