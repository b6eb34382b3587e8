/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * checksum: for ports whose peer is a kernel that leaves checksums to missing hardware (veth). The
 * TCP or UDP checksum then is only the sum of the pseudo header.
 */
#pragma once

#include "packet/packet.h"

/*
 * Completes the checksum of a parsed TCP or UDP packet if it is wrong and equals the pseudo-header
 * sum. A checksum that is right, or wrong in another way, is left alone, so that damage on the way
 * is never hidden. Reads the whole payload: for labs only.
 */
void checksum_complete(struct packet *packet);
