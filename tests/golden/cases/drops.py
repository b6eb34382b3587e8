# SPDX-License-Identifier: BSD-3-Clause
"""What does not leave, and the name each kind of it is counted under."""
import struct

from scapy.layers.inet import ICMP, TCP, UDP
from scapy.layers.inet6 import (
    ICMPv6EchoRequest,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
)
from scapy.layers.l2 import ARP, Dot1AD, Dot1Q

from lib import frames
from lib.frames import patched
from lib.registry import case
from lib.rig import dropped, forwarded
from lib.worlds import drop_all, world

L3 = 14


@case
def frames_that_are_not_ip_are_left_to_the_host(rig):
    broadcast = frames.ethernet(destination="ff:ff:ff:ff:ff:ff")
    payload = frames.tcp(4)[14:]
    drop_all(rig, "no_host_path", [
        broadcast / ARP(op="who-has", psrc="10.2.0.1", pdst="10.2.0.10"),
        broadcast / ARP(op="is-at", psrc="10.2.0.1", pdst="10.2.0.10"),
        # LLDP, then spanning tree: 802.3 with a length where others have a type
        frames.ethernet(destination="01:80:c2:00:00:0e", type=0x88CC) / bytes.fromhex("02070402"),
        frames.ethernet(destination="01:80:c2:00:00:00", type=38) / bytes(38),
        frames.ethernet(type=0x8863) / payload,  # PPPoE discovery
        frames.ethernet(type=0x8847) / payload,  # MPLS
        frames.ethernet(type=0xFFFF) / payload,
        frames.ethernet(type=0x0000) / payload,
        frames.ethernet(type=0x0806),  # nothing behind the header, and none of our business
        frames.ethernet(vlan=5) / ARP(psrc="10.2.0.1", pdst="10.2.0.10"),
    ])


@case
def packet_to_an_address_of_no_service_is_left_to_the_host(rig):
    stranger4, stranger6 = frames.STRANGER[4], frames.STRANGER[6]
    drop_all(rig, "no_host_path", [
        frames.tcp(4, destination=stranger4),
        frames.udp(4, destination=stranger4),
        frames.tcp(6, destination=stranger6),
        frames.udp(6, destination=stranger6),
        frames.tcp(4, destination=stranger4, vlan=9),
        frames.tcp(4, source=frames.VIP[4], destination=stranger4),  # from a VIP is not to a VIP
        frames.ethernet() / frames.ip(4, destination=stranger4) / ICMP(),
        frames.ethernet() / frames.ip(4, destination=stranger4, flags="MF") / UDP() / bytes(8),
        frames.ethernet() / frames.ip(4, destination=stranger4, proto=132) / bytes(30),
        frames.ethernet() / frames.ip(6, destination=stranger6)
        / IPv6ExtHdrFragment(m=1) / UDP() / bytes(8),
        # one bit beside the VIP
        frames.tcp(4, destination="203.0.113.11"),
        frames.tcp(6, destination="2001:db8:100::11"),
        frames.tcp(6, destination="2001:db8:101::10"),
        # the bytes of the IPv4 VIP inside an IPv6 address
        frames.tcp(6, destination="::203.0.113.10"),
        frames.tcp(6, destination="::ffff:203.0.113.10"),
        frames.tcp(6, destination="cb00:710a::"),
    ])


@case
def frames_of_other_stations_are_not_balanced(rig):
    def to(mac, family=4, **fields):
        packet = frames.tcp(family, **fields)
        return bytes.fromhex(mac.replace(":", "")) + packet[6:]

    drop_all(rig, "no_host_path", [
        to("02:00:00:00:00:77"),  # another host's, flooded by a switch
        to("ff:ff:ff:ff:ff:ff"),  # broadcast (RFC 1812, 5.3.4)
        to("ff:ff:ff:ff:ff:ff", 6),
        to("01:00:5e:00:00:0a"),  # multicast
        to("33:33:00:00:00:10", 6),
        to("03:70:63:61:70:00"),  # ours but for the bit of a group
        to("02:70:63:61:70:01"),  # ours but for the last bit
        to("ff:ff:ff:ff:ff:ff", 4, vlan=9),
        to("02:00:00:00:00:77", 4, port=81),
        to("02:00:00:00:00:77", 6, vlan=9),
    ])


@case
def icmp_to_a_vip_is_left_to_the_host(rig):
    drop_all(rig, "no_host_path", [
        frames.ethernet() / frames.ip(4) / ICMP() / b"ping",
        frames.ethernet() / frames.ip(6) / ICMPv6EchoRequest(data=b"ping"),
        frames.ethernet() / frames.ip(6) / IPv6ExtHdrHopByHop() / ICMPv6EchoRequest(data=b"ping"),
        frames.ethernet(vlan=3) / frames.ip(4) / ICMP() / b"ping",
    ])


@case
def packet_to_a_vip_that_no_service_claims_is_dropped(rig):
    drop_all(rig, "no_service", [
        frames.tcp(4, port=81),
        frames.tcp(4, port=53),  # claimed for UDP only
        frames.udp(4, port=80),  # claimed for TCP only
        frames.tcp(4, port=0),
        frames.udp(4, port=0),
        frames.tcp(4, source_port=80, port=8080),
        frames.tcp(4, port=0x5000),  # 80 in the wrong byte order
        frames.tcp(6, port=81),
        frames.udp(6, port=80),
        frames.tcp(6, port=0),
        frames.ethernet() / frames.ip(4, proto=132) / bytes(30),  # SCTP
        frames.ethernet() / frames.ip(4, proto=47) / bytes(30),  # GRE
        frames.ethernet() / frames.ip(4, proto=4) / frames.tcp(4)[14:],  # a packet in a packet
        frames.ethernet() / frames.ip(4, proto=58) / bytes(30),  # ICMPv6 is no protocol of IPv4
        frames.ethernet() / frames.ip(4, proto=0) / bytes(30),
        frames.ethernet() / frames.ip(4, proto=255),
        frames.ethernet() / frames.ip(6, nh=50) / bytes(30),  # ESP
        frames.ethernet() / frames.ip(6, nh=59),  # no next header
        frames.ethernet() / frames.ip(6, nh=1) / bytes(30),  # ICMP is no protocol of IPv6
        frames.ethernet() / frames.ip(6) / IPv6ExtHdrDestOpt(nh=59),
    ])


@case
def two_vlan_tags_are_left_to_the_host(rig):
    inner = frames.ip(4) / TCP(dport=80) / b"x"
    inner6 = frames.ip(6) / TCP(dport=80) / b"x"
    drop_all(rig, "no_host_path", [
        frames.ethernet(vlan=5) / Dot1Q(vlan=6) / inner,
        frames.ethernet(vlan=5) / Dot1Q(vlan=6) / inner6,
        frames.ethernet() / Dot1AD(vlan=5) / Dot1Q(vlan=6) / inner,
        frames.ethernet() / Dot1AD(vlan=5) / inner,
        frames.ethernet(vlan=1) / Dot1Q(vlan=2) / Dot1Q(vlan=3) / inner,
    ])


@case
def ipv4_fragments_to_a_vip_are_dropped_as_fragment(rig):
    whole = frames.tcp(4, payload=bytes(64))
    table = []
    for flags, offset in ((0x2000, 0), (0x2000, 1), (0x2000, 0x1FFF), (0, 1), (0, 0x1FFF)):
        table.append(patched(whole, L3 + 6, struct.pack("!H", flags | offset)))
        # DF says nothing about whether it is a fragment
        table.append(patched(whole, L3 + 6, struct.pack("!H", 0x4000 | flags | offset)))
        # a fragment of eight bytes has no whole TCP header, and need not have one
        short = frames.ethernet() / frames.ip(4, proto=6) / bytes(8)
        table.append(patched(bytes(short), L3 + 6, struct.pack("!H", flags | offset)))
    table.append(patched(frames.udp(4), L3 + 6, b"\x20\x00"))
    table.append(patched(frames.tcp(4, port=81), L3 + 6, b"\x20\x00"))
    table.append(patched(frames.tcp(4, vlan=4), L3 + 4 + 6, b"\x20\x00"))
    icmp = bytes(frames.ethernet() / frames.ip(4) / ICMP() / bytes(32))
    table.append(patched(icmp, L3 + 6, b"\x20\x00"))
    drop_all(rig, "fragment", table)


@case
def ipv6_fragments_to_a_vip_are_dropped_as_fragment(rig):
    table = []
    for more, offset in ((1, 0), (1, 1), (1, 0x1FFF), (0, 1), (0, 0x1FFF)):
        header = IPv6ExtHdrFragment(m=more, offset=offset, id=9)
        base = frames.ethernet() / frames.ip(6)
        table += [
            base / header / TCP(dport=80) / bytes(16),
            base / header.copy() / UDP(dport=53) / bytes(16),
            base / IPv6ExtHdrHopByHop() / header.copy() / TCP(dport=80) / bytes(16),
            base / IPv6ExtHdrFragment(m=more, offset=offset, nh=6) / bytes(8),
            base / IPv6ExtHdrFragment(m=more, offset=offset, nh=58) / bytes(16),
            # what stands behind a fragment header of a later fragment is data, not headers
            base / IPv6ExtHdrFragment(m=more, offset=offset, nh=0) / (b"\xff" * 16),
        ]
    drop_all(rig, "fragment", table)


@case
def packet_of_exactly_the_mtu_is_forwarded_and_one_byte_more_is_dropped(rig):
    for mtu in (1500, 1280, 1499):
        for outer_family, overhead in ((4, 20), (6, 40)):
            for family in (4, 6):
                fits = mtu - overhead
                packets = [
                    forwarded(frames.sized_tcp(family, fits - 1)),
                    forwarded(frames.sized_tcp(family, fits)),
                    dropped(frames.sized_tcp(family, fits + 1), "mtu_exceeded"),
                    forwarded(frames.sized_tcp(family, fits, vlan=5)),
                    dropped(frames.sized_tcp(family, fits + 1, vlan=5), "mtu_exceeded"),
                    dropped(frames.sized_tcp(family, fits + overhead), "mtu_exceeded"),
                    dropped(frames.sized_tcp(family, 1900), "mtu_exceeded"),
                    # padding does not make a packet bigger
                    forwarded(frames.sized_tcp(family, fits) + bytes(30)),
                ]
                rig.run(packets, **world(vip_family=family, outer_family=outer_family, mtu=mtu))


@case
def l2dsr_packet_of_exactly_the_mtu_is_forwarded_and_one_byte_more_is_dropped(rig):
    for family in (4, 6):
        packets = [
            forwarded(frames.sized_tcp(family, 1500)),
            forwarded(frames.sized_tcp(family, 1500, vlan=5)),
            dropped(frames.sized_tcp(family, 1501), "mtu_exceeded"),
            dropped(frames.sized_tcp(family, 1501, vlan=5), "mtu_exceeded"),
        ]
        rig.run(packets, **world("l2dsr", vip_family=family, outer_family=family))


@case
def frame_in_several_buffers_is_dropped_as_multi_segment(rig):
    # net_pcap spreads what exceeds one buffer (2,048 bytes of data) over a chain
    drop_all(rig, "multi_segment", [
        frames.sized_tcp(4, 3000),
        frames.sized_tcp(6, 3000),
        frames.sized_tcp(4, 9000),
        frames.sized_tcp(4, 3000, vlan=5),
        frames.sized_tcp(4, 3000, destination=frames.STRANGER[4]),
        frames.tcp(4) + bytes(4000),
        frames.ethernet(type=0x0806) / bytes(3000),
    ])


@case
def packet_for_a_pool_without_backends_is_dropped_as_no_backend(rig):
    setting = world()
    setting["pools"] = [{"name": "web", "backends": []}]
    rig.run([dropped(frames.tcp(4), "no_backend"), dropped(frames.udp(4), "no_backend")], **setting)


@case
def packet_for_a_pool_of_disabled_backends_is_dropped_as_no_backend(rig):
    setting = world()
    for entry in setting["pools"][0]["backends"]:
        entry["state"] = "disabled"
    rig.run([dropped(frames.tcp(4), "no_backend"), dropped(frames.udp(4), "no_backend")], **setting)
