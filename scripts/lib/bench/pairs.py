# SPDX-License-Identifier: BSD-3-Clause
"""
sluice beside macswap: what the parts have in common that measure the two in turn, on the same kind
of port.
"""
import os
import shutil
from statistics import median

from .figures import span, spread, verdict
from .svg import Bar

PROGRAMS = ("macswap", "sluice")
# With less of its CPU than this for a worker, something else ran there and emptied its caches.
QUIET_CPU_SHARE = 0.97
HEADINGS = ["row", "program", "Mpps", "cycles/packet", "(min-max)", "ratio", "(min-max)", "target"]
LEFT = {0, 1, len(HEADINGS) - 1}
METHOD = "cycles: CPU time of the worker thread x TSC / packets; ratio: macswap / sluice"


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
        """Whether the target, if any, is met, or missed by no more than this share of it."""
        return self.row.target is None or self.ratio() >= self.row.target * (1 - margin)

    def outcome(self):
        return f"ratio {self.ratio():.2f}, target {self.row.target:.2f}"

    def target(self):
        if self.row.target is None:
            return ""
        return f"at least {self.row.target:.2f}: {verdict(self.meets())}"

    def least_cpu_share(self):
        return min(sample.cpu_share for sample in self.macswap + self.sluice)

    def lines(self):
        """Of the table, under HEADINGS."""
        return [
            [self.name, *program_cells("macswap", self.macswap), "", "", ""],
            [
                "", *program_cells("sluice", self.sluice), f"{self.ratio():.2f}",
                span(self.ratios(), 2), self.target(),
            ],
        ]

    def document(self):
        return {
            "name": self.name,
            "flows": self.row.flows,
            "forward": self.row.forward,
            "runs": len(self.sluice),
            "macswap": program_document(self.macswap),
            "sluice": program_document(self.sluice),
            "ratio": spread(self.ratios()),
            "target": self.row.target,
            "met": self.meets(),
        }

    def bar(self):
        return Bar(
            self.name,
            median(sample.cycles_per_packet for sample in self.sluice),
            median(sample.cycles_per_packet for sample in self.macswap),
        )


def program_document(samples):
    return {
        "cycles_per_packet": spread(sample.cycles_per_packet for sample in samples),
        "packets_per_second": spread(sample.packets_per_second for sample in samples),
        "cpu_share": spread(sample.cpu_share for sample in samples),
    }


def program_cells(name, samples):
    values = [sample.cycles_per_packet for sample in samples]
    rate = median(sample.packets_per_second for sample in samples)
    return [name, f"{rate / 1e6:.2f}", f"{median(values):.1f}", span(values)]


def note_of_unrest(results):
    least = min(result.least_cpu_share() for result in results)
    if least >= QUIET_CPU_SHARE:
        return []
    return [
        "",
        f"The machine was not quiet: a worker had only {least:.0%} of its CPU in one run. Packets/s",
        "suffer most from that; cycles count CPU time only, but caches were shared.",
    ]


def fresh_directory(parent, name):
    """An empty directory of that name: each program gets one."""
    path = os.path.join(parent, name)
    shutil.rmtree(path, ignore_errors=True)
    os.mkdir(path, 0o750)
    return path
