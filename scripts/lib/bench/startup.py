# SPDX-License-Identifier: BSD-3-Clause
"""
The whole sluiced with many pools and services: how long until it is ready, beside one that has a
single service and backend, until a change over its control socket is answered, and until packets
flow again after a warm restart, which rebuilds its tables afterwards.
"""
import ipaddress
import os
import re
import select
import shutil
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from . import traffic
from .cycles import thread_cpu_ns
from .figures import aligned, span, spread, verdict
from .generator import SINK
from .machine import hugepages_suffice, memory_arguments
from .pairs import fresh_directory
from .program import START_SECONDS
from .rows import VIP_PORT
from .sluice import Sluice

MBUFS = 65536
CHANGES = 20
NS_PER_MS = 1e6
FIRST_VIP = "203.0.113.0"
READY = re.compile(r"^(\S+)Z .* ready: ", re.M)

READY_SMALL = "ready, 1 service, 1 backend"
READY_LARGE = "ready, 1,000 services, 10,000 backends"
DIFFERENCE = "what the 1,000 and 10,000 take"
CHANGE = "a drain of one of them, answered"
AGAIN = "ready again, 1,000 pools of 10 backends"
FLOWS_SMALL = "first packet after a restart, 1 pool"
FLOWS_LARGE = "first packet after a restart, 1,000 pools"
ASKED = "stats.get while their tables are rebuilt"
LIMITS_MS = {DIFFERENCE: 1000}
LIMITS_WALL_MS = {AGAIN: 300, FLOWS_LARGE: 300}
# Of a capture file: what comes before the first packet.
CAPTURE_HEADER = 24
MEMORY = "/dev/shm"
HEADINGS = ["row", "CPU time, ms", "(min-max)", "wall clock, ms", "target"]


@dataclass(frozen=True)
class Figure:
    """In milliseconds: CPU time of all threads but the worker, and by the clock."""

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

    def cpu_ms(self):
        """Of the threads that start and change all, those that have ended too."""
        clock = (~self.process.pid << 3) | 2  # what clock_getcpuclockid() makes of a process
        worker = thread_cpu_ns(self.process.pid, self.worker_thread())
        return (time.clock_gettime_ns(clock) - worker) / NS_PER_MS

    def ready(self):
        """From its start until it was ready, which was a moment ago, by the clock of its log."""
        cpu = self.cpu_ms()
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
        before = self.now()
        self.call("backend.set", change)
        return self.now().less(before)

    def now(self):
        return Figure(self.cpu_ms(), time.monotonic_ns() / NS_PER_MS)


class RestartedSluice(SizedSluice):
    """
    One whose port brings a packet of the first service again and again, and writes what it sends to
    a pipe: the first that comes out is seen at once. Nobody reads on, so that the worker, which
    waits for the pipe, disturbs nothing.
    """

    def __init__(self, directory, *arguments):
        self.pipe_path = os.path.join(directory, "sent")
        self.capture_path = os.path.join(directory, "received")
        self.pipe = None
        self.flows = None
        traffic.write_capture(self.capture_path, 1, address(FIRST_VIP, 0), VIP_PORT)
        if not os.path.exists(self.pipe_path):
            os.mkfifo(self.pipe_path)
        super().__init__(directory, *arguments)

    def configure(self, *arguments):
        configuration = super().configure(*arguments)
        configuration["dataplane"]["ports"][0]["device"] = (
            f"net_pcap0,rx_pcap={self.capture_path},infinite_rx=1,tx_pcap={self.pipe_path}"
        )
        return configuration

    def command(self):
        self.pipe = os.open(self.pipe_path, os.O_RDONLY | os.O_NONBLOCK)
        return super().command()

    def connect(self):
        if self.flows is None:
            self.await_packet()
        return super().connect()

    def await_packet(self):
        """Returns without one where the process ends or the time is up."""
        poll = select.poll()
        poll.register(self.pipe, select.POLLIN)
        deadline = time.monotonic() + START_SECONDS
        received = 0
        while received <= CAPTURE_HEADER and time.monotonic() < deadline:
            if poll.poll(100):  # also when its end is closed
                received += len(os.read(self.pipe, 1 << 16))
            if self.process.poll() is not None:
                return
        wall = (time.time() - self.started) * 1e3
        self.flows = Figure(self.cpu_ms(), wall)

    def ask(self):
        """Until all is answered that a reader asks for."""
        before = self.now()
        self.call("stats.get")
        return self.now().less(before)

    def kill(self):
        """Who writes on is not kept waiting: it ends first."""
        if self.pipe is not None:
            os.close(self.pipe)
            self.pipe = None
        super().kill()

    def stop(self):
        os.close(self.pipe)
        self.pipe = None
        super().stop()


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
        "name": f"www-{number}", "vip": address(FIRST_VIP, number), "protocol": "tcp",
        "port": VIP_PORT, "pool": f"pool-{number % size.pools}", "forward": size.forward,
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
        return LIMITS_WALL_MS.get(self.name) or LIMITS_MS.get(self.name)

    def judged(self):
        return median(self.wall if self.name in LIMITS_WALL_MS else self.cpu)

    def meets(self, margin=0.0):
        return self.limit() is None or self.judged() <= self.limit() * (1 + margin)

    def outcome(self):
        if self.limit() is None:
            return ""
        clock = " by the clock" if self.name in LIMITS_WALL_MS else ""
        return f"at most {self.limit()} ms{clock}: {verdict(self.meets())}"


class Part:
    name = "startup"
    title = "The whole program with many services"
    rows = [READY_SMALL, READY_LARGE, DIFFERENCE, CHANGE, AGAIN, FLOWS_SMALL, FLOWS_LARGE, ASKED]

    def __init__(self, bench):
        self.bench = bench

    def program(self, size):
        """In a directory of its own, where no process has left a state file."""
        directory = fresh_directory(self.bench.directory, self.name)
        return self.program_in(directory, size)

    def program_in(self, directory, size, kind=SizedSluice):
        hugepages = hugepages_suffice(MBUFS)
        return kind(directory, self.bench.cpus, self.bench.build, size, hugepages)

    def restart(self, size):
        """
        Figures until the first packet, until it was ready, and of a request by then. The state file is in memory, as it is
        in /run: no disk is measured.
        """
        parent = MEMORY if os.access(MEMORY, os.W_OK) else self.bench.directory
        directory = tempfile.mkdtemp(prefix="sluice-bench.", dir=parent)
        try:
            with self.program_in(directory, size):
                pass
            with self.program_in(directory, size, RestartedSluice) as sluice:
                return sluice.flows, sluice.ready(), sluice.ask()
        finally:
            shutil.rmtree(directory)

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
        flows_small, _, _ = self.restart(SMALL)
        flows_large, again, asked = self.restart(MANY)
        return {
            READY_SMALL: small, READY_LARGE: large, DIFFERENCE: large.less(small), CHANGE: change,
            AGAIN: again, FLOWS_SMALL: flows_small, FLOWS_LARGE: flows_large, ASKED: asked,
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
            f"of all threads but the worker, median of {self.bench.runs} runs; both have the same "
            "port and buffers, the 10,000",
            "backends are in 100 pools; of the changes in a run the median; restarts have their state "
            "file in memory",
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
