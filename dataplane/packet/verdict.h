/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * verdict: what happens to a packet. Every packet gets exactly one, which is counted in finish.h
 * alone. This table gives the names for counters, JSON, sluice(7) and `explain`.
 *
 * A verdict keeps its number for ever, so that counters mean the same in all versions. New ones go
 * to the end.
 */
#pragma once

#include <stdint.h>

/* X(NAME, name in JSON, what happened) */
#define VERDICT_TABLE(X)                                                                         \
	X(FORWARDED, forwarded, "sent towards its backend")                                      \
	X(LEFT_TO_HOST, left_to_host, "not ours; the host deals with it")                        \
	X(NO_HOST_PATH, no_host_path, "not ours, and this port cannot hand it back to the host") \
	X(NO_SERVICE, no_service, "for a VIP, but no service claims this protocol and port")     \
	X(NO_BACKEND, no_backend, "the service's pool has no backend that takes traffic")        \
	X(FRAGMENT, fragment, "an IP fragment; fragments are not balanced in this version")      \
	X(MTU_EXCEEDED, mtu_exceeded, "would exceed the MTU of the port once encapsulated")      \
	X(MALFORMED, malformed, "a header field that contradicts its protocol")                  \
	X(TRUNCATED, truncated, "shorter than its headers say")                                  \
	X(MULTI_SEGMENT, multi_segment, "spread over several buffers")                           \
	X(NO_HEADROOM, no_headroom, "no room before the packet for the outer header")            \
	X(TRANSMIT_FULL, transmit_full, "the transmit queue of the port was full")

enum verdict {
	VERDICT_NEXT, /* undecided: go on to the next step */
#define VERDICT_ENUM(upper, lower, text) VERDICT_##upper,
	VERDICT_TABLE(VERDICT_ENUM)
#undef VERDICT_ENUM
		VERDICT_COUNT
};

/* "forwarded", ...; "next" for VERDICT_NEXT. Static text. */
const char *verdict_name(enum verdict verdict);

/* What happened, a half sentence for a person. Static text. */
const char *verdict_text(enum verdict verdict);
