# SPDX-License-Identifier: BSD-3-Clause
"""
Sends a tagged SYN for a VIP to the balancer, as the router would, and looks at what comes back for
a backend: `tagged_frame.py INTERFACE VIP VLAN`, inside the router's namespace.
"""
import ipaddress
import sys
import threading

from scapy.all import IP, TCP, AsyncSniffer, Dot1Q, Ether, IPv6, Raw, sendp

BALANCER = "02:00:00:00:00:10"
BACKENDS = [f"02:00:00:00:00:2{number}" for number in (1, 2, 3)]
DEADLINE_S = 10


def make_frame(vip, vlan):
    if ipaddress.ip_address(vip).version == 4:
        network = IP(src="10.1.0.2", dst=vip, tos=0x28)
    else:
        network = IPv6(src="fd00:1::2", dst=vip, tc=0x28)
    link = Ether(src="02:00:00:00:00:01", dst=BALANCER) / Dot1Q(vlan=vlan, prio=3)
    return Ether(bytes(link / network / TCP(sport=4711, dport=80, flags="S") / Raw(b"x" * 100)))


def exchange(interface, frame):
    """What the balancer sends to a backend when it is sent `frame`; None by the deadline."""
    answers = []
    listening = threading.Event()
    sniffer = AsyncSniffer(
        iface=interface,
        started_callback=listening.set,
        lfilter=lambda seen: seen.src == BALANCER and seen.dst in BACKENDS,
        prn=answers.append,
        count=1,
    )
    sniffer.start()
    if not listening.wait(DEADLINE_S):
        sys.exit("the capture does not start")
    sendp(frame, iface=interface, verbose=False)
    sniffer.join(DEADLINE_S)
    return answers[0] if answers else None


def main():
    interface, vip, vlan = sys.argv[1], sys.argv[2], int(sys.argv[3])
    frame = make_frame(vip, vlan)
    answer = exchange(interface, frame)
    if answer is None:
        sys.exit("nothing came back")
    if Dot1Q not in answer or answer[Dot1Q].vlan != vlan or answer[Dot1Q].prio != 3:
        sys.exit(f"the tag is not what it was: {answer.summary()}")
    if not bytes(answer).endswith(bytes(frame[Dot1Q].payload)):
        sys.exit(f"the packet is not what it was: {answer.summary()}")


main()
