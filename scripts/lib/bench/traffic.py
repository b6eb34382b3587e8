# SPDX-License-Identifier: BSD-3-Clause
"""
Packets for a row, as a capture file: bare TCP acknowledgements to one VIP, one of each flow, 64
bytes on the wire: 60 in the file, which has no frame check sequence, of which the last 6 are the
padding that every such packet carries on Ethernet.
"""
import ipaddress
import struct

FRAME_SIZE = 60
# What the driver does for one packet depends on the one before where they share a buffer, as a
# file of a single packet would have it.
PACKETS_MIN = 1024

ETHERNET = bytes.fromhex("027063617000" "026273616c63" "0800")  # to the address of net_pcap's first port
IPV4_SIZE, TCP_SIZE = 20, 20
TCP_ACK = 0x10

PCAP_MAGIC, PCAP_VERSION, PCAP_SNAPLEN, PCAP_ETHERNET = 0xA1B2C3D4, (2, 4), 65535, 1

GOLDEN_RATIO = 2654435761  # spreads neighbouring numbers over 32 bits (D. Knuth, TAOCP 3, 6.4)
CLIENT_NET = 10 << 24
FIRST_PORT = 1024
PORTS = 16384


def checksum(data):
    """RFC 1071 over an even number of bytes."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def endpoint(flow):
    """Source address and port of a flow: different for each, in no order."""
    spread = flow * GOLDEN_RATIO & 0xFFFFFFFF
    return CLIENT_NET | spread >> 8, FIRST_PORT + (spread & 0xFF) * (PORTS // 256)


def frame(flow, vip, vip_port):
    source, source_port = endpoint(flow)
    destination = int(ipaddress.IPv4Address(vip))
    tcp = struct.pack(
        "!HHIIBBHHH", source_port, vip_port, flow, 1, TCP_SIZE // 4 << 4, TCP_ACK, 8192, 0, 0
    )
    pseudo_header = struct.pack("!IIBBH", source, destination, 0, 6, TCP_SIZE)
    tcp = tcp[:16] + struct.pack("!H", checksum(pseudo_header + tcp)) + tcp[18:]
    ipv4 = struct.pack(
        "!BBHHHBBHII", 0x45, 0, IPV4_SIZE + TCP_SIZE, 0, 0x4000, 64, 6, 0, source, destination
    )
    ipv4 = ipv4[:10] + struct.pack("!H", checksum(ipv4)) + ipv4[12:]
    return (ETHERNET + ipv4 + tcp).ljust(FRAME_SIZE, b"\0")


def packet_count(flows):
    """Packets in the file of so many flows: as many of each flow."""
    return flows * -(-PACKETS_MIN // flows)


def write_capture(path, flows, vip, vip_port):
    record_header = struct.pack("=IIII", 0, 0, FRAME_SIZE, FRAME_SIZE)
    with open(path, "wb") as file:
        file.write(
            struct.pack("=IHHiIII", PCAP_MAGIC, *PCAP_VERSION, 0, 0, PCAP_SNAPLEN, PCAP_ETHERNET)
        )
        for number in range(packet_count(flows)):
            file.write(record_header + frame(number % flows, vip, vip_port))
