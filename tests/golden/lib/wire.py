# SPDX-License-Identifier: BSD-3-Clause
"""
What a frame says, read from its bytes by the plainest means: where its parts begin and which flow
it belongs to, or is about where it is an ICMP error. Only for whole, valid frames, and of ICMP only
for errors; it shares nothing with the code under test.
"""
import struct
from dataclasses import dataclass

ETHERTYPE_IPV4 = 0x0800
ETHERTYPE_IPV6 = 0x86DD
ETHERTYPE_VLAN = 0x8100
TCP = 6
UDP = 17
ICMP = {4: 1, 6: 58}  # by family
ICMP_SIZE = 8  # before what it quotes
EXTENSION_HEADERS = (0, 43, 44, 60)  # hop-by-hop, routing, fragment (atomic), destination options
TCP_SYN_ACK = 0x12
TCP_SYN = 0x02


@dataclass(frozen=True)
class Flow:
    source: bytes
    destination: bytes
    protocol: int
    source_port: int
    destination_port: int


@dataclass(frozen=True)
class Layout:
    family: int  # 4 or 6
    l3_offset: int
    l3_length: int  # by the IP header: Ethernet padding is not in it
    traffic_class: int
    flow: Flow
    new_flow: bool  # TCP SYN without ACK

    def l3(self, frame):
        return frame[self.l3_offset : self.l3_offset + self.l3_length]


def _layout_ipv4(frame, l3):
    length = struct.unpack_from("!H", frame, l3 + 2)[0]
    return frame[l3 + 1], length, frame[l3 + 9], l3 + 4 * (frame[l3] & 15), frame[l3 + 12 : l3 + 20]


def _layout_ipv6(frame, l3):
    word, payload, protocol = struct.unpack_from("!IHB", frame, l3)
    l4 = l3 + 40
    while protocol in EXTENSION_HEADERS:
        protocol, l4 = frame[l4], l4 + 8 * (frame[l4 + 1] + 1)
    return word >> 20 & 255, 40 + payload, protocol, l4, frame[l3 + 8 : l3 + 40]


def _flow(addresses, protocol, ports):
    half = len(addresses) // 2
    return Flow(addresses[:half], addresses[half:], protocol, *ports)


def _quoted_flow(frame, family, l3):
    """The flow whose other half the quoted packet belongs to: a backend has sent it."""
    read = _layout_ipv4 if family == 4 else _layout_ipv6
    _, _, protocol, l4, addresses = read(frame, l3)
    half = len(addresses) // 2
    ports = struct.unpack_from("!HH", frame, l4)[::-1]
    return _flow(addresses[half:] + addresses[:half], protocol, ports)


def layout(frame):
    ethertype, l3 = struct.unpack_from("!H", frame, 12)[0], 14
    if ethertype == ETHERTYPE_VLAN:
        ethertype, l3 = struct.unpack_from("!H", frame, 16)[0], 18
    family = 4 if ethertype == ETHERTYPE_IPV4 else 6
    read = _layout_ipv4 if family == 4 else _layout_ipv6
    traffic_class, length, protocol, l4, addresses = read(frame, l3)
    if protocol == ICMP[family]:
        flow, new_flow = _quoted_flow(frame, family, l4 + ICMP_SIZE), False
    else:
        flow = _flow(addresses, protocol, struct.unpack_from("!HH", frame, l4))
        new_flow = protocol == TCP and frame[l4 + 13] & TCP_SYN_ACK == TCP_SYN
    return Layout(family, l3, length, traffic_class, flow, new_flow)
