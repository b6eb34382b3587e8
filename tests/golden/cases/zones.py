# SPDX-License-Identifier: BSD-3-Clause
"""Zones: what a zonal shift moves, what refuses it, and what is known of it beforehand."""
from lib.judge import require, require_equal
from lib.registry import case
from lib.rig import backend, pool, service

POOL = "web"
ZONES = {"web-1": "ams1", "web-2": "ams1", "web-3": "ams2", "web-4": "ams2"}


def web(**fields):
    backends = (
        {**backend(name, f"10.2.1.{name[-1]}"), "zone": zone} for name, zone in ZONES.items()
    )
    return {**pool(POOL, *backends), **fields}


def ask(rig, question, **fields):
    """What question(daemon) answers, of a pool of two zones without a packet."""
    return rig.run([], [web(**fields)], [service("www", "10.0.0.1")], ask=question).asked


def lives(daemon):
    return [row["life"] for row in daemon.call("backend.list", pool=POOL)]


@case
def a_drained_zone_rests_and_comes_back(rig):
    def question(daemon):
        drained = daemon.call("zone.drain", name="ams2")
        resting, written = lives(daemon), daemon.call("config.get")["zones"]
        again = daemon.call("zone.drain", name="ams2")
        restored = daemon.call("zone.restore", name="ams2")
        return drained, resting, written, again, restored, lives(daemon), daemon.call("config.get")

    drained, resting, written, again, restored, back, document = ask(rig, question)
    require(45 < drained["moved_percent"] < 55, drained["moved_percent"])
    require_equal(drained["cut_percent"], 0, "flows that the drain breaks")
    require_equal(resting, ["up", "up", "rests", "rests"], "lives during the drain")
    require_equal(written, [{"name": "ams2", "state": "drain"}], "zones in the document")
    require_equal(again["changed"], False, "a second drain")
    require_equal(restored["slots_moved"], drained["slots_moved"], "slots that come back")
    require_equal(back, ["up"] * 4, "lives afterwards")
    require("zones" not in document, document)


@case
def a_rehearsal_says_what_the_others_would_bear_and_changes_nothing(rig):
    def question(daemon):
        return daemon.call("zone.rehearse", name="ams2"), lives(daemon)

    report, after = ask(rig, question)
    load = report["pools"][0]["highest_load"]
    require(report["dry_run"] and report["slots_moved"] > 0, report)
    require(190 < load["percent"] < 210 and load["backend"] in ("web-1", "web-2"), load)
    require_equal(report["needs_force"], None, "of a pool without a limit")
    require_equal(after, ["up"] * 4, "lives after a rehearsal")


@case
def a_zone_whose_drain_would_load_others_too_much_wants_force(rig):
    def question(daemon):
        rehearsed = daemon.call("zone.rehearse", name="ams2")["needs_force"]
        refused = daemon.refused("zone.drain", name="ams2")
        return rehearsed, refused, lives(daemon), daemon.call("zone.drain", name="ams2", force=True)

    rehearsed, refused, kept, forced = ask(rig, question, max_load_percent=150)
    for sentence in (rehearsed, refused):
        require("of its share, and max_load_percent is 150: needs force" in sentence, sentence)
    require_equal(kept, ["up"] * 4, "lives after a refusal")
    require_equal(forced["forced"], True, "forced")


@case
def a_zone_that_has_all_backends_serves_on_although_it_is_drained(rig):
    def question(daemon):
        daemon.call("zone.drain", name="ams1", force=True)
        last = daemon.call("zone.drain", name="ams2", force=True)
        return last, lives(daemon)

    last, after = ask(rig, question)
    require_equal(after, ["up"] * 4, "lives")
    require(last["slots_moved"] > 0, last)


@case
def a_zone_that_nothing_is_in_is_not_found(rig):
    def question(daemon):
        return daemon.refused("zone.drain", name="ams9")

    require_equal(ask(rig, question), 'nothing is in a zone "ams9"', "the sentence")
