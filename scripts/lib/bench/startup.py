# SPDX-License-Identifier: BSD-3-Clause
"""
The whole sluiced with many pools and services: how long until it is ready, beside one that has a
single service and backend, until a change over its control socket is answered, and until packets
flow again after a warm restart, which rebuilds its tables afterwards.
"""
import ipaddress
import re
import time
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from .cycles import thread_cpu_ns
from .figures import aligned, span, spread, verdict
from .generator import SINK
from .machine import hugepages_suffice, memory_arguments
from .pairs import fresh_directory
from .sluice import Sluice

MBUFS = 65536
CHANGES = 20
NS_PER_MS = 1e6
READY = re.compile(r"^(\S+)Z .* ready: ", re.M)

READY_SMALL = "ready, 1 service, 1 backend"
READY_LARGE = "ready, 1,000 services, 10,000 backends"
DIFFERENCE = "what the 1,000 and 10,000 take"
CHANGE = "a drain of one of them, answered"
AGAIN = "ready again, 1,000 pools of 10 backends"
LIMITS_MS = {DIFFERENCE: 1000, AGAIN: 300}
HEADINGS = ["row", "CPU time, ms", "(min-max)", "wall clock, ms", "target"]


@dataclass(frozen=True)
class Figure:
    """In milliseconds: CPU time of the main thread, which starts and changes all, and by the clock."""

    cpu: float
    wall: float

    def less(self, other):
        return Figure(self.cpu - other.cpu, self.wall - other.wall)


@dataclass(frozen=True)
class Size:
    pools: int
    backends: int  # of each pool
    services: int  # of the pools in turn
    forward: str = "ipip"


SMALL, LARGE, MANY = Size(1, 1, 1), Size(100, 100, 1000), Size(1000, 10, 1000)


class SizedSluice(Sluice):
    """One that no packet comes to."""

    def __init__(self, directory, cpus, build, size, hugepages):
        self.size = size
        self.started = None
        super().__init__(
            directory, cpus, build, [SINK], MBUFS, memory_arguments(MBUFS, hugepages)
        )

    def configure(self, *arguments):
        configuration = super().configure(*arguments)
        size = self.size
        configuration["pools"] = [pool(size, number) for number in range(size.pools)]
        configuration["services"] = [service(size, number) for number in range(size.services)]
        return configuration

    def command(self):
        command = super().command()
        self.started = time.time()
        return command

    def carries_packets(self):
        return True

    def main_thread_ms(self):
        return thread_cpu_ns(self.process.pid, self.process.pid) / NS_PER_MS

    def ready(self):
        """From its start until it was ready, which was a moment ago, by the clock of its log."""
        cpu = self.main_thread_ms()
        found = self.wait_for(self.find_ready, "when it was ready")
        ready = datetime.fromisoformat(found.group(1) + "+00:00")
        return Figure(cpu, (ready.timestamp() - self.started) * 1e3)

    def find_ready(self):
        """Its socket is there a moment before that line."""
        with open(self.log_path) as file:
            return READY.search(file.read())

    def change(self, number):
        """From the request to its answer: the first backend is drained, or no more."""
        change = {"pool": "pool-0", "name": "web-0", "state": ["drain", "active"][number % 2]}
        before = Figure(self.main_thread_ms(), time.monotonic_ns() / NS_PER_MS)
        self.call("backend.set", change)
        return Figure(self.main_thread_ms(), time.monotonic_ns() / NS_PER_MS).less(before)


def pool(size, number):
    return {
        "name": f"pool-{number}",
        "backends": [
            {"name": f"web-{place}", "address": address("10.16.0.0", number * size.backends + place)}
            for place in range(size.backends)
        ],
    }


def service(size, number):
    return {
        "name": f"www-{number}", "vip": address("203.0.113.0", number), "protocol": "tcp",
        "port": 80, "pool": f"pool-{number % size.pools}", "forward": size.forward,
    }


def address(first, number):
    return str(ipaddress.IPv4Address(first) + number)


class Result:
    """One row: a figure of each run."""

    def __init__(self, name, figures):
        self.name = name
        self.cpu = [figure.cpu for figure in figures]
        self.wall = [figure.wall for figure in figures]

    def limit(self):
        return LIMITS_MS.get(self.name)

    def meets(self, margin=0.0):
        return self.limit() is None or median(self.cpu) <= self.limit() * (1 + margin)

    def outcome(self):
        return f"at most {self.limit()} ms: {verdict(self.meets())}" if self.limit() else ""


class Part:
    name = "startup"
    title = "The whole program with many services"
    rows = [READY_SMALL, READY_LARGE, DIFFERENCE, CHANGE, AGAIN]

    def __init__(self, bench):
        self.bench = bench

    def program(self, size):
        """In a directory of its own, where no process has left a state file."""
        directory = fresh_directory(self.bench.directory, self.name)
        return self.program_in(directory, size)

    def program_in(self, directory, size):
        hugepages = hugepages_suffice(MBUFS)
        return SizedSluice(directory, self.bench.cpus, self.bench.build, size, hugepages)

    def restart(self):
        """The workers have started, and look slots up as they were before, when it says so."""
        with self.program(MANY) as before:
            directory = before.directory
        with self.program_in(directory, MANY) as sluice:
            return sluice.ready()

    def sample(self):
        """The figures of one run, by the names of their rows."""
        with self.program(SMALL) as sluice:
            small = sluice.ready()
        with self.program(LARGE) as sluice:
            large = sluice.ready()
            changes = [sluice.change(number) for number in range(CHANGES)]
        change = Figure(
            median(change.cpu for change in changes), median(change.wall for change in changes)
        )
        return {
            READY_SMALL: small, READY_LARGE: large, DIFFERENCE: large.less(small), CHANGE: change,
            AGAIN: self.restart(),
        }

    def measure(self, names):
        runs = []
        for run in range(self.bench.runs):
            runs.append(self.sample())
            self.bench.say(f"startup, run {run + 1} of {self.bench.runs}")
        return [Result(name, [run[name] for run in runs]) for name in self.rows if name in names]

    def table(self, results):
        rows = [HEADINGS]
        for result in results:
            rows.append([
                result.name, f"{median(result.cpu):.0f}", span(result.cpu, 0),
                f"{median(result.wall):.0f}", result.outcome(),
            ])
        return [
            f"of the main thread, median of {self.bench.runs} runs; both have the same port and "
            "buffers, the 10,000 backends are in",
            "100 pools; of the changes in a run the median",
            "",
            *aligned(rows, {0, len(HEADINGS) - 1}),
        ]

    def document(self, results):
        return {
            "rows": [
                {
                    "name": result.name,
                    "cpu_ms": spread(result.cpu),
                    "wall_ms": spread(result.wall),
                    "target": result.limit(),
                    "met": result.meets(),
                }
                for result in results
            ]
        }

    def bars(self, results):
        return []
