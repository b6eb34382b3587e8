# SPDX-License-Identifier: BSD-3-Clause
"""
The frame that must leave for a frame that came, built with scapy from the configuration alone.

The flow label of an outer IPv6 header is the balancer's own choice; the expectation has 0 there and
split_flow_label() takes it out of what was received, for the caller to judge.
"""
import functools
import struct

from scapy.layers.inet import IP
from scapy.layers.inet6 import IPv6

OUTER_TTL = 64


@functools.lru_cache(maxsize=None)
def outer_header(source, destination, inner_family, inner_length, traffic_class):
    protocol = 4 if inner_family == 4 else 41
    if ":" in destination:
        header = IPv6(
            src=source, dst=destination, tc=traffic_class, fl=0, plen=inner_length, nh=protocol,
            hlim=OUTER_TTL,
        )
    else:
        # id 0 with DF, an atomic datagram: RFC 6864. scapy fills in the checksum.
        header = IP(
            src=source, dst=destination, tos=traffic_class, len=20 + inner_length, id=0, flags="DF",
            ttl=OUTER_TTL, proto=protocol,
        )
    return bytes(header)


def mac_bytes(text):
    return bytes.fromhex(text.replace(":", ""))


def frame(received, layout, mode, backend, tunnel_source, source_mac, destination_mac):
    """`backend` is an address, `tunnel_source` the pair of them by family, as configured."""
    macs = mac_bytes(destination_mac) + mac_bytes(source_mac)
    if mode == "l2dsr":
        return macs + received[12:]
    family = 6 if ":" in backend else 4
    header = outer_header(
        tunnel_source[f"ipv{family}"], backend, layout.family, layout.l3_length,
        layout.traffic_class,
    )
    # What stands between the addresses and the ethertype is the VLAN tag, where there is one.
    tag = received[12 : layout.l3_offset - 2]
    ethertype = struct.pack("!H", 0x86DD if family == 6 else 0x0800)
    return macs + tag + ethertype + header + layout.l3(received)


def split_flow_label(sent, l3_offset):
    """(the frame with a flow label of 0, the flow label)"""
    word = struct.unpack_from("!I", sent, l3_offset)[0]
    clean = struct.pack("!I", word & 0xFFF00000)
    return sent[:l3_offset] + clean + sent[l3_offset + 4 :], word & 0xFFFFF
