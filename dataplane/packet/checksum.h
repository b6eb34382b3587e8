/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * checksum: for ports whose peer is a kernel that leaves checksums to hardware that is not there
 * (veth): the TCP or UDP field then holds the sum of the pseudo header only.
 */
#pragma once

#include "packet/packet.h"

/*
 * Completes the checksum of a parsed TCP or UDP packet where it holds exactly the pseudo-header sum
 * and is wrong as it stands; a checksum that is right, or wrong in any other way, is left alone, so
 * that damage on the way is never covered up. Touches the whole payload: labs only.
 */
void checksum_complete(struct packet *packet);
