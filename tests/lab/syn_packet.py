# SPDX-License-Identifier: BSD-3-Clause
"""TCP segments without data made by hand, for raw sockets of IPv4."""

import socket
import struct

SYN = 0x02
ACK = 0x10
WINDOW = 64240


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def syn(source, target, source_port, port, sequence):
    return segment(source, target, source_port, port, sequence, SYN)


def segment(source, target, source_port, port, sequence, flags):
    """A whole packet, addresses as four bytes each; the kernel fills in what its IP header lacks."""
    pseudo = struct.pack("!4s4sHH", source, target, socket.IPPROTO_TCP, 20)
    tcp = (source_port, port, sequence, 0, 5 << 4, flags, WINDOW)
    head = struct.pack("!HHIIBBHHH", *tcp, 0, 0)
    head = struct.pack("!HHIIBBHHH", *tcp, checksum(pseudo + head), 0)
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 0, 0, 0, 64, socket.IPPROTO_TCP, 0, source, target)
    return ip + head
