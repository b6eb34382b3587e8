# SPDX-License-Identifier: BSD-3-Clause
"""
The event loop of sluiced with 1,000 services and 10,000 backends: how late a timer in it is, while
this and that is asked of it (build/tests/bench/bench_loop), and how soon a change is answered.
"""
import json
import os
import select
import signal
import socket
import subprocess
import threading
import time
from dataclasses import dataclass
from statistics import median

from .figures import aligned, span, spread, verdict
from .machine import hugepages_suffice
from .pairs import fresh_directory
from .program import ANSWER_SECONDS
from .startup import MBUFS, Size, SizedSluice

SIZE = Size(10, 1000, 1000)
PINS = 1 << 22
CHANGES = 20
DOCUMENTS = 3
FAILING = SIZE.backends // 2
READERS = 50
WINDOW_S, QUICK_WINDOW_S = 4.0, 2.0
UPDATES_PER_S = 100
SWEEP_EVERY_S = 6.0  # a sweep begins no later than that when some slots are not quiet
READ_BYTES = 1 << 20
LATE_MOST_MS = 20
ANSWER_MOST_MS = 10
HEADINGS = ["row", "p50", "p99", "most", "(min-max)", "by the wall clock", "target"]


class WatchedSluice(SizedSluice):
    """One that tells how late its timer was, on its standard output."""

    def configure(self, *arguments):
        configuration = super().configure(*arguments)
        configuration["dataplane"]["pins"] = PINS
        return configuration

    def command(self):
        _, _, path = super().command()
        return [os.path.join(self.build, "tests", "bench", "bench_loop"), path]

    def output(self, log):
        return subprocess.PIPE

    def lateness(self):
        """Of all calls of the timer since it was asked last."""
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()
        if not select.select([self.process.stdout], [], [], ANSWER_SECONDS)[0]:
            raise self.failure(f"does not tell its lateness within {ANSWER_SECONDS} s")
        line = self.process.stdout.readline()
        if not line:
            raise self.failure("does not tell its lateness")
        return json.loads(line)

    def set_backend(self, place, **changes):
        return self.call("backend.set", {"pool": "pool-0", "name": f"web-{place}", **changes})


class Reader(threading.Thread):
    """Asks for the same again and again, on a connection of its own."""

    def __init__(self, path, method, end):
        super().__init__(daemon=True)
        self.method = method
        self.connection = socket.socket(socket.AF_UNIX)
        self.connection.settimeout(ANSWER_SECONDS)
        self.connection.connect(path)
        self.end = end

    def run(self):
        request = json.dumps({"jsonrpc": "2.0", "id": 1, "method": self.method}).encode() + b"\n"
        with self.connection:
            while not self.end.is_set():
                self.connection.sendall(request)
                piece = b" "
                while piece and not piece.endswith(b"\n"):
                    piece = self.connection.recv(READ_BYTES)


# What is asked of sluiced, one function a row. Each leaves all as it was.


def drain_and_take_back(sluice, window_s):
    for number in range(CHANGES):
        sluice.change(number)


def apply_documents(sluice, window_s):
    document = json.loads(json.dumps(sluice.configuration))
    document["node"].pop("hash_key")
    for number in range(DOCUMENTS + DOCUMENTS % 2):
        document["pools"][0]["backends"][0]["weight"] = [50, 100][number % 2]
        sluice.call("config.apply", {"config": document})


def reload_files(sluice, window_s):
    """The signal, and the same over the socket, which is answered when both have been served."""
    for number in range(DOCUMENTS + DOCUMENTS % 2):
        sluice.configuration["pools"][0]["backends"][0]["weight"] = [50, 100][number % 2]
        sluice.write_file()
        sluice.process.send_signal(signal.SIGHUP)
        sluice.call("config.reload")


def fail_half(sluice, window_s):
    for health in ("down", "up"):
        for place in range(FAILING):
            sluice.set_backend(place, health=health)


def update(sluice, window_s):
    begin = time.monotonic()
    for number in range(int(window_s * UPDATES_PER_S)):
        time.sleep(max(0.0, begin + number / UPDATES_PER_S - time.monotonic()))
        sluice.set_backend(number % SIZE.backends, weight_percent=50 + number % 50)
    for place in range(SIZE.backends):
        sluice.set_backend(place, weight_percent=100)


def read(sluice, method, window_s):
    end = threading.Event()
    readers = [Reader(sluice.socket_path(), method, end) for _ in range(READERS)]
    for reader in readers:
        reader.start()
    time.sleep(window_s)
    end.set()
    for reader in readers:
        reader.join(ANSWER_SECONDS)


def read_lists(sluice, window_s):
    read(sluice, "backend.list", window_s)


def read_documents(sluice, window_s):
    read(sluice, "config.get", window_s)


def sweep(sluice, window_s):
    """Slots of a backend that drains are not quiet, and while there are such pins are swept."""
    sluice.set_backend(0, state="drain")
    time.sleep(SWEEP_EVERY_S + window_s)
    sluice.set_backend(0, state="active")


SCENARIOS = {
    "changes over the socket": drain_and_take_back,
    "whole documents applied": apply_documents,
    "SIGHUP": reload_files,
    "500 of a pool of 1,000 fail one by one": fail_half,
    "100 updates a second": update,
    "50 readers of backend.list": read_lists,
    "50 readers of config.get": read_documents,
    f"a sweep over {PINS >> 20} M pins": sweep,
}
ANSWER = "a drain of one of them, answered"


@dataclass(frozen=True)
class Lateness:
    p50: float
    p99: float
    most: float
    wall_most: float


class LateResult:
    """One scenario: its Lateness in each run."""

    def __init__(self, name, runs):
        self.name = name
        self.runs = runs

    def most(self):
        return median(run.most for run in self.runs)

    def meets(self, margin=0.0):
        return self.most() <= LATE_MOST_MS * (1 + margin)

    def outcome(self):
        return f"at most {LATE_MOST_MS} ms: {verdict(self.meets())}"

    def cells(self):
        return [
            self.name, f"{median(run.p50 for run in self.runs):.2f}",
            f"{median(run.p99 for run in self.runs):.2f}", f"{self.most():.2f}",
            span([run.most for run in self.runs], 2),
            f"{median(run.wall_most for run in self.runs):.2f}", self.outcome(),
        ]

    def document(self):
        return {
            "name": self.name,
            **{
                f"{key}_ms": spread(getattr(run, key) for run in self.runs)
                for key in ("p50", "p99", "most", "wall_most")
            },
            "target": LATE_MOST_MS,
            "met": self.meets(),
        }


class AnswerResult:
    """How long a change takes until it is answered, by the wall clock: of each run the changes."""

    def __init__(self, name, runs):
        self.name = name
        self.medians = [median(run) for run in runs]
        self.p99 = [sorted(run)[int(0.99 * len(run))] for run in runs]
        self.most = [max(run) for run in runs]

    def meets(self, margin=0.0):
        return median(self.medians) <= ANSWER_MOST_MS * (1 + margin)

    def outcome(self):
        return f"p50 at most {ANSWER_MOST_MS} ms: {verdict(self.meets())}"

    def cells(self):
        return [
            self.name, f"{median(self.medians):.2f}", f"{median(self.p99):.2f}",
            f"{median(self.most):.2f}", span(self.most, 2), "", self.outcome(),
        ]

    def document(self):
        return {
            "name": self.name,
            "p50_ms": spread(self.medians),
            "p99_ms": spread(self.p99),
            "most_ms": spread(self.most),
            "target": ANSWER_MOST_MS,
            "met": self.meets(),
        }


class Part:
    name = "loop"
    title = "The event loop"
    rows = [*SCENARIOS, ANSWER]

    def __init__(self, bench):
        self.bench = bench
        self.window_s = WINDOW_S if bench.runs > 1 else QUICK_WINDOW_S

    def program(self):
        directory = fresh_directory(self.bench.directory, self.name)
        hugepages = hugepages_suffice(MBUFS)
        return WatchedSluice(directory, self.bench.cpus, self.bench.build, SIZE, hugepages)

    def late(self, sluice, name):
        sluice.lateness()
        SCENARIOS[name](sluice, self.window_s)
        told = sluice.lateness()
        own = told["own_ms"]
        return Lateness(own["p50"], own["p99"], own["most"], told["wall_ms"]["most"])

    def sample(self, names):
        """The figures of one run, by the names of their rows."""
        figures = {}
        with self.program() as sluice:
            for name in names:
                if name == ANSWER:
                    figures[name] = [sluice.change(number).wall for number in range(CHANGES)]
                else:
                    figures[name] = self.late(sluice, name)
        return figures

    def measure(self, names):
        runs = []
        for run in range(self.bench.runs):
            runs.append(self.sample(names))
            self.bench.say(f"loop, run {run + 1} of {self.bench.runs}")
        kinds = {ANSWER: AnswerResult}
        return [
            kinds.get(name, LateResult)(name, [run[name] for run in runs])
            for name in self.rows if name in names
        ]

    def table(self, results):
        rows = [HEADINGS, *(result.cells() for result in results)]
        return [
            f"ms that a timer of 1 ms is late meanwhile, median of {self.bench.runs} runs, less "
            "what the control thread waited for",
            "its CPU; in the last row ms until the answer, by the wall clock; 10,000 backends in "
            "10 pools, 1,000 services",
            "",
            *aligned(rows, {0, len(HEADINGS) - 1}),
        ]

    def document(self, results):
        return {"rows": [result.document() for result in results]}

    def bars(self, results):
        return []
