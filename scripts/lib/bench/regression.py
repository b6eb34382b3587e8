# SPDX-License-Identifier: BSD-3-Clause
"""
Whether a packet costs more than it did, for continuous integration: instructions, which no other
work on the machine changes, and cycles in proportion to macswap, by the least of many rounds and
the best of several tries.

On a quiet machine with a processor that we have figures of, a packet may cost a tenth more than it
did. On any other, cycles are judged generously, because the proportion differs between processors,
and on one processor with what else uses its caches and its other threads; the output says which of
the two it was, and why.
"""
import os
import resource
import time
from dataclasses import dataclass

from . import instructions, machine, pipeline

TRIES, TRIES_QUIET = 3, 6
ROUNDS = 15
# What a packet may cost in these rows, to one in the first row.
TIMES_ROWS = ("1 M flows", "SYN flood")
# Quiet: of the time of all CPUs, so much may go to others and to the host of a virtual machine, and
# macswap, whose code is not ours and stays the same, may cost so much more than it does there.
BUSY_SHARE = 0.05
FLOOR_EXCESS = 0.15


@dataclass(frozen=True)
class Reference:
    """Of a quiet machine: macswap's cycles, and these over the worker's in the first row."""

    floor: float
    ratio: float


# By processor and hugepages. With a leaner packet path the ratio is to follow.
REFERENCES = {
    ("AMD EPYC", True): Reference(floor=20, ratio=0.44),
}
# Of any processor: in hugepages, and in ordinary pages, where the translation of addresses is a
# large part of both.
RATIO_HUGEPAGES, RATIO_PAGES = 0.44, 0.60


@dataclass(frozen=True)
class Terms:
    ratio: float  # at least
    times: float  # at most
    tries: int
    name: str


def strict_terms(reference):
    return Terms(reference.ratio / 1.1, 1.2, TRIES_QUIET, "a quiet machine: a tenth more is too much")


# 40 cycles more for each packet are too many.
def generous_terms(hugepages, why):
    ratio = RATIO_HUGEPAGES if hugepages else RATIO_PAGES
    return Terms(0.6 * ratio, 1.5, TRIES, f"judged generously: {why}")


@dataclass(frozen=True)
class Moment:
    """Seconds, of all CPUs together."""

    wall: float
    busy: float
    stolen: float
    ours: float


def look():
    fields = [int(field) for field in machine.read_text("/proc/stat").split("\n")[0].split()[1:9]]
    user, nice, system, _, _, irq, softirq, stolen = [
        field / os.sysconf("SC_CLK_TCK") for field in fields
    ]
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    ours = sum(each.ru_utime + each.ru_stime for each in usage)
    busy = user + nice + system + irq + softirq
    return Moment(time.monotonic(), busy, stolen, ours)


def disturbance(begin, end):
    """What took time from us in between, as a sentence, or None."""
    whole = (end.wall - begin.wall) * os.cpu_count()
    others = (end.busy - begin.busy - (end.ours - begin.ours)) / whole
    stolen = (end.stolen - begin.stolen) / whole
    if others > BUSY_SHARE:
        return f"other programs took {100 * others:.0f} % of the CPUs"
    if stolen > BUSY_SHARE:
        return f"the host took {100 * stolen:.0f} % of the CPUs away"
    return None


class Cycles:
    """The best of each row so far, and how quiet the machine was meanwhile."""

    def __init__(self, bench, part=None, look_at_machine=look):
        self.part = part or pipeline.Part(bench)
        self.hugepages = bench.hugepages
        self.model = bench.machine["cpu"]
        self.reference = REFERENCES.get((self.model, bench.hugepages))
        self.look = look_at_machine
        self.begin = look_at_machine()
        self.ratios = {}
        self.floors = {}

    def try_row(self, name):
        row = next(row for row in pipeline.ROWS if row.name == name)
        rows = self.part.sample(row, ROUNDS)["rows"]
        floor = rows["macswap"]["least"]
        self.floors[name] = min(floor, self.floors.get(name, floor))
        self.ratios[name] = max(floor / rows["worker"]["least"], self.ratios.get(name, 0))

    def disturbed(self):
        """Why the machine was not quiet, or None."""
        if self.reference is None:
            memory = "hugepages" if self.hugepages else "ordinary pages"
            return f"there are no figures of this processor ({self.model}) in {memory}"
        floor, quiet = self.floors[pipeline.BASE], self.reference.floor
        if floor > quiet * (1 + FLOOR_EXCESS):
            return f"the machine was not quiet: macswap took {floor:.0f} cycles, not {quiet:.0f}"
        busy = disturbance(self.begin, self.look())
        return busy and f"the machine was not quiet: {busy}"

    def terms(self):
        why = self.disturbed()
        if why is None:
            return strict_terms(self.reference)
        return generous_terms(self.hugepages, why)

    def times(self, name):
        return self.ratios[pipeline.BASE] / self.ratios[name]

    def meets(self, name, terms):
        if name == pipeline.BASE:
            return self.ratios[name] >= terms.ratio
        return self.times(name) <= terms.times

    def sentence(self, name, terms):
        if name == pipeline.BASE:
            return f"ratio {self.ratios[name]:.2f}, at least {terms.ratio:.2f}"
        return f"{self.times(name):.2f} x the first row, at most {terms.times}"

    def measure(self):
        """Tries until all rows meet their terms, or there are no tries left; the terms."""
        tries = 0
        while True:
            # a better try of the first row makes the others look worse, so all of them are tried
            for name in (pipeline.BASE, *TIMES_ROWS):
                self.try_row(name)
            tries += 1
            terms = self.terms()
            met = all(self.meets(name, terms) for name in (pipeline.BASE, *TIMES_ROWS))
            if met or tries >= terms.tries:
                return terms


def check_instructions(bench):
    part = instructions.Part(bench)
    for name in part.rows:
        (result,) = part.measure([name])
        sentence = f"{result.own:.0f}, at most {result.limit()}"
        yield result.meets(), f"instructions, {name}: {sentence}"


def check_cycles(bench, part=None, look_at_machine=look):
    cycles = Cycles(bench, part, look_at_machine)
    terms = cycles.measure()
    for name in (pipeline.BASE, *TIMES_ROWS):
        sentence = f"cycles, {name}: {cycles.sentence(name, terms)} ({terms.name})"
        yield cycles.meets(name, terms), sentence


def check(bench):
    """Prints a line for each check, as scripts/test reads them. Whether all are met."""
    met = True
    for check_part in (check_instructions, check_cycles):
        for fulfilled, sentence in check_part(bench):
            print(f"{'ok' if fulfilled else 'FAIL'} {sentence}", flush=True)
            met = met and fulfilled
    return met
