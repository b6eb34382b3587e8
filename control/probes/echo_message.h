/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * echo_message: ICMP echo requests and what answers them (RFC 792, RFC 4443). Pure. The request
 * carries random bytes: an answer without them is forged, or someone else's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "packet/address.h"

#define ECHO_TOKEN_LENGTH  16
#define ECHO_HEADER_LENGTH 8
#define ECHO_LENGTH        (ECHO_HEADER_LENGTH + ECHO_TOKEN_LENGTH)

struct echo {
	uint8_t family; /* enum address_family */
	bool kernel_id; /* the socket has its id from the kernel, which compares it */
	bool ip_header; /* what is received begins with an IPv4 header */
	uint16_t id, sequence;
	uint8_t token[ECHO_TOKEN_LENGTH];
	size_t padding; /* bytes behind the message, all zero: of a request that is to be large */
};

/*
 * The message without IP header and padding; the checksum of ICMPv6 is left to the kernel, that of
 * ICMP holds for any padding.
 */
void echo_request_write(const struct echo *echo, uint8_t message[static ECHO_LENGTH]);

/* Whether a message that was received answers a request, with whatever sequence number. */
bool echo_is_answered(const struct echo *echo, const uint8_t *bytes, size_t length);
