# SPDX-License-Identifier: BSD-3-Clause
"""
ICMP errors about flows. The judge holds each against the packets of its flow: the same backend, the
same flow label, and not a byte of it changed.
"""
import struct

from scapy.layers.inet import ICMP, TCP, UDP, IPOption
from scapy.layers.inet6 import (
    ICMPv6EchoReply,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
)

from lib import frames
from lib.frames import icmp_error, patched, reply
from lib.judge import require
from lib.registry import case
from lib.rig import forwarded
from lib.worlds import drop_all, dual_world

KINDS = {4: (3, 11, 12), 6: (1, 2, 3, 4)}
FLOWS = 24
QUOTE = {4: 14 + 20 + 8, 6: 14 + 40 + 8}  # where the quoted packet begins


def name(service, family):
    return service if family == 4 else f"{service}-6"


def flows_and_errors(family):
    """Packets of some flows, and errors of every kind about each of them."""
    packets = []
    for client in range(40000, 40000 + FLOWS):
        answer = UDP(sport=53, dport=client)
        about_tcp, about_udp = reply(family, client_port=client), reply(family, answer)
        packets.append(forwarded(frames.tcp(family, source_port=client), name("www", family)))
        packets.append(forwarded(frames.udp(family, source_port=client), name("dns", family)))
        for kind in KINDS[family]:
            packets.append(forwarded(icmp_error(family, kind, about_tcp), name("www", family)))
            packets.append(forwarded(icmp_error(family, kind, about_udp), name("dns", family)))
    return packets


def errors_follow_their_flows(rig, **options):
    for family in (4, 6):
        outcome = rig.run(flows_and_errors(family), **dual_world(**options))
        require(len(set(outcome.backends())) == 3, "the flows are not on several backends")


@case
def icmp_errors_follow_their_flows_by_ipip(rig):
    errors_follow_their_flows(rig, forward="ipip", outer_family=4)


@case
def icmp_errors_follow_their_flows_by_ipip_over_ipv6(rig):
    errors_follow_their_flows(rig, forward="ipip", outer_family=6)


@case
def icmp_errors_follow_their_flows_by_l2dsr(rig):
    errors_follow_their_flows(rig, forward="l2dsr")


@case
def icmp_error_is_understood_in_every_form(rig):
    packets = [forwarded(frames.tcp(4)), forwarded(frames.tcp(6), "www-6")]
    for family in (4, 6):
        www, headers = name("www", family), 20 if family == 4 else 40
        whole = reply(family)
        table = [
            icmp_error(family, vlan=11),
            icmp_error(family, quoted=whole[: headers + 8]),  # as little as RFC 792 asks for
            icmp_error(family, quoted=reply(family, payload=b"")),
            icmp_error(family, quoted=whole[:-10]),
            icmp_error(family, quoted=whole) + bytes(10),  # Ethernet padding
            icmp_error(family, **{"tos" if family == 4 else "tc": 0xB9}),
        ]
        packets += [forwarded(frame, www) for frame in table]
    options = [IPOption(b"\x01" * 8)]
    packets += [
        forwarded(icmp_error(4, options=options)),
        forwarded(icmp_error(4, quoted=reply(4, options=options))),
        forwarded(icmp_error(4, quoted=reply(4, flags="DF"))),
        forwarded(icmp_error(6, 2, before=IPv6ExtHdrHopByHop()), "www-6"),
        forwarded(icmp_error(6, 2, reply(6, IPv6ExtHdrDestOpt() / TCP(sport=80, dport=40000))),
                  "www-6"),
        forwarded(icmp_error(6, 2, reply(6, IPv6ExtHdrFragment() / TCP(sport=80, dport=40000))),
                  "www-6"),
    ]
    rig.run(packets, **dual_world())


@case
def icmp_error_about_a_port_that_no_service_claims_is_dropped(rig):
    drop_all(rig, "no_service", [
        icmp_error(4, quoted=reply(4, port=81)),
        icmp_error(4, quoted=reply(4, client_port=80, port=40000)),
        icmp_error(4, quoted=reply(4, UDP(sport=80, dport=40000))),
        icmp_error(6, quoted=reply(6, port=81)),
    ])


@case
def icmp_error_that_quotes_too_little_is_truncated(rig):
    table = []
    for family in (4, 6):
        headers = 20 if family == 4 else 40
        table += [icmp_error(family, quoted=reply(family)[:length])
                  for length in range(headers + 8)]
    drop_all(rig, "truncated", table)


@case
def icmp_error_that_contradicts_itself_is_malformed(rig):
    four, six = icmp_error(4), icmp_error(6)
    drop_all(rig, "malformed", [
        icmp_error(4, quoted=reply(6)),
        icmp_error(6, quoted=reply(4)),
        patched(four, QUOTE[4], b"\x44"),  # a header of 16 bytes
        patched(four, QUOTE[4] + 2, struct.pack("!H", 27)),  # a TCP header of 7 bytes
        patched(six, QUOTE[6] + 4, struct.pack("!H", 7)),
        # quotes what was sent to the VIP, or between others
        icmp_error(4, quoted=frames.tcp(4)[14:]),
        icmp_error(6, quoted=frames.tcp(6)[14:]),
        icmp_error(4, quoted=reply(4, source=frames.STRANGER[4])),
        icmp_error(6, quoted=reply(6, source=frames.STRANGER[6])),
    ])


@case
def icmp_error_about_a_fragment_is_dropped_as_fragment(rig):
    tcp = TCP(sport=80, dport=40000)
    drop_all(rig, "fragment", [
        icmp_error(4, quoted=reply(4, flags="MF")),
        icmp_error(4, quoted=reply(4, frag=5)),
        icmp_error(6, 2, reply(6, IPv6ExtHdrFragment(m=1) / tcp)),
        icmp_error(6, 2, reply(6, IPv6ExtHdrFragment(offset=5) / tcp)),
        icmp_error(4, flags="MF"),
        icmp_error(6, before=IPv6ExtHdrFragment(m=1)),
    ])


@case
def icmp_that_is_no_error_about_a_flow_is_left_to_the_host(rig):
    stranger = frames.STRANGER
    table = [
        icmp_error(4, quoted=reply(4, ICMP(type=0) / b"pong")),
        icmp_error(6, quoted=reply(6, ICMPv6EchoReply(data=b"pong"))),
        icmp_error(4, quoted=reply(4, b"", proto=47)),
        icmp_error(4, destination=stranger[4], quoted=reply(4)),
        icmp_error(6, destination=stranger[6], quoted=reply(6)[:20]),
    ]
    # source quench, redirect, echo, router advertisement, timestamp
    table += [icmp_error(4, kind) for kind in (0, 4, 5, 8, 9, 10, 13, 14, 30, 255)]
    six = icmp_error(6, 1)
    table += [patched(six, 54, bytes([kind])) for kind in (0, 5, 127, 128, 129, 133, 135, 137, 255)]
    drop_all(rig, "no_host_path", table)
