# SPDX-License-Identifier: BSD-3-Clause
"""Methods of the control socket beside those of updates: what they change, answer and refuse."""
import json
import os
import re

from lib import frames
from lib.judge import require, require_equal
from lib.registry import case
from lib.rig import backend, forwarded, pool, service
from lib.worlds import world

CLIENT = {"source": "10.1.0.99", "source_port": 4000, "destination": frames.VIP[4],
          "destination_port": 80}


def ask(rig, question, **options):
    return rig.run([], ask=question, **world(**options)).asked


def names(rows):
    return [row["name"] for row in rows]


@case
def explain_says_what_is_too_big_and_what_an_icmp_error_meets(rig):
    def question(daemon):
        return [daemon.call("explain", **CLIENT, **more)
                for more in ({"length": 1480}, {"length": 1481}, {"icmp_error": True})]

    fits, mtu_exceeded, about = ask(rig, question)
    require_equal(fits["verdict"], "forwarded", "1480 bytes and 20 of IPIP through 1500")
    require_equal(mtu_exceeded["verdict"], "mtu_exceeded", "one byte more")
    require_equal((about["verdict"], about["backend"]), ("forwarded", fits["backend"]),
                  "an ICMP error goes to the backend of its flow")


@case
def explain_tells_a_new_connection_from_an_old_one(rig):
    def question(daemon):
        before = daemon.call("explain", **CLIENT)
        daemon.call("backend.set", pool="web", name=before["backend"], state="drain")
        return before, daemon.call("explain", **CLIENT)

    before, drained = ask(rig, question)
    require(drained["backend"] != before["backend"], f"a new one still to {before['backend']}")
    require_equal(drained["established"]["backend"], before["backend"], "an old one")


@case
def a_long_document_is_answered_whole_to_each_and_after_a_change(rig):
    addresses = [f"10.3.{number >> 8}.{number & 255}" for number in range(10000)]
    setting = world()
    setting["pools"][0]["slots"] = 65537
    setting["pools"][0]["backends"] = [backend(f"web-{number}", address)
                                       for number, address in enumerate(addresses)]

    def question(daemon):
        told = [daemon.call("config.get"), daemon.call_as_reader("config.get", revision=True)]
        daemon.call("backend.set", pool="web", name="web-9999", weight=50)
        return told + [daemon.call("config.get", revision=True), daemon.call("status")]

    plain, first, second, status = rig.run([], ask=question, **setting).asked
    require_equal(plain, first["config"], "the document with and without its revision")
    require_equal([entry["address"] for entry in plain["pools"][0]["backends"]], addresses,
                  "backends")
    require("hash_key" not in plain["node"], "the secret is shown")
    require(first["revision"] != second["revision"], "one revision before and after a change")
    require_equal(second["revision"], status["configuration"]["revision"], "revision")
    require_equal([entry["weight"] for entry in second["config"]["pools"][0]["backends"]],
                  [100] * 9999 + [50], "weights after the change")


@case
def status_names_some_of_many_pools_without_a_backend(rig):
    count = 10000
    pools = [{**pool(f"pool-{number}", backend("web", "10.2.0.21", state="disabled")), "slots": 251}
             for number in range(count)]
    services = [service(f"www-{number}", f"203.0.{113 + (number >> 8)}.{number & 255}", 80,
                        pool=f"pool-{count - 1 - number}") for number in range(count)]

    def question(daemon):
        return daemon.call("status")["warnings"], daemon.call("pool.list")

    setting = {**world(), "pools": pools, "services": services}
    warnings, listed = rig.run([], ask=question, **setting).asked
    told = [warning for warning in warnings if "has had no backend" in warning]
    require_equal(len(told), 50, "pools that are named")
    require("of www-9999 are dropped" in told[0], told[0])
    require(f"pools without a backend that takes new flows: {count - 50} more" in warnings,
            f"the number of the others is not in {warnings[-5:]}")
    require("warnings of the configuration: 9900 more (sluiced --check tells all)" in warnings,
            f"nor how many warnings there are beside: {warnings[90:110]}")
    require_equal({entry["name"]: entry["services"] for entry in listed},
                  {f"pool-{count - 1 - number}": [f"www-{number}"] for number in range(count)},
                  "services by pool")


@case
def a_service_gets_another_port_and_an_unknown_key_is_refused(rig):
    def question(daemon):
        report = daemon.call("service.set", name="www", port=8080)
        ports = {row["name"]: row["port"] for row in daemon.call("service.list")}
        return (report, ports, daemon.refused("service.set", name="www"),
                daemon.refused("service.set", name="absent", port=1))

    report, ports, empty, absent = ask(rig, question)
    require_equal(report["changed"], True, "changed")
    require_equal(ports, {"www": 8080, "dns": 53}, "ports")
    require("nothing to set" in empty, empty)
    require("absent" in absent, absent)


@case
def the_report_of_a_removed_service_says_what_it_had_and_what_breaks(rig):
    def question(daemon):
        digest = daemon.call("status")["table_digest"]
        foreseen = daemon.call("service.remove", name="www", dry_run=True)
        refused = daemon.refused("service.remove", name="www")
        before = names(daemon.call("service.list"))
        daemon.call("service.add", service=service("idle", frames.VIP[4], 8080))
        idle = daemon.call("service.remove", name="idle")
        done = daemon.call("service.remove", name="www", force=True)
        last = daemon.call("status")["last_change"]["report"]
        return digest, foreseen, refused, before, idle, done, last, names(daemon.call("service.list"))

    packets = [forwarded(frames.tcp(4, source_port=4000 + number)) for number in range(3)]
    packets.append(forwarded(frames.udp(4), "dns"))
    digest, foreseen, refused, before, idle, done, last, after = rig.run(
        packets, ask=question, **world()).asked
    require_equal((before, after), (["www", "dns"], ["dns"]), "services before and after")
    for report, forced in ((foreseen, False), (done, True)):
        lost, = report["services_cut"]
        require_equal((lost["service"], lost["change"], lost["packets"]), ("www", "gone", 3), "lost")
        require("203.0.113.10" in lost["text"] and "3 packets" in lost["text"], lost["text"])
        pool_lost, = report["pools"]
        slots = pool_lost["slots"]
        require_equal(report["cut_percent"], 75.0, "three of the four packets of the pool were its")
        require_equal(pool_lost["slots_cut"], slots * 3 // 4, "slots whose flows are lost")
        require_equal((report["slots_moved"], report["slots_total"]), (0, slots), "slots that move")
        require_equal((report["backends_cut"], report["table_digest"]), ([], digest), "the table stays")
        require_equal((report["changed"], report["dry_run"], report["forced"]),
                      (True, not forced, forced), "what was done")
    require("www" in foreseen["needs_force"] and "force" in refused, f"{foreseen}; {refused}")
    require_equal((idle["changed"], idle["cut_percent"], idle["pools"]), (True, 0, []),
                  "a service that never had a packet goes without force")
    require_equal(last["cut_percent"], 75.0, "what status tells of it")


@case
def a_pool_is_added_and_removed_but_not_while_a_service_uses_it(rig):
    def question(daemon):
        added = daemon.call("pool.add", pool={"name": "next", "slots": 251})
        listed = names(daemon.call("pool.list"))
        daemon.call("pool.remove", name="next")
        return added, listed, names(daemon.call("pool.list")), daemon.refused(
            "pool.remove", name="web")

    added, listed, left, used = ask(rig, question)
    require_equal((added["changed"], listed, left), (True, ["web", "next"], ["web"]), "pools")
    require("web" in used, used)


@case
def a_reload_takes_the_file_says_what_differs_and_refuses_a_bad_one(rig):
    def question(daemon):
        path = daemon.configuration_path
        with open(path) as file:
            document = json.load(file)
        document["pools"][0]["backends"].append(backend("web-9", "10.2.0.29"))
        write(path, json.dumps(document))
        foreseen = daemon.call("config.reload", dry_run=True)
        before = names(daemon.call("backend.list", pool="web"))
        report = daemon.call("config.reload")
        after = names(daemon.call("backend.list", pool="web"))
        write(path, "{")
        return foreseen, before, report, after, daemon.refused("config.reload")

    foreseen, before, report, after, refused = ask(rig, question)
    require_equal((len(before), len(after)), (3, 4), "backends before and after")
    for each in (foreseen, report):
        require("web-9" in each["changes"], f"what differs: {each['changes']}")
    keys = foreseen["differences"]["keys"]
    require_equal([key["path"] for key in keys], ["pools[web].backends[web-9]"], "keys")
    require("differences" not in report, "keys of what is done")
    require("sluice.json" in refused, refused)


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


@case
def the_counters_that_the_manual_tells_to_watch_are_where_it_says(rig):
    """Those of steer are of AF_XDP ports only, which this rig has none of: the program names them."""
    tree = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..")
    with open(os.path.join(tree, "control", "man", "sluice.7"), encoding="utf-8") as page:
        section = page.read().split(".SH WHAT TO WATCH\n")[1].split("\n.SH ")[0]
    with open(os.path.join(tree, "drivers-config", "steer", "steer_maps.h"), encoding="utf-8") as source:
        steer = set(re.findall(r"X\(\w+, (\w+),", source.read()))
    _, of_stats, of_pins = re.split(r"\\-\\-json (?:stats|pins)", section)
    answers = ask(rig, lambda daemon: (daemon.call("stats.get"), daemon.call("pins.list")))
    for text, answer in zip((of_stats, of_pins), answers):
        paths = [path for tag in re.findall(r"^\.TP\n\.IR? (.*)$", text, re.MULTILINE)
                 for path in re.findall(r"[\w.*]+", tag)]
        require(len(paths) > 3, f"the page names {paths}")
        for path in paths:
            if ".steer." in path:
                require(path.split(".")[-1] in steer, f"{path} is no counter of the XDP program")
            else:
                require(has(answer, path.split(".")), f"{path} is not in the answer")


def has(value, path):
    """Whether the path leads to something; * is any key, or any element of a list."""
    if not path:
        return True
    if path[0] == "*":
        return any(has(inner, path[1:]) for inner in (value.values() if isinstance(value, dict) else value))
    return isinstance(value, dict) and path[0] in value and has(value[path[0]], path[1:])
