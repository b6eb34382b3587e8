# SPDX-License-Identifier: BSD-3-Clause
"""Measures for how long a VIP does not answer.

usage: syn_probe.py SOURCE TARGET PORT REPORT

Sends a SYN every few milliseconds until SIGTERM, each once and from another port, so that nothing
repeats it and no other one waits for it; the kernel resets what is offered in answer. SOURCE is an
address that no other program uses: the probe looks at every packet to it. REPORT is JSON: probes,
answers, and gap_ms, the longest time between two answered probes with none answered in between.
"""

import json
import select
import signal
import socket
import struct
import sys
import time

from syn_packet import SYN, syn

PAUSE_SECONDS = 0.003
LAST_ANSWER_SECONDS = 0.5
PORTS = range(2000, 30000)  # below those that the kernel gives away
ACK = 0x10


class Probe:
    def __init__(self, source, target, port):
        self.source, self.target, self.port = source, target, port
        self.sender = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        self.listener = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
        self.listener.bind((socket.inet_ntoa(source), 0))
        self.sent = []  # when, of each probe
        self.answered = set()  # their numbers
        self.ended = False

    def end(self, *_):
        self.ended = True

    def send(self):
        """The number of the probe is its sequence number."""
        number = len(self.sent)
        packet = syn(self.source, self.target, PORTS[number % len(PORTS)], self.port, number)
        self.sent.append(time.monotonic())
        self.sender.sendto(packet, (socket.inet_ntoa(self.target), 0))

    def listen(self, seconds):
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if select.select([self.listener], [], [], left)[0]:
                self.take(self.listener.recv(128))

    def take(self, packet):
        """IP without options: a raw socket hands over the header, and a server sends none."""
        source, (port,) = packet[12:16], struct.unpack_from("!H", packet, 20)
        (acked,) = struct.unpack_from("!I", packet, 28)
        if source == self.target and port == self.port and packet[33] & (SYN | ACK) == SYN | ACK:
            self.answered.add(acked - 1)

    def run(self):
        while not self.ended:
            self.send()
            self.listen(PAUSE_SECONDS)
        self.listen(LAST_ANSWER_SECONDS)

    def report(self):
        times = [self.sent[number] for number in sorted(self.answered) if number < len(self.sent)]
        gap = max((late - early for early, late in zip(times, times[1:])), default=0)
        return {"probes": len(self.sent), "answers": len(times), "gap_ms": round(gap * 1000)}


def main():
    source, target, port, report = sys.argv[1:]
    probe = Probe(socket.inet_aton(source), socket.inet_aton(target), int(port))
    signal.signal(signal.SIGTERM, probe.end)
    probe.run()
    with open(report, "w", encoding="ascii") as file:
        json.dump(probe.report(), file)


main()
