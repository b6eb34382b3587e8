# SPDX-License-Identifier: BSD-3-Clause
"""
The whole sluiced beside dpdk-testpmd macswap, in turn, at the end of a wire: packets come from a
generator on the other CPU, through a virtio ring (generator.py), and go to a port that drops them.
One way, because a path that crosses the CPUs twice varies too much to tell anything.

CPU time includes the polling of an empty ring, so a figure is the cost of a packet only where the
program, and not the generator, was the slower of the two: each row says how many of its polls were
in vain.
"""
from dataclasses import astuple, dataclass
from statistics import median

from . import cycles, machine, pairs
from .figures import aligned, spread
from .generator import FAR_END_EAL, SINK, Generator
from .rows import Row
from .sluice import Sluice
from .testpmd import Testpmd

ROWS = [
    Row("1 flow", flows=1),
    Row("10 k flows", flows=10_000),
    Row("1 M flows", flows=1_000_000),
]
MBUFS = 16384
WARM_UP_S = 0.2
WINDOW_S = 0.7
# A poll in vain takes about a hundredth of the time of a burst: one for each adds little to it.
EMPTY_MOST = 0.5
HEADINGS = [*pairs.HEADINGS[:-1], "empty"]


@dataclass(frozen=True)
class Sample(cycles.Sample):
    refused_share: float  # of the packets that the generator offered, for want of room in the ring
    empty_share: float  # of the program's polls, from start to stop


def empty_share(samples):
    return median(sample.empty_share for sample in samples)


class Result(pairs.Result):
    def samples(self):
        return zip(pairs.PROGRAMS, (self.macswap, self.sluice))

    def lines(self):
        lines = zip(super().lines(), self.samples())
        return [[*line[:-1], empty_cell(empty_share(samples))] for line, (_, samples) in lines]

    def document(self):
        document = super().document()
        for name, samples in self.samples():
            for what in ("refused_share", "empty_share"):
                document[name][what] = spread(getattr(sample, what) for sample in samples)
            document[name]["saturated"] = empty_share(samples) <= EMPTY_MOST
        return document

    def outcome(self):
        return f"ratio {self.ratio():.2f}"


def empty_cell(share):
    return f"{share:.0%}" if share <= EMPTY_MOST else f"{share:.0%}: not saturated"


def refused_share(before, after):
    """Between two answers of the generator."""
    refused = after["refused"] - before["refused"]
    return refused / (refused + after["sent"] - before["sent"])


class Part:
    name = "wire"
    title = "The whole program beside testpmd macswap (generator, virtio ring, net_null)"
    rows = [row.name for row in ROWS]

    def __init__(self, bench):
        self.bench = bench

    def program(self, name, generator):
        """Ready to be started."""
        bench = self.bench
        directory = pairs.fresh_directory(bench.directory, name)
        memory = machine.memory_arguments(MBUFS, machine.hugepages_suffice(MBUFS))
        common = [generator.far_end(), SINK], MBUFS, [*memory, *FAR_END_EAL]
        if name == "macswap":
            return Testpmd(directory, bench.cpus, *common)
        return Sluice(directory, bench.cpus, bench.build, *common)

    def sample(self, generator, program, row):
        """The sample, as far as it is known while the program runs, and the share refused."""
        before = generator.start(row.flows)
        sample = cycles.measure(program, self.bench.machine["tsc_hz"], WARM_UP_S, WINDOW_S)
        return sample, refused_share(before, generator.call("counts"))

    def run(self, name, rows):
        """A sample of each row, by one start of the program: only the generator has to know."""
        bench = self.bench
        directory = pairs.fresh_directory(bench.directory, Generator.name)
        with Generator(directory, bench.cpus, bench.build, bench.hugepages) as generator:
            generator.start(rows[0].flows)
            with self.program(name, generator) as program:
                samples = [self.sample(generator, program, row) for row in rows]
        iterations, bursts = program.polls()
        empty = 1 - bursts / iterations
        figures = ", ".join(f"{sample.cycles_per_packet:.1f}" for sample, _ in samples)
        bench.say(f"{self.name}: {name} {figures} cycles per packet, {empty:.0%} of polls empty")
        return [Sample(*astuple(sample), refused, empty) for sample, refused in samples]

    def measure(self, names):
        rows = [row for row in ROWS if row.name in names]
        runs = [
            tuple(self.run(name, rows) for name in pairs.PROGRAMS) for _ in range(self.bench.runs)
        ]
        return [
            Result(row, [(macswap[place], sluice[place]) for macswap, sluice in runs])
            for place, row in enumerate(rows)
        ]

    def table(self, results):
        rows = [HEADINGS, *(line for result in results for line in result.lines())]
        return [
            f"64-byte TCP packets, one worker, median of {self.bench.runs} alternating runs of "
            f"{WINDOW_S:g} s; {pairs.METHOD};",
            "empty: polls in vain; a program that was not saturated waited for the generator, and its "
            "cycles include that",
            "",
            *aligned(rows, pairs.LEFT),
            *pairs.note_of_unrest(results),
        ]

    def document(self, results):
        return {
            "window_seconds": WINDOW_S,
            "rows": [result.document() for result in results],
        }

    def bars(self, results):
        return [result.bar() for result in results]
