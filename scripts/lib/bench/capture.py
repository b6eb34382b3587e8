# SPDX-License-Identifier: BSD-3-Clause
"""
The whole sluiced beside dpdk-testpmd macswap, in turn, on the same kind of port: net_pcap with
infinite_rx=1, which repeats a capture for ever and drops what is sent.
"""
import os

from . import cycles, machine, pairs, traffic
from .figures import aligned
from .rows import ROWS, VIP, VIP_PORT
from .sluice import Sluice
from .testpmd import Testpmd

# Buffers beside those that hold the packets of the file.
SPARE_MBUFS = 8191
WARM_UP_S = 1.0


class Part:
    name = "capture"
    title = "The whole program beside testpmd macswap (net_pcap infinite_rx)"
    rows = [row.name for row in ROWS]

    def __init__(self, bench):
        self.bench = bench

    def capture(self, row):
        path = os.path.join(self.bench.directory, f"{row.flows}.pcap")
        if not os.path.exists(path):
            traffic.write_capture(path, row.flows, VIP, VIP_PORT)
        return path

    def programs(self, row):
        """The two, ready to be started, each in a directory of its own."""
        bench = self.bench
        devices = [f"net_pcap0,rx_pcap={self.capture(row)},infinite_rx=1"]
        mbufs = traffic.packet_count(row.flows) + SPARE_MBUFS
        memory = machine.memory_arguments(mbufs, machine.hugepages_suffice(mbufs))
        directories = [pairs.fresh_directory(bench.directory, name) for name in pairs.PROGRAMS]
        return (
            Testpmd(directories[0], bench.cpus, devices, mbufs, memory),
            Sluice(
                directories[1], bench.cpus, bench.build, devices, mbufs, memory,
                forward=row.forward,
            ),
        )

    def sample(self, program):
        with program:
            return cycles.measure(
                program, self.bench.machine["tsc_hz"], WARM_UP_S, self.bench.window_s
            )

    def measure_row(self, row):
        samples = []
        for run in range(self.bench.runs):
            pair = tuple(self.sample(program) for program in self.programs(row))
            samples.append(pair)
            self.bench.say(
                f"{row.name}, run {run + 1} of {self.bench.runs}: macswap "
                f"{pair[0].cycles_per_packet:.1f}, sluice {pair[1].cycles_per_packet:.1f} cycles "
                "per packet"
            )
        return pairs.Result(row, samples)

    def measure(self, names):
        return [self.measure_row(row) for row in ROWS if row.name in names]

    def table(self, results):
        rows = [pairs.HEADINGS, *(line for result in results for line in result.lines())]
        return [
            f"64-byte TCP packets, one worker, median of {self.bench.runs} alternating runs of "
            f"{self.bench.window_s:g} s; {pairs.METHOD}",
            "",
            *aligned(rows, pairs.LEFT),
            *pairs.note_of_unrest(results),
        ]

    def document(self, results):
        return {
            "window_seconds": self.bench.window_s,
            "rows": [result.document() for result in results],
        }

    def bars(self, results):
        return [result.bar() for result in results]
