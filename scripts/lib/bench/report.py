# SPDX-License-Identifier: BSD-3-Clause
"""What was measured, for people (an aligned table) and for programs (JSON)."""
from statistics import median

# With less of its CPU than this for a worker, something else ran there and emptied its caches.
QUIET_CPU_SHARE = 0.97


class Result:
    """One row: the samples of both programs, in the pairs in which they were taken."""

    def __init__(self, row, pairs):
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

    def least_cpu_share(self):
        return min(sample.cpu_share for sample in self.macswap + self.sluice)


def spread(values):
    return {"median": median(values), "min": min(values), "max": max(values)}


def program_document(samples):
    return {
        "cycles_per_packet": spread([sample.cycles_per_packet for sample in samples]),
        "packets_per_second": spread([sample.packets_per_second for sample in samples]),
        "cpu_share": spread([sample.cpu_share for sample in samples]),
    }


def document(machine, window_s, results):
    return {
        "machine": machine,
        "window_seconds": window_s,
        "rows": [
            {
                "name": result.row.name,
                "flows": result.row.flows,
                "forward": result.row.forward,
                "runs": len(result.sluice),
                "macswap": program_document(result.macswap),
                "sluice": program_document(result.sluice),
                "ratio": spread(result.ratios()),
                "target": result.row.target,
                "met": result.meets(),
            }
            for result in results
        ],
    }


def machine_lines(machine):
    memory = "hugepages" if machine["hugepages"] else "ordinary pages of memory (no hugepages)"
    return [
        f"{machine['cpu']}, {machine['cpus']} CPUs, TSC {machine['tsc_hz'] / 1e6:.0f} MHz",
        f"Linux {machine['kernel']}, {machine['dpdk']}, {memory}",
    ]


HEADINGS = ["row", "program", "Mpps", "cycles/packet", "(min-max)", "ratio", "(min-max)", "target"]


def program_cells(name, samples):
    cycles = spread([sample.cycles_per_packet for sample in samples])
    rate = median(sample.packets_per_second for sample in samples)
    return [
        name, f"{rate / 1e6:.2f}", f"{cycles['median']:.1f}",
        f"({cycles['min']:.1f}-{cycles['max']:.1f})",
    ]


def result_rows(result):
    ratio = spread(result.ratios())
    verdict = "met" if result.meets() else "not met"
    return [
        [result.row.name, *program_cells("macswap", result.macswap), "", "", ""],
        [
            "", *program_cells("sluice", result.sluice), f"{ratio['median']:.2f}",
            f"({ratio['min']:.2f}-{ratio['max']:.2f})", f"target {result.row.target:.2f}: {verdict}",
        ],
    ]


def aligned(rows):
    """Names to the left, figures to the right."""
    left = {0, 1, len(HEADINGS) - 1}
    widths = [max(map(len, column)) for column in zip(*rows)]
    return [
        "  ".join(
            cell.ljust(width) if index in left else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths))
        ).rstrip()
        for row in rows
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


def table(machine, window_s, results):
    rows = [HEADINGS, *(line for result in results for line in result_rows(result))]
    runs = len(results[0].sluice)
    return "\n".join([
        *machine_lines(machine),
        f"64-byte TCP packets from net_pcap infinite_rx, one worker, median of {runs} alternating "
        f"runs of {window_s:g} s",
        "cycles: CPU time of the worker thread x TSC / packets; ratio: macswap / sluice",
        "",
        *aligned(rows),
        *note_of_unrest(results),
    ])
