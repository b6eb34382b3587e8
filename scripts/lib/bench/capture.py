# SPDX-License-Identifier: BSD-3-Clause
"""
The whole sluiced beside dpdk-testpmd macswap, in turn, on the same kind of port: net_pcap with
infinite_rx=1, which repeats a capture for ever and drops what is sent.
"""
import os
import shutil
from statistics import median

from . import cycles, machine, traffic
from .figures import aligned, span, spread, verdict
from .rows import ROWS, VIP, VIP_PORT
from .sluice import Sluice
from .svg import Bar
from .testpmd import Testpmd

# Buffers beside those that hold the packets of the file.
SPARE_MBUFS = 8191
WARM_UP_S = 1.0
# With less of its CPU than this for a worker, something else ran there and emptied its caches.
QUIET_CPU_SHARE = 0.97
HEADINGS = ["row", "program", "Mpps", "cycles/packet", "(min-max)", "ratio", "(min-max)", "target"]


class Result:
    """One row: the samples of both programs, in the pairs in which they were taken."""

    def __init__(self, row, pairs):
        self.name = row.name
        self.row = row
        self.macswap = [macswap for macswap, _ in pairs]
        self.sluice = [sluice for _, sluice in pairs]

    def ratios(self):
        return [
            macswap.cycles_per_packet / sluice.cycles_per_packet
            for macswap, sluice in zip(self.macswap, self.sluice)
        ]

    def ratio(self):
        return median(self.ratios())

    def meets(self, margin=0.0):
        """Whether the target is met, or missed by no more than this share of it."""
        return self.ratio() >= self.row.target * (1 - margin)

    def outcome(self):
        return f"ratio {self.ratio():.2f}, target {self.row.target:.2f}"

    def least_cpu_share(self):
        return min(sample.cpu_share for sample in self.macswap + self.sluice)


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
        device = f"net_pcap0,rx_pcap={self.capture(row)},infinite_rx=1"
        mbufs = traffic.packet_count(row.flows) + SPARE_MBUFS
        hugepages = machine.hugepages_suffice(mbufs)
        directories = [os.path.join(bench.directory, name) for name in ("macswap", "sluice")]
        for directory in directories:
            shutil.rmtree(directory, ignore_errors=True)
            os.mkdir(directory, 0o750)
        common = device, mbufs, hugepages
        return Testpmd(directories[0], bench.cpus, *common), Sluice(
            directories[1], bench.cpus, bench.build, row, *common
        )

    def sample(self, program):
        with program:
            return cycles.measure(
                program, self.bench.machine["tsc_hz"], WARM_UP_S, self.bench.window_s
            )

    def measure_row(self, row):
        pairs = []
        for run in range(self.bench.runs):
            pair = tuple(self.sample(program) for program in self.programs(row))
            pairs.append(pair)
            self.bench.say(
                f"{row.name}, run {run + 1} of {self.bench.runs}: macswap "
                f"{pair[0].cycles_per_packet:.1f}, sluice {pair[1].cycles_per_packet:.1f} cycles "
                "per packet"
            )
        return Result(row, pairs)

    def measure(self, names):
        return [self.measure_row(row) for row in ROWS if row.name in names]

    def table(self, results):
        rows = [HEADINGS, *(line for result in results for line in result_rows(result))]
        return [
            f"64-byte TCP packets, one worker, median of {self.bench.runs} alternating runs of "
            f"{self.bench.window_s:g} s; cycles: CPU time of the worker thread x TSC / packets; "
            "ratio: macswap / sluice",
            "",
            *aligned(rows, {0, 1, len(HEADINGS) - 1}),
            *note_of_unrest(results),
        ]

    def document(self, results):
        return {
            "window_seconds": self.bench.window_s,
            "rows": [row_document(result) for result in results],
        }

    def bars(self, results):
        return [
            Bar(
                result.name,
                median(sample.cycles_per_packet for sample in result.sluice),
                median(sample.cycles_per_packet for sample in result.macswap),
            )
            for result in results
        ]


def program_document(samples):
    return {
        "cycles_per_packet": spread(sample.cycles_per_packet for sample in samples),
        "packets_per_second": spread(sample.packets_per_second for sample in samples),
        "cpu_share": spread(sample.cpu_share for sample in samples),
    }


def row_document(result):
    return {
        "name": result.name,
        "flows": result.row.flows,
        "forward": result.row.forward,
        "runs": len(result.sluice),
        "macswap": program_document(result.macswap),
        "sluice": program_document(result.sluice),
        "ratio": spread(result.ratios()),
        "target": result.row.target,
        "met": result.meets(),
    }


def program_cells(name, samples):
    values = [sample.cycles_per_packet for sample in samples]
    rate = median(sample.packets_per_second for sample in samples)
    return [name, f"{rate / 1e6:.2f}", f"{median(values):.1f}", span(values)]


def result_rows(result):
    target = f"at least {result.row.target:.2f}: {verdict(result.meets())}"
    return [
        [result.name, *program_cells("macswap", result.macswap), "", "", ""],
        [
            "", *program_cells("sluice", result.sluice), f"{result.ratio():.2f}",
            span(result.ratios(), 2), target,
        ],
    ]


def note_of_unrest(results):
    least = min(result.least_cpu_share() for result in results)
    if least >= QUIET_CPU_SHARE:
        return []
    return [
        "",
        f"The machine was not quiet: a worker had only {least:.0%} of its CPU in one run. Packets/s",
        "suffer most from that; cycles count CPU time only, but caches were shared.",
    ]
