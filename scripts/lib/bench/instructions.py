# SPDX-License-Identifier: BSD-3-Clause
"""
How many instructions a packet takes in the worker's own code: bench_pipeline under valgrind's
callgrind. They are the same in each run, whatever else the machine does, and say which function
they are spent in. They are not cycles: a miss in the cache or a locked instruction counts as one.
"""
import os
import re
from collections import Counter
from dataclasses import dataclass

from . import harness, machine
from .figures import aligned, verdict
from .pipeline import PROGRAM, ROWS as PIPELINE_ROWS

BURST = 32
BURSTS = 1000
# Nothing outside of it counts: the packets of the row begin and end there.
MEASURED = "worker_run"
# Of files, as the debug information has them: the port that stands in for a driver.
PORT = "/tests/bench/"
HEADINGS = ["row", "own", "driver and DPDK", "bound"]

# A twentieth above what they are by gcc 12 for x86-64-v3 or, where that is more, for x86-64-v2, so
# that what is new for every packet shows.
# They are to follow the code when it becomes leaner.
BOUNDS = {
    "IPv4 TCP ipip, 100 k flows": 254,
    "l2dsr": 228,
    "UDP": 253,
    "IPv6 in IPv4": 375,
    "10 % of slots changing, half pinned": 305,
}


class CallgrindFile:
    """Instructions by (object, file, function), as docs/callgrind-format of valgrind has it."""

    NAME = re.compile(r"\((\d+)\)(?: (.*))?")
    TABLES = {"ob": 0, "cob": 0, "fl": 1, "fi": 1, "fe": 1, "cfi": 1, "cfl": 1, "fn": 2, "cfn": 2}

    def __init__(self, path):
        self.names = [{}, {}, {}]
        self.place = [None, None, None]
        self.costs = Counter()
        with open(path) as file:
            self.read(file)

    def read(self, lines):
        for line in lines:
            key, _, value = line.rstrip("\n").partition("=")
            if key in self.TABLES:
                self.note(key, value)
            elif key == "calls":
                next(lines)  # what the function called has cost, which stands with that one, too
            elif line[0] in "+-*" or line[0].isdigit():
                self.costs[tuple(self.place)] += int(line.split()[1])

    def note(self, key, value):
        """Where the costs that follow belong; each name is written once and has a number."""
        table = self.TABLES[key]
        number, name = self.NAME.match(value).groups()
        if name is not None:
            self.names[table][number] = name
        if key in ("ob", "fl", "fn"):  # the others are of calls and of inlined code
            self.place[table] = self.names[table][number]


class Result:
    """One row: instructions per packet by function of ours, and of all else."""

    def __init__(self, name, program, costs):
        self.name = name
        packets = BURSTS * BURST
        self.functions = Counter()
        for (binary, file, function), cost in costs.items():
            if binary == program and PORT not in file:
                self.functions[function] += cost / packets
        self.own = sum(self.functions.values())
        self.others = sum(costs.values()) / packets - self.own

    def limit(self):
        return BOUNDS[self.name]

    def meets(self, margin=0.0):
        """A bound has its margin in it: the figures do not vary."""
        return self.own <= self.limit()

    def outcome(self):
        return f"{self.own:.0f} instructions, at most {self.limit()}: {verdict(self.meets())}"

    def by_function(self):
        listed = [(name, cost) for name, cost in self.functions.most_common() if cost >= 1]
        return ", ".join(f"{name} {cost:.0f}" for name, cost in listed)


class Part:
    name = "instructions"
    title = "Instructions of the worker's own code"
    rows = list(BOUNDS)

    def __init__(self, bench):
        self.bench = bench

    def measure_row(self, row):
        path = os.path.join(self.bench.directory, "callgrind.out")
        wrapper = [
            machine.find_program("valgrind"), "--tool=callgrind", f"--callgrind-out-file={path}",
            f"--toggle-collect={MEASURED}",
        ]
        arguments = ["--json", "--rounds", "1", "--bursts", str(BURSTS), *row.arguments]
        self.bench.run_slowly(wrapper, PROGRAM, arguments)
        program = os.path.realpath(harness.path_of(self.bench.build, PROGRAM))
        return Result(row.name, program, CallgrindFile(path).costs)

    def measure(self, names):
        return [self.measure_row(row) for row in PIPELINE_ROWS if row.name in names]

    def table(self, results):
        rows = [HEADINGS]
        for result in results:
            bound = f"at most {result.limit()}: {verdict(result.meets())}"
            rows.append([result.name, f"{result.own:.1f}", f"{result.others:.1f}", bound])
        first = results[0]
        return [
            "per packet, counted by callgrind; the driver is the one made of memory",
            "",
            *aligned(rows, {0, len(HEADINGS) - 1}),
            "",
            f"{first.name}: {first.by_function()}",
        ]

    def document(self, results):
        return {
            "rows": [
                {
                    "name": result.name, "own": result.own, "others": result.others,
                    "functions": dict(result.functions), "bound": result.limit(),
                    "met": result.meets(),
                }
                for result in results
            ]
        }

    def bars(self, results):
        return []
