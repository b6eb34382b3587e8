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

# Floods of one pool of two while both change: build/tests/bench/bench_attacks. Of old flows without
# a pin, in slots that change, a forged SYN may take 6 in 128 away (pin.h): that share of those in
# the slots that move, which are 10 to 20 % here, with what chance adds.
ATTACKS = [f"A{number}" for number in range(1, 13)]
FORGED_SYNS = {"A4", "A5", "A6"}
WITHOUT_PIN = 0.01
# Seconds after the change until all slots have their homes. A drain ends after 300 s, a backend that
# fails is given up after 60, and what comes is observed for 90, when an attack of 120 s is over and
# is forgotten, which takes 60.
OTHER_POOL_DONE_S = {"drain": 301, "fail": 75, "more": 105}
DONE_S = {"drain": 301, "fail": 75, "more": 120 + 60 + 105}

NAMES = [*REFERENCES, *ATTACKS]

ATTACK_HEADINGS = [
    "attack", "", "old flows", "broken", "without pin", "new flows", "not served", "other pool done",
    "done",
]

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


def program_of(build, name):
    program = "bench_attacks" if name in ATTACKS else "bench_scenarios"
    path = os.path.join(build, "tests", "bench", program)
    if not os.path.exists(path):
        raise MachineError(f"there is no {path}: is this a build without tests (-Dtests=true)?")
    return path


def play_all(build, names, say):
    def play_one(name):
        outcome = play(program_of(build, name), name)
        say(f"{name}: {outcome['title']}: done")
        return outcome

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        return list(pool.map(play_one, names))


def attack_complaints(outcome):
    name = outcome["scenario"]
    if outcome["broken"]:
        yield f"{name}: {outcome['broken']} flows broken that had a pin or a quiet slot"
    if outcome["broken_without_pin"] > allowed_without_pin(outcome):
        yield f"{name}: {outcome['broken_without_pin']} flows broken that had no pin"
    if outcome["unserved"]:
        yield f"{name}: {outcome['unserved']} new flows not served"
    if outcome["other_pool_done_s"] > OTHER_POOL_DONE_S[change_of(outcome)]:
        yield f"{name}: the pool that is not attacked took {outcome['other_pool_done_s']} s"
    if outcome["done_s"] > DONE_S[change_of(outcome)]:
        yield f"{name}: the attacked pool took {outcome['done_s']} s"


def change_of(outcome):
    """A1, A4 and so on drain a backend, A2 ... fail one, A3 ... have more."""
    return ("drain", "fail", "more")[ATTACKS.index(outcome["scenario"]) % 3]


def allowed_without_pin(outcome):
    return WITHOUT_PIN * outcome["old_flows"] if outcome["scenario"] in FORGED_SYNS else 0


def complaints(outcome):
    """What is worse than in the study (with Q = 0), or than the rules allow (with any)."""
    name = outcome["scenario"]
    if name in ATTACKS:
        yield from attack_complaints(outcome)
        return
    policies, reference = outcome["policies"], REFERENCES[name]
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


def attack_row(outcome):
    return [
        outcome["scenario"], outcome["title"], f"{outcome['old_flows']:,}",
        f"{outcome['broken']:,}", f"{outcome['broken_without_pin']:,}",
        f"{outcome['new_flows']:,}", f"{outcome['unserved']:,}",
        f"{outcome['other_pool_done_s']} s", f"{outcome['done_s']} s",
    ]


def attack_table(outcomes):
    return [
        "two pools of 10 backends that change alike, of which one is attacked for 120 s from then on",
        "broken flows: with a pin or in a quiet slot, and others; done: all slots have their homes, "
        "so many seconds after the change",
        "",
        *aligned([ATTACK_HEADINGS, *(attack_row(outcome) for outcome in outcomes)], {0, 1}),
    ]


def change_table(outcomes):
    rows = [HEADINGS, *(row(outcome) for outcome in outcomes)]
    return [
        "100 backends, 65,537 slots, 100,000 flows at once, 3,500 new ones a second, 45 minutes",
        "broken flows (most flows remembered at once, of those there are; with ended: and those "
        "that had their FIN less than a minute ago)",
        "",
        *aligned(rows, {0, 1}),
    ]


def split(outcomes):
    """Those of changes, and those of attacks."""
    changes = [outcome for outcome in outcomes if outcome["scenario"] not in ATTACKS]
    return changes, [outcome for outcome in outcomes if outcome["scenario"] in ATTACKS]


def table(outcomes):
    changes, attacks = split(outcomes)
    lines = change_table(changes) if changes else []
    lines += [""] if changes and attacks else []
    return "\n".join(lines + (attack_table(attacks) if attacks else []))


def document(outcomes):
    changes, attacks = split(outcomes)
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
            for outcome in changes
        ],
        "attacks": attacks,
    }
