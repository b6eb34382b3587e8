# SPDX-License-Identifier: BSD-3-Clause
"""
The thread of the health checks with 10,000 backends, each probed by tcp once a second, and the system
calls of as many probes by themselves: build/tests/bench/bench_health.
"""
import json
import os
import subprocess
from statistics import median

from .figures import aligned, span, spread, verdict
from .machine import on_cpus
from .program import ProgramError

PROGRAM = "bench_health"
RATE = 10_000  # probes a second
CHECKS = "10,000 tcp checks a second"
ALONE = "their system calls alone"
LATE = "the latest of them"
CPU_MOST_PERCENT = 50  # of one CPU
LATE_MOST_MS = 20
HEADINGS = ["row", "", "(min-max)", "target"]


class Result:
    """A row: its figures in the runs, their unit, and the most that they may be."""

    def __init__(self, name, unit, values, limit=None):
        self.name = name
        self.unit = unit
        self.values = values
        self.limit = limit

    def meets(self, margin=0.0):
        return self.limit is None or median(self.values) <= self.limit * (1 + margin)

    def outcome(self):
        return "" if self.limit is None else f"at most {self.limit} {self.unit}: {verdict(self.meets())}"

    def cells(self):
        return [
            self.name, f"{median(self.values):.1f} {self.unit}", span(self.values), self.outcome(),
        ]

    def document(self):
        return {
            "name": self.name, "unit": self.unit, **spread(self.values), "target": self.limit,
            "met": self.meets(),
        }


class Part:
    name = "health"
    title = "The health checks"
    rows = [CHECKS, ALONE, LATE]

    def __init__(self, bench):
        self.bench = bench

    def sample(self):
        path = os.path.join(self.bench.build, "tests", "bench", PROGRAM)
        command = [*on_cpus(self.bench.cpus), path, str(self.bench.runs), str(self.bench.window_s)]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        if answer.returncode != 0:
            raise ProgramError(answer.stderr.strip() or f"{PROGRAM}: exit status {answer.returncode}")
        return json.loads(answer.stdout)

    def measure(self, names):
        figures = self.sample()
        self.bench.say(f"health, {self.bench.runs} windows of {self.bench.window_s:g} s")
        rates = [window["probes_per_s"] for window in figures["windows"]]
        # the interval begins anew with each probe, and has a jitter of a tenth to either side
        if median(rates) < RATE * 0.95:
            raise ProgramError(f"{PROGRAM}: {median(rates):.0f} probes a second instead of {RATE}")
        # a microsecond each, at 10,000 a second, is a hundredth of the CPU
        results = [
            Result(CHECKS, "% of a CPU", [window["cpu_percent"] for window in figures["windows"]],
                   CPU_MOST_PERCENT),
            Result(ALONE, "% of a CPU", [figures["system_calls_us"] * RATE / 1e4]),
            Result(LATE, "ms", [figures["late_ms"]], LATE_MOST_MS),
        ]
        return [result for result in results if result.name in names]

    def table(self, results):
        return [
            "CPU time of the thread that probes 10,000 addresses of the loopback device, whose "
            "other end is in it;",
            f"median of {self.bench.runs} windows; how late a probe began, by the wall clock",
            "",
            *aligned([HEADINGS, *(result.cells() for result in results)], {0, len(HEADINGS) - 1}),
        ]

    def document(self, results):
        return {"rows": [result.document() for result in results]}

    def bars(self, results):
        return []
