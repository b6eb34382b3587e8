/* SPDX-License-Identifier: BSD-3-Clause */
/* probe_reason: why a probe ended as it did. Any thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Bytes of a sentence with its NUL. */
#define PROBE_SENTENCE_SIZE 160

/*
 * X(NAME, json, what the detail is). The numbers are in the state file, in histories of backends:
 * append only.
 */
#define PROBE_REASON_TABLE(X)                                                                   \
	X(NONE, none)               /* not probed yet */                                        \
	X(PASSED, passed)           /* detail: the status of HTTP, or 0 */                      \
	X(REFUSED, refused)         /* errno */                                                 \
	X(UNREACHABLE, unreachable) /* errno */                                                 \
	X(TIMEOUT, timeout)         /* timeout in ms */                                         \
	X(RESET, reset)             /* errno */                                                 \
	X(CLOSED, closed)           /* 0: the peer ended the connection before its answer */    \
	X(STATUS, status)           /* the status of HTTP */                                    \
	X(BODY, body)               /* 0: does not hold what it must */                         \
	X(PROTOCOL, protocol)       /* 0: an answer that breaks the protocol */                 \
	X(TLS, tls)                 /* number of the alert (RFC 8446, 6), or 0 */               \
	X(CERTIFICATE, certificate) /* X509_V_ERR_... of OpenSSL */                             \
	X(EXPIRED, expired)         /* its last day, in days since 1970-01-01 */                \
	X(GRPC_STATUS, grpc_status) /* grpc-status */                                           \
	X(NOT_SERVING, not_serving) /* the ServingStatus of grpc.health.v1 */                   \
	X(ANSWER, answer)           /* 0: not the answer that is expected */                    \
	X(RCODE, rcode)             /* of DNS */                                                \
	X(EXIT, exit)               /* exit status of the program */                            \
	X(SIGNAL, signal)           /* the signal that ended the program */                     \
	X(MTU, mtu)                 /* bytes of the packet that does not arrive */              \
	X(LOCAL, local)       /* errno: this node could not try; says nothing of the backend */ \
	X(OVERRIDE, override) /* what an operator says: enum health_override */                 \
	X(PATH, path)         /* errno: no way to the backend by the data path */

enum probe_reason {
#define PROBE_REASON_ENUM(name, json) PROBE_##name,
	PROBE_REASON_TABLE(PROBE_REASON_ENUM)
#undef PROBE_REASON_ENUM
		PROBE_REASON_COUNT,
};

/* Its name in JSON; "none" for a number that is no reason. */
const char *probe_reason_name(enum probe_reason reason);

/*
 * Nothing came back at all, so that the fault may be anywhere on the way: timeout, unreachable,
 * path. Not so for what the backend itself has answered, nor for what this node could not try.
 */
bool probe_reason_is_silence(enum probe_reason reason);

/*
 * The sentence that reason and detail alone allow, for a history that has kept no more: "connect
 * refused", "status 503", "no answer in 500 ms". Any two numbers are allowed.
 */
void probe_reason_describe(
	enum probe_reason reason, int32_t detail, char text[static PROBE_SENTENCE_SIZE]);

/* Where an errno comes from. */
enum probe_origin {
	PROBE_ORIGIN_NODE,    /* this node alone: socket(), bind(), setsockopt(), memory */
	PROBE_ORIGIN_UNSENT,  /* connect() or send(), which has failed at once */
	PROBE_ORIGIN_NETWORK, /* told by the socket after something was sent: often an ICMP error */
};

/*
 * What an errno says of the backend and the path to it: refused, unreachable, timeout, reset or
 * closed; or PROBE_LOCAL, where it is this node that lacks something. With PROBE_ORIGIN_NETWORK, an
 * errno that nobody has thought of is unreachable.
 */
enum probe_reason probe_reason_of_errno(int error, enum probe_origin origin);
