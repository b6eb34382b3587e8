# SPDX-License-Identifier: BSD-3-Clause
"""Answers each UDP datagram with a text, from the address that it came to (ip(7), IP_PKTINFO): a
server behind a VIP has to.

usage: answer_datagrams.py PORT TEXT
"""

import socket
import struct
import sys

IP_PKTINFO = 8
PKTINFO = struct.Struct("=i4s4s")  # interface, own address, destination


def own_address(ancillary):
    """What to send with, for the answer to leave from where the question came to."""
    for level, kind, data in ancillary:
        if (level, kind) == (socket.IPPROTO_IP, IP_PKTINFO):
            _, own, _ = PKTINFO.unpack(data)
            return [(level, kind, PKTINFO.pack(0, own, bytes(4)))]
    return []


def main():
    port, text = sys.argv[1:]
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
    server.bind(("", int(port)))
    while True:
        _, ancillary, _, peer = server.recvmsg(2048, socket.CMSG_SPACE(PKTINFO.size))
        server.sendmsg([text.encode()], own_address(ancillary), 0, peer)


main()
