# SPDX-License-Identifier: BSD-3-Clause
"""What leaves: outer headers, MAC addresses, lengths; and that nothing else of a packet changes."""
from scapy.layers.inet import TCP, UDP, IPOption
from scapy.layers.inet6 import (
    HBHOptUnknown,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
)

from lib import frames
from lib.judge import require, require_equal
from lib.registry import case
from lib.rig import backend, forwarded, pool, port, service
from lib.worlds import BACKENDS, neighbours, world


def tcp_and_udp(family, **options):
    return [
        forwarded(frames.tcp(family, flags="S", **options)),
        forwarded(frames.tcp(family, payload=b"", **options)),
        forwarded(frames.tcp(family, source_port=40001, payload=bytes(range(256)) * 5, **options)),
        forwarded(frames.udp(family, **options), "dns"),
        forwarded(frames.udp(family, source_port=40002, payload=b"", **options), "dns"),
    ]


@case
def tcp_and_udp_over_ipv4_reach_an_ipv4_backend_by_ipip(rig):
    rig.run(tcp_and_udp(4), **world(vip_family=4, outer_family=4))


@case
def tcp_and_udp_over_ipv6_reach_an_ipv4_backend_by_ipip(rig):
    rig.run(tcp_and_udp(6), **world(vip_family=6, outer_family=4))


@case
def tcp_and_udp_over_ipv4_reach_an_ipv6_backend_by_ipip(rig):
    rig.run(tcp_and_udp(4), **world(vip_family=4, outer_family=6))


@case
def tcp_and_udp_over_ipv6_reach_an_ipv6_backend_by_ipip(rig):
    rig.run(tcp_and_udp(6), **world(vip_family=6, outer_family=6))


@case
def l2dsr_over_ipv4_changes_the_mac_addresses_only(rig):
    rig.run(tcp_and_udp(4), **world("l2dsr", vip_family=4, outer_family=4))


@case
def l2dsr_over_ipv6_changes_the_mac_addresses_only(rig):
    rig.run(tcp_and_udp(6), **world("l2dsr", vip_family=6, outer_family=6))


@case
def l2dsr_keeps_the_vlan_tag_with_its_priority(rig):
    tagged = frames.tcp(4, vlan=7)
    packets = tcp_and_udp(4, vlan=42) + [forwarded(frames.patched(tagged, 14, b"\xb0\x07"))]
    rig.run(packets, **world("l2dsr"))


@case
def ipip_keeps_the_vlan_tag_with_its_priority(rig):
    for outer_family in (4, 6):
        for family in (4, 6):
            tagged = frames.patched(frames.tcp(family, vlan=7), 14, b"\xb0\x07")
            packets = tcp_and_udp(family, vlan=42) + [forwarded(tagged)]
            rig.run(packets, **world(vip_family=family, outer_family=outer_family))


@case
def a_priority_tag_of_vlan_0_is_a_tag(rig):
    rig.run([forwarded(frames.tcp(4, vlan=0))], **world())


@case
def backend_without_a_neighbour_entry_is_reached_through_the_gateway(rig):
    for family, known in ((4, "10.2.0.21"), (6, "fd00:2::21")):
        addresses = BACKENDS[family]
        outcome = rig.run(
            [forwarded(f) for f in frames.flood(4, frames.many_flows(4, 64))],
            [pool("web", backend("near", addresses[0]), backend("far", addresses[1]))],
            [service("www", frames.VIP[4])],
            [port(neighbours={known: "02:00:00:00:00:21"}, gateway_mac="02:00:00:00:00:fe")],
        )
        require_equal(set(outcome.backends()), {"near", "far"}, "backends that were chosen")
        gateway = bytes.fromhex("0200000000fe")
        through = {name for _, frame, name, _ in outcome.sent if frame.startswith(gateway)}
        require_equal(through, {"far"}, "backends behind the gateway")


@case
def ipv4_options_are_forwarded_as_they_came(rig):
    packets = []
    for options in (
        [IPOption(b"\x01\x01\x01\x00")],
        [IPOption(b"\x94\x04\x00\x00")],  # router alert
        [IPOption(b"\x44\x28\x05\x00" + bytes(36))],  # timestamp: a header of 60 bytes
    ):
        for l4, name in ((TCP(sport=1234, dport=80, flags="S"), "www"),
                         (UDP(sport=1234, dport=53), "dns")):
            packet = frames.ethernet() / frames.ip(4, options=options) / l4 / b"payload"
            packets.append(forwarded(bytes(packet), name))
    require_equal(packets[-1].frame[14], 0x4F, "first byte of a header with 40 bytes of options")
    rig.run(packets, **world())
    rig.run(packets, **world(outer_family=6))


@case
def ipv6_extension_headers_are_forwarded_as_they_came(rig):
    long_option = HBHOptUnknown(otype=0x1E, optdata=bytes(200))
    chains = [
        IPv6ExtHdrHopByHop(),
        IPv6ExtHdrDestOpt(),
        IPv6ExtHdrRouting(type=4, segleft=0, addresses=["2001:db8::1"]),
        IPv6ExtHdrDestOpt(options=[long_option]),
        IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt() / IPv6ExtHdrRouting(type=4, segleft=0)
        / IPv6ExtHdrDestOpt(),
        IPv6ExtHdrFragment(offset=0, m=0, id=7),  # an atomic fragment, RFC 6946
    ]
    packets = []
    for chain in chains:
        for l4, name in ((TCP(sport=1234, dport=80, flags="S"), "www"),
                         (UDP(sport=1234, dport=53), "dns")):
            packet = frames.ethernet() / frames.ip(6) / chain.copy() / l4 / b"payload"
            packets.append(forwarded(bytes(packet), name))
    rig.run(packets, **world(vip_family=6))
    rig.run(packets, **world(vip_family=6, outer_family=6))
    rig.run(packets, **world("l2dsr", vip_family=6, outer_family=6))


@case
def extension_headers_do_not_change_the_flow(rig):
    bare = frames.ethernet() / frames.ip(6) / TCP(sport=1234, dport=80)
    longer = frames.ethernet() / frames.ip(6) / IPv6ExtHdrHopByHop() / TCP(sport=1234, dport=80)
    # the common judgement holds both to one backend and, outside, to one flow label
    packets = [forwarded(bytes(bare)), forwarded(bytes(longer))]
    rig.run(packets, **world(vip_family=6, outer_family=6))


@case
def ethernet_padding_is_cut_off_before_encapsulation(rig):
    for family in (4, 6):
        for outer_family in (4, 6):
            packets = [
                forwarded(frames.tcp(family, payload=b"", vlan=vlan) + padding)
                for vlan in (None, 5)
                for padding in (bytes(6), b"\xff", bytes(200))
            ]
            rig.run(packets, **world(vip_family=family, outer_family=outer_family))


@case
def l2dsr_leaves_ethernet_padding_alone(rig):
    rig.run([forwarded(frames.tcp(4, payload=b"") + bytes(6))], **world("l2dsr"))


@case
def every_value_of_dscp_and_ecn_is_copied_to_the_outer_header(rig):
    for family in (4, 6):
        packets = [forwarded(frames.tcp(family, tos=tos, payload=b"")) for tos in range(256)]
        for outer_family in (4, 6):
            rig.run(packets, **world(vip_family=family, outer_family=outer_family))


@case
def outer_ipv4_checksum_is_right_where_its_sum_carries_twice(rig):
    # the header's 16-bit words, but for its length and the last two bytes of the destination
    others = 0x4500 + 0x4000 + 0x4004 + 0x0A02 + 0x000A + 0xAC1F
    # with these two bytes the sum is 0x1ffff at a length of 80: folded once, it still carries
    last = 0x1FFFF - others - 80
    pools = [pool("web", backend("web-1", f"172.31.{last >> 8}.{last & 255}"))]
    packets = [forwarded(frames.sized_tcp(4, length - 20)) for length in range(60, 101)]
    rig.run(packets, pools, [service("www", frames.VIP[4])])


def odd_ipv4(ttl, identification, flags, checksum):
    header = frames.ip(4, ttl=ttl, id=identification, flags=flags, chksum=checksum)
    return bytes(frames.ethernet() / header / TCP(sport=1, dport=80, chksum=checksum) / b"x")


@case
def inner_ttl_id_flags_and_checksums_are_not_touched(rig):
    packets = [
        forwarded(odd_ipv4(ttl, identification, flags, checksum))
        for ttl in (0, 1, 2, 64, 255)
        for identification, flags in ((0, "DF"), (0xBEEF, 0), (0xFFFF, "DF"))
        for checksum in (0, 0xFFFF, None)
    ]
    rig.run(packets, **world())
    odd = [forwarded(bytes(frames.ethernet() / frames.ip(6, hlim=limit, fl=label)
                           / TCP(sport=1, dport=80, chksum=checksum)))
           for limit in (0, 1, 255) for label in (0, 0xFFFFF) for checksum in (0, 0xFFFF, None)]
    rig.run(odd, **world(vip_family=6))
    rig.run(odd, **world("l2dsr", vip_family=6, outer_family=6))


@case
def outer_ipv6_flow_labels_tell_flows_apart(rig):
    flows = frames.many_flows(4, 256)
    packets = [forwarded(frame) for frame in frames.flood(4, flows) * 2]
    outcome = rig.run(packets, **world(outer_family=6))
    labels = {label for _, _, _, label in outcome.sent}
    # 256 draws from 2^20 labels: one pair alike is not rare, four are
    require(len(labels) >= 253, f"{len(flows)} flows have {len(labels)} flow labels")


@case
def packet_leaves_by_the_port_of_the_backends_neighbour_entry(rig):
    pools = [pool("web", backend("one", BACKENDS[4][0]), backend("two", BACKENDS[4][1]))]
    edge = port("edge", neighbours={BACKENDS[4][0]: "02:00:00:00:00:21"})
    core = port("core", neighbours={BACKENDS[4][1]: "02:00:00:00:00:22"}, gateway_mac=None)
    packets = {("edge", 0): [forwarded(f) for f in frames.flood(4, frames.many_flows(4, 32))]}
    outcome = rig.run(packets, pools, [service("www", frames.VIP[4])], [edge, core])
    require_equal(set(outcome.backends()), {"one", "two"}, "backends")
    require(outcome.stats["ports"]["core"]["tx_packets"] > 0, "nothing left by the second port")


@case
def two_ports_receive_for_the_same_services(rig):
    edge = port("edge", neighbours=neighbours(4))
    core = port("core", gateway_mac=None)
    flood = [forwarded(f) for f in frames.flood(4, frames.many_flows(4, 64))]
    setting = world()
    del setting["ports"]
    outcome = rig.run({("edge", 0): flood, ("core", 0): flood}, ports=[edge, core], **setting)
    for name in ("edge", "core"):
        require_equal(outcome.stats["ports"][name]["rx_packets"], 64, f"rx_packets of {name}")
