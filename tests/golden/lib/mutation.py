# SPDX-License-Identifier: BSD-3-Clause
"""
Mutated frames: valid ones of every kind, with bytes changed. One seed gives one list of frames.
A mutation works on raw bytes, because a soak needs some hundred thousand of them in seconds.
"""
import random
import struct

from scapy.layers.inet import ICMP, TCP, UDP, IPOption
from scapy.layers.inet6 import (
    ICMPv6EchoRequest,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
)
from scapy.layers.l2 import ARP, Dot1Q

from . import frames

EXTENSIONS = (0, 43, 44, 60)
EDGES = bytes.fromhex("00 01 04 05 06 07 08 0f 10 3c 45 4f 50 60 7f 80 f0 fe ff")
HEADERS = 120  # bytes of a frame that hold its headers, mostly
LONGEST = 9000
LONGEST_IN_ONE_BUFFER = 2048


def corpus():
    """Valid frames of every kind, most of them for a service."""
    ethernet, ip = frames.ethernet, frames.ip
    web, question = TCP(sport=999, dport=80, flags="S"), UDP(sport=999, dport=53) / b"question"
    sizes = (200, 1440, 1460, 1480, 1500, 1990)
    packets = []
    for family in (4, 6):
        for vlan in (None, 7):
            packets += [frames.tcp(family, vlan=vlan), frames.udp(family, vlan=vlan),
                        frames.tcp(family, vlan=vlan, payload=b""),
                        frames.udp(family, vlan=vlan, payload=b"")]
        packets += [frames.sized_tcp(family, length) for length in sizes]
        packets += [frames.tcp(family, port=81), frames.sized_tcp(family, 3000),
                    frames.tcp(family, destination=frames.STRANGER[family])]
        packets.append(ethernet(5) / Dot1Q(vlan=6) / ip(family) / web)
    for length in (4, 20, 40):
        packets.append(ethernet() / ip(4, options=[IPOption(b"\x01" * length)]) / web)
    for flags, offset in (("MF", 0), ("MF", 5), (0, 5)):
        packets.append(ethernet() / ip(4, flags=flags, frag=offset, proto=6) / bytes(40))
    for l4 in (web, question):
        packets += [
            ethernet() / ip(6) / IPv6ExtHdrHopByHop() / l4,
            ethernet() / ip(6) / IPv6ExtHdrDestOpt() / l4,
            ethernet() / ip(6) / IPv6ExtHdrRouting(type=4, addresses=["::1"], segleft=0) / l4,
            ethernet() / ip(6) / IPv6ExtHdrFragment() / l4,
            ethernet() / ip(6) / IPv6ExtHdrFragment(m=1) / l4,
            ethernet(7) / ip(6) / IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt() / l4,
        ]
    packets += [
        ethernet() / ip(4) / ICMP() / b"ping",
        ethernet() / ip(6) / ICMPv6EchoRequest(data=b"ping"),
        frames.icmp_error(4), frames.icmp_error(4, 11, frames.reply(4, UDP(sport=53, dport=999))),
        frames.icmp_error(6), frames.icmp_error(6, 2, frames.reply(6, IPv6ExtHdrHopByHop() / web)),
        ethernet() / ip(4, proto=47) / bytes(40),
        ethernet() / ip(4, proto=4) / frames.tcp(4)[14:],
        ethernet() / ip(6, nh=50) / bytes(40),
        ethernet(type=0x0806) / ARP(psrc="10.2.0.1", pdst="10.2.0.10"),
        ethernet(type=0x88CC) / bytes(46),
    ]
    return [bytes(packet) for packet in packets]


class Mutator:
    """An endless supply of frames, all from one seed."""

    def __init__(self, seed, templates, longest=LONGEST):
        self.random = random.Random(seed)
        self.templates = [frame for frame in templates if len(frame) <= longest]
        self.longest = longest
        self.mutations = (
            self.flip_bits, self.flip_bits, self.edge_byte, self.edge_byte, self.edge_word,
            self.truncate, self.overwrite, self.add_tail, self.splice, self.repeat_header,
            self.scatter, self.scatter, self.scatter,
        )

    def below(self, limit):
        """A whole number from 0 on, below the limit; much faster than randrange()."""
        return int(self.random.random() * limit)

    def place(self, frame):
        """An offset in the frame, mostly where headers are."""
        size = len(frame)
        return self.below(min(size, HEADERS) if self.random.random() < 0.9 else size)

    def flip_bits(self, frame):
        for _ in range(1 + self.below(4)):
            frame[self.place(frame)] ^= 1 << self.below(8)

    def edge_byte(self, frame):
        frame[self.place(frame)] = EDGES[self.below(len(EDGES))]

    def edge_word(self, frame):
        """A length field, often: on the spot off by a little, or at the end of its range."""
        at = self.place(frame) & ~1
        if at + 2 <= len(frame):
            value = struct.unpack_from("!H", frame, at)[0] + self.below(9) - 4
            if self.random.random() < 0.3:
                value = (0, 0x7FFF, 0x8000, 0xFFFF)[self.below(4)]
            struct.pack_into("!H", frame, at, value & 0xFFFF)

    def truncate(self, frame):
        del frame[self.place(frame) :]

    def overwrite(self, frame):
        at = self.place(frame)
        size = min(1 + self.below(16), len(frame) - at)
        frame[at : at + size] = self.random.randbytes(size)

    def add_tail(self, frame):
        frame += self.random.randbytes(1 + self.below(64))

    def splice(self, frame):
        other = self.templates[self.below(len(self.templates))]
        frame[self.place(frame) :] = other[self.place(other) :]

    def repeat_header(self, frame):
        """Eight bytes once more and again: grows chains of extension headers and options."""
        at = self.place(frame)
        frame[at:at] = frame[at : at + 8] * (1 + self.below(12))

    def scatter(self, frame):
        """Leaves the packet whole and makes it another flow."""
        at = 12 + 14 if frame[12:14] == b"\x08\x00" else 14 + 8
        if len(frame) > at + 4:
            frame[at : at + 4] = self.random.randbytes(4)

    def extension_chain(self):
        """An IPv6 packet of extension headers, as many and as long as fit, lengths lying or not."""
        frame = bytearray(ipv6_head(self.templates))
        protocols = [EXTENSIONS[self.below(4)] for _ in range(1 + self.below(14))]
        frame[20] = protocols[0]
        for follower in [*protocols[1:], (6, 17, 58, 59)[self.below(4)]]:
            units = 0 if self.random.random() < 0.8 else self.below(4)
            lie = self.below(256) if self.random.random() < 0.05 else units
            frame += bytes([follower, lie]) + bytes(6 + 8 * units)
        frame += self.templates[0][34:]
        payload = len(frame) - 54 + (0 if self.random.random() < 0.9 else self.below(100) - 50)
        struct.pack_into("!H", frame, 18, payload & 0xFFFF)
        return frame

    def frame(self):
        kind = self.random.random()
        if kind < 0.03:
            return self.random.randbytes(self.below(200))
        if kind < 0.10:
            frame = self.extension_chain()
        else:
            frame = bytearray(self.templates[self.below(len(self.templates))])
        if kind < 0.8:
            for _ in range(1 + self.below(3)):
                if frame:
                    self.mutations[self.below(len(self.mutations))](frame)
        del frame[self.longest :]
        return bytes(frame)

    def frames(self, count):
        return [self.frame() for _ in range(count)]


def ipv6_head(templates):
    """Ethernet and IPv6 header of the first untagged IPv6 template."""
    return next(frame[:54] for frame in templates if frame[12:14] == b"\x86\xdd")
