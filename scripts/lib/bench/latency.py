# SPDX-License-Identifier: BSD-3-Clause
"""
How long a packet is under way at 10, 50 and 90 % of the worker's highest rate, beside a loop that
only swaps two addresses, at the same rate: build/tests/bench/bench_latency.
"""
from statistics import median

from .figures import aligned, span, spread

FIGURES = {"p50_ns": "p50", "p99_ns": "p99", "p999_ns": "p99.9", "most_ns": "most"}
HEADINGS = ["row", "Mpps", "", *FIGURES.values(), "p50 (min-max)", "lost"]
PERCENTS = (10, 50, 90)


class Result:
    """One rate: the answers of the program in its runs."""

    def __init__(self, percent, answers):
        self.name = row_name(percent)
        self.answers = answers

    def figures(self, who, what):
        return [answer[who][what] for answer in self.answers]

    def added(self):
        pairs = zip(self.figures("sluice", "p50_ns"), self.figures("macswap", "p50_ns"))
        return median(sluice - macswap for sluice, macswap in pairs)

    def rate(self):
        return median(answer["packets_per_second"] for answer in self.answers)

    def meets(self, margin=0.0):
        return True  # no target is set

    def outcome(self):
        return f"{self.added():.0f} ns added"


def row_name(percent):
    return f"{percent} % of the highest rate"


class Part:
    name = "latency"
    title = "How long a packet is under way"
    rows = [row_name(percent) for percent in PERCENTS]

    def __init__(self, bench):
        self.bench = bench

    def measure(self, names):
        runs = [self.bench.run_harness("bench_latency", []) for _ in range(self.bench.runs)]
        return [
            Result(percent, [next(row for row in run if row["percent"] == percent) for run in runs])
            for percent in PERCENTS
            if row_name(percent) in names
        ]

    def table(self, results):
        rows = [HEADINGS]
        for result in results:
            for who in ("macswap", "sluice"):
                first = ["", ""]
                if who == "macswap":
                    first = [result.name, f"{result.rate() / 1e6:.1f}"]
                rows.append([
                    *first, who,
                    *(f"{median(result.figures(who, what)):.0f}" for what in FIGURES),
                    span(result.figures(who, "p50_ns"), 0), str(sum(result.figures(who, "lost"))),
                ])
        return [
            "ns from arrival in the port's queue until transmission, packets at even distances, "
            f"median of {self.bench.runs} runs;",
            "by the wall clock: the longest ones tell who else ran on this CPU",
            "",
            *aligned(rows, {0, 2}),
        ]

    def document(self, results):
        return {
            "rows": [
                {
                    "name": result.name,
                    "packets_per_second": result.rate(),
                    **{
                        who: {
                            what: spread(result.figures(who, what)) for what in (*FIGURES, "lost")
                        }
                        for who in ("macswap", "sluice")
                    },
                    "added_p50_ns": result.added(),
                }
                for result in results
            ]
        }

    def bars(self, results):
        return []
