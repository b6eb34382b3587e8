/* SPDX-License-Identifier: BSD-3-Clause */
/* encap: the last change to a packet before it leaves, as the record of its backend says. */
#pragma once

#include "packet/packet.h"
#include "encap/record.h"

/*
 * Rewrites the MAC addresses and puts the outer header, if any, before the inner one. DSCP and ECN
 * are copied to the outer header (RFC 6040 normal mode, RFC 2983 uniform), a VLAN tag is kept, the
 * inner packet is not altered, Ethernet padding behind it is cut off before encapsulation.
 *
 * Returns VERDICT_NEXT, NO_BACKEND (it is the dummy record), MTU_EXCEEDED or NO_HEADROOM. Unless it
 * returns VERDICT_NEXT, the packet is unchanged.
 */
enum verdict encap(struct packet *packet, const struct backend_record *record);

/* Same for the packets of a burst that are still VERDICT_NEXT, each with its own record. */
void encap_burst(struct packet *packets, unsigned int count);
