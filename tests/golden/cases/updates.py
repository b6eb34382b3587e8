# SPDX-License-Identifier: BSD-3-Clause
"""Updates of backends over the control socket: what they move, what is refused and announced."""
from lib.judge import require, require_equal
from lib.registry import case
from lib.rig import backend, pool, service

POOL = "web"
NAMES = [f"web-{number}" for number in range(1, 5)]
FOLLOW_SECONDS = 60


def web(**fields):
    return {**pool(POOL, *(backend(f"web-{n}", f"10.2.1.{n}") for n in range(1, 5))), **fields}


def ask(rig, question, **fields):
    """What question(daemon) answers, of a pool of four without a packet."""
    return rig.run([], [web(**fields)], [service("www", "10.0.0.1")], ask=question).asked


def update(daemon, name="web-2", **fields):
    return daemon.call("backend.set", pool=POOL, name=name, **fields)


def refuse_update(daemon, name="web-2", **fields):
    return daemon.refused("backend.set", pool=POOL, name=name, **fields)


@case
def a_dynamic_weight_beyond_the_budget_wants_force_as_a_plain_one_does(rig):
    def question(daemon):
        plain = refuse_update(daemon, weight=20)
        share = refuse_update(daemon, weight_percent=20)
        foreseen = update(daemon, weight_percent=20, dry_run=True)
        unchanged = daemon.call("backend.list", pool=POOL)
        forced = update(daemon, weight_percent=20, force=True)
        small = update(daemon, "web-3", weight_percent=94, dry_run=True)
        return plain, share, foreseen, unchanged, forced, small

    plain, share, foreseen, unchanged, forced, small = ask(
        rig, question, max_disruption_percent=5)
    for sentence in (plain, share, foreseen["needs_force"]):
        require("max_disruption_percent is 5: needs force" in sentence, sentence)
    require(foreseen["slots_moved"] > 0, f"no slot in {foreseen}")
    require_equal([row["weight_percent"] for row in unchanged], [100] * 4, "shares after a refusal")
    require_equal(forced["forced"], True, "forced")
    require_equal(small["needs_force"], None, "a small share within the budget")


@case
def health_is_a_fact_that_no_budget_refuses(rig):
    def question(daemon):
        return (update(daemon, health="down", weight_percent=20), update(daemon, health="up"),
                daemon.call("backend.list", pool=POOL))

    down, up, listed = ask(rig, question, max_disruption_percent=1)
    require(down["slots_moved"] > 0, f"no slot moved: {down}")
    require("needs_force" not in up, f"judged: {up}")
    require_equal(listed[1]["life"], "up", "life of web-2")


@case
def a_dynamic_weight_says_what_it_comes_to_and_when_and_its_move_is_logged(rig):
    def question(daemon):
        first = update(daemon, weight_percent=1)["dynamic_weight"]
        announced = daemon.log()
        daemon.wait_for(lambda: "slots: web-2 at 6 %" in daemon.log(), "the move", FOLLOW_SECONDS)
        again = update(daemon, weight_percent=5)["dynamic_weight"]
        return first, announced, again

    first, announced, again = ask(rig, question)
    require_equal([first[key] for key in ("asked_percent", "percent", "percent_before", "weight")],
                  [1, 6.25, 100, 100], "the share")
    require(0 < first["in_s"] <= 10, f"in {first['in_s']} s")
    require(first["slots_to_move"] > 0, f"no slot to move: {first}")
    require(f"6.25 % of the weight in {first['in_s']} s" in announced, announced)
    require_equal([again[key] for key in ("percent", "in_s", "slots_to_move")], [6.25, 0, 0],
                  "a share that comes to the same")


@case
def cutting_off_what_drains_already_says_whose_connections_break(rig):
    def question(daemon):
        daemon.call("backend.remove", pool=POOL, name="web-2", force=True)
        refused = daemon.refused("backend.remove", pool=POOL, name="web-2", now=True)
        foreseen = daemon.call("backend.remove", pool=POOL, name="web-2", now=True, dry_run=True)
        cut = daemon.call("backend.remove", pool=POOL, name="web-2", now=True, force=True)
        return refused, foreseen, cut, daemon.log()

    refused, foreseen, cut, log = ask(rig, question, max_disruption_percent=5)
    require("break the connections of another 2" in refused, refused)
    require_equal(foreseen["needs_force"], refused, "what a dry run says")
    for report in (foreseen, cut):
        require_equal([lost["backend"] for lost in report["backends_cut"]], ["web-2"], "who loses")
        require(20 < report["cut_percent"] < 30, f"cut {report['cut_percent']} %")
        require_equal(report["slots_moved"], 0, "slots moved")
    require("broke the connections of about 2" in log, log)


@case
def an_update_and_a_change_of_the_configuration_go_in_two_calls(rig):
    def question(daemon):
        return (refuse_update(daemon, health="down", weight=5),
                refuse_update(daemon, weight_percent=50, state="drain"),
                refuse_update(daemon, health="down", volatile=True),
                refuse_update(daemon, instance="7", if_revision="0" * 16))

    health, share, volatile, revision = ask(rig, question)
    require("health goes without weight" in health, health)
    require("weight_percent goes without state" in share, share)
    require("health goes without volatile: it is in no file" in volatile, volatile)
    require("instance goes without if_revision: it is in no file" in revision, revision)


@case
def a_pool_whose_backends_are_all_down_is_warned_about_until_one_is_back(rig):
    def question(daemon):
        for name in NAMES:
            update(daemon, name, health="down")
        daemon.wait_for(
            lambda: "pool web: no backend takes new flows any more; dropped: those of www"
            in daemon.log(), "a line when it begins", FOLLOW_SECONDS)
        starved = daemon.call("status")["warnings"]
        update(daemon, "web-1", health="up")
        daemon.wait_for(lambda: "pool web: backends take new flows again" in daemon.log(),
                        "a line when it ends", FOLLOW_SECONDS)
        return starved, daemon.call("status")["warnings"]

    starved, fed = ask(rig, question, all_down="drop")
    require(any("pool web has had no backend that takes new flows since" in warning
                and "new flows of www are dropped" in warning for warning in starved), starved)
    require(not any("no backend" in warning for warning in fed), fed)


@case
def new_flows_go_to_all_backends_while_all_of_them_are_down(rig):
    def question(daemon):
        for name in NAMES:
            update(daemon, name, health="down")
        daemon.wait_for(
            lambda: "pool web: 0 of 4 backends are up: all take new flows" in daemon.log(),
            "a line when it begins", FOLLOW_SECONDS)
        daemon.wait_for(
            lambda: all(backend["slots"] > 0 for backend in daemon.call("backend.list")),
            "slots for each of them", FOLLOW_SECONDS)
        for name in NAMES:
            update(daemon, name, health="auto")
        return daemon.call("health.list")

    healthy = ask(rig, question)
    require(all(row["health"] == "up" and row["override"] is None for row in healthy), healthy)


@case
def what_a_change_breaks_is_a_share_of_its_own_pool(rig):
    """Another pool, in which nothing moves, makes it no smaller."""
    idle = pool("idle", *(backend(f"idle-{n}", f"10.2.2.{n}") for n in range(1, 5)))
    entries = [service("www", "10.0.0.1"), service("idle", "10.0.0.2", pool="idle")]

    def question(daemon):
        return daemon.call("backend.set", pool=POOL, name="web-2", state="disabled"), daemon.log()

    report, log = rig.run([], [web(), idle], entries, ask=question).asked
    require(20 < report["cut_percent"] < 30, f"cut {report['cut_percent']} %")
    require_equal(report["cut"], {"pool": POOL, "pools": 1}, "where")
    require("broke the connections of about 2" in log and "of the flows of pool web" in log, log)


@case
def what_a_drain_breaks_at_its_deadline_is_not_said_to_be_broken_before(rig):
    def question(daemon):
        report = daemon.call("backend.set", pool=POOL, name="web-2", state="drain", deadline_s=50)
        begun = daemon.log()
        daemon.call("backend.set", pool=POOL, name="web-2", state="active")
        return report, begun, daemon.log()

    report, begun, withdrawn = ask(rig, question)
    require_equal(report["cut_in_s"], 50, "when it breaks")
    require("will break the connections of about 2" in begun, begun)
    require("of the flows of pool web at the deadline, in 50 s" in begun, begun)
    require("broke" not in withdrawn, withdrawn)


@case
def a_drain_that_is_asked_for_again_gets_its_deadline_anew_and_says_so(rig):
    def question(daemon):
        drain = {"pool": POOL, "name": "web-2", "state": "drain"}

        def deadline():
            return daemon.call("backend.list", pool=POOL)[1]["deadline_s"]

        first = daemon.call("backend.set", deadline_s=50, **drain)
        foreseen = daemon.call("backend.set", dry_run=True, **drain)
        kept = deadline()
        again = daemon.call("backend.set", **drain)
        renewed = deadline()
        other = daemon.call("backend.set", deadline_s=900, **drain)
        daemon.call("backend.set", pool=POOL, name="web-3", weight=90)
        return first, foreseen, kept, again, renewed, other, deadline()

    first, foreseen, kept, again, renewed, other, last = ask(rig, question, drain_deadline_s=600)
    require_equal(first["warnings"], [], "warnings of the first")
    require(0 < kept <= 50, f"a dry run leaves {kept} s")
    require(500 < renewed <= 600, f"{renewed} s as the pool has it")
    require(600 < last <= 900, f"{last} s after another change")
    for report, end in ((foreseen, "it would have 600 s from now, the pool's drain_deadline_s"),
                        (again, "it has 600 s from now, the pool's drain_deadline_s"),
                        (other, "it has 900 s from now")):
        require_equal(report["changed"], True, "changed")
        require(len(report["warnings"]) == 1, f"warnings: {report['warnings']}")
        require(report["warnings"][0].startswith(
            f"backend {POOL}/web-2: it drained already, for ") and
                report["warnings"][0].endswith(end), report["warnings"])
