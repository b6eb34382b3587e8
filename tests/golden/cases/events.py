# SPDX-License-Identifier: BSD-3-Clause
"""The stream of events: what a change becomes in it, in the log, and for who follows it."""
import json
import os
import re
import socket
import subprocess

from lib.daemon import ANSWER_SECONDS, Daemon
from lib.judge import require, require_equal
from lib.registry import case
from lib.rig import backend, pool
from lib.worlds import world

LINE = re.compile(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) (?:(warning|error): )?(.*)$", re.M)
FOLLOW_SECONDS = 60


class Stream:
    """A client that has subscribed: `begin` is the answer."""

    def __init__(self, path, **parameters):
        self.connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.connection.settimeout(ANSWER_SECONDS)
        self.connection.connect(path)
        self.lines = self.connection.makefile("rb")
        message = {"jsonrpc": "2.0", "id": 1, "method": "events.subscribe", "params": parameters}
        self.connection.sendall(json.dumps(message).encode() + b"\n")
        self.begin = json.loads(self.lines.readline())["result"]

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        self.connection.close()

    def next(self):
        message = json.loads(self.lines.readline())
        require_equal(message["method"], "event", "method of a notification")
        return message["params"]

    def until(self, wanted):
        """All events up to the first one for which wanted() is true."""
        events = [self.next()]
        while not wanted(events[-1]):
            events.append(self.next())
        return events


def is_publish_of(pool):
    return lambda event: event["kind"] == "publish" and event["name"] == pool


def as_line(event):
    """How it stands in the log."""
    level = "" if event["level"] == "info" else f"{event['level']}: "
    return f"{event['time']} {level}{event['sentence']}"


@case
def a_change_is_an_event_with_a_number_and_what_it_moved(rig):
    def question(daemon):
        with Stream(daemon.socket_path) as stream:
            report = daemon.call("backend.set", pool="web", name="web-1", weight=50)
            return stream.begin, stream.until(is_publish_of("web")), report, os.getpid()

    begin, events, report, pid = rig.run([], ask=question, **world()).asked
    require_equal([event["number"] for event in events],
                  list(range(begin["next"], begin["next"] + len(events))), "numbers")
    change, move = events[-2:]
    by = f"backend.set by uid {os.geteuid()}, pid {pid}"
    require_equal([change[key] for key in ("kind", "level", "object", "name", "cause")],
                  ["configuration", "info", "node", None, by], "the change")
    require_equal([change[key] for key in ("slots_moved", "slots", "digest")],
                  [report[key] for key in ("slots_moved", "slots_total", "table_digest")],
                  "what the change moved")
    moved = report["pools"][0]
    require_equal([move[key] for key in ("object", "name", "cause", "slots_moved", "slots", "digest")],
                  ["pool", "web", by, moved["slots_moved"], moved["slots"], moved["digest"]],
                  "what the publish moved")
    require(moved["slots_moved"] > 0, f"no slot moved: {report}")
    require_equal(move["sentence"], f"pool web: moved {moved['slots_moved']} of {moved['slots']} "
                                    f"slots: {by}", "sentence")


@case
def the_log_has_a_line_for_each_event_and_no_other(rig):
    def question(daemon):
        daemon.call("backend.set", pool="web", name="web-1", weight=50)
        daemon.call("backend.set", pool="web", name="web-2", state="drain", deadline_s=60)
        daemon.call("backend.set", pool="web", name="web-2", health="down")
        daemon.call("backend.remove", pool="web", name="web-2", now=True, force=True)
        listed = daemon.call("events.list", since=1, limit=10000)
        return listed, daemon.log()

    listed, log = rig.run([], ask=question, **world()).asked
    events = listed["events"]
    require_equal([event["number"] for event in events], list(range(1, len(events) + 1)), "numbers")
    require_equal([listed[key] for key in ("first", "next", "lost")], [1, len(events) + 1, 0],
                  "the place in the stream")
    require({"node", "configuration", "publish", "drain"} <= {event["kind"] for event in events},
            f"kinds: {sorted({event['kind'] for event in events})}")
    require({"info", "warning"} <= {event["level"] for event in events}, "levels")
    lines = [match[0] for match in LINE.finditer(log)]
    require_equal(lines[:len(events)], [as_line(event) for event in events], "lines of the log")


@case
def sluicectl_shows_events_as_lines_and_as_json(rig):
    def question(daemon):
        def sluicectl(*words):
            return subprocess.run(
                [os.path.join(rig.build, "control", "sluicectl"), "--socket", daemon.socket_path,
                 *words], capture_output=True, text=True, timeout=ANSWER_SECONDS, check=True).stdout

        daemon.call("backend.set", pool="web", name="web-1", weight=50)
        return (daemon.call("events.list", kinds=["publish"])["events"],
                sluicectl("events", "--kind", "publish,worker"),
                sluicectl("--json", "events", "--kind", "publish"))

    events, text, document = rig.run([], ask=question, **world()).asked
    require_equal(len(events), 1, "events of a publish")
    require_equal(json.loads(document)["events"], events, "as JSON")
    event = events[0]
    require_equal(text.split(maxsplit=4), [event["time"], str(event["number"]), "info", "publish",
                                           event["sentence"] + "\n"], "as a line")


class Follower:
    """sluicectl that follows, as a program: each line is an object."""

    def __init__(self, rig, daemon):
        self.log = open(os.path.join(daemon.directory, "follower"), "w+")
        self.process = subprocess.Popen(
            [os.path.join(rig.build, "control", "sluicectl"), "--socket", daemon.socket_path,
             "--json", "events", "--follow", "--since", "1"], stdout=subprocess.PIPE,
            stderr=self.log, text=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        self.process.kill()
        self.process.wait()
        self.log.close()

    def until(self, wanted):
        found = [json.loads(self.process.stdout.readline())]
        while not wanted(found[-1]):
            found.append(json.loads(self.process.stdout.readline()))
        return found

    def said(self):
        self.log.seek(0)
        return self.log.read()


def has_sentence(part):
    return lambda event: part in event.get("sentence", "")


@case
def a_follower_goes_on_with_the_process_that_comes_next(rig):
    directory, setting = rig.new_directory(), world()
    rig.write_captures(directory, setting["ports"], {})
    given = rig.configuration(directory, workers=1, **setting)
    with Daemon(rig.build, directory, given) as daemon:
        daemon.call("status")
        with Follower(rig, daemon) as follower:
            first = follower.until(has_sentence(" ready: "))
            daemon.stop()
            follower.until(has_sentence("stopping on SIGTERM"))
            with Daemon(rig.build, directory, given) as successor:
                second = follower.until(has_sentence(" ready: "))
                follower.process.stdout.close()  # it ends by itself then
                require_equal(follower.process.wait(FOLLOW_SECONDS), 0, "exit status")
                successor.call("status")
                successor.stop()
            said = follower.said()
    for answer, *events in (first, second):
        require_equal([event["number"] for event in events], list(range(1, len(events) + 1)),
                      "numbers")
        require_equal([answer[key] for key in ("first", "next", "lost")], [1, 1, 0], "its place")
    require(first[0]["epoch"] != second[0]["epoch"], "both processes have one epoch")
    require(any("cold start" in event["sentence"] for event in first[1:]), f"{first}")
    require(any("warm start" in event["sentence"] for event in second[1:]), f"{second}")
    require_equal(said.splitlines(), [
        "sluicectl: the connection to sluiced has ended, waiting for it",
        "sluicectl: this is another process of sluiced, whose events begin at 1"], "what is said")


def sentences(daemon, *kinds):
    return [event["sentence"] for event in daemon.call("events.list", kinds=list(kinds))["events"]]


def await_sentence(daemon, part, *kinds):
    """All sentences of those kinds, once one has that part."""
    def found():
        said = sentences(daemon, *kinds)
        return said if any(part in sentence for sentence in said) else None

    return daemon.wait_for(found, f"an event with '{part}'", FOLLOW_SECONDS)


@case
def where_all_are_down_events_say_that_they_take_flows_and_not_that_they_are_up(rig):
    def question(daemon):
        for name in ("web-1", "web-2", "web-3"):
            daemon.call("backend.set", pool="web", name=name, health="down", force=True)
        moved = await_sentence(daemon, "web-1 gets slots", "publish")
        lives = await_sentence(daemon, "web-1 takes new flows", "health")
        return lives, moved

    lives, moved = rig.run([], ask=question, **world()).asked
    require("backend web/web-1 is suspect, took new flows before" in lives, lives)
    require("backend web/web-1 takes new flows, was suspect before" in lives, lives)
    for sentence in lives + moved:
        require(not re.search(r"\b(is|was) up\b|web-\d (up|down)\b", sentence), sentence)


@case
def a_backup_that_hands_back_is_not_said_to_be_down(rig):
    def question(daemon):
        daemon.call("backend.set", pool="web", name="web-1", health="down", force=True)
        await_sentence(daemon, "web/web-1 has none", "publish")
        daemon.call("backend.set", pool="web", name="web-1", health="auto")
        await_sentence(daemon, "spare/spare-1 has none", "publish")
        daemon.call("backend.set", pool="web", name="web-1", health="down", force=True)
        moved = await_sentence(daemon, "spare/spare-1 gets slots", "publish")
        return moved, sentences(daemon, "health", "drain", "backend")

    setting = world()
    setting["pools"] = [pool("web", backend("web-1", "10.2.1.1")),
                        pool("spare", backend("spare-1", "10.2.3.1"))]
    www = setting["services"][0]
    del www["pool"], setting["services"][1:]
    www["pools"] = [{"pool": "web"}, {"pool": "spare", "backup": 1}]
    moved, others = rig.run([], ask=question, **setting).asked
    for words in ("takes new flows, took no new flows", "takes no new flows, took new flows"):
        require(f"backend service:www/spare/spare-1 {words} before" in others, others)
    for sentence in moved + others:
        require(not re.search(r"spare-1 (up|down|is)\b", sentence), sentence)
    require(any(sentence.startswith("pool service:www: ") for sentence in others), others)
    require(not any(sentence.startswith(("pool web: ", "pool spare: ")) for sentence in others),
            f"a pool that only serves by another one decides nothing: {others}")


@case
def an_override_is_an_event_where_no_slot_moves_and_once(rig):
    def question(daemon):
        for health in ("up", "up", "auto", "auto"):
            report = daemon.call("backend.set", pool="web", name="web-1", health=health)
            require_equal(report["slots_moved"], 0, "slots moved")
        daemon.call("backend.set", pool="web", name="web-1", health="down", dry_run=True)
        return daemon.call("events.list", kinds=["health"])["events"], os.getpid()

    events, pid = rig.run([], ask=question, **world()).asked
    by = f"backend.set by uid {os.geteuid()}, pid {pid}"
    require_equal(
        [[event[key] for key in ("level", "object", "name", "cause", "sentence")] for event in events],
        [["info", "backend", "web/web-1", by, f"backend web/web-1 {what}: {by}"]
         for what in ("is set to up", "is no longer set to up")], "the events")
