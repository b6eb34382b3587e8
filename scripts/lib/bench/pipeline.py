# SPDX-License-Identifier: BSD-3-Clause
"""
The real worker in a process of our own, on a port that is made of memory, with buffers that cycle
through a ring of 4,096: build/tests/bench/bench_pipeline. One process for each row and run, and all
rows once in each run, so that whatever else the machine does disturbs them alike.
"""
from dataclasses import dataclass
from statistics import median

from .figures import aligned, span, spread, verdict
from .svg import Bar

PROGRAM, WITHOUT_PINS = "bench_pipeline", "bench_pipeline_without_affinity"
ROUNDS, STAGE_ROUNDS = 5, 15
HEADINGS = ["row", "macswap", "sluice", "(min-max)", "ratio", "to first", "target"]
BASE = "IPv4 TCP ipip, 100 k flows"


@dataclass(frozen=True)
class Row:
    """With limits: cycles, which hold in hugepages; times the first row; and as told below."""

    name: str
    arguments: tuple = ()
    cycles: float = None
    times: float = None
    program: str = PROGRAM
    # what the first row may cost more than this one, in cycles
    less: float = None
    # packets per CPU time of two workers at least, one of them being 1
    speed_up: float = None


SERVICES_10K = ("--services", "10000", "--pools", "100")
MILLION_PINS = ("--flows", "1000000", "--unstable", "100", "--pinned", "1")
PUBLISHING = ("--publish", "10", "--bursts", "150000")

ROWS = [
    Row(BASE, cycles=60),
    Row("without the code for pins", program=WITHOUT_PINS, less=5),
    Row("1 flow", ("--flows", "1"), times=1.1),
    Row("10 k flows", ("--flows", "10000"), times=1.1),
    Row("1 M flows", ("--flows", "1000000"), times=1.1),
    Row("10 M flows", ("--flows", "10000000")),
    Row("SYN flood", ("--flows", "flood", "--syn"), times=1.1),
    Row("l2dsr", ("--forward", "l2dsr"), cycles=50),
    Row("UDP", ("--protocol", "udp")),
    Row("IPv6 in IPv4", ("--family", "6"), cycles=75),
    Row("IPv6 in IPv6", ("--family", "6", "--forward", "ipip6"), cycles=75),
    Row("256 bytes", ("--size", "256")),
    Row("1500 bytes", ("--size", "1518")),
    Row("IMIX", ("--size", "imix")),
    Row("100 services", ("--services", "100")),
    Row("10 k services, 100 pools", SERVICES_10K, times=1.1),
    Row("publishing 10 times a second", PUBLISHING, times=1.1),
    Row("the same, 10 k services", (*SERVICES_10K, *PUBLISHING)),
    Row("10 % of slots changing, half pinned", ("--unstable", "10", "--pinned", "2")),
    Row("1 M pins, all hit", MILLION_PINS, cycles=110),
    Row("the same in huge pages", (*MILLION_PINS, "--huge"), cycles=110),
    Row(
        "SYN flood, all slots changing",
        ("--flows", "flood", "--syn", "--unstable", "100", "--established", "786432"),
    ),
    Row("two workers", ("--workers", "2"), speed_up=1.8),
]


class Result:
    """Answers of the program to one row, and those to the first row in the same runs."""

    def __init__(self, row, answers, base, hugepages):
        self.name = row.name
        self.row = row
        self.answers = answers
        self.base = base
        self.hugepages = hugepages

    def figures(self, name):
        return [answer["rows"][name]["median"] for answer in self.answers]

    def sluice(self):
        return self.figures("two workers" if self.row.speed_up else "worker")

    def ratios(self):
        return [floor / cost for floor, cost in zip(self.figures("macswap"), self.sluice())]

    def times_base(self):
        return median(cost / base for cost, base in zip(self.sluice(), self.base))

    def limit(self):
        """(what it is, its value here, the limit, whether more is better), or None."""
        row = self.row
        if row.cycles and not self.hugepages:
            return None  # most of the time would be address translation
        if row.cycles:
            return "cycles", median(self.sluice()), row.cycles, False
        if row.times:
            return "x the first", self.times_base(), row.times, False
        if row.less:
            less = median(base - cost for cost, base in zip(self.sluice(), self.base))
            return "cycles below the first", less, row.less, False
        if row.speed_up:
            pairs = zip(self.figures("worker"), self.sluice())
            return "x one", median(2 * one / two for one, two in pairs), row.speed_up, True
        return None

    def meets(self, margin=0.0):
        if not self.pins_survived():
            return False
        if self.limit() is None:
            return True
        _, value, limit, more = self.limit()
        return value >= limit * (1 - margin) if more else value <= limit * (1 + margin)

    def pins_survived(self):
        return all(
            answer["established_pins_left"] == answer["established_pins"] for answer in self.answers
        )

    def outcome(self):
        if not self.pins_survived():
            return "established pins were evicted"
        if self.limit() is None:
            established = self.answers[0]["established_pins"]
            flooded = established and "--established" in self.row.arguments
            return f"all {established:,} established pins survive" if flooded else ""
        what, value, limit, more = self.limit()
        digits = 1 if what.startswith("cycles") else 2
        return (
            f"{value:.{digits}f} {what}, {'at least' if more else 'at most'} "
            f"{limit:.{digits}f}: {verdict(self.meets())}"
        )


class Part:
    name = "pipeline"
    title = "The worker on a port made of memory"
    rows = [row.name for row in ROWS]

    def __init__(self, bench):
        self.bench = bench

    def sample(self, row, rounds=ROUNDS):
        arguments = ["--json", "--rounds", str(rounds), *row.arguments]
        return self.bench.run_harness(row.program, arguments)

    def measure(self, names):
        wanted = [row for row in ROWS if row.name in names or row.name == BASE]
        answers = {row: [] for row in wanted}
        for run in range(self.bench.runs):
            for row in wanted:
                answers[row].append(self.sample(row))
            self.bench.say(f"worker, run {run + 1} of {self.bench.runs}: {len(wanted)} rows")
        base = [answer["rows"]["worker"]["median"] for answer in answers[wanted[0]]]
        return [
            Result(row, answers[row], base, self.bench.hugepages)
            for row in wanted
            if row.name in names
        ]

    def stages(self):
        """Cycles that each step adds, of the first row; the least of many rounds."""
        arguments = ["--json", "--stages", "--rounds", str(STAGE_ROUNDS)]
        rows = self.bench.run_harness(PROGRAM, arguments)["rows"]
        least = {name: row["least"] for name, row in rows.items() if name != "macswap"}
        before = [0, *least.values()]
        return {name: cost - previous for (name, cost), previous in zip(least.items(), before)}

    def table(self, results):
        rows = [HEADINGS, *(cells(result) for result in results)]
        stages = self.stages()
        self.last_stages = stages
        return [
            f"cycles of CPU time per packet, median of {self.bench.runs} runs; 64-byte frames, one "
            "service, 100 backends, one worker, where the row does not say otherwise",
            "",
            *aligned(rows, {0, len(HEADINGS) - 1}),
            "",
            "stages of the first row: "
            + ", ".join(f"{stage_name(name)} {cost:.0f}" for name, cost in stages.items()),
        ]

    def document(self, results):
        return {
            "rows": [row_document(result) for result in results],
            "stages": {stage_name(name): cost for name, cost in self.last_stages.items()},
        }

    def bars(self, results):
        return [
            Bar(
                result.name, median(result.sluice()), median(result.figures("macswap")),
                result.row.cycles,
            )
            for result in results
        ]


def stage_name(name):
    return "finish, count, loop" if name == "worker" else name


def cells(result):
    return [
        result.name, f"{median(result.figures('macswap')):.1f}", f"{median(result.sluice()):.1f}",
        span(result.sluice()), f"{median(result.ratios()):.2f}", f"{result.times_base():.2f}",
        result.outcome(),
    ]


def row_document(result):
    limit = result.limit()
    return {
        "name": result.name,
        "arguments": list(result.row.arguments),
        "runs": len(result.answers),
        "macswap": spread(result.figures("macswap")),
        "sluice": spread(result.sluice()),
        "ratio": spread(result.ratios()),
        "times_first_row": result.times_base(),
        "published": sum(answer["published"] for answer in result.answers),
        "established_pins": result.answers[0]["established_pins"],
        "established_pins_left": min(answer["established_pins_left"] for answer in result.answers),
        "tracked": result.answers[0]["tracked"],
        "target": limit and {"what": limit[0], "value": limit[1], "limit": limit[2]},
        "met": result.meets(),
    }
