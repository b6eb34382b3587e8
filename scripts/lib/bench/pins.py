# SPDX-License-Identifier: BSD-3-Clause
"""The table of pins by itself: build/tests/bench/bench_pins."""
import json
import os
import subprocess
from statistics import median

from .figures import aligned, span, spread, verdict
from .machine import on_cpus

MEMORY = "memory of a million pins, three quarters full"
SWEEP = "sweep of 8 MB, three quarters full"
# in the unit of the figure
LIMITS = {MEMORY: 11, SWEEP: 5}
HEADINGS = ["row", "median", "(min-max)", "unit", "target"]


class Result:
    """One figure of the program: the medians of its runs."""

    def __init__(self, name, unit, values):
        self.name, self.unit, self.values = name, unit, values

    def limit(self):
        return LIMITS.get(self.name)

    def meets(self, margin=0.0):
        return self.limit() is None or median(self.values) <= self.limit() * (1 + margin)

    def outcome(self):
        return f"at most {self.limit()}: {verdict(self.meets())}" if self.limit() else ""


class Part:
    name = "pins"
    title = "The table of pins by itself"
    rows = [MEMORY, SWEEP] + [
        f"{what}, {pages} pages" for pages in ("4 KB", "2 MB") for what in ("hit", "miss", "flood")
    ]

    def __init__(self, bench):
        self.bench = bench

    def sample(self):
        path = os.path.join(self.bench.build, "tests", "bench", "bench_pins")
        answer = subprocess.run(
            [*on_cpus(self.bench.cpus[1:]), path, "--json"], check=True, capture_output=True,
            text=True,
        )
        return json.loads(answer.stdout)

    def measure(self, names):
        answers = [self.sample() for _ in range(self.bench.runs)]
        return [
            Result(name, answers[0][name]["unit"], [answer[name]["median"] for answer in answers])
            for name in self.rows
            if name in names
        ]

    def table(self, results):
        rows = [HEADINGS]
        for result in results:
            rows.append([
                result.name, f"{median(result.values):.1f}", span(result.values), result.unit,
                result.outcome(),
            ])
        return [
            "bursts of 32 among a million pins, without all else that a worker does; a flood puts "
            "each flow that it does not find",
            "",
            *aligned(rows, {0, 3, 4}),
        ]

    def document(self, results):
        return {
            "rows": [
                {
                    "name": result.name, "unit": result.unit, **spread(result.values),
                    "target": result.limit(), "met": result.meets(),
                }
                for result in results
            ]
        }

    def bars(self, results):
        return []
