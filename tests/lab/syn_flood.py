# SPDX-License-Identifier: BSD-3-Clause
"""
A flood of SYNs, or of ACKs that belong to no connection, from invented clients (198.18.0.0/15,
RFC 2544), in bursts, until it is ended.

usage: syn_flood.py [--acks] SEED SEGMENTS_PER_SECOND PORT ADDRESS...
"""

import random
import socket
import struct
import sys
import time

from syn_packet import ACK, SYN, segment

BURST_SECONDS = 3
PAUSE_SECONDS = 3
STEP_SECONDS = 0.01
SOURCES = 0xC6120000
SOURCE_BITS = 17


def invent(dice, target, port, flags):
    source = struct.pack("!I", SOURCES + dice.getrandbits(SOURCE_BITS))
    source_port, sequence = dice.randrange(1024, 65536), dice.getrandbits(32)
    return segment(source, target, source_port, port, sequence, flags)


def burst(sender, dice, rate, port, addresses, flags):
    """At the rate on average, in small steps."""
    begun = time.monotonic()
    sent = 0
    while (passed := time.monotonic() - begun) < BURST_SECONDS:
        while sent < passed * rate:
            address = addresses[sent % len(addresses)]
            sender.sendto(invent(dice, socket.inet_aton(address), port, flags), (address, 0))
            sent += 1
        time.sleep(STEP_SECONDS)


def main():
    arguments = sys.argv[1:]
    flags = ACK if arguments[0] == "--acks" else SYN
    seed, rate, port, *addresses = arguments[1:] if flags == ACK else arguments
    dice = random.Random(int(seed))
    sender = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    while True:
        burst(sender, dice, int(rate), int(port), addresses, flags)
        time.sleep(PAUSE_SECONDS)


main()
