# SPDX-License-Identifier: BSD-3-Clause
"""
The control thread: tables of new pools of 1,000 backends, and changes to one backend among 10,000,
in one pool or in 100: build/tests/bench/bench_control.
"""
import json
import os
import subprocess
from statistics import median

from .figures import aligned, span, verdict
from .machine import on_cpus

PROGRAM = "bench_control"
TABLES = [
    f"table of {slots} slots{builder}"
    for builder in ("", ", rendezvous")
    for slots in ("65,537", "655,373")
]
CHANGES = [
    f"{change}, {where}: {step}"
    for where in ("100 pools", "one pool")
    for change in ("drain", "check")
    for step in ("plan", "publish")
]
HALF = "half of 10,000 fail: in the table"
LIMITS_MS = {
    "table of 65,537 slots": 5,
    "table of 655,373 slots": 40,
    **{change: 1 for change in CHANGES if change.endswith("publish")},
    # in force after 300 ms, of which a pool that has just been built waits for 100
    HALF: 200,
}
HEADINGS = ["row", "ms", "(min-max)", "worst", "by the wall clock", "target"]


class Result:
    """One figure of the program in its runs, each of many laps."""

    def __init__(self, name, runs):
        self.name = name
        self.medians = [run["cpu_ms"]["median"] for run in runs]
        self.worst = max(run["cpu_ms"]["most"] for run in runs)
        self.worst_by_wall_clock = max(run["wall_ms"]["most"] for run in runs)

    def limit(self):
        return LIMITS_MS.get(self.name)

    def meets(self, margin=0.0):
        return self.limit() is None or median(self.medians) <= self.limit() * (1 + margin)

    def outcome(self):
        return f"at most {self.limit()} ms: {verdict(self.meets())}" if self.limit() else ""


class Part:
    name = "control"
    title = "The control thread"
    rows = [*TABLES, *CHANGES, HALF]

    def __init__(self, bench):
        self.bench = bench

    def sample(self):
        path = os.path.join(self.bench.build, "tests", "bench", PROGRAM)
        answer = subprocess.run(
            [*on_cpus(self.bench.cpus[1:]), path, "--json"], check=True, capture_output=True,
            text=True,
        )
        return json.loads(answer.stdout)

    def measure(self, names):
        runs = []
        for run in range(self.bench.runs):
            runs.append(self.sample())
            self.bench.say(f"control, run {run + 1} of {self.bench.runs}")
        return [
            Result(name, [run[name] for run in runs]) for name in self.rows if name in names
        ]

    def table(self, results):
        rows = [HEADINGS]
        for result in results:
            rows.append([
                result.name, f"{median(result.medians):.2f}", span(result.medians, 2),
                f"{result.worst:.2f}", f"{result.worst_by_wall_clock:.2f}", result.outcome(),
            ])
        return [
            f"ms of CPU time of the control thread, median of {self.bench.runs} runs of many laps; "
            "a table: of a new pool of",
            "1,000 backends; a drain or a check's outcome: of one backend among 10,000, with 1,000 "
            "services",
            "",
            *aligned(rows, {0, len(HEADINGS) - 1}),
        ]

    def document(self, results):
        return {
            "rows": [
                {
                    "name": result.name,
                    "median_ms": median(result.medians),
                    "worst_ms": result.worst,
                    "worst_by_wall_clock_ms": result.worst_by_wall_clock,
                    "target": result.limit(),
                    "met": result.meets(),
                }
                for result in results
            ]
        }

    def bars(self, results):
        return []
