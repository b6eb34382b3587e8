/* SPDX-License-Identifier: BSD-3-Clause */
/* parse: from bytes to a flow key. Reads only what the mbuf's first segment holds, never past it.
 */
#pragma once

#include "packet/packet.h"
#include "packet/station.h"

/* Extension headers of IPv6 that are walked before a packet counts as malformed. */
#define PARSE_EXTENSIONS_MAX 8

/*
 * Fills key, lengths and flags of `packet` from its mbuf. Ethernet (at most one 802.1Q tag), IPv4
 * with options (RFC 791), IPv6 with extension headers (RFC 8200), TCP (RFC 9293), UDP (RFC 768).
 * Fragments and other protocols come out with PACKET_FRAGMENT or PACKET_PORTLESS and a key without
 * ports: whether they are ours depends on their address, which the service step checks.
 *
 * Returns VERDICT_NEXT, or the fate: LEFT_TO_HOST for what is not IP, MALFORMED, TRUNCATED,
 * MULTI_SEGMENT. Checksums are not verified: the backend does it, and sluice alters no inner byte.
 */
enum verdict parse(struct packet *packet);

/*
 * Whether a packet that parse() found to be whole ICMP or ICMPv6 is an error about a flow (ICMP
 * types 3, 11, 12 of RFC 792; ICMPv6 types 1 to 4 of RFC 4443). Such an error quotes a packet that
 * a backend has sent from the VIP to a client. VERDICT_NEXT: it is one; it now has
 * PACKET_ICMP_ERROR, and `key` is the key of the client's packets to the VIP.
 *
 * Any other verdict leaves the packet unchanged: LEFT_TO_HOST if it is no error, or about neither
 * TCP nor UDP; TRUNCATED if it quotes less than 8 bytes of the transport header; FRAGMENT if the
 * quoted packet was one; MALFORMED if a quoted field contradicts its protocol, or if the quoted
 * packet was not sent by the address that gets the error.
 */
enum verdict parse_icmp_error(struct packet *packet);

/*
 * Same as parse(), for a burst of one port; stores the result in each packet's verdict. Frames that
 * are not addressed to `station` are LEFT_TO_HOST, whatever is in them.
 */
void parse_burst(struct packet *packets, unsigned int count, struct station station);
