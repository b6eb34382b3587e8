#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""
Whether `scripts/bench regression` sees a packet that costs more, and calls a machine that is not
quiet by its name: with figures that are made here in the place of measured ones.
"""
import os
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "scripts", "lib"))

import checks  # noqa: E402
from bench import instructions, pipeline, regression  # noqa: E402

MODEL = "AMD EPYC"
REFERENCE = regression.REFERENCES[(MODEL, True)]
COST = REFERENCE.floor / REFERENCE.ratio  # of a packet in the first row, as it is


class Bench:
    def __init__(self, model=MODEL, hugepages=True):
        self.hugepages = hugepages
        self.machine = {"cpu": model}


class Part:
    """A worker that costs `dearer` times what it did, on a machine `slower` than a quiet one."""

    def __init__(self, dearer=1.0, slower=1.0, flood=1.0):
        self.dearer, self.slower, self.flood = dearer, slower, flood
        self.samples = 0

    def sample(self, row, rounds):
        self.samples += 1
        cost = COST * self.dearer * self.slower * (self.flood if row.name == "SYN flood" else 1)
        floor = REFERENCE.floor * self.slower
        return {"rows": {"macswap": {"least": floor}, "worker": {"least": cost}}}


class Machine:
    """A second goes by between two looks, of which others had a share of the CPUs."""

    def __init__(self, others=0.0, stolen=0.0):
        self.now, self.others, self.stolen = 0, others, stolen

    def __call__(self):
        self.now += 1
        whole = self.now * os.cpu_count()
        return regression.Moment(
            self.now, whole * (0.5 + self.others), whole * self.stolen, whole * 0.5
        )


def judge(part, bench=None, look=None):
    """{row: (met, sentence)}"""
    checks = regression.check_cycles(bench or Bench(), part, look or Machine())
    names = (pipeline.BASE, *regression.TIMES_ROWS)
    return dict(zip(names, checks))


def the_cost_as_it_was_is_met_at_the_first_try():
    part = Part()
    for met, sentence in judge(part).values():
        assert met, sentence
        assert "a quiet machine" in sentence, sentence
    assert part.samples == 3, part.samples


def on_a_quiet_machine_a_tenth_more_is_too_much():
    assert judge(Part(dearer=1.09))[pipeline.BASE][0]
    part = Part(dearer=1.11)
    assert not judge(part)[pipeline.BASE][0]
    assert part.samples == 3 * regression.TRIES_QUIET, part.samples


def a_flood_that_costs_more_is_seen_by_itself():
    verdicts = judge(Part(flood=1.3))
    assert verdicts[pipeline.BASE][0]
    assert not verdicts["SYN flood"][0]


def assert_generous(why, **options):
    met, sentence = judge(Part(dearer=1.3), **options)[pipeline.BASE]
    assert met, sentence
    assert "judged generously" in sentence, sentence
    assert why in sentence, sentence
    assert not judge(Part(dearer=1.8), **options)[pipeline.BASE][0]


def beside_other_programs_it_is_judged_generously_and_says_so():
    assert_generous("other programs took 20 %", look=Machine(others=0.2))


def where_the_host_takes_time_away_it_says_so():
    assert_generous("the host took 10 %", look=Machine(stolen=0.1))


def of_another_processor_there_are_no_figures():
    assert_generous("(Z80)", bench=Bench("Z80"))


def a_dear_macswap_gives_a_busy_machine_away():
    met, sentence = judge(Part(dearer=1.3, slower=2))[pipeline.BASE]
    assert met, sentence
    assert "macswap took 40 cycles, not 20" in sentence, sentence


def instructions_have_a_bound_for_each_row():
    for name, bound in instructions.BOUNDS.items():
        result = instructions.Result(name, "", {})
        result.own = bound
        assert result.meets()
        result.own = bound + 1
        assert not result.meets()


sys.exit(checks.run(
    the_cost_as_it_was_is_met_at_the_first_try,
    on_a_quiet_machine_a_tenth_more_is_too_much,
    a_flood_that_costs_more_is_seen_by_itself,
    beside_other_programs_it_is_judged_generously_and_says_so,
    where_the_host_takes_time_away_it_says_so,
    of_another_processor_there_are_no_figures,
    a_dear_macswap_gives_a_busy_machine_away,
    instructions_have_a_bound_for_each_row,
))
