# SPDX-License-Identifier: BSD-3-Clause
"""What answers say of health, with checks and without. A check is a program that looks for a file."""
import contextlib
import os
import pwd
import tempfile

from lib.judge import require, require_equal
from lib.registry import case
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
                ("web-1", "up", "serves", None, "passed", "passed"),
                ("web-2", "down", "failed", None, "exit", "exit status 1"),
                ("web-3", "down", "failed", "down", "override", "set by an operator")):
            row = answer[name]
            require_equal((row["health"], row["role"], row["override"], row["reason"],
                           row["sentence"]), (health, role, override, reason, sentence), name)
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
