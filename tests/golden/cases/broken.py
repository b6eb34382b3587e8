# SPDX-License-Identifier: BSD-3-Clause
"""Packets that contradict themselves and packets cut short: dropped by name, never read past."""
import struct

from scapy.layers.inet import TCP
from scapy.layers.inet6 import IPv6ExtHdrDestOpt, IPv6ExtHdrHopByHop
from scapy.layers.l2 import ARP, Dot1Q

from lib import frames
from lib.frames import patched
from lib.registry import case
from lib.rig import dropped, forwarded
from lib.worlds import drop_all, dual_world, world

L3 = 14
L4_IPV4 = L3 + 20
L4_IPV6 = L3 + 40


@case
def header_fields_that_contradict_their_protocol_are_malformed(rig):
    tcp4, udp4, tcp6, udp6 = frames.tcp(4), frames.udp(4), frames.tcp(6), frames.udp(6)
    table = []
    for version in (0, 5, 6, 7, 15):
        table.append(patched(tcp4, L3, bytes([version << 4 | 5])))
    for words in range(5):
        table.append(patched(tcp4, L3, bytes([0x40 | words])))
    for length in (0, 1, 19):
        table.append(patched(tcp4, L3 + 2, struct.pack("!H", length)))
    # a header of 24 bytes in a packet of 20
    table.append(patched(patched(tcp4, L3, b"\x46"), L3 + 2, struct.pack("!H", 20)))
    # a header of 60 bytes in a packet of 40
    table.append(patched(frames.tcp(4, payload=b""), L3, b"\x4f"))
    for version in (0, 4, 5, 7, 15):
        table.append(patched(tcp6, L3, bytes([version << 4])))
    for offset in range(5):
        table.append(patched(tcp4, L4_IPV4 + 12, bytes([offset << 4])))
        table.append(patched(tcp6, L4_IPV6 + 12, bytes([offset << 4])))
    for length in (0, 1, 7):
        table.append(patched(udp4, L4_IPV4 + 4, struct.pack("!H", length)))
        table.append(patched(udp6, L4_IPV6 + 4, struct.pack("!H", length)))
    # the same, behind a VLAN tag
    table.append(patched(frames.tcp(4, vlan=6), L3 + 4, b"\x41"))
    table.append(patched(frames.tcp(6, vlan=6), L3 + 4, b"\x40"))
    # more extension headers than any honest packet has
    chain = bytes(frames.ethernet() / frames.ip(6, nh=60, plen=9 * 8 + 20))
    tail = bytes(TCP(dport=80))
    options = [bytes([60 if left else 6, 0, 1, 4, 0, 0, 0, 0]) for left in range(8, -1, -1)]
    table.append(chain + b"".join(options) + tail)
    drop_all(rig, "malformed", table)


@case
def lengths_beyond_the_packet_are_truncated(rig):
    tcp4, udp4, tcp6, udp6 = frames.tcp(4), frames.udp(4), frames.tcp(6), frames.udp(6)
    bare4, bare6 = frames.tcp(4, payload=b""), frames.tcp(6, payload=b"")
    table = []
    # the IP length reaches beyond the frame
    for frame, offset, header in ((tcp4, L3 + 2, 0), (udp4, L3 + 2, 0),
                                  (tcp6, L3 + 4, 40), (udp6, L3 + 4, 40)):
        fits = len(frame) - L3 - header
        for length in (fits + 1, fits + 100, 0x8000, 0xFFFF):
            table.append(patched(frame, offset, struct.pack("!H", length)))
    # the IP length leaves no room for the transport header: the frame goes on, or ends with it too
    for room in (0, 1, 4, 12, 19):
        short4 = patched(tcp4, L3 + 2, struct.pack("!H", 20 + room))
        short6 = patched(tcp6, L3 + 4, struct.pack("!H", room))
        table += [short4, short4[: L4_IPV4 + room], short6, short6[: L4_IPV6 + room]]
    for room in (0, 1, 4, 7):
        short4 = patched(udp4, L3 + 2, struct.pack("!H", 20 + room))
        short6 = patched(udp6, L3 + 4, struct.pack("!H", room))
        table += [short4, short4[: L4_IPV4 + room], short6, short6[: L4_IPV6 + room]]
    # an extension header begins where the frame ends
    for name in (0, 43, 44, 60):
        for room in (0, 1, 7):
            bare = frames.ethernet() / frames.ip(6, nh=name, plen=room) / bytes(room)
            table.append(bytes(bare))
    # TCP options beyond the packet, UDP data beyond the packet
    for words in (6, 10, 15):
        table.append(patched(bare4, L4_IPV4 + 12, bytes([words << 4])))
        table.append(patched(bare6, L4_IPV6 + 12, bytes([words << 4])))
    for more in (1, 100, 0xFFFF - 18):
        table.append(patched(udp4, L4_IPV4 + 4, struct.pack("!H", 18 + more)))
        table.append(patched(udp6, L4_IPV6 + 4, struct.pack("!H", 18 + more)))
    # an extension header reaches beyond the packet
    extended = bytes(frames.ethernet() / frames.ip(6) / IPv6ExtHdrDestOpt() / TCP(dport=80))
    for length in (3, 100, 255):
        table.append(patched(extended, L4_IPV6 + 1, bytes([length])))
    drop_all(rig, "truncated", table)


@case
def frame_cut_short_anywhere_is_truncated_and_only_the_whole_one_is_forwarded(rig):
    extended = frames.ethernet() / frames.ip(6) / IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt()
    whole = [
        forwarded(frames.tcp(4)),
        forwarded(frames.tcp(6), "www-6"),
        forwarded(frames.udp(4), "dns"),
        forwarded(frames.udp(6), "dns-6"),
        forwarded(frames.tcp(4, vlan=11)),
        forwarded(frames.udp(6, vlan=11), "dns-6"),
        forwarded(bytes(extended / TCP(sport=7, dport=80) / b"data"), "www-6"),
        forwarded(bytes(frames.ethernet() / frames.ip(4) / TCP(sport=7, dport=80, options=[
            ("MSS", 1460), ("SAckOK", b""), ("Timestamp", (1, 2)), ("NOP", None), ("WScale", 7),
        ]) / b"data")),
    ]
    for mode in ("ipip", "l2dsr"):
        packets = []
        for packet in whole:
            packets += [dropped(packet.frame[:length], "truncated")
                        for length in range(len(packet.frame))]
            packets.append(packet)
        rig.run(packets, **dual_world(forward=mode))


@case
def other_frames_cut_short_never_leave(rig):
    arp = bytes(frames.ethernet(type=0x0806) / ARP(psrc="10.2.0.1", pdst="10.2.0.10"))
    double = bytes(frames.ethernet(vlan=5) / Dot1Q(vlan=6) / frames.ip(4) / TCP(dport=80))
    packets = []
    for frame, header in ((arp, 14), (double, 18)):
        packets += [dropped(frame[:length], "truncated" if length < header else "no_host_path")
                    for length in range(len(frame) + 1)]
    rig.run(packets, **world())


@case
def frames_of_no_and_of_least_length_do_no_harm(rig):
    tcp4 = frames.tcp(4, payload=b"")
    packets = [
        dropped(b"", "truncated"),
        dropped(b"\x00", "truncated"),
        dropped(bytes(13), "truncated"),
        dropped(bytes(14), "no_host_path"),
        dropped(bytes(60), "no_host_path"),
        dropped(tcp4[:14], "truncated"),
        forwarded(tcp4),
        dropped(b"", "truncated"),
        forwarded(frames.udp(4, payload=b""), "dns"),
    ]
    rig.run(packets, **world())
