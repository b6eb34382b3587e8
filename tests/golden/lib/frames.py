# SPDX-License-Identifier: BSD-3-Clause
"""Frames that clients send: built one by one with scapy, or as raw bytes where many are needed."""
import ipaddress
import struct

from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import (
    ICMPv6DestUnreach,
    ICMPv6PacketTooBig,
    ICMPv6ParamProblem,
    ICMPv6TimeExceeded,
    IPv6,
)
from scapy.layers.l2 import Dot1Q, Ether

from .rig import PORT_MAC

CLIENT_MAC = "02:00:00:00:00:99"
CLIENT = {4: "198.51.100.7", 6: "2001:db8:c::7"}
VIP = {4: "203.0.113.10", 6: "2001:db8:100::10"}
ROUTER = {4: "192.0.2.1", 6: "2001:db8:9::1"}  # on the way to the client
STRANGER = {4: "203.0.113.99", 6: "2001:db8:100::99"}  # an address of no service


def ethernet(vlan=None, destination=PORT_MAC, **fields):
    # Both addresses are always given: scapy would look for the missing one on the network.
    header = Ether(src=CLIENT_MAC, dst=destination, **fields)
    return header if vlan is None else header / Dot1Q(vlan=vlan)


def ip(family=4, source=None, destination=None, **fields):
    addresses = {"src": source or CLIENT[family], "dst": destination or VIP[family]}
    return IP(**addresses, **fields) if family == 4 else IPv6(**addresses, **fields)


def tcp(family=4, source_port=40000, port=80, flags="A", payload=b"GET / HTTP/1.1\r\n\r\n",
        vlan=None, tos=0, **fields):
    fields["tos" if family == 4 else "tc"] = tos
    l4 = TCP(sport=source_port, dport=port, flags=flags)
    return bytes(ethernet(vlan) / ip(family, **fields) / l4 / payload)


def udp(family=4, source_port=40000, port=53, payload=b"a question", vlan=None, tos=0, **fields):
    fields["tos" if family == 4 else "tc"] = tos
    l4 = UDP(sport=source_port, dport=port)
    return bytes(ethernet(vlan) / ip(family, **fields) / l4 / payload)


def reply(family=4, l4=None, client_port=40000, port=80, payload=bytes(64), **fields):
    """An IP packet that a backend sends from the VIP to the client, without Ethernet."""
    addresses = {"source": VIP[family], "destination": CLIENT[family], **fields}
    l4 = TCP(sport=port, dport=client_port, flags="A") if l4 is None else l4
    return bytes(ip(family, **addresses) / l4 / payload)


def icmp_error(family=4, kind=3, quoted=None, before=None, vlan=None, **fields):
    """What a router says of a packet; `before` are extension headers in front of it."""
    quoted = reply(family) if quoted is None else quoted
    header = ip(family, source=ROUTER[family], **fields)
    if before is not None:
        header = header / before
    if family == 4:
        return bytes(ethernet(vlan) / header / ICMP(type=kind) / quoted)
    kinds = {1: ICMPv6DestUnreach, 2: ICMPv6PacketTooBig, 3: ICMPv6TimeExceeded,
             4: ICMPv6ParamProblem}
    return bytes(ethernet(vlan) / header / kinds[kind]() / quoted)


def patched(frame, offset, data):
    """The frame with `data` in place of the bytes at `offset`."""
    return frame[:offset] + data + frame[offset + len(data) :]


def sized_tcp(family, l3_length, **options):
    """A TCP packet of exactly that many bytes from its IP header on."""
    bare = len(tcp(family, payload=b"", **options)) - 14 - (4 if options.get("vlan") else 0)
    return tcp(family, payload=bytes(l3_length - bare), **options)


def flood(family, flows, vip=None, port=80, flags=0x02):
    """
    Many small TCP packets, fast: one frame built with scapy, then addresses and ports from `flows`,
    pairs of (source address, source port), written over it. The IPv4 header checksum and the TCP
    checksum stay those of the first frame: the balancer does not look at them.
    """
    first = tcp(family, destination=vip, port=port, payload=b"")
    source_at = 14 + (12 if family == 4 else 8)
    port_at = 14 + (20 if family == 4 else 40)
    flags_at = port_at + 13
    size = 4 if family == 4 else 16
    head, middle = first[:source_at], first[source_at + size : port_at]
    rest = first[port_at + 2 : flags_at] + bytes([flags]) + first[flags_at + 1 :]
    return [
        head + ipaddress.ip_address(address).packed + middle + struct.pack("!H", source_port) + rest
        for address, source_port in flows
    ]


def many_flows(family, count):
    """`count` different (source address, source port), spread like clients are: evenly enough."""
    base = int(ipaddress.ip_address("198.18.0.0" if family == 4 else "2001:db8:c1::"))
    make = ipaddress.IPv4Address if family == 4 else ipaddress.IPv6Address
    return [(make(base + i * 7 % 65521), 1024 + i * 61 % 64000) for i in range(count)]
