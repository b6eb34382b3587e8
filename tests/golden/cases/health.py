# SPDX-License-Identifier: BSD-3-Clause
"""What answers say of health, with checks and without. A check is a program that looks for a file."""
import contextlib
import os
import pwd
import re
import tempfile

from lib import frames
from lib.judge import require, require_equal
from lib.registry import case
from lib.rig import backend, pool
from lib.worlds import world

SECONDS = 60


@contextlib.contextmanager
def healthy(*names):
    """A folder that holds a file for each backend which is well; backends may be added and removed."""
    with tempfile.TemporaryDirectory(prefix="health-") as folder:
        os.chmod(folder, 0o755)
        for name in names:
            become(folder, name, True)
        yield folder


def become(folder, name, well):
    path = os.path.join(folder, name)
    if well:
        with open(path, "w", encoding="ascii"):
            pass
    else:
        os.unlink(path)


def checked_world(folder, **options):
    """The common world, checked by a program that looks into the folder."""
    setting = world()
    user = {} if os.getuid() == 0 else {"user": pwd.getpwuid(os.getuid()).pw_name}
    setting["pools"][0].update({"health": {
        "type": "external", "interval_ms": 5000, "fast_interval_ms": 100, "timeout_ms": 5000,
        "fall": 2, "command": ["/bin/sh", "-c", 'test -e "$0/$SLUICE_BACKEND"', folder], **user},
        **options})
    return setting


def await_down(daemon, *names):
    """The rows of health.list by name, once these are down."""
    def rows():
        listed = {row["name"]: row for row in daemon.call("health.list")}
        return listed if all(listed[name]["health"] == "down" for name in names) and not any(
            row["health"] == "initial" for row in listed.values()) else None

    return daemon.wait_for(rows, f"{names} to be down", SECONDS)


@case
def lists_say_who_is_up_and_why_not(rig):
    def question(daemon):
        rows = await_down(daemon, "web-2")
        daemon.call("backend.set", pool="web", name="web-3", health="down")
        return (rows, {row["name"]: row for row in daemon.call("health.list")},
                {row["name"]: row for row in daemon.call("backend.list")},
                daemon.call("pool.list")[0], daemon.call("status")["pools"][0])

    with healthy("web-1", "web-3") as folder:
        before, rows, listed, pool, pool_of_status = rig.run(
            [], ask=question, **checked_world(folder)).asked
    for answer in (rows, listed):
        for name, health, role, override, reason, sentence in (
                ("web-1", "up", "serves", None, "passed", "exit status 0"),
                ("web-2", "down", "failed", None, "exit", "exit status 1"),
                ("web-3", "down", "failed", "down", "override", "set by an operator")):
            row = answer[name]
            require_equal((row["health"], row["role"], row["override"], row["reason"],
                           row["sentence"].partition(", ")[0]),
                          (health, role, override, reason, sentence), name)
            require(row["since"], f"{name} is so since {row['since']}")
    require_equal(rows["web-3"]["status"], "up", "web-3 by its check")
    newest, *older = rows["web-3"]["changes"]
    require_equal((newest["status"], newest["reason"], newest["sentence"]),
                  ("down", "override", "set to down by an operator"), "the newest change of web-3")
    require_equal(older, before["web-3"]["changes"], "its other changes")
    require_equal(rows["web-1"]["asked"], None, "what it asks for, unasked")
    for row in (pool, pool_of_status):
        require_equal([row[key] for key in ("mode", "up", "down", "initial", "sentence")],
                      ["normal", 1, 2, 0, "1 of 3 backends is up"], "the pool")


@case
def a_pool_without_checks_is_up_until_an_operator_says_otherwise(rig):
    def question(daemon):
        plain = daemon.call("backend.list")
        quiet = daemon.call("pool.list")[0]
        for name in ("web-1", "web-2", "web-3"):
            daemon.call("backend.set", pool="web", name=name, health="down", force=True)
        return plain, quiet, daemon.call("backend.list"), daemon.call("pool.list")[0]

    plain, quiet, down, pool = rig.run([], ask=question, **world()).asked
    for row in plain:
        require_equal([row[key] for key in ("health", "role", "override", "since", "reason",
                                            "sentence")],
                      ["up", "serves", None, None, "none", "its pool has no checks"], row["name"])
    require_equal([quiet[key] for key in ("mode", "since", "up", "down")], ["normal", None, 3, 0],
                  "the pool")
    # all are down, so that all serve
    require_equal([(row["health"], row["role"], row["reason"]) for row in down],
                  [("down", "serves", "override")] * 3, "all three")
    require_equal([pool[key] for key in ("mode", "up", "down")], ["all_down", 0, 3], "the pool")
    require(pool["since"] and "all take new flows" in pool["sentence"], pool)


@case
def who_drains_or_is_disabled_rests(rig):
    def question(daemon):
        daemon.call("backend.set", pool="web", name="web-1", weight=0)
        daemon.call("backend.set", pool="web", name="web-2", state="drain")
        drained = daemon.call("health.list")
        daemon.call("backend.set", pool="web", name="web-1", weight=100)
        daemon.call("backend.set", pool="web", name="web-2", state="disabled")
        return drained, daemon.call("health.list")

    for rows, roles in zip(rig.run([], ask=question, **world()).asked,
                           (["rests", "rests", "serves"], ["serves", "rests", "serves"])):
        require_equal([row["role"] for row in rows], roles, "the roles")


def told(problems):
    """Without how many results in a row there have been, which are more each time."""
    return [(row["level"], row["object"], row["name"], re.sub(r", \d+ in a row", "", row["sentence"]))
            for row in problems]


@case
def what_is_said_of_a_backend_is_its_latest_result(rig):
    def write(text):
        path = os.path.join(folder, "web-1")
        with open(path + ".new", "w", encoding="ascii") as file:
            file.write(text)
        os.rename(path + ".new", path)

    def rows_with(daemon, pattern):
        def rows():
            answers = [daemon.call(method)[0] for method in ("backend.list", "health.list")]
            said = [row["sentence"] for row in answers + daemon.call("status")["problems"]]
            return answers if all(re.search(pattern, sentence) for sentence in said) and all(
                row["health"] == "down" for row in answers) else None

        return daemon.wait_for(rows, f"all to say {pattern}", SECONDS)

    def question(daemon):
        at_first = rows_with(daemon, r"exit status 3, \d+ in a row")
        write("4")
        then = rows_with(daemon, r"exit status 4, \d+ in a row")
        write("0")
        return at_first, then, rows_with(daemon, r"exit status 0, \d+ of 100 in a row")

    with healthy() as folder:
        write("3")
        setting = checked_world(folder)
        setting["pools"][0]["health"].update({
            "rise": 100, "command": ["/bin/sh", "-c", 'exit $(cat "$0/$SLUICE_BACKEND" || echo 0)',
                                     folder]})
        at_first, then, passing = rig.run([], ask=question, **setting).asked
    for answers, reason in ((at_first, "exit"), (then, "exit"), (passing, "passed")):
        for row in answers:
            require_equal((row["health"], row["reason"]), ("down", reason), row)
            require_equal(row["since"], at_first[0]["since"], "since when it is down")
    for row, needed in ((then[1], 100), (passing[1], 100)):
        require_equal((row["last"]["needed_in_a_row"], row["last"]["returns"]), (needed, 0), row)


@case
def status_begins_with_what_is_wrong_the_most_important_first(rig):
    def problems_of(daemon):
        return daemon.call("status")["problems"]

    def question(daemon):
        rows = await_down(daemon, "web-2")
        daemon.call("backend.set", pool="web", name="web-1", health="up")
        override = daemon.call("health.list")[0]["since"]
        one_down = problems_of(daemon)
        for name in ("web-1", "web-3"):
            daemon.call("backend.set", pool="web", name=name, health="down")
        all_down = problems_of(daemon)
        for name in ("web-1", "web-3"):
            daemon.call("backend.set", pool="web", name=name, health="auto")
        become(folder, "web-2", True)
        return rows["web-2"]["since"], override, one_down, all_down, daemon.wait_for(
            lambda: not problems_of(daemon), "all to be well", SECONDS)

    with healthy("web-1", "web-3") as folder:
        since, override, one_down, all_down, _ = rig.run(
            [], ask=question, **checked_world(folder)).asked
    down, above = one_down
    require_equal(told(one_down), [
        ("warning", "pool", "web",
         f"pool web: 1 of 3 backends is down: web-2 (exit status 1, since {since})"),
        ("info", "pool", "web",
         f"pool web: an operator's word stands above 1 check: web-1 (up, since {override})")],
                  "with one of three down")
    require_equal((down["since"], above["since"]), (since, override), "since when")
    mode, down, above = all_down
    require_equal((mode["level"], mode["name"]), ("error", "web"), "the most important")
    require("pool web: 0 of 3 backends are up: all take new flows" in mode["sentence"], mode)
    require(mode["since"], "it is not said since when")
    require(down["sentence"].startswith("pool web: 3 of 3 backends are down: web-1 (set by an operator"),
            down)
    require("stands above 2 checks: web-1 (down, " in above["sentence"], above)


@case
def status_says_of_many_problems_how_many_more_there_are(rig):
    pools = [pool(f"pool-{number}", *(backend(f"web-{n}", f"10.2.{number}.{n}") for n in range(1, 6)))
             for number in range(22)]

    def question(daemon):
        for number in range(22):
            for name in ("web-1", "web-2", "web-4", "web-5"):
                daemon.call("backend.set", pool=f"pool-{number}", name=name, health="down",
                            force=True)
        return daemon.call("status")["problems"]

    setting = world()
    problems = rig.run([], ask=question, **{**setting, "pools": setting["pools"] + pools}).asked
    require_equal(len(problems), 21, f"problems: {problems}")
    first, *_, last = told(problems)
    require("pool pool-0: 4 of 5 backends are down: web-1 (set by an operator, since " in first[3], first)
    require(first[3].endswith("), and 1 more") and "web-4 (" in first[3], first)
    require_equal(last, ("warning", "node", None, "2 more pools have backends that are down"), "the last")


@case
def status_says_which_zones_are_drained_and_which_probes_could_not_be_made(rig):
    def question(daemon):
        daemon.call("zone.drain", name="east", force=True)
        return daemon.wait_for(
            lambda: {row["object"]: row for row in daemon.call("status")["problems"]
                     if "could not make" in row["sentence"] or row["object"] == "zone"}
            if "could not make" in str(daemon.call("status")["problems"]) else None,
            "a probe that could not be made", SECONDS)

    setting = checked_world("/nonexistent")
    setting["pools"][0]["health"]["command"] = ["/nonexistent/program"]
    setting["pools"][0]["backends"][0]["zone"] = "east"
    problems = rig.run([], ask=question, **setting).asked
    require_equal((problems["zone"]["level"], problems["zone"]["name"], problems["zone"]["sentence"]),
                  ("info", "east", "zone east is drained: its backends take no new flows"), "the zone")
    require_equal(problems["node"]["level"], "warning", "the probes")
    require(problems["node"]["since"], "it is not said since when")


FLOW = {"source": "10.1.0.99", "destination": frames.VIP[4], "destination_port": 80}


@case
def explain_says_which_health_made_the_choice(rig):
    def explained(daemon, port):
        return daemon.call("explain", source_port=port, **FLOW)

    def question(daemon):
        await_down(daemon, "web-2")
        at_first = {port: explained(daemon, port) for port in range(4000, 4064)}
        port = next(port for port, answer in at_first.items() if answer["backend"] == "web-1")
        daemon.call("backend.set", pool="web", name="web-1", health="down")

        def moved_on():
            answer = explained(daemon, port)
            return answer if answer["current"] == "web-3" else None

        return (at_first, daemon.wait_for(moved_on, "a table without web-1", SECONDS),
                daemon.call("stats.get"))

    with healthy("web-1", "web-3") as folder:
        at_first, moved, stats = rig.run([], ask=question, **checked_world(folder)).asked
    for answer in at_first.values():
        require(answer["backend"] != "web-2", "a new flow to a backend that is down")
        require_equal([answer["health"][key] for key in ("health", "role", "sentence")],
                      ["up", "serves", "exit status 0"], "health of the backend")
        require_equal([answer["pool_health"][key] for key in ("mode", "up", "down")],
                      ["normal", 2, 1], "health of the pool")
    require_equal((moved["home"], moved["current"], moved["backend"]), ("web-1", "web-3", "web-3"),
                  "where a flow goes whose home is down")
    require_equal([moved["home_health"][key] for key in ("health", "override", "reason")],
                  ["down", "down", "override"], "health of the home")
    require_equal(moved["pool_health"]["sentence"], "1 of 3 backends is up", "health of the pool")
    require_equal(stats["pools"], {"web": {"initial": 0, "up": 1, "down": 2}}, "figures of the pool")
    require(stats["checks"]["targets"] >= 3 and stats["checks"]["probes"] >= 4, stats["checks"])
    require_equal([stats["checks"][key] for key in ("untried", "waiting")], [0, 0], "figures of checks")
    require_equal(stats["checks"]["packets"],
                  {"sent": 0, "unmarked": 0, "mtu_exceeded": 0, "not_ip": 0, "unsegmented": 0, "no_room": 0},
                  "packets to VIPs: all of these checks are made without")


@case
def status_says_of_a_service_with_a_backup_that_this_serves(rig):
    def question(daemon):
        for name in ("web-1", "web-2", "web-3"):
            daemon.call("backend.set", pool="web", name=name, health="down", force=True)
        def spared():
            answer = daemon.call("explain", source_port=4000, **FLOW)
            return answer if answer["backend"] == "spare-1" else None

        return (daemon.call("status")["problems"], daemon.call("stats.get")["pools"],
                daemon.wait_for(spared, "a table with the backup", SECONDS))

    setting = world()
    setting["pools"].append(pool("spare", backend("spare-1", "10.2.3.1")))
    www = setting["services"][0]
    del www["pool"], setting["services"][1:]
    www["pools"] = [{"pool": "web"}, {"pool": "spare", "backup": 1}]
    problems, figures, answer = rig.run([], ask=question, **setting).asked
    backup, down = told(problems)
    require_equal(backup[:3], ("warning", "service", "www"), "who has the first")
    require(backup[3].startswith("service www: 1 of 1 backend is up, of a backup"), backup)
    require_equal(down[:3], ("warning", "pool", "web"), "who has the other")
    require("pool web: 3 of 3 backends are down: web-1 (set by an operator" in down[3], down)
    require_equal(figures, {"web": {"initial": 0, "up": 0, "down": 3},
                            "spare": {"initial": 0, "up": 1, "down": 0}}, "figures")
    require_equal((answer["health"]["role"], answer["pool_health"]["mode"]), ("serves", "backup"),
                  "why a new flow goes there")
