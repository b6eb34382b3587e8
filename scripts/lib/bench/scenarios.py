# SPDX-License-Identifier: BSD-3-Clause
"""
What changes to a pool of 100 backends do to 100,000 flows: build/tests/bench/bench_scenarios under
a virtual clock, one process for each CPU, beside the figures of the study that sluice follows.
"""
import json
import math
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from .figures import aligned
from .machine import MachineError

# Broken flows that depend on chance scatter like this many standard deviations.
SCATTER = 3
# Shares of pinned flows: a twentieth above the study is still the same.
PINS_MARGIN, PINS_LEAST_PERCENT = 1.05, 0.1


@dataclass(frozen=True)
class Reference:
    """Of the study: patched Maglev and home rules, settle time 0 (its column d2)."""

    broken: int
    pins_percent: float


REFERENCES = {
    "S0": Reference(0, 0),
    "S1": Reference(0, 2.7),
    "S2": Reference(0, 4.6),
    "S3": Reference(19, 17.9),
    "S4": Reference(8, 5.7),
    "S5": Reference(0, 0.4),
    "S7": Reference(0, 16.6),
    "S8": Reference(18, 28.2),
    "S9": Reference(0, 4.6),
    "S12": Reference(2, 5.9),
    "S13": Reference(17, 18.3),
}

HEADINGS = [
    "scenario", "", "maglev", "tracking", "(tracked)", "sluice Q=0", "(pinned)", "sluice",
    "(pinned)", "(with ended)", "study d2", "(pinned)",
]


def play(program, name):
    """The outcome of one scenario."""
    answer = subprocess.run(
        [program, "--json", "--scenario", name], check=True, capture_output=True, text=True
    )
    return json.loads(answer.stdout)[0]


def play_all(build, names, say):
    program = os.path.join(build, "tests", "bench", "bench_scenarios")
    if not os.path.exists(program):
        raise MachineError(f"there is no {program}: is this a build without tests (-Dtests=true)?")

    def play_one(name):
        outcome = play(program, name)
        say(f"{name}: {outcome['title']}: done")
        return outcome

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        return list(pool.map(play_one, names))


def complaints(outcome):
    """What is worse than in the study (with Q = 0), or than the rules allow (with any)."""
    name, policies = outcome["scenario"], outcome["policies"]
    reference = REFERENCES[name]
    for policy in ("sluice-q0", "sluice"):
        tally = policies[policy]
        if tally["unpinned"]:
            yield f"{name}: {policy} left {tally['unpinned']} flows without the pin they need"
        if tally["broken"] != tally["broken_long"]:
            yield f"{name}: {policy} broke flows that were not silent for long"
    broken = policies["sluice-q0"]["broken"]
    if broken > reference.broken + SCATTER * math.sqrt(reference.broken):
        yield f"{name}: {broken} broken flows, {reference.broken} in the study"
    pins = policies["sluice-q0"]["peak_pins_percent"]
    if pins > reference.pins_percent * PINS_MARGIN + PINS_LEAST_PERCENT:
        yield f"{name}: {pins} % of the flows pinned, {reference.pins_percent} % in the study"


def percent(tally, key="peak_pins_percent"):
    return f"{tally[key]:.1f}%"


def row(outcome):
    policies, reference = outcome["policies"], REFERENCES[outcome["scenario"]]
    q0, default = policies["sluice-q0"], policies["sluice"]
    return [
        outcome["scenario"], outcome["title"], f"{policies['maglev']['broken']:,}",
        f"{policies['tracking']['broken']:,}", percent(policies["tracking"]),
        f"{q0['broken']:,}", percent(q0), f"{default['broken']:,}", percent(default),
        percent(default, "peak_pins_with_finished_percent"), f"{reference.broken:,}",
        f"{reference.pins_percent:.1f}%",
    ]


def table(outcomes):
    rows = [HEADINGS, *(row(outcome) for outcome in outcomes)]
    return "\n".join([
        "100 backends, 65,537 slots, 100,000 flows at once, 3,500 new ones a second, 45 minutes",
        "broken flows (most flows remembered at once, of those there are; with ended: and those "
        "that had their FIN less than a minute ago)",
        "",
        *aligned(rows, {0, 1}),
    ])


def document(outcomes):
    return {
        "flows": 100_000,
        "scenarios": [
            {
                **outcome,
                "study_d2": {
                    "broken": REFERENCES[outcome["scenario"]].broken,
                    "peak_pins_percent": REFERENCES[outcome["scenario"]].pins_percent,
                },
            }
            for outcome in outcomes
        ],
    }
