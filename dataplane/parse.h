/* SPDX-License-Identifier: BSD-3-Clause */
/* parse: from bytes to a flow key. Reads only what the mbuf's first segment holds, never past it.
 */
#pragma once

#include "packet.h"

/* Extension headers of IPv6 that are walked before a packet counts as malformed. */
#define PARSE_EXTENSIONS_MAX 8

/*
 * Fills key, lengths and flags of `packet` from its mbuf. Ethernet (at most one 802.1Q tag), IPv4
 * with options (RFC 791), IPv6 with extension headers (RFC 8200), TCP (RFC 9293), UDP (RFC 768).
 * Fragments and other protocols come out with PACKET_FRAGMENT or PACKET_PORTLESS and a key without
 * ports: whether they are ours depends on their address, which the service step judges.
 *
 * Returns VERDICT_NEXT, or the fate: LEFT_TO_HOST for what is not IP, MALFORMED, TRUNCATED,
 * MULTI_SEGMENT. Checksums are not verified: the backend does it, and sluice alters no inner byte.
 */
enum verdict parse(struct packet *packet);

/* The same for a burst; the fates go to each packet's verdict. */
void parse_burst(struct packet *packets, unsigned int count);
