/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * segment: a TCP segment that a connection has sent before, as a whole IP packet of any size. The
 * other end acknowledges it again at once and hands none of it to the application (RFC 9293,
 * section 3.10.7.4: a segment that is not acceptable is answered by an ACK). Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "packet/address.h"

#define SEGMENT_HEADERS_MAX 72 /* IPv6, TCP with timestamps */

struct segment {
	struct address source, destination;     /* of one family */
	uint16_t source_port, destination_port; /* host byte order, as all below */
	uint32_t next;                          /* sequence number that the connection sends next */
	uint32_t ack;                           /* and the one that it expects next */
	bool has_timestamp;                     /* the connection uses timestamps (RFC 7323) */
	uint32_t timestamp;                     /* TSval */
	uint16_t size; /* bytes of the IP packet, at least SEGMENT_HEADERS_MAX */
};

/*
 * Writes the headers and returns how many bytes they are. All bytes behind them, up to the size,
 * are zero. The packet may not be fragmented. The checksum of an IPv4 header is left to the kernel.
 */
size_t segment_write(const struct segment *segment, uint8_t headers[static SEGMENT_HEADERS_MAX]);
