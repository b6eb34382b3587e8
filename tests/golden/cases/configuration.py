# SPDX-License-Identifier: BSD-3-Clause
"""The programs round the dataplane: `sluiced --check`, refusals, `sluicectl`."""
import copy
import grp
import json
import os
import stat
import subprocess

from lib import frames
from lib.daemon import Daemon
from lib.judge import require, require_equal
from lib.registry import case
from lib.rig import HASH_KEY, dropped, forwarded
from lib.worlds import world

RUN_SECONDS = 300


def run_program(rig, name, *arguments):
    command = [os.path.join(rig.build, "control", name), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=RUN_SECONDS,
                          env={**os.environ, "XDG_RUNTIME_DIR": rig.directory})


def check(rig, document):
    """`document` is text, or a value that is written as JSON."""
    path = os.path.join(rig.new_directory(), "sluice.json")
    with open(path, "w") as file:
        file.write(document if isinstance(document, str) else json.dumps(document))
    os.chmod(path, 0o640)
    return run_program(rig, "sluiced", "--check", "-c", path)


def document(rig):
    setting = world(vip_family=6)
    return rig.configuration(rig.directory, workers=1, **setting)


@case
def check_prints_the_canonical_form_without_the_secret(rig):
    given = document(rig)
    given["services"][0]["vip"] = "2001:0DB8:0100:0000::0010"
    given["dataplane"]["ports"][0]["gateway_mac"] = "02:00:00:00:AB:CD"
    result = check(rig, given)
    require_equal(result.returncode, 0, "exit status")
    lines = result.stderr.splitlines()
    require(len(lines) > 5 and all(line.startswith("memory: ") for line in lines), result.stderr)
    require("hash_key" not in result.stdout and HASH_KEY not in result.stdout, "shows the secret")
    canonical = json.loads(result.stdout)
    require_equal(canonical["services"][0]["vip"], "2001:db8:100::10", "vip, by RFC 5952")
    edge = canonical["dataplane"]["ports"][0]
    require_equal(edge["gateway_mac"], "02:00:00:00:ab:cd", "gateway_mac")
    require_equal(canonical["pools"][0]["slots"], 65537, "slots that were not given")
    canonical["node"]["hash_key"] = HASH_KEY
    require_equal(check(rig, canonical).stdout, result.stdout, "the canonical form of itself")


BAD = [
    (("services", 0, "port"), 70000, "services[0].port: 70000"),
    (("services", 1, "pool"), "absent", "services[1].pool: "),
    (("services", 1, "vip"), "203.0.113.300", "services[1].vip: "),
    (("services", 0, "colour"), "red", "services[0].colour: "),
    (("pools", 0, "health"), {"type": "smtp"}, "pools[0].health.type: "),
    (("pools", 0, "slots"), 65536, "pools[0].slots: "),
    (("pools", 0, "backends", 2, "weight"), 65536, "pools[0].backends[2].weight: "),
    (("pools", 0, "backends", 2, "name"), "web-1", "pools[0].backends[2].name: "),
    (("node", "hash_key"), "0001", "node.hash_key: "),
    (("dataplane", "ports"), [], "dataplane.ports: "),
    (("dataplane", "workers"), "two", "dataplane.workers: "),
]


@case
def bad_configuration_is_refused_with_its_path(rig):
    good = document(rig)
    require_equal(check(rig, good).returncode, 0, "exit status for the good one")
    for path, value, sentence in BAD:
        bad = copy.deepcopy(good)
        target = bad
        for step in path[:-1]:
            target = target[step]
        target[path[-1]] = value
        result = check(rig, bad)
        require_equal((result.returncode, result.stdout), (1, ""), f"{path}: status and stdout")
        require(sentence in result.stderr, f"no `{sentence}` in: {result.stderr}")
    result = check(rig, json.dumps(good)[:-20])
    require_equal((result.returncode, result.stdout), (1, ""), "a document cut short")
    require(result.stderr.strip(), "no word about a document cut short")


@case
def check_names_all_mistakes_at_once(rig):
    unread = document(rig)
    unread["services"][0]["port"] = 70000
    unread["pools"][0]["backends"][2]["wieght"] = 5
    unread["services"][1]["pool"] = "absent"
    result = check(rig, unread)
    require_equal((result.returncode, result.stdout), (1, ""), "status and stdout")
    lines = [line.split(".json: ", 1)[1] for line in result.stderr.splitlines()]
    require_equal(lines, [
        'pools[0].backends[2].wieght: unknown key (did you mean "weight"?)',
        "services[0].port: 70000 is not a port (1-65535)",
        "how its parts go together is judged when these are mended"], "what cannot be read")
    apart = document(rig)
    apart["services"][1]["pool"] = "absent"
    apart["dataplane"]["eal"] = ["-l", "0"]
    result = check(rig, apart)
    require_equal((result.returncode, result.stdout), (1, ""), "status and stdout")
    lines = [line.split(".json: ", 1)[1] for line in result.stderr.splitlines()]
    require_equal(lines, ['services[1].pool: there is no pool "absent"',
                          "dataplane.eal[0]: -l is made from dataplane.workers"], "rules")
    many = document(rig)
    many["services"] = [{} for _ in range(30)]
    lines = check(rig, many).stderr.splitlines()
    require_equal(len(lines), 21, "lines of many mistakes")
    require(lines[-1].endswith("these were the first 20, there may be more"), lines[-1])


@case
def options_that_are_wrong_are_named_with_what_may_be_meant(rig):
    for words, sentence in ((["--chek"], "--chek: there is no such option; did you mean --check?"),
                            (["-x"], "-x: there is no such option"),
                            (["--config"], "--config: a value is missing"),
                            (["now"], "now: unexpected argument"),
                            (["--check", "--schema"],
                             "--check: goes without --schema, which reads no configuration")):
        result = run_program(rig, "sluiced", *words)
        require_equal((result.returncode, result.stdout), (2, ""), f"status and stdout of {words}")
        require_equal(result.stderr.splitlines()[0], f"sluiced: {sentence}", f"{words}")


@case
def apply_names_all_mistakes_at_once(rig):
    def ask(daemon):
        shown = run_program(rig, "sluicectl", "--socket", daemon.socket_path, "config")
        bad = json.loads(shown.stdout)
        bad["services"][0]["pool"] = "absent"
        bad["pools"][0]["slots"] = 65537
        bad["pools"][0]["backends"][1]["address"] = bad["pools"][0]["backends"][0]["address"]
        path = os.path.join(rig.new_directory(), "bad.json")
        with open(path, "w") as file:
            json.dump(bad, file)
        return [run_program(rig, "sluicectl", "--socket", daemon.socket_path, *json_or_not,
                            "apply", path) for json_or_not in ([], ["--json"])]

    text, program = rig.run([], ask=ask, **world()).asked
    require_equal((text.returncode, program.returncode), (1, 1), "exit status")
    lines = text.stderr.splitlines()
    require_equal(lines[0], 'sluicectl: services[0].pool: there is no pool "absent"', "first")
    require(lines[1].startswith("sluicectl: pools[0].backends[1].address: "), text.stderr)
    require_equal(len(lines), 2, "lines")
    error = json.loads(program.stderr)["error"]
    require_equal([f"sluicectl: {each}" for each in error["errors"]], lines, "errors as JSON")
    require_equal(error["complete"], True, "complete")


@case
def sluiced_does_not_start_with_a_bad_configuration(rig):
    setting = world()
    setting["services"][0]["pool"] = "absent"
    status, log = rig.refused(**setting)
    require_equal(status, 1, "exit status")
    require("services[0].pool: " in log, f"no path in: {log}")


PUBLISHED_KEY = "5c1f0e7a93b24d688f02c6ab17de4093"  # of an example of the documentation


def unaware(rig, directory):
    """A copy of sluiced from before that key was published."""
    with open(os.path.join(rig.build, "control", "sluiced"), "rb") as file:
        program = file.read()
    key, other = bytes.fromhex(PUBLISHED_KEY), bytes.fromhex(HASH_KEY)
    for half in slice(0, 8), slice(8, 16):  # a compiler may compare words with constants
        require(key[half] in program, "the program does not have the published key")
        program = program.replace(key[half], other[half])
    path = os.path.join(directory, "unaware")
    with open(path, "wb") as file:
        file.write(program)
    os.chmod(path, 0o750)
    return path


@case
def a_published_key_starts_only_a_node_that_has_run_with_it(rig):
    directory, setting = rig.new_directory(), world()
    rig.write_captures(directory, setting["ports"], {})
    given = rig.configuration(directory, workers=1, **setting)
    given["node"]["hash_key"] = PUBLISHED_KEY
    with Daemon(rig.build, directory, given) as daemon:
        require_equal(daemon.wait_end(), 1, "exit status of a cold start")
        require("node.hash_key: " in daemon.log(), f"no path in: {daemon.log()}")
    earlier = Daemon(rig.build, directory, given)
    earlier.command[0] = unaware(rig, directory)
    with earlier:
        earlier.call("status")
        require("cold start: " in earlier.log(), f"not a cold start: {earlier.log()}")
        earlier.stop()
    with Daemon(rig.build, directory, given) as daemon:
        daemon.call("status")
        log = daemon.log()
        daemon.stop()
    require("warm start: " in log, f"not a warm start: {log}")
    require("this node has run with it, and starts with it once more" in log, f"no warning: {log}")


@case
def sluicectl_shows_the_same_counters_as_the_socket(rig):
    packets = [forwarded(frames.tcp(4)), dropped(frames.tcp(4, port=81), "no_service")] * 3

    def ask(daemon):
        return run_program(rig, "sluicectl", "--socket", daemon.socket_path, "--json", "stats")

    outcome = rig.run(packets, ask=ask, **world())
    result = outcome.asked
    require_equal((result.returncode, result.stderr), (0, ""), "exit status and stderr")
    require_equal(json.loads(result.stdout)["verdicts"], outcome.stats["verdicts"], "verdicts")


def another_group():
    """One that the process may give files to."""
    groups = [group for group in grp.getgrall() if group.gr_gid not in (0, os.getegid())]
    if os.geteuid() != 0:
        groups = [group for group in groups if group.gr_gid in os.getgroups()]
    require(groups, "no group beside our own: run as root")
    return groups[0]


@case
def members_of_the_group_may_read_the_socket_and_the_state_file(rig):
    group = another_group()

    def ask(daemon):
        files = [os.stat(path) for path in
                 (daemon.socket_path, os.path.join(daemon.directory, "state"))]
        return [(stat.S_IMODE(file.st_mode), file.st_gid) for file in files], daemon.log()

    outcome = rig.run([forwarded(frames.tcp(4))], ask=ask, control={"group": group.gr_name}, **world())
    files, log = outcome.asked
    require_equal(files, [(0o660, group.gr_gid), (0o640, group.gr_gid)], "modes and groups")
    require(f"members of group {group.gr_gid} cannot enter" in log, f"no word of 0750 in: {log}")


@case
def a_group_that_does_not_exist_is_refused(rig):
    given = document(rig)
    given["control"]["group"] = "no-such-group.sluice"
    result = check(rig, given)
    require_equal((result.returncode, result.stdout), (1, ""), "exit status and stdout")
    require('control.group: there is no group "no-such-group.sluice" on this machine'
            in result.stderr, result.stderr)
